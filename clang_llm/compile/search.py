"""One search: take a backend's recipes to the plugin, round by round, and choose the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from clang_llm import __version__
from clang_llm.backends import Attributing, Backend
from clang_llm.plans.coreset import MIX
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request, Result, Status
from clang_llm.plans.vetted import usable_or_shipped
from clang_llm.system import limits
from clang_llm.system.errors import Abandoned, ProtocolError
from clang_llm.system.objects import Parts

#: Characters of pipelines in one `evaluate` message; a quarter of a line, since JSON may escape.
ROUND_CHARACTERS = 256 * 1024


class Measurer(Protocol):
    """Compiles recipes for one module: the plugin, over a `protocol.Connection`."""

    def evaluate(self, recipes: Sequence[Recipe]) -> None:
        """Ask for measurements; the results come one by one through `result`, that of plain -Oz first."""

    def result(self) -> Result:
        """Return the next measurement."""


class Search:
    """Measures a backend's proposals for one module.

    Args:
        connection: The plugin.
        request: The module.
        backend: Who proposes.
        name: The backend's name, for the plan's provenance.
    """

    def __init__(self, connection: Measurer, request: Request, backend: Backend, name: str) -> None:
        self.connection = connection
        self.request = request
        self.backend = backend
        self.name = name
        self.size_oz: int | None = None
        self.parts_oz: Parts | None = None
        self.recipes: list[Recipe] = []
        self.places: list[int] = []
        self.results: list[Result] = []
        self.known: set[Recipe] = set()
        self.proposed = 0

    def run(self) -> tuple[Plan, int]:
        """Measure, and return the best plan with its id in this session (-1 for plain -Oz).

        Raises:
            Abandoned: There is no answer that may be kept.
            ProtocolError: The plugin broke the protocol.
            BackendError: The backend cannot propose.
        """
        proposals = self.backend.propose(self.request)
        proposed = next(proposals, None)
        while proposed is not None and len(self.recipes) < self.request.budget:
            first = len(self.recipes)
            for batch in self._batches(self._fresh(proposed)):
                self._measure(batch)
            measured = list(zip(self.recipes[first:], self.results[first:], strict=True))
            try:
                proposed = proposals.send(measured)
            except StopIteration:
                break
        proposals.close()
        if self.size_oz is None:
            raise Abandoned("no_lists")
        best = self._best(self.size_oz)
        return self._plan(best, self.size_oz), best.id

    def _best(self, size_oz: int) -> Result:
        """Return the smallest measurement that the backend stands for, -Oz if there is none."""
        smaller = (result for result in self.results if result.status is Status.OK and result.size < size_oz)
        for result in sorted(smaller, key=lambda result: (result.size, result.id)):
            if self.backend.accepts(self.recipes[result.id]):
                return result
        return Result(-1, Status.OK, size_oz, parts=self.parts_oz)

    def summary(self) -> str:
        """Return the measured sizes in one line, for the log: -Oz, then every recipe in order, or why it has none."""
        found = (str(each.size) if each.status is Status.OK else each.status.value for each in self.results)
        return f"sizes {self.size_oz} {' '.join(found)}".rstrip()

    def origins(self) -> list[str]:
        """Return who made each recipe that was measured, in order; empty where the backend does not tell."""
        if not isinstance(self.backend, Attributing):
            return []
        return [self.backend.origin(recipe) for recipe in self.recipes[: len(self.results)]]

    def _measure(self, recipes: Sequence[Recipe]) -> None:
        self.connection.evaluate(recipes)
        # Hear the whole round out before giving up: to the plugin, an earlier end is a helper that died.
        baseline = self._next(-1) if self.size_oz is None else None
        results = [self._next(len(self.results) + number) for number in range(len(recipes))]
        if baseline is not None:
            self.size_oz, self.parts_oz = self._baseline(baseline), baseline.parts
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
        # And for what a limit may have cut that whoever started clang has set: it is ours, too, and was its children's.
        cut = (Status.TIMEOUT, Status.FAILED, *((Status.MEMORY, Status.CRASHED) if limits.limited() else ()))
        if result.status in cut:
            raise Abandoned(result.status.value)
        self.results.append(result)

    def _batches(self, recipes: Sequence[Recipe]) -> Iterator[Sequence[Recipe]]:
        """Cut a round so that each part fits into a line."""
        batch: list[Recipe] = []
        for recipe in recipes:
            if batch and sum(len(each.text) for each in batch) + len(recipe.text) > ROUND_CHARACTERS:
                yield batch
                batch = []
            batch.append(recipe)
        if batch:
            yield batch

    def _fresh(self, proposed: Sequence[Recipe]) -> list[Recipe]:
        """Return what this LLVM can run, normalised, each recipe once, up to the budget."""
        fresh: list[Recipe] = []
        for each in proposed:
            recipe = usable_or_shipped(each, self.request.major)
            if recipe is not None and recipe not in self.known and len(self.recipes) < self.request.budget:
                self.known.add(recipe)
                self.recipes.append(recipe)
                self.places.append(self.proposed)
                fresh.append(recipe)
            self.proposed += 1
        return fresh

    def _plan(self, best: Result, size_oz: int) -> Plan:
        refused = [result for result in self.results if result.status is not Status.OK]
        rejected = Counter(f"{each.status.value}:{each.reason}".rstrip(":") for each in refused)
        provenance: dict[str, object] = {"backend": self.name}
        if best.id >= 0:
            origins = self.origins()
            mixed = origins[best.id] == MIX if origins else bool(self.recipes[best.id].use)
            provenance["list"] = "mix" if mixed else self.places[best.id]
            if origins:
                provenance["origin"] = origins[best.id]
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
            parts=(self.parts_oz, best.parts) if self.parts_oz and best.parts else None,
            budget=self.request.budget,
            provenance=provenance,
        )
