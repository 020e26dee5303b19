"""Decides which recipes of large models, and of searches, may be proposed and emitted.

A recipe is as good as its parts: each of its function pipelines, on all functions, under its head and closing stage.
Known are the parts of the shipped recipes, with each closing stage that their mixes were validated with, and the
verdicts of the validation programs that the cache directory remembers.
"""

from __future__ import annotations

from collections.abc import Sequence

from clang_llm.plans.borrowed import coreset_for
from clang_llm.plans.coreset import Coreset
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.types import Request
from clang_llm.system.errors import BackendError, ClangLlmError
from clang_llm.system.log import write_log
from clang_llm.system.settings import Settings, process_environment
from clang_llm.toolchain.compiler import find_clang, inspect, running_clang
from clang_llm.tuning.acceptance import Acceptance
from clang_llm.tuning.validate import clean_environment

#: Parts that one compile validates, at most: each takes seconds, on a busy machine ten, and the plugin waits 60 s.
MOST_VALIDATED = 3


def parts_of(recipe: Recipe) -> list[Recipe]:
    """Return what has to be validated for a recipe: each of its function pipelines by itself."""
    if not recipe.staged:
        return [recipe]
    return [recipe.uniform(function) for function in recipe.functions]


def shipped_parts(coreset: Coreset) -> set[Recipe]:
    """Return what was validated with a shipped set: its recipes, and those with the closing stages of its mixes."""
    parts = {part for recipe in coreset.lists for part in parts_of(recipe)}
    parts |= {part._replace(closing=closing) for closing in coreset.closings for part in parts if part.staged}
    return parts


def acceptance_for(settings: Settings, request: Request | None) -> Acceptance:
    """Return the validation for the clang in use.

    Raises:
        BackendError: The clang of the settings is another one.
        ToolchainError: There is none.
    """
    environ = clean_environment(process_environment())
    compiler = inspect(running_clang() or find_clang(settings.clang, environ))
    if request is not None and compiler.version != request.llvm:
        raise BackendError(f"{compiler.path} is not the clang {request.llvm}; name it in CLANG_LLM_CLANG")
    return Acceptance([compiler], None, settings.cache_dir, environ, jobs=1)


class Vetting:
    """Decides about the recipes of a large model for one module, as CLANG_LLM_UNVETTED says.

    ``refuse`` proposes only recipes that are known to pass. ``validate`` proposes what is not known to fail, and
    validates the best that was measured before it may be emitted.

    Args:
        settings: The user's.
        request: The module.
    """

    def __init__(self, settings: Settings, request: Request) -> None:
        self._settings = settings
        self._request = request
        self._acceptance: Acceptance | None = None
        #: Why a part was rejected; "" when it passed.
        self._verdicts: dict[Recipe, str] = {}
        self._asked: set[Recipe] = set()
        self._validated = 0
        #: What is shipped for this LLVM; None for nothing.
        self.coreset: Coreset | None = None
        try:
            self.coreset = coreset_for(request.major, settings.cache_dir)
        except BackendError as error:
            self._say(str(error))
        self._shipped = shipped_parts(self.coreset) if self.coreset else set()
        self._beyond_shipped = False

    def may_be_proposed(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        """Return the recipes that may be compiled and measured, as this LLVM runs them; the log tells of the others."""
        fitting = list(all_usable(recipes, self._request.major))
        self._recall([part for recipe in fitting for part in parts_of(recipe)])
        kept = []
        for recipe in fitting:
            verdicts = [self._verdict(part) for part in parts_of(recipe)]
            bad = next((verdict for verdict in verdicts if verdict), None)
            if bad:
                self._say(f"rejected before: {recipe.text}: {bad}")
            elif None in verdicts and self._settings.unvetted == "refuse":
                self._say(f"not validated, and CLANG_LLM_UNVETTED is refuse: {recipe.text}")
            else:
                kept.append(recipe)
        return kept

    def accepts(self, recipe: Recipe) -> bool:
        """Whether every part of a recipe passed, now if need be and the settings say so."""
        parts = parts_of(recipe)
        self._recall(parts)
        waiting = list(dict.fromkeys(part for part in parts if self._verdict(part) is None))
        if waiting and (self._settings.unvetted == "refuse" or not self._validate(waiting)):
            return False
        accepted = all(self._verdict(part) == "" for part in parts)
        self._beyond_shipped = self._beyond_shipped or (accepted and not self._shipped.issuperset(parts))
        return accepted

    def identity(self) -> str | None:
        """Return what vouches for the recipes that were accepted, for a plan's provenance."""
        if self._beyond_shipped:
            return f"validated on LLVM {self._request.llvm}"
        return self.coreset.identity if self.coreset and self.coreset.evidence else None

    def _verdict(self, part: Recipe) -> str | None:
        """Return "" for a part that passed, why it did not, or None when nothing is known."""
        return "" if part in self._shipped else self._verdicts.get(part)

    def _recall(self, parts: Sequence[Recipe]) -> None:
        """Look up what was found out about parts before."""
        new = [part for part in dict.fromkeys(parts) if part not in self._shipped and part not in self._asked]
        self._asked.update(new)
        if not new:
            return
        try:
            known = self._tries().remembered(new)
        except ClangLlmError as error:
            self._say(f"no verdicts can be looked up: {error}")
            return
        self._verdicts.update({part: "" if passed else "by the validation programs" for part, passed in known.items()})

    def _validate(self, parts: Sequence[Recipe]) -> bool:
        """Try parts on the programs; False when that would take too long or cannot be done."""
        if self._validated + len(parts) > MOST_VALIDATED:
            self._say(f"{len(parts)} lists are not validated: one compile validates {MOST_VALIDATED}")
            return False
        self._validated += len(parts)
        try:
            tries = self._tries()
            if not tries.prepared:
                self._say("the validation programs are not built yet; run `clang-llm-tool validate` with any list once")
                return False
            for part in parts:  # one by one: what was found out stays known, should the plugin lose patience
                self._verdicts[part] = tries.rejected([part]).get(part, "")
                self._say(f"validated: {part.text}: {self._verdicts[part] or 'accepted'}")
        except ClangLlmError as error:
            self._say(f"nothing can be validated: {error}")
            return False
        return True

    def _tries(self) -> Acceptance:
        if self._acceptance is None:
            self._acceptance = acceptance_for(self._settings, self._request)
        return self._acceptance

    def _say(self, line: str) -> None:
        write_log(self._settings.log, f"helper: {self._settings.backend}: {line}")
