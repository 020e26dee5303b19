"""One search: take a backend's lists to the plugin, round by round, and choose the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from clang_llm import __version__
from clang_llm.backends import Backend, Request
from clang_llm.errors import Abandoned, PassListError, ProtocolError
from clang_llm.passlist import PassList
from clang_llm.plan import Plan
from clang_llm.protocol import Connection, Result
from clang_llm.types import Status
from clang_llm.vocabulary import load

#: Characters of pipelines in one `evaluate` message; a quarter of a line, since JSON may escape.
ROUND_CHARACTERS = 256 * 1024


class Search:
    """Measures a backend's proposals for one module.

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
        self.lists: list[str] = []
        self.places: list[int] = []
        self.results: list[Result] = []

    def run(self) -> tuple[Plan, int]:
        """Measure, and return the best plan with its id in this session (-1 for plain -Oz).

        Raises:
            Abandoned: There is no answer that may be kept.
            ProtocolError: The plugin broke the protocol.
            BackendError: The backend cannot propose.
        """
        for lists in self._rounds():
            self.connection.evaluate(lists)
            # Hear the whole round out before giving up: to the plugin, an earlier end is a helper that died.
            baseline = self._next(-1) if self.size_oz is None else None
            results = [self._next(len(self.results) + number) for number in range(len(lists))]
            if baseline is not None:
                self.size_oz = self._baseline(baseline)
            for result in results:
                self._take(result)
        if self.size_oz is None:
            raise Abandoned("no_lists")
        best = min(
            (result for result in self.results if result.status is Status.OK and result.size < self.size_oz),
            key=lambda result: (result.size, result.id),
            default=Result(-1, Status.OK, self.size_oz),
        )
        return self._plan(best, self.size_oz), best.id

    def summary(self) -> str:
        """Return the measured sizes in one line, for the log: -Oz, then every list in order, or why it has none."""
        found = (str(each.size) if each.status is Status.OK else each.status.value for each in self.results)
        return f"sizes {self.size_oz} {' '.join(found)}".rstrip()

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

    def _rounds(self) -> Iterator[Sequence[str]]:
        """Yield the backend's rounds, cut so that each fits into a line."""
        for proposed in self._usable():
            batch: list[str] = []
            for text in proposed:
                if batch and sum(map(len, batch)) + len(text) > ROUND_CHARACTERS:
                    yield batch
                    batch = []
                batch.append(text)
            if batch:
                yield batch

    def _usable(self) -> Iterator[Sequence[str]]:
        """Yield what this LLVM can run, normalised, each list once, up to the budget."""
        place = 0
        for proposed in self.backend.propose(self.request):
            fresh: list[str] = []
            for each in proposed:
                text = _normalised(each, self.request.major)
                if text is not None and text not in self.lists and len(self.lists) < self.request.budget:
                    self.lists.append(text)
                    self.places.append(place)
                    fresh.append(text)
                place += 1
            yield fresh
            if len(self.lists) >= self.request.budget:
                return

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
            module=self.lists[best.id] if best.id >= 0 else None,
            size_oz=size_oz,
            size=best.size,
            budget=self.request.budget,
            provenance=provenance,
        )


def _normalised(passes: PassList, major: int) -> str | None:
    """Return the text of a list as this LLVM runs it, or None when nothing is left or it is not allowed."""
    fitting = passes.for_llvm(major)
    try:
        fitting.check(load(major))
    except PassListError:
        return None
    return fitting.text
