"""Choosing a coreset: recipes in an order in which each adds most, over many modules, to those before it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Result


@dataclass(frozen=True)
class Row:
    """One module: its bytes under -Oz, and what was measured of it."""

    size_oz: int
    results: Mapping[Recipe, Result]


@dataclass
class _Standing:
    """What the recipes chosen so far do for one module."""

    row: Row
    smallest: int = 0
    heads: dict[tuple[str, str], tuple[int, list[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.smallest = self.row.size_oz

    def with_one_more(self, recipe: Recipe) -> int:
        """Bytes with one more recipe: the best single one, or the best mix under one head."""
        result = self.row.results.get(recipe)
        if result is None or not result.teaches:
            return self.smallest
        size = min(self.smallest, result.size)
        known = self.heads.get(recipe.head)
        if known is None or len(known[1]) != len(result.functions):
            return size
        rest, best = known
        # What no function is charged for is nearly the same under one head; the smaller estimate is the likelier.
        rest = min(rest, result.size - sum(result.functions))
        mixed = rest + sum(map(min, best, result.functions))
        return min(size, mixed)

    def take(self, recipe: Recipe) -> None:
        """Add a recipe for good."""
        self.smallest = self.with_one_more(recipe)
        result = self.row.results.get(recipe)
        if result is None or not result.teaches or not recipe.staged:
            return
        rest = result.size - sum(result.functions)
        known = self.heads.get(recipe.head)
        if known is None:
            self.heads[recipe.head] = (rest, list(result.functions))
        elif len(known[1]) == len(result.functions):
            self.heads[recipe.head] = (min(rest, known[0]), list(map(min, known[1], result.functions)))


@dataclass(frozen=True)
class Choice:
    """An ordered coreset.

    Attributes:
        recipes: In the order in which they are to be tried.
        savings: After each, the geometric mean over the modules of 1 - bytes / bytes under -Oz.
    """

    recipes: tuple[Recipe, ...]
    savings: tuple[float, ...]


def choose(
    rows: Sequence[Row],
    recipes: Sequence[Recipe],
    count: int,
    cost: Mapping[Recipe, float] | None = None,
    known: Collection[Recipe] = (),
    new: int | None = None,
    first: Sequence[Recipe] = (),
) -> Choice:
    """Choose recipes greedily.

    Args:
        rows: Modules.
        recipes: What there is to choose from.
        count: How many are wanted.
        cost: Of a recipe, by which its gain is divided; 1 where nothing is said.
        known: Recipes that cost nobody anything: they are shipped for other targets anyway.
        new: How many others may be chosen at most; None for any number.
        first: Some of the recipes that are chosen already, in this order.
    """
    standings = [_Standing(row) for row in rows]
    left = list(recipes)
    chosen: list[Recipe] = []
    savings: list[float] = []
    while left and len(chosen) < count:
        if new is not None and len(set(chosen).difference(known)) >= new:
            left = [recipe for recipe in left if recipe in known]
            new = None
            continue
        if len(chosen) < len(first):
            recipe = first[len(chosen)]
        else:
            before = _mean(standings)
            gains = [(before - _mean_with(standings, recipe)) / (cost or {}).get(recipe, 1.0) for recipe in left]
            recipe = left[gains.index(max(gains))]
        left.remove(recipe)
        for standing in standings:
            standing.take(recipe)
        chosen.append(recipe)
        savings.append(1 - math.exp(_mean(standings)))
    return Choice(tuple(chosen), tuple(savings))


def savings_of(rows: Sequence[Row], recipes: Sequence[Recipe]) -> list[float]:
    """Return what recipes save in their order, as `Choice.savings`."""
    standings = [_Standing(row) for row in rows]
    savings = []
    for recipe in recipes:
        for standing in standings:
            standing.take(recipe)
        savings.append(1 - math.exp(_mean(standings)))
    return savings


def _mean(standings: Sequence[_Standing]) -> float:
    """Mean logarithm of the ratio to -Oz."""
    return sum(math.log(each.smallest / each.row.size_oz) for each in standings) / len(standings)


def _mean_with(standings: Sequence[_Standing], recipe: Recipe) -> float:
    return sum(math.log(each.with_one_more(recipe) / each.row.size_oz) for each in standings) / len(standings)
