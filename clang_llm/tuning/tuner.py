"""The search on one module: heads and function pipelines, where each compilation tells about every function."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from clang_llm.plans.mixture import mix
from clang_llm.plans.recipe import MAX_PIPELINES, Recipe, all_usable
from clang_llm.plans.types import REFUSED, Result, Status
from clang_llm.system.errors import DataError
from clang_llm.tuning.seeds import CLOSINGS
from clang_llm.tuning.space import Sequence_, Space, elements_of, pipeline_of

#: Recipes of one round: they share a head, and what they teach is used from the next round on.
ROUND = 8
#: Share of the rounds that go to the head that promises most; the others take turns.
_ON_BEST_HEAD = 0.7
#: Of the function pipelines: random ones, and crossings of two good ones; the rest are mutations of one.
_RANDOM, _CROSSED = 0.15, 0.35
#: Share of the recipes in which all functions take one pipeline; in the others each takes one made for it, so that one
#: compilation of a module with twenty functions is twenty steps of a search.
_UNIFORM = 0.25
#: Of the pipelines made for one function: those that come from another function as they are.
_BORROWED = 0.15
#: Functions of fewer bytes have nothing to gain.
_SMALL = 12
#: Share of the rounds that try a mutated head, once all given ones have been tried.
_NEW_HEAD = 0.15
#: Function pipelines on which a mutated head is compared with its parent.
_HEAD_TRIAL = ROUND
#: Function pipelines of one mix: the first dozen bring nearly everything, and each has to be validated.
MOST_PIPELINES = 12

Measure = Callable[[Sequence[Recipe]], list[Result]]


@dataclass
class Archive:
    """What is known under one head.

    Attributes:
        first: The recipe that was measured first.
        best: For each function its smallest size so far.
        by: For each function, the pipeline that gave it.
    """

    head: tuple[str, str]
    first: Recipe | None = None
    best: list[int] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    smallest: int = 0
    at_smallest: int = 0

    def add(self, recipe: Recipe, result: Result) -> None:
        """Take a measurement."""
        if not result.teaches or (self.best and len(result.functions) != len(self.best)):
            return
        if not self.best:
            self.first = recipe
            self.best = list(result.functions)
            self.by = [recipe.pipeline(place) for place in range(len(self.best))]
            self.smallest, self.at_smallest = result.size, sum(result.functions)
            return
        if result.size < self.smallest:
            self.smallest, self.at_smallest = result.size, sum(result.functions)
        for place, size in enumerate(result.functions):
            if size < self.best[place]:
                self.best[place], self.by[place] = size, recipe.pipeline(place)

    @property
    def predicted(self) -> int:
        """Bytes that the best mix should have."""
        return self.smallest - self.at_smallest + sum(self.best)

    def parent(self, rng: random.Random) -> Sequence_:
        """Draw a good function pipeline: the best one of a function, the larger functions more often."""
        if not self.best:
            return ()
        place = rng.choices(range(len(self.best)), weights=[size % REFUSED + 1 for size in self.best])[0]
        return elements_of(self.by[place])


@dataclass(frozen=True)
class Tuned:
    """The outcome of a search.

    Attributes:
        recipe: The smallest recipe that was measured, or None when -Oz is best.
        size: Its bytes.
        size_oz: Bytes under -Oz.
        candidates: Compilations that were spent.
        curve: (candidates, bytes) whenever a mix was measured; never growing.
        tried: Everything that was measured.
    """

    recipe: Recipe | None
    size: int
    size_oz: int
    candidates: int
    curve: tuple[tuple[int, int], ...]
    tried: tuple[tuple[Recipe, Result], ...]


class Tuner:
    """A search; the same space, seed, starting recipes and measurements lead to the same proposals.

    Args:
        space: Where to search.
        seed: For the random numbers.
        start: Recipes to try first; their heads are those of the search. One staged recipe is needed at least.
        size_oz: Bytes under -Oz.
        budget: Candidates to compile.
        checkpoints: Numbers of candidates at which the best mix is measured, beside the end.
    """

    def __init__(
        self,
        space: Space,
        seed: str,
        start: Sequence[Recipe],
        size_oz: int,
        budget: int,
        checkpoints: Sequence[int] = (),
    ) -> None:
        self._space = space
        self._rng = random.Random(seed)
        self._start = list(start)
        self._given = [recipe for recipe in start if recipe.staged]
        self._size_oz = size_oz
        self._budget = budget
        self._checkpoints = sorted({*(each for each in checkpoints if each < budget), budget})
        self._archives: dict[tuple[str, str], Archive] = {}
        self._tried: list[tuple[Recipe, Result]] = []
        self._known: set[Recipe] = set()
        self._best: tuple[int, Recipe | None] = (size_oz, None)
        self._curve: list[tuple[int, int]] = []
        if not self._given:
            raise DataError("a search needs a staged recipe to begin with; see clang-llm's coreset files")

    def run(self, measure: Measure, progress: Callable[[int, int], None] | None = None) -> Tuned:
        """Search until the budget is spent.

        Args:
            measure: Compiles recipes.
            progress: Called with the candidates and the bytes of the best recipe after each round.
        """
        rounds = self.rounds()
        recipes = next(rounds, None)
        while recipes is not None:
            try:
                recipes = rounds.send(measure(recipes))
            except StopIteration:
                recipes = None
            if progress is not None:
                progress(len(self._tried), self._best[0])
        return self.outcome()

    def rounds(self) -> Generator[list[Recipe], Sequence[Result], None]:
        """Yield recipes to compile; each round's results are to be sent back."""
        for checkpoint in self._checkpoints:
            # The last compilations of each stretch are for the mix.
            while len(self._tried) < checkpoint - len(CLOSINGS):
                recipes = self._round()[: checkpoint - len(CLOSINGS) - len(self._tried)]
                self._take(recipes, (yield recipes))
            mixture = mix(self._tried, MOST_PIPELINES)
            if mixture is not None:
                recipes = self._closings(mixture.recipe)
                self._take(recipes, (yield recipes))
            self._curve.append((checkpoint, self._best[0]))

    def _closings(self, mixed: Recipe) -> list[Recipe]:
        """Return a mix with its own closing stage and with others, those that were tried already excepted."""
        major = self._space.major
        closed = (mixed._replace(closing=each) for each in (mixed.closing, *CLOSINGS))
        fresh = [recipe for recipe in all_usable(closed, major) if recipe not in self._known]
        self._known.update(fresh[: len(CLOSINGS)])
        return fresh[: len(CLOSINGS)]

    def outcome(self) -> Tuned:
        """Return what was found so far."""
        size, recipe = self._best
        return Tuned(recipe, size, self._size_oz, len(self._tried), tuple(self._curve), tuple(self._tried))

    def _take(self, recipes: Sequence[Recipe], results: Sequence[Result]) -> None:
        for recipe, result in zip(recipes, results, strict=True):
            self._tried.append((recipe, result))
            self._known.add(recipe)
            if result.status is Status.OK and result.size < self._best[0]:
                self._best = (result.size, recipe)
            if recipe.staged:
                self._archives.setdefault(recipe.head, Archive(recipe.head)).add(recipe, result)

    def _round(self) -> list[Recipe]:
        if self._start:
            return self._first()
        archives = [each for each in self._archives.values() if each.best]
        if not archives:
            return [self._fresh(self._given[0]) for _ in range(ROUND)]
        archives.sort(key=lambda each: each.predicted)
        if self._rng.random() < _NEW_HEAD:
            return self._with_new_head(archives[0])
        chosen = archives[0]
        if self._rng.random() >= _ON_BEST_HEAD:
            chosen = archives[self._rng.randrange(len(archives))]
        return list(self._proposals(chosen))

    def _first(self) -> list[Recipe]:
        """Return recipes to begin with, neighbours of one head together."""
        head = self._start[0].head
        round_ = [recipe for recipe in self._start if recipe.head == head][:ROUND]
        self._start = [recipe for recipe in self._start if recipe not in round_]
        self._known.update(round_)
        return round_

    def _proposals(self, archive: Archive) -> Iterator[Recipe]:
        like = archive.first
        assert like is not None  # archives of rounds have results
        for _ in range(ROUND):
            several = len(archive.best) >= 2 and self._rng.random() >= _UNIFORM
            recipe = self._for_each_function(like, archive) if several else None
            if recipe is None or recipe in self._known:
                recipe = self._fresh(like, archive)
            self._known.add(recipe)
            yield recipe

    def _for_each_function(self, like: Recipe, archive: Archive) -> Recipe:
        """Return a recipe that tries on each function what was made for it."""
        pipelines = [
            self._made_for(place, archive) if size >= _SMALL else archive.by[place]
            for place, size in enumerate(archive.best)
        ]
        distinct = tuple(dict.fromkeys(pipelines))[:MAX_PIPELINES]
        places = {pipeline: number for number, pipeline in enumerate(distinct)}
        return like._replace(functions=distinct, use=tuple(places.get(each, 0) for each in pipelines))

    def _made_for(self, place: int, archive: Archive) -> str:
        own, draw = elements_of(archive.by[place]), self._rng.random()
        if draw < _RANDOM:
            return pipeline_of(self._space.random_function(self._rng))
        if draw < _RANDOM + _BORROWED:
            return pipeline_of(archive.parent(self._rng))
        if draw < _RANDOM + _CROSSED:
            return pipeline_of(self._space.function.crossed(self._rng, own, archive.parent(self._rng)))
        return pipeline_of(self._space.function.mutated(self._rng, own))

    def _fresh(self, like: Recipe, archive: Archive | None = None) -> Recipe:
        """Return a recipe that was not tried, with the head of another."""
        while True:
            recipe = like.uniform(pipeline_of(self._sequence(archive)))
            if recipe not in self._known:
                self._known.add(recipe)
                return recipe

    def _sequence(self, archive: Archive | None) -> Sequence_:
        draw = self._rng.random()
        if archive is None or draw < _RANDOM:
            return self._space.random_function(self._rng)
        if draw < _RANDOM + _CROSSED:
            return self._space.function.crossed(self._rng, archive.parent(self._rng), archive.parent(self._rng))
        return self._space.function.mutated(self._rng, archive.parent(self._rng))

    def _with_new_head(self, archive: Archive) -> list[Recipe]:
        """Return the best function pipelines of an archive under a mutation of its head."""
        module, closing = archive.head
        mutated = pipeline_of(self._space.module.mutated(self._rng, elements_of(module)))
        functions = [pipeline for pipeline, _ in Counter(archive.by).most_common(_HEAD_TRIAL)]
        recipes = [Recipe(mutated or module, (function,), (), closing) for function in functions]
        return [recipe for recipe in recipes if recipe not in self._known] or list(self._proposals(archive))
