"""Programs without end, each tried with some plans on each machine, until there are enough runs or the time is up."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from clang_llm.lab.differential import bundled, csmith, own
from clang_llm.lab.differential.judge import Judge
from clang_llm.lab.differential.ledger import Ledger, Row, add_judgement
from clang_llm.lab.differential.machines import Machine
from clang_llm.lab.differential.plans import WHOLE, Plans
from clang_llm.lab.differential.program import Program
from clang_llm.system.errors import DataError
from clang_llm.toolchain.compiler import Compiler

#: Makes the program of a seed and a number for a machine; None when there is none.
Maker = Callable[[int, int, Machine], Program | None]


def _bundled(_seed: int, number: int, _machine: Machine) -> Program | None:
    programs = bundled.programs()
    return programs[number % len(programs)]


MAKERS: Mapping[str, Maker] = {
    "bundled": _bundled,
    "csmith": lambda seed, number, machine: csmith.make(seed, number, floats="ieee" in machine.has),
    "own": own.make,
}


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        work: Directory of results and of the plugin.
        seed: Decides programs and plans.
        sources: Names of `MAKERS`, taken in turn.
        plans: Plans for each program.
        runs: Stop when one machine and clang has so many, counted with what was run before; None: never.
        programs: Stop after so many programs of one machine and clang; None: never.
        minutes: Stop then; None: never.
        jobs: Programs at once.
    """

    work: Path
    seed: int = 1
    sources: tuple[str, ...] = ("own", "csmith", "own", "bundled")
    plans: int = 24
    runs: int | None = None
    programs: int | None = None
    minutes: float | None = None
    jobs: int = 1


class Line:
    """One machine and one clang."""

    def __init__(
        self,
        compiler: Compiler,
        machine: Machine,
        options: Options,
        ledger: Ledger,
        environ: Mapping[str, str],
        sanitizing: Compiler | None,
    ) -> None:
        self.compiler, self.machine, self.options, self.ledger = compiler, machine, options, ledger
        self.judge = Judge(compiler, machine, options.work / "cache", environ, sanitizing)
        self.plans = Plans(compiler.major, machine.target.triple)
        self.basis = f"{self.plans.identity}-{self.judge.engine.stub.parent.name[-12:]}"

    @property
    def rows(self) -> list[Row]:
        """What was run on this basis."""
        wanted = (self.machine.name, self.compiler.version, self.basis)
        return [row for row in self.ledger.rows if (row.machine, row.llvm, row.basis) == wanted]

    @property
    def runs(self) -> int:
        """Runs so far, those of earlier calls too."""
        return sum(row.runs for row in self.rows)

    def tasks(self) -> Iterator[tuple[str, int]]:
        """Yield sources and numbers for ever; a source that is named twice has twice as many."""
        numbers: Counter[str] = Counter()
        while True:
            for source in self.options.sources:
                yield source, numbers[source]
                numbers[source] += 1

    def run(self, source: str, number: int) -> Row | None:
        """Try one program, unless that was done before; None when it was, or when there is no such program."""
        name = f"{source}-{self.options.seed}-{number}"
        if self.ledger.knows(self.machine.name, self.compiler.version, self.basis, name):
            return None
        program = MAKERS[source](self.options.seed, number, self.machine)
        if program is None:
            return None
        started = time.monotonic()
        rng = random.Random(f"plans {self.options.seed} {source} {number}")
        # Whole recipes come one after the other; programs begin where others end, whatever their sources.
        plans = self.plans.draw(rng, self.options.plans, number * (self.options.plans // WHOLE) + 7 * len(source))
        judgement = self.judge.judge(program, plans)
        language = "C++" if program.is_cxx else "C"
        row = Row(
            self.machine.name, self.compiler.version, self.basis, name, source, language, program.digest, len(plans)
        )
        return add_judgement(self.ledger, program, row, judgement, time.monotonic() - started)


class Factory:
    """Runs lines one program of each at a time, so that all of them get on alike."""

    def __init__(self, lines: Sequence[Line], options: Options, told: Callable[[Row], None]) -> None:
        if not lines:
            raise DataError("there is no machine to run anything on; install a clang, or name machines that are here")
        self._lines, self._options, self._told = lines, options, told
        self._until = time.monotonic() + 60 * options.minutes if options.minutes is not None else None

    def _enough(self, line: Line, tried: int) -> bool:
        options = self._options
        return (
            (options.programs is not None and tried >= options.programs)
            or (options.runs is not None and line.runs >= options.runs)
            or (self._until is not None and time.monotonic() >= self._until)
        )

    def _tasks(self) -> Iterator[tuple[Line, str, int]]:
        """Yield tasks, one of each line in turn, as long as there is not enough."""
        streams = {line: line.tasks() for line in self._lines}
        tried = 0
        while streams:
            for line in [line for line in streams if self._enough(line, tried)]:
                del streams[line]
            for line, stream in streams.items():
                yield (line, *next(stream))
            tried += 1

    def run(self) -> None:
        """Run until there is enough of everything."""
        tasks = self._tasks()
        waiting: set[Future[Row | None]] = set()
        with ThreadPoolExecutor(self._options.jobs) as pool:
            try:
                for line, source, number in tasks:
                    waiting.add(pool.submit(line.run, source, number))
                    if len(waiting) > self._options.jobs:
                        waiting = self._collect(waiting)
                while waiting:
                    waiting = self._collect(waiting)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _collect(self, waiting: set[Future[Row | None]]) -> set[Future[Row | None]]:
        done, left = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            row = future.result()
            if row is not None:
                self._told(row)
        return left
