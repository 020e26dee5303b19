"""Which passes, and which ways of generating code, earned how many bytes: a recipe is measured without each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from clang_llm.plans.passlist import Adaptor, Item, Pass, PassList
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Result, Status
from clang_llm.plans.vocabulary import CODEGEN
from clang_llm.report.facts import Earned
from clang_llm.system.errors import DataError

#: What elements are.
PASS, WAY, CHOICE, STAGE = "pass", "code generation", "choice", "stage"


def without_each(recipe: Recipe) -> list[tuple[str, str, Recipe]]:
    """Return kind and name of each thing that a recipe has, and the recipe without it.

    A pass is left out wherever it stands: in a list of forty, `simplifycfg` stands six times, and each of them alone
    is done by the next one.
    """
    found = [
        *((PASS, name, _without(recipe, name)) for name in _names(recipe)),
        *((WAY, way, _without_way(recipe, way)) for way in _ways(recipe)),
    ]
    if len(recipe.functions) > 1 and recipe.use:
        most = Counter(recipe.use).most_common(1)[0][0]
        found.append((CHOICE, "each function its own passes", recipe.uniform(recipe.functions[most])))
    if recipe.closing:
        found.append((STAGE, "the closing stage", recipe._replace(closing="")))
    return [(kind, name, rest) for kind, name, rest in found if rest is not None and rest != recipe]


def earned(recipe: Recipe, measure: Callable[[Sequence[Recipe]], list[Result]]) -> list[Earned]:
    """Measure a recipe, and what it would be without each of its elements.

    Args:
        recipe: What made the object.
        measure: Measures recipes.

    Returns:
        The elements: those without which there is no sound object, then those that earned most.

    Raises:
        DataError: The recipe does not fit this module any more.
    """
    variants = without_each(recipe)
    whole, *results = measure([recipe, *(rest for _, _, rest in variants)])
    if whole.status is not Status.OK:
        raise DataError(
            f"the plan of this module does not hold ({whole.status.value}); compile with CLANG_LLM_RECACHE=1"
        )
    found = [
        Earned(
            kind, name, result.size - whole.size, result.parts - whole.parts if result.parts and whole.parts else None
        )
        if result.status is Status.OK
        else Earned(kind, name, None, None)
        for (kind, name, _), result in zip(variants, results, strict=True)
    ]
    return sorted(found, key=lambda each: (each.bytes is not None, -(each.bytes or 0), each.name))


def _leaves(recipe: Recipe) -> Iterator[Pass]:
    for pipeline in recipe.pipelines():
        yield from PassList.parse(pipeline).leaves()


def _names(recipe: Recipe) -> list[str]:
    return list(dict.fromkeys(leaf.name for leaf in _leaves(recipe) if leaf.name != CODEGEN))


def _ways(recipe: Recipe) -> list[str]:
    return list(dict.fromkeys(way for leaf in _leaves(recipe) if leaf.name == CODEGEN for way in leaf.params))


def _without(recipe: Recipe, name: str) -> Recipe | None:
    """Return the recipe without a pass, or None when nothing is left of its head."""

    def one(leaf: Pass) -> Pass | None:
        return None if leaf.name == name else leaf

    return _changed(recipe, one)


def _without_way(recipe: Recipe, way: str) -> Recipe | None:
    def one(leaf: Pass) -> Pass | None:
        if leaf.name != CODEGEN or way not in leaf.params:
            return leaf
        params = tuple(each for each in leaf.params if each != way)
        return Pass(leaf.name, params) if params else None

    return _changed(recipe, one)


def _changed(recipe: Recipe, one: Callable[[Pass], Pass | None]) -> Recipe | None:
    def pipeline(text: str) -> str:
        return PassList(_kept(PassList.parse(text).items, one)).text if text else ""

    def function(text: str) -> str:
        return pipeline(f"function({text})").removeprefix("function(").removesuffix(")") if text else ""

    head = pipeline(recipe.module)
    functions = tuple(map(function, recipe.functions))
    return recipe._replace(module=head, functions=functions, closing=pipeline(recipe.closing)) if head else None


def _kept(items: Sequence[Item], one: Callable[[Pass], Pass | None]) -> tuple[Item, ...]:
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Pass):
            left = one(item)
            kept += [left] if left else []
        elif inner := _kept(item.items, one):
            kept.append(Adaptor(item.name, inner))
    return tuple(kept)
