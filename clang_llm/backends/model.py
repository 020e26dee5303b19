"""The small model's backend: for each function the recipes of a menu that suit it, then the coreset's.

The model is in a server (`clang_llm.models.asking`). The server is not trusted: the menu in the model's directory is
read here, too, and a recipe is used only when each of its pipelines is in the menu.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from clang_llm.backends import Measured
from clang_llm.models import Task
from clang_llm.models.asking import Inference
from clang_llm.plans.borrowed import coreset_for
from clang_llm.plans.coreset import Coreset, family_of, origin_of, read_menu
from clang_llm.plans.mixture import in_order
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.errors import BackendError, PassListError
from clang_llm.system.log import explain, write_log
from clang_llm.system.settings import Settings

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


def menu_for(major: int, target: str, directory: Path) -> Coreset:
    """Return the menu among which a model chooses for a module.

    Args:
        major: Major version of LLVM.
        target: The triple.
        directory: The model's.

    Raises:
        BackendError: There is none for this LLVM, nobody validated it, or the model was made for other machines.
        PassListError: A list does not parse.
    """
    menu = vetted_menu(major, directory)
    if menu.orders and family_of(target) not in menu.orders:
        raise BackendError(f"the model in {directory} is for {', '.join(sorted(menu.orders))}, not for {target}")
    return menu


def allowed(recipe: Recipe, menu: Coreset, functions: int) -> bool:
    """Whether a recipe is made of a menu's pipelines alone.

    Args:
        recipe: What a server said.
        menu: Vetted recipes of one head.
        functions: How many functions the head leaves defined.
    """
    pipelines = {each.functions[0] for each in menu.lists}
    if recipe.head != menu.lists[0].head or not recipe.functions or not set(recipe.functions) <= pipelines:
        return False
    if not recipe.use:
        return len(recipe.functions) == 1
    return len(recipe.use) == functions and all(0 <= place < len(recipe.functions) for place in recipe.use)


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
        directory = directory_of(self._settings)
        coreset = coreset_for(request.major, self._settings.cache_dir)
        self._vetted = [coreset]
        try:
            self._proposed = self._ask(request, directory, menu_for(request.major, request.target, directory))
        except (BackendError, PassListError) as error:
            write_log(self._settings.log, f"helper: key {request.key} model unusable: {error}")
            explain(self._settings.explain_to, {"event": "model", "outcome": "unusable", "why": str(error)})
        recipes = with_lead(self._proposed, coreset.for_target(request.target))
        yield from in_order(recipes, request.major, request.budget, coreset.closings)

    def _ask(self, request: Request, directory: Path, menu: Coreset) -> list[Recipe]:
        texts: list[str] = []

        def read() -> Task | None:
            texts.extend(request.reader.describe(menu.lists[0].module) if request.reader is not None else [])
            task = Task(request.key, request.major, request.target, request.budget, tuple(texts))
            return task if texts else None

        recipes = Inference("model", directory, self._settings).ask(request, read)
        kept = [recipe for recipe in recipes if allowed(recipe, menu, len(texts))][: request.budget]
        if len(kept) < len(recipes):
            refused = f"{len(recipes) - len(kept)} of {len(recipes)} recipes are not of the menu"
            write_log(self._settings.log, f"helper: key {request.key} model refused: {refused}")
        if kept:
            self._vetted = [menu, *self._vetted]
        return kept

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
