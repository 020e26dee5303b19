"""The backend ``tune``: a search on the module that is being compiled, for `clang-llm-tool tune`.

It spends the whole budget, then validates what the best recipe is made of: only what PassListEval accepts on this clang
reaches the plan. Minutes for each module, so it is never a default.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from clang_llm.backends import Measured
from clang_llm.backends.unvetted import acceptance_for, parts_of, shipped_parts
from clang_llm.plans.borrowed import coreset_for
from clang_llm.plans.mixture import mix
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request, Result, Status
from clang_llm.system.errors import BackendError
from clang_llm.system.log import write_log
from clang_llm.system.settings import Settings
from clang_llm.tuning.acceptance import Acceptance
from clang_llm.tuning.seeds import seeds
from clang_llm.tuning.space import Space
from clang_llm.tuning.tuner import MOST_PIPELINES, Tuner

#: Of the budget, compilations kept for mixing again without recipes that were rejected.
REMIXES = 8
#: Bytes that a pipeline has to save in a module before some seconds are spent on validating it.
WORTH_VALIDATING = 8
#: Smallest budget: below it there is nothing to search with.
SMALLEST_BUDGET = 2 * REMIXES


class TuneBackend:
    """Searches with `Tuner`, then validates."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._acceptance: Acceptance | None = None
        self._verdicts: dict[Recipe, str] = {}
        self._vetted: set[Recipe] = set()
        self._request: Request | None = None
        self._settled = False

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Search, validate what the best mix consists of, and mix again without what was rejected."""
        if request.budget < SMALLEST_BUDGET:
            raise BackendError(f"backend 'tune' needs a budget of {SMALLEST_BUDGET}; set CLANG_LLM_CANDIDATES")
        self._request = request
        start = self._start(request.major, request.machine)
        # Only the Search knows the size under -Oz, and compares with it; nothing that the Tuner does depends on it.
        tuner = Tuner(Space(request.major), request.key, start, 1 << 62, request.budget - REMIXES)
        rounds = tuner.rounds()
        recipes = next(rounds, None)
        while recipes is not None:
            measured = dict((yield recipes))
            results = [measured.get(recipe, Result(0, Status.INVALID, 0)) for recipe in recipes]
            try:
                recipes = rounds.send(results)
            except StopIteration:
                recipes = None
        tried = [(recipe, result) for recipe, result in tuner.outcome().tried if result.teaches]
        for _ in range(REMIXES):
            tried = self._accepted(tried)
            mixture = mix(tried, MOST_PIPELINES, self._worth)
            if mixture is None or not mixture.promising:
                break
            if self.accepts(mixture.recipe):
                yield [mixture.recipe]
                break
        self._settle(tried)

    def _settle(self, tried: Sequence[Measured]) -> None:
        """Validate the smallest recipe that may be emitted, whatever its kind, and nothing after it."""
        short = [
            (result.size, recipe)
            for recipe, result in tried
            if result.status is Status.OK and len(recipe.functions) <= MOST_PIPELINES
        ]
        for _, recipe in sorted(short, key=lambda each: each[0])[:REMIXES]:
            if self.accepts(recipe):
                break
        self._settled = True

    def accepts(self, recipe: Recipe) -> bool:
        """Whether every part of a recipe was validated, now if need be and the search goes on."""
        parts = parts_of(recipe)
        waiting = [part for part in parts if part not in self._vetted and part not in self._verdicts]
        if waiting and (self._settled or len(parts) > MOST_PIPELINES):
            return False
        if waiting:
            bad = self._tries().rejected(waiting)
            for part in waiting:
                self._verdicts[part] = bad.get(part, "")
            for part, why in bad.items():
                write_log(self._settings.log, f"helper: tune: rejected {part.text}: {why}")
        return not any(self._verdicts.get(part) for part in parts)

    def vetted(self, request: Request) -> str | None:
        """Return the words of the validation, or the shipped set's identity when nothing had to be validated."""
        if self._acceptance is None:
            return coreset_for(request.major, self._settings.cache_dir).identity if self._vetted else None
        return self._acceptance.evidence(self._acceptance.compilers[0])

    def _start(self, major: int, machine: str) -> list[Recipe]:
        try:
            coreset = coreset_for(major, self._settings.cache_dir)
        except BackendError:
            return seeds(major)
        self._vetted.update(shipped_parts(coreset))
        return list(dict.fromkeys([*coreset.for_target(machine), *seeds(major)]))

    def _accepted(self, tried: Sequence[Measured]) -> list[Measured]:
        bad = {part for part, why in self._verdicts.items() if why}
        return [(recipe, result) for recipe, result in tried if not bad.intersection(parts_of(recipe))]

    def _worth(self, recipe: Recipe) -> int:
        return 1 if recipe in self._vetted or self._verdicts.get(recipe) == "" else WORTH_VALIDATING

    def _tries(self) -> Acceptance:
        if self._acceptance is None:
            self._acceptance = acceptance_for(self._settings, self._request)
        return self._acceptance
