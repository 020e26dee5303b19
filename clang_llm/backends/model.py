"""The small model's backend: for each function the recipes of a menu that suit it, then the coreset's.

The plugin computes the model, in the process that searches (`plugin/model/`); the menu in the model's directory is
read here. What the plugin says are places in it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from clang_llm.backends import Measured
from clang_llm.models.small import ranked
from clang_llm.plans.borrowed import coreset_for
from clang_llm.plans.coreset import Coreset, kind_of, origin_of, read_coreset, read_menu
from clang_llm.plans.mixture import in_order
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.errors import BackendError, PassListError
from clang_llm.system.log import append_event, explain, write_log
from clang_llm.system.settings import DEFAULT_BACKEND, Settings

#: Recipes of the model's before the first of the coreset's. On 60 validation modules with 16 and 32 compilations that
#: saved 9.71 and 10.10 %, a lead of eight before all of the coreset's 9.65 and 9.93, the coreset alone 9.02 and 10.12.
_LEAD = 12
#: The model that comes with the package.
BUNDLED = Path(__file__).resolve().parents[1] / "data" / "model"


def directory_of(settings: Settings) -> Path:
    """Return the model's directory.

    Raises:
        BackendError: None is set, and none of this kind comes with the package.
    """
    if settings.model is not None:
        return Path(settings.model).absolute()
    if settings.backend == "transformers":
        raise BackendError("no large model comes with clang-llm; set CLANG_LLM_MODEL to a model's directory")
    return BUNDLED


def vetted_menu(major: int, directory: Path) -> Coreset:
    """Return the menu in a model's directory for one major version of LLVM; raises as `menu_for` does."""
    menu = read_menu(major, directory)
    if not menu.evidence:
        raise BackendError(
            f"the menu for LLVM {major} in {directory} was never validated; see `clang-llm-tool validate --write`"
        )
    return menu


def menu_for(major: int, machine: str, directory: Path) -> Coreset:
    """Return the menu among which a model chooses for a module.

    Args:
        major: Major version of LLVM.
        machine: The triple, without unwind tables with `BARE` behind it.
        directory: The model's.

    Raises:
        BackendError: There is none for this LLVM, nobody validated it, or the model was made for other machines.
    """
    menu = vetted_menu(major, directory)
    if not suits(menu, machine):
        raise BackendError(f"the model in {directory} is for {', '.join(sorted(menu.orders))}, not for {machine}")
    return menu


def suits(menu: Coreset, machine: str) -> bool:
    """Return whether a model with this menu was made for such modules; one that says nothing suits all."""
    return not menu.orders or kind_of(machine) in menu.orders


def with_lead(first: Sequence[Recipe], second: Iterable[Recipe]) -> Iterator[Recipe]:
    """Yield the lead of a model's recipes, then the coreset's, those with other heads first, then the rest.

    Args:
        first: The model's, of one head.
        second: The coreset's. What the model says after its lead adds little, and those of its head hardly more.
    """
    yield from first[:_LEAD]
    passed = []
    for recipe in second:
        if first and recipe.staged and recipe.head != first[0].head:
            yield recipe
        else:
            passed.append(recipe)
    yield from chain(passed, first[_LEAD:])


class ModelBackend:
    """Proposes what the model says first, then the coreset, and then their mix.

    Each has what the other lacks: the model's recipes are chosen for the functions, the coreset's have several heads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proposed: list[Recipe] = []
        self._vetted: list[Coreset] = []

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield the model's recipes, later the coreset's, too, then their mix; without an answer the coreset alone."""
        coreset = coreset_for(request.major, self._settings.cache_dir)
        self._vetted = [coreset]
        try:
            directory = directory_of(self._settings)
            menu = menu_for(request.major, request.machine, directory)
            self._proposed = self._ask(request, directory, menu)
        except (BackendError, PassListError) as error:
            self._tell(request, "unusable", str(error))
        recipes = with_lead(self._proposed, coreset.for_target(request.machine))
        yield from in_order(recipes, request.major, request.budget, coreset.closings)

    def _ask(self, request: Request, directory: Path, menu: Coreset) -> list[Recipe]:
        if request.reader is None:
            return []
        try:
            recipes = ranked(request.reader.ask, menu, request.target, directory, request.budget)
        except (BackendError, PassListError) as error:
            self._tell(request, "failed", str(error))
            return []
        self._tell(request, "answered", f"{len(recipes)} recipes")
        if recipes:
            self._vetted = [menu, *self._vetted]
        return recipes

    def _tell(self, request: Request, outcome: str, why: str) -> None:
        """Count and log what became of asking; what is simply not there for a module is not counted."""
        settings = self._settings
        if outcome != "unusable" and not settings.readonly and not settings.explaining:
            append_event(settings.cache_dir, f"model:{outcome}")
        write_log(settings.log, f"helper: key {request.key} model {outcome}: {why}")
        explain(settings.explain_to, {"event": "model", "outcome": outcome, "why": why})

    def accepts(self, recipe: Recipe) -> bool:
        """Whether every part of a recipe is of the menu or of the coreset."""
        if not recipe.staged:
            return any(recipe in some.lists for some in self._vetted)
        parts = {(each.module, function) for some in self._vetted for each in some.lists for function in each.functions}
        closings = {each.closing for some in self._vetted for each in some.lists if each.module == recipe.module}
        closings.update(closing for some in self._vetted for closing in some.closings)
        return recipe.closing in closings and all((recipe.module, each) in parts for each in recipe.functions)

    def origin(self, recipe: Recipe) -> str:
        """Return "model", "coreset" or `MIX`."""
        return origin_of(recipe, self._proposed, self._vetted)

    def vetted(self, request: Request) -> str | None:
        """Return the identities of the sets that the recipes are from, when they were validated."""
        del request
        if not self._vetted or not all(some.evidence for some in self._vetted):
            return None
        return "+".join(some.identity for some in self._vetted)


def resolved(settings: Settings, major: int, machine: str) -> Settings:
    """Return settings that name a backend: by default the model where it is for such modules, else the coreset.

    Args:
        settings: What was set.
        major: Major version of LLVM.
        machine: The triple, without unwind tables with `BARE` behind it.
    """
    if settings.backend != DEFAULT_BACKEND:
        return settings
    directory = directory_of(settings)
    there = (directory / f"llvm-{major}.txt").exists()
    with suppress(BackendError):  # the backend tells it
        there = suits(read_coreset(major, directory), machine)
    return settings._replace(backend="model" if there else "coreset")
