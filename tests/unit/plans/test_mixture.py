"""Choosing per function: the mix, the order of proposals, the greedy coreset, on numbers made up here."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from clang_llm.plans.mixture import in_order, mix
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import REFUSED, Result, Status
from clang_llm.tuning.greedy import Row, choose, savings_of

HEAD, OTHER = "globalopt", "ipsccp"


def staged(function: str, head: str = HEAD) -> Recipe:
    return Recipe(head, (function,), (), "globaldce")


def ok(size: int, *functions: int) -> Result:
    return Result(0, Status.OK, size, functions)


def test_every_function_takes_the_pipeline_that_suits_it() -> None:
    found = mix([(staged("sroa"), ok(100, 30, 50)), (staged("gvn"), ok(110, 40, 45)), (staged("dce"), ok(99, 35, 44))])
    assert found is not None
    # dce is smallest as a whole: 99 bytes, 20 of them no function's; sroa gives the first function 5 bytes less.
    assert found.recipe == Recipe(HEAD, ("dce", "sroa"), (1, 0), "globaldce")
    assert (found.predicted, found.best_single, found.promising) == (94, 99, True)


def test_functions_are_not_mixed_over_heads() -> None:
    found = mix(
        [
            (staged("sroa"), ok(100, 50, 50)),
            (staged("gvn"), ok(100, 60, 40)),
            (staged("sroa", OTHER), ok(95, 10, 85)),
            (staged("gvn", OTHER), ok(95, 11, 84)),
        ]
    )
    assert found is not None
    assert (found.recipe.module, found.predicted) == (HEAD, 90)


def test_what_failed_or_has_other_functions_is_not_mixed() -> None:
    measured = [
        (staged("sroa"), ok(100, 50, 50)),
        (staged("gvn"), Result(1, Status.CRASHED, 0)),
        (staged("dce"), ok(120, 1, 1, 1)),
        (Recipe("globaldce"), ok(10)),
    ]
    found = mix(measured)
    assert found is not None
    assert found.recipe.functions == ("sroa",)
    assert not found.promising
    assert mix(measured[:2]) is None
    assert mix([]) is None


def refusing(size: int, *functions: int, places: Sequence[int]) -> Result:
    charged = tuple(each + REFUSED * (place in places) for place, each in enumerate(functions))
    return Result(0, Status.INTERFACE, size + REFUSED * len(places), charged)


def test_a_function_never_takes_what_it_is_to_blame_for() -> None:
    measured = [
        (staged("sroa"), refusing(90, 20, 50, places=[0])),
        (staged("gvn"), refusing(95, 30, 45, places=[1])),
    ]
    found = mix(measured)
    assert found is not None
    assert found.recipe == Recipe(HEAD, ("sroa", "gvn"), (1, 0), "globaldce")
    assert (found.predicted, found.promising) == (100, True)
    assert mix([*measured, (staged("dce"), ok(98, 34, 44))], at_most=2) is not None
    # Whoever is to blame under all of them cannot be mixed.
    assert mix([measured[0], (staged("dce"), refusing(80, 10, 50, places=[0]))]) is None
    assert mix([measured[0], (staged("dce"), refusing(80, 10, 50, places=[0]))], at_most=2) is None


def test_a_mix_of_few_keeps_the_most_useful() -> None:
    measured = [
        (staged("sroa"), ok(100, 30, 30, 40)),
        (staged("gvn"), ok(101, 29, 32, 40)),
        (staged("dce"), ok(103, 33, 30, 30)),
    ]
    two = mix(measured, at_most=2)
    assert two is not None
    assert two.recipe.functions == ("sroa", "dce")
    assert (two.recipe.use, two.predicted) == ((0, 0, 1), 90)
    three = mix(measured)
    assert three is not None
    assert three.predicted == 89


def test_what_was_made_for_functions_is_mixed_too() -> None:
    made = Recipe(HEAD, ("gvn", "dce"), (0, 1, 0), "globaldce")
    again = Recipe(HEAD, ("adce", "gvn"), (0, 1, 0), "globaldce")
    measured = [(staged("sroa"), ok(100, 30, 30, 40)), (made, ok(95, 28, 31, 36)), (again, ok(99, 29, 27, 43))]
    found = mix(measured)
    assert found is not None
    # gvn was tried on all three, in two recipes: 28, 27 and 36 bytes.
    assert (found.recipe.functions, found.recipe.use) == (("gvn",), (0, 0, 0))
    assert (found.predicted, found.best_single) == (91, 95)
    # To leave pipelines out, there has to be one that all functions can take.
    assert mix(measured[1:], 2) is None
    without = mix(measured[1:])
    assert without is not None
    assert without.predicted == 91


def test_a_pipeline_may_have_to_be_worth_something() -> None:
    measured = [
        (staged("sroa"), ok(100, 30, 30, 40)),
        (staged("gvn"), ok(101, 29, 32, 40)),
        (staged("dce"), ok(103, 33, 30, 30)),
    ]
    found = mix(measured, 3, lambda recipe: 2 if recipe.functions == ("gvn",) else 1)
    assert found is not None
    assert found.recipe.functions == ("sroa", "dce")


def run(
    recipes: list[Recipe], budget: int, sizes: dict[Recipe, Result], closings: Sequence[str] = ()
) -> list[list[Recipe]]:
    rounds = in_order(recipes, 19, budget, closings)
    proposed = [list(next(rounds))]
    with suppress(StopIteration):
        while True:
            proposed.append(list(rounds.send([(recipe, sizes[recipe]) for recipe in proposed[-1]])))
    return proposed


SIZES = {staged("sroa"): ok(100, 30, 70), staged("gvn"): ok(100, 40, 60), staged("dce"): ok(100, 50, 50)}


def test_the_mix_takes_the_last_compilation() -> None:
    mixed = Recipe(HEAD, ("sroa", "gvn"), (0, 1), "globaldce")
    assert run(list(SIZES), 3, SIZES | {mixed: ok(90, 30, 60)}) == [[staged("sroa"), staged("gvn")], [mixed]]


def test_without_a_promising_mix_one_more_is_tried() -> None:
    equal = {recipe: ok(100, 50, 50) for recipe in SIZES}
    assert run(list(SIZES), 3, equal) == [[staged("sroa"), staged("gvn")], [staged("dce")]]


def test_a_seventh_of_the_budget_tries_the_mix_with_other_closings() -> None:
    names = ("adce", "bdce", "sccp")
    more = {staged(name): ok(100, 50, 50) for name in names}
    mixed = Recipe(HEAD, ("sroa", "dce"), (0, 1), "globaldce")
    closed = [mixed._replace(closing=each) for each in ("constmerge", "mergefunc")]
    sizes = SIZES | more | {recipe: ok(90, 30, 60) for recipe in (mixed, *closed)}
    closings = ["constmerge", "globaldce", "mergefunc"]
    # Five of the six leave room for the mix and one stage; the mix's own closing stage is no other one.
    assert run(list(SIZES | more), 7, sizes, closings) == [list(SIZES | more)[:5], [mixed, closed[0]]]
    assert run(list(SIZES | more), 6, sizes, closings) == [list(SIZES | more)[:5], [mixed]]


@pytest.mark.parametrize("budget", [1, 2])
def test_a_small_budget_has_no_room_for_a_mix(budget: int) -> None:
    assert run(list(SIZES), budget, SIZES) == [list(SIZES)[:budget]]


def test_what_cannot_run_takes_no_place() -> None:
    recipes = [staged("no-such-pass"), staged("sroa"), staged("sroa"), staged("gvn")]
    assert run(recipes, 2, SIZES) == [[staged("sroa"), staged("gvn")]]


def test_greedy_takes_what_adds_most_to_those_before() -> None:
    both, left, right = staged("sroa"), staged("gvn"), staged("dce")
    rows = [
        Row(100, {both: ok(90, 40, 40), left: ok(95, 20, 65), right: ok(95, 65, 20)}),
        Row(100, {both: ok(90, 45, 45), left: ok(120, 60, 60), right: ok(130, 65, 65)}),
    ]
    found = choose(rows, [left, right, both], 3)
    assert found.recipes[0] == both
    # With each of the others the first module mixes to 20 + 40 and 10 bytes of no function: equal, so the first wins.
    assert found.recipes[1:] == (left, right)
    assert found.savings[0] == pytest.approx(0.1)
    assert found.savings[1] == pytest.approx(1 - (0.7 * 0.9) ** 0.5)
    assert found.savings[2] == pytest.approx(1 - (0.5 * 0.9) ** 0.5)
    # What was chosen before stays first, and the rest complements it.
    assert choose(rows, [left, right, both], 3, first=[right]).recipes == (right, left, both)


def test_greedy_takes_few_recipes_that_are_not_known_yet() -> None:
    sizes = {staged("sroa"): 90, staged("gvn"): 92, staged("dce"): 94, staged("adce"): 96}
    row = Row(100, {recipe: ok(size, size) for recipe, size in sizes.items()})
    known = {staged("dce"), staged("adce")}
    assert choose([row], list(sizes), 2).recipes == (staged("sroa"), staged("gvn"))
    assert choose([row], list(sizes), 3, known=known, new=1).recipes == (staged("sroa"), staged("dce"), staged("adce"))
    assert choose([row], list(sizes), 2, known=known, new=0).recipes == (staged("dce"), staged("adce"))
    assert savings_of([row], [staged("dce"), staged("sroa")]) == pytest.approx([0.06, 0.1])


def test_a_module_that_takes_no_staged_recipe_gets_the_others() -> None:
    whole = [Recipe("globaldce"), Recipe("globalopt"), Recipe("deadargelim")]
    recipes = [*SIZES, *whole]
    changed = {recipe: Result(0, Status.INTERFACE, 0) for recipe in SIZES} | {recipe: ok(90) for recipe in whole}
    assert run(recipes, 4, changed) == [[staged("sroa"), staged("gvn")], whole[:1], whole[1:2]]
    first_only = changed | {staged("sroa"): ok(100, 50, 50)}
    assert run(recipes, 4, first_only) == [[staged("sroa"), staged("gvn")], [staged("dce")], whole[:1]]
