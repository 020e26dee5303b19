"""Choosing per function: from what several function pipelines did to each function, the best mix of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clang_llm.protocol import Result
from clang_llm.recipe import Recipe
from clang_llm.types import Status


@dataclass(frozen=True)
class Mixture:
    """A recipe that no measurement has seen yet.

    Attributes:
        recipe: The mix.
        predicted: Bytes that it should have; an estimate, since functions share constants and padding.
        best_single: Bytes of the best recipe among those it is mixed from.
    """

    recipe: Recipe
    predicted: int
    best_single: int

    @property
    def promising(self) -> bool:
        """Whether it should be smaller than everything that it is mixed from."""
        return self.predicted < self.best_single


@dataclass(frozen=True)
class _Single:
    """One measured recipe in which all functions take the same pipeline."""

    recipe: Recipe
    size: int
    functions: tuple[int, ...]


def mix(measured: Iterable[tuple[Recipe, Result]]) -> Mixture | None:
    """Return the mix that should be smallest, over all heads; None when there is nothing to mix.

    Args:
        measured: Recipes with their measurements, in the order in which they were tried; earlier ones win ties.
    """
    heads: dict[tuple[str, str], list[_Single]] = defaultdict(list)
    for recipe, result in measured:
        if recipe.staged and not recipe.use and result.status is Status.OK and result.functions:
            heads[recipe.head].append(_Single(recipe, result.size, result.functions))
    mixed = [found for found in map(_mix_one, heads.values()) if found is not None]
    return min(mixed, key=lambda found: found.predicted, default=None)


def _mix_one(singles: Sequence[_Single]) -> Mixture | None:
    """Mix recipes of one head."""
    best = min(singles, key=lambda single: single.size)
    fitting = [best, *(single for single in singles if len(single.functions) == len(best.functions))]
    if len(singles) < 2:
        return None
    use, predicted = [], best.size
    for place, default in enumerate(best.functions):
        sizes = [single.functions[place] for single in fitting]
        smallest = min(sizes)
        use.append(sizes.index(smallest))
        predicted += smallest - default
    recipe = replace(best.recipe, functions=tuple(single.recipe.functions[0] for single in fitting), use=tuple(use))
    return Mixture(recipe.compact(), predicted, best.size)
