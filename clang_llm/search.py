"""One search: take a backend's recipes to the plugin, round by round, mix them per function, and choose the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from clang_llm import __version__
from clang_llm.backends import Backend, Request
from clang_llm.errors import Abandoned, ProtocolError
from clang_llm.mixture import mix
from clang_llm.plan import Plan
from clang_llm.protocol import Connection, Result
from clang_llm.recipe import Recipe, usable
from clang_llm.types import Status

#: Characters of pipelines in one `evaluate` message; a quarter of a line, since JSON may escape.
ROUND_CHARACTERS = 256 * 1024


class Search:
    """Measures a backend's proposals for one module.

    Proposals that share a head are mixed per function; the mix takes the last of the budget's compilations when it
    promises more than the best single recipe, otherwise one more proposal does.

    Args:
        connection: The plugin.
        request: The module.
        backend: Who proposes.
        name: The backend's name, for the plan's provenance.
    """

    def __init__(self, connection: Connection, request: Request, backend: Backend, name: str) -> None:
        self.connection = connection
        self.request = request
        self.backend = backend
        self.name = name
        self.size_oz: int | None = None
        self.recipes: list[Recipe] = []
        self.places: list[int | str] = []
        self.results: list[Result] = []
        self.spare: list[tuple[Recipe, int]] = []

    def run(self) -> tuple[Plan, int]:
        """Measure, and return the best plan with its id in this session (-1 for plain -Oz).

        Raises:
            Abandoned: There is no answer that may be kept.
            ProtocolError: The plugin broke the protocol.
            BackendError: The backend cannot propose.
        """
        for recipes in self._rounds():
            self._measure(recipes)
        self._finish()
        if self.size_oz is None:
            raise Abandoned("no_lists")
        best = min(
            (result for result in self.results if result.status is Status.OK and result.size < self.size_oz),
            key=lambda result: (result.size, result.id),
            default=Result(-1, Status.OK, self.size_oz),
        )
        return self._plan(best, self.size_oz), best.id

    def summary(self) -> str:
        """Return the measured sizes in one line, for the log: -Oz, then every recipe in order, or why it has none."""
        found = (str(each.size) if each.status is Status.OK else each.status.value for each in self.results)
        return f"sizes {self.size_oz} {' '.join(found)}".rstrip()

    def _finish(self) -> None:
        """Spend what was kept for the mix: on it, or on the proposal that it displaced."""
        room = self.request.budget - len(self.recipes)
        mixture = mix(zip(self.recipes, self.results, strict=True)) if room > 0 else None
        if mixture is not None and mixture.promising:
            self.recipes.append(mixture.recipe)
            self.places.append("mix")
            self._measure([mixture.recipe])
        elif self.spare and room > 0:
            recipe, place = self.spare[0]
            self.recipes.append(recipe)
            self.places.append(place)
            self._measure([recipe])

    def _measure(self, recipes: Sequence[Recipe]) -> None:
        self.connection.evaluate(recipes)
        # Hear the whole round out before giving up: to the plugin, an earlier end is a helper that died.
        baseline = self._next(-1) if self.size_oz is None else None
        results = [self._next(len(self.results) + number) for number in range(len(recipes))]
        if baseline is not None:
            self.size_oz = self._baseline(baseline)
        for result in results:
            self._take(result)

    def _next(self, expected: int) -> Result:
        result = self.connection.result()
        if result.id != expected:
            raise ProtocolError(f"result {result.id} came where {expected} was due")
        return result

    def _baseline(self, result: Result) -> int:
        if result.status is not Status.OK:
            raise Abandoned("baseline")
        return result.size

    def _take(self, result: Result) -> None:
        # What a time limit cut must never decide what is emitted: the same input gives the same object everywhere.
        # The same holds for a measurement that the machine could not make (no process, no memory for one).
        if result.status in (Status.TIMEOUT, Status.FAILED):
            raise Abandoned(result.status.value)
        self.results.append(result)

    def _rounds(self) -> Iterator[Sequence[Recipe]]:
        """Yield the backend's rounds, cut so that each fits into a line."""
        for proposed in self._usable():
            batch: list[Recipe] = []
            for recipe in proposed:
                if batch and sum(len(each.text) for each in batch) + len(recipe.text) > ROUND_CHARACTERS:
                    yield batch
                    batch = []
                batch.append(recipe)
            if batch:
                yield batch

    def _usable(self) -> Iterator[Sequence[Recipe]]:
        """Yield what this LLVM can run, normalised, each recipe once, up to the budget less the mix."""
        place = 0
        known: set[Recipe] = set()
        for proposed in self.backend.propose(self.request):
            fresh: list[Recipe] = []
            for each in proposed:
                recipe = usable(each, self.request.major)
                if recipe is not None and recipe not in known:
                    known.add(recipe)
                    if len(self.recipes) < self._limit(recipe):
                        self.recipes.append(recipe)
                        self.places.append(place)
                        fresh.append(recipe)
                    else:
                        self.spare.append((recipe, place))
                place += 1
            yield fresh
            if self.spare:
                return

    def _limit(self, recipe: Recipe) -> int:
        """Return how many proposals may be tried: where two or more can be mixed, one compilation is kept for that."""
        staged = sum(each.staged for each in (*self.recipes, recipe))
        return self.request.budget - (1 if staged >= 2 and self.request.budget > 2 else 0)

    def _plan(self, best: Result, size_oz: int) -> Plan:
        rejected = Counter(result.status.value for result in self.results if result.status is not Status.OK)
        provenance: dict[str, object] = {"backend": self.name}
        if best.id >= 0:
            provenance["list"] = self.places[best.id]
        provenance["tried"] = len(self.results)
        provenance["rejected"] = dict(sorted(rejected.items()))
        provenance["validated"] = self.backend.vetted(self.request)
        provenance["version"] = __version__
        return Plan(
            key=self.request.key,
            llvm=self.request.llvm,
            target=self.request.target,
            recipe=self.recipes[best.id] if best.id >= 0 else None,
            size_oz=size_oz,
            size=best.size,
            budget=self.request.budget,
            provenance=provenance,
        )
