"""The search, the shortening and the space they work in, on a cost that is made up here."""

import random
from collections.abc import Sequence

import pytest

from clang_llm.plans.passlist import PassList
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Result, Status
from clang_llm.plans.vocabulary import Level, load
from clang_llm.system.errors import DataError
from clang_llm.tuning.minimise import minimise
from clang_llm.tuning.seeds import seeds
from clang_llm.tuning.space import Space, elements_of, in_all_ways, pipeline_of
from clang_llm.tuning.tuner import Tuner

FUNCTIONS = 3


def measure(recipes: Sequence[Recipe]) -> list[Result]:
    """Each function has a pass of its own that makes it smaller; long pipelines cost."""
    results = []
    for number, recipe in enumerate(recipes):
        names = [recipe.functions[place] for place in (recipe.use or (0,) * FUNCTIONS)] if recipe.staged else []
        wanted = ("gvn", "dse", "reassociate")
        sizes = [
            100 - 20 * (want in elements_of(name)) + len(elements_of(name)) // 4
            for want, name in zip(wanted, names, strict=False)
        ]
        results.append(Result(number, Status.OK, 50 + sum(sizes), tuple(sizes)))
    return results


def tuner(budget: int, seed: str = "a") -> Tuner:
    return Tuner(Space(19), seed, [Recipe("globalopt", ("sroa",), (), "globaldce")], 350, budget, (20, 100))


def test_a_search_finds_what_each_function_needs() -> None:
    found = tuner(400).run(measure)
    assert found.candidates <= 400
    assert found.size <= 50 + 3 * 82
    assert found.recipe is not None
    assert [count for count, _ in found.curve] == [20, 100, 400]
    sizes = [size for _, size in found.curve]
    assert sizes == sorted(sizes, reverse=True)
    assert measure([found.recipe])[0].size == found.size


def test_a_search_is_the_same_every_time_and_differs_by_seed() -> None:
    first, second, other = (tuner(120, seed).run(measure) for seed in ("a", "a", "b"))
    assert first.tried == second.tried
    assert first.tried != other.tried


def test_no_recipe_is_measured_twice() -> None:
    tried = [recipe for recipe, _ in tuner(200).run(measure).tried]
    assert len(tried) == len(set(tried))


def test_most_candidates_try_on_each_function_what_was_made_for_it() -> None:
    tried = [recipe for recipe, _ in tuner(200).run(measure).tried]
    made = [recipe for recipe in tried if len(set(recipe.use)) > 1]
    assert len(made) > len(tried) / 2
    assert all(len(recipe.use) == FUNCTIONS for recipe in made)


def test_everything_that_a_search_proposes_is_allowed() -> None:
    for recipe, _ in tuner(200).run(measure).tried:
        recipe.check(load(19))
        assert Recipe.parse(recipe.uniform(recipe.functions[0]).text) == recipe.uniform(recipe.functions[0])


def test_a_search_survives_when_everything_fails() -> None:
    def fail(recipes: Sequence[Recipe]) -> list[Result]:
        return [Result(number, Status.CRASHED, 0) for number, _ in enumerate(recipes)]

    found = tuner(40).run(fail)
    assert (found.recipe, found.size) == (None, 350)


def test_a_search_needs_a_staged_recipe() -> None:
    with pytest.raises(DataError, match="staged"):
        Tuner(Space(19), "a", [Recipe("globaldce")], 100, 50)


@pytest.mark.parametrize("major", [14, 15, 16, 19, 22])
def test_the_space_holds_only_what_the_vocabulary_allows(major: int) -> None:
    space, rng = Space(major), random.Random(0)
    for _ in range(100):
        function = pipeline_of(space.random_function(rng))
        PassList.parse(f"function({function})").check(load(major))
        assert pipeline_of(elements_of(function)) == function
        head = space.module.mutated(rng, elements_of(seeds(major)[0].module))
        PassList.parse(pipeline_of(head)).check(load(major))


@pytest.mark.parametrize("level", list(Level))
def test_every_level_can_be_drawn_from(level: Level) -> None:
    space, rng = Space(19, level), random.Random(0)
    for elements in (space.module, space.function):
        assert set(elements.sequence(rng, 2000)) <= set(elements.all)


def test_minimise_drops_sorts_and_inserts() -> None:
    def cost(sequences: Sequence[tuple[str, ...]]) -> list[int | None]:
        return [
            None if "sink" in each else 100 - 10 * ("gvn" in each) - 10 * ("dse" in each) - 5 * ("adce" in each)
            for each in sequences
        ]

    found = minimise(("sroa", "gvn", "bdce", "dse", "sroa"), cost)
    assert found is not None
    assert (found.sequence, found.cost) == (("dse", "gvn"), 80)
    with_more = minimise(("sroa", "gvn", "bdce", "dse"), cost, elements=("sink", "adce"))
    assert with_more is not None
    assert (with_more.sequence, with_more.cost) == (("adce", "dse", "gvn"), 75)
    assert minimise(("sink",), cost) is None


def test_minimise_keeps_within_its_budget() -> None:
    spent: list[int] = []

    def cost(sequences: Sequence[tuple[str, ...]]) -> list[int | None]:
        spent.append(len(sequences))
        return [len(each) for each in sequences]

    found = minimise(tuple("abcdefghij"), cost, elements=("x",), budget=5)
    assert found is not None
    assert found.spent == sum(spent) <= 7


def test_recipes_are_tried_with_every_way_of_generating_code() -> None:
    plain, empty = Recipe("globalopt", ("sroa",), (), "globaldce"), Recipe("globalopt", ("",))
    whole, done = Recipe("globaldce"), Recipe("globalopt", ("sroa,codegen<no-minsize>",))
    ways = load(19).variants("codegen")
    found = in_all_ways([plain, empty, whole, done], 19)
    assert found == [
        plain,
        *(Recipe("globalopt", (f"sroa,{way}",), (), "globaldce") for way in ways),
        empty,
        *(Recipe("globalopt", (way,)) for way in ways),
        whole,
        Recipe("globalopt", ("sroa,codegen<no-minsize>",)),
        *(Recipe("globalopt", (f"sroa,{way}",)) for way in ways if way != "codegen<no-minsize>"),
    ]
    for recipe in found:
        recipe.check(load(19))
