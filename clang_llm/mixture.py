"""Choosing per function: from what several function pipelines did to each function, the best mix of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

from clang_llm.recipe import Recipe, usable
from clang_llm.types import Result, Status

#: Recipes after which it is known whether a module takes staged ones at all.
_FIRST_LOOK = 2
#: One in so many compilations tries a finished mix with another closing stage. On 70 train modules 7 recipes, their mix
#: and one closing stage more saved what 11 recipes and their mix did; 15 with three more, what 23 did.
_SHARE_OF_CLOSINGS = 7


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


def mix(measured: Iterable[tuple[Recipe, Result]], at_most: int | None = None) -> Mixture | None:
    """Return the mix that should be smallest, over all heads; None when there is nothing to mix.

    Args:
        measured: Recipes with their measurements, in the order in which they were tried; earlier ones win ties.
        at_most: Function pipelines that the mix may have; None for any number.
    """
    heads: dict[tuple[str, str], list[_Single]] = defaultdict(list)
    for recipe, result in measured:
        if recipe.staged and not recipe.use and result.status is Status.OK and result.functions:
            heads[recipe.head].append(_Single(recipe, result.size, result.functions))
    mixed = [_mix_one(singles, at_most) for singles in heads.values() if len(singles) > 1]
    return min(mixed, key=lambda found: found.predicted, default=None)


def in_order(
    recipes: Iterable[Recipe], major: int, budget: int, closings: Sequence[str] = ()
) -> Generator[Sequence[Recipe], Sequence[tuple[Recipe, Result]], None]:
    """Propose recipes in order and then their mix: what a backend with fixed recipes does.

    The mix takes the last of the budget's compilations when it promises more than the best single recipe; otherwise one
    more recipe does. With larger budgets a seventh goes to the same mix with other closing stages.

    Args:
        recipes: Best first.
        major: Major version of LLVM; what it cannot run does not count.
        budget: Compilations.
        closings: Closing stages that every mix may have instead of its own, best first.
    """
    left = list(dict.fromkeys(each for each in (usable(recipe, major) for recipe in recipes) if each is not None))
    measured: list[tuple[Recipe, Result]] = []
    # A first look: some modules (C++ with much of the library inlined) take none of the staged recipes.
    kinds = [recipe.staged for recipe in left]
    for size in (_FIRST_LOOK, budget) if all(kinds[:_FIRST_LOOK]) and not all(kinds) else (budget,):
        if _all_change_the_interface(measured):
            left.sort(key=lambda recipe: recipe.staged)
        room = min(size, budget) - len(measured)
        # Two can be mixed; a mix of one is that one.
        if budget > 2 and size == budget and _can_be_mixed([*(recipe for recipe, _ in measured), *left[: room - 1]]):
            room -= 1 + min(len(closings), budget // _SHARE_OF_CLOSINGS)
        proposed, left = left[:room], left[room:]
        if proposed:
            measured += yield proposed
    if len(measured) >= budget:
        return
    mixture = mix(measured)
    finished: list[Recipe] = []
    if mixture is not None:
        finished = [mixture.recipe] if mixture.promising else []
        finished += [replace(mixture.recipe, closing=each) for each in closings if each != mixture.recipe.closing]
    yield [*finished, *left][: budget - len(measured)]


def _can_be_mixed(recipes: Sequence[Recipe]) -> bool:
    return sum(recipe.staged for recipe in recipes) >= 2


def _all_change_the_interface(measured: Sequence[tuple[Recipe, Result]]) -> bool:
    staged = [result for recipe, result in measured if recipe.staged]
    return len(staged) == _FIRST_LOOK and all(result.status is Status.INTERFACE for result in staged)


def _mix_one(singles: Sequence[_Single], at_most: int | None) -> Mixture:
    """Mix recipes of one head."""
    best = min(singles, key=lambda single: single.size)
    fitting = [best, *(single for single in singles if len(single.functions) == len(best.functions))]
    if at_most is not None:
        fitting = _most_useful(fitting, at_most)
    use, predicted = [], best.size
    for place, default in enumerate(best.functions):
        sizes = [single.functions[place] for single in fitting]
        smallest = min(sizes)
        use.append(sizes.index(smallest))
        predicted += smallest - default
    recipe = replace(best.recipe, functions=tuple(single.recipe.functions[0] for single in fitting), use=tuple(use))
    return Mixture(recipe.compact(), predicted, best.size)


def _most_useful(singles: Sequence[_Single], count: int) -> list[_Single]:
    """Return the first and, one after the other, those that add most to the ones before."""
    chosen, rest = [singles[0]], list(singles[1:])
    best = list(singles[0].functions)
    while rest and len(chosen) < count:
        gains = [
            sum(had - has for had, has in zip(best, single.functions, strict=True) if has < had) for single in rest
        ]
        most = max(gains)
        if most == 0:
            break
        single = rest.pop(gains.index(most))
        chosen.append(single)
        best = [min(had, has) for had, has in zip(best, single.functions, strict=True)]
    return chosen
