"""Choosing per function: of several measured recipes each function takes the pipeline that was best for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.types import REFUSED, Result, Status
from clang_llm.plans.vetted import usable_or_shipped

#: Recipes after which it is known whether a module takes staged ones at all.
_FIRST_LOOK = 2
#: One in so many compilations tries a finished mix with another closing stage. On 70 train modules 7 recipes, their mix
#: and one closing stage more saved what 11 recipes and their mix did; 15 with three more, what 23 did.
_SHARE_OF_CLOSINGS = 7


class Mixture(NamedTuple):
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


class _Measured(NamedTuple):
    """One measured recipe with what its functions have."""

    recipe: Recipe
    size: int
    functions: tuple[int, ...]


def mix(
    measured: Iterable[tuple[Recipe, Result]],
    at_most: int | None = None,
    worth: Callable[[Recipe], int] | None = None,
) -> Mixture | None:
    """Return the mix that should be smallest, over all heads; None when there is nothing to mix.

    Args:
        measured: Recipes, mixes too, with their measurements, in the order in which they were tried; earlier ones win
            ties.
        at_most: Function pipelines that the mix may have, under heads of which one recipe at least has one pipeline for
            all functions; None for any number.
        worth: With `at_most`: for a recipe with one pipeline for all, the bytes that the pipeline must add to be in the
            mix; None for one.
    """
    heads: dict[tuple[str, str], list[_Measured]] = defaultdict(list)
    for recipe, result in measured:
        if recipe.staged and result.teaches and result.functions:
            heads[recipe.head].append(_Measured(recipe, result.size, result.functions))
    mixed = [
        _mix_one(some, at_most, worth)
        for some in heads.values()
        if len(some) > 1 and (at_most is None or any(not one.recipe.use for one in some))
    ]
    sound = [found for found in mixed if found.predicted < REFUSED]
    return min(sound, key=lambda found: found.predicted, default=None)


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
    source = all_usable(recipes, major, usable_or_shipped)
    left = list(islice(source, budget))
    measured: list[tuple[Recipe, Result]] = []
    # A first look: some modules take none of the staged recipes.
    look = all(recipe.staged for recipe in left[:_FIRST_LOOK]) and _find_whole(left, source)
    for size in (_FIRST_LOOK, budget) if look else (budget,):
        if _all_change_the_interface(measured):
            left = sorted([*left, *source], key=lambda recipe: recipe.staged)
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
        finished += [mixture.recipe._replace(closing=each) for each in closings if each != mixture.recipe.closing]
    yield [*finished, *left][: budget - len(measured)]


def _find_whole(left: list[Recipe], source: Iterator[Recipe]) -> bool:
    """Whether one of the recipes is for whole modules; those that are looked at on the way move to `left`."""
    if not all(recipe.staged for recipe in left):
        return True
    for recipe in source:
        left.append(recipe)
        if not recipe.staged:
            return True
    return False


def _can_be_mixed(recipes: Sequence[Recipe]) -> bool:
    return sum(recipe.staged for recipe in recipes) >= 2


def _all_change_the_interface(measured: Sequence[tuple[Recipe, Result]]) -> bool:
    """Whether staged recipes made the module need what it must not, and no functions are to blame."""
    staged = [result for recipe, result in measured if recipe.staged]
    return len(staged) == _FIRST_LOOK and all(
        result.status is Status.INTERFACE and not result.teaches for result in staged
    )


def _mix_one(
    measured: Sequence[_Measured], at_most: int | None, worth: Callable[[Recipe], int] | None = None
) -> Mixture:
    """Mix recipes of one head."""
    base = min((one for one in measured if at_most is None or not one.recipe.use), key=lambda one: one.size)
    known = _by_pipeline(base, [one for one in measured if len(one.functions) == len(base.functions)])
    if at_most is None:
        kept = list(known)
    else:
        least = {each: 1 if worth is None else worth(base.recipe.uniform(each)) for each in known}
        kept = _most_useful(known, list(base.functions), at_most, least)
    best = [(size, kept.index(base.recipe.pipeline(place))) for place, size in enumerate(base.functions)]
    for number, pipeline in enumerate(kept):
        for place, size in known[pipeline].items():
            if size < best[place][0]:
                best[place] = (size, number)
    predicted = base.size + sum(size for size, _ in best) - sum(base.functions)
    recipe = base.recipe._replace(functions=tuple(kept), use=tuple(number for _, number in best))
    return Mixture(recipe.compact(), predicted, min(one.size for one in measured))


def _by_pipeline(base: _Measured, measured: Sequence[_Measured]) -> dict[str, dict[int, int]]:
    """Smallest bytes of each function under every pipeline that it was tried with; that of `base` comes first."""
    known: dict[str, dict[int, int]] = {base.recipe.pipeline(0): {}}
    for one in measured:
        for place, size in enumerate(one.functions):
            sizes = known.setdefault(one.recipe.pipeline(place), {})
            sizes[place] = min(size, sizes.get(place, size))
    return known


def _most_useful(known: dict[str, dict[int, int]], sizes: list[int], count: int, least: dict[str, int]) -> list[str]:
    """Return the first pipeline and, one after the other, those that add most to the ones before.

    Args:
        known: From `_by_pipeline`.
        sizes: Bytes of each function under the first.
        count: Pipelines to return, at most.
        least: For each pipeline the bytes that it must add.
    """
    first, *rest = known
    chosen, best = [first], sizes
    while len(chosen) < count:
        gains = {each: sum(max(0, best[place] - size) for place, size in known[each].items()) for each in rest}
        rest = [each for each in rest if gains[each] >= least[each]]
        if not rest:
            break
        chosen.append(max(rest, key=gains.__getitem__))
        rest.remove(chosen[-1])
        for place, size in known[chosen[-1]].items():
            best[place] = min(best[place], size)
    return chosen
