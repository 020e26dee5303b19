"""What was run: JSON lines that are only ever appended to, and a directory for each difference."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clang_llm.lab.differential.judge import Difference, Judgement
from clang_llm.lab.differential.program import Program


@dataclass(frozen=True)
class Row:
    """One program on one machine with one clang.

    Attributes:
        machine: Name of the machine.
        llvm: Version of LLVM.
        basis: What the plans were made of and the plugin that forced them; rows of another basis prove nothing now.
        program: Name of the program.
        source: Who made it.
        language: ``C`` or ``C++``.
        digest: Hash of the program.
        plans: How many were tried.
        excluded: Why it was no judge, or empty.
        statuses: Plans by status.
        kinds: Accepted plans by kind.
        executed: Programs that were run.
        differences: Names of directories under ``findings``.
        seconds: Wall-clock time.
    """

    machine: str
    llvm: str
    basis: str
    program: str
    source: str
    language: str
    digest: str
    plans: int
    excluded: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    executed: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is not run twice."""
        return self.machine, self.llvm, self.basis, self.program

    @property
    def runs(self) -> int:
        """Plans whose object was accepted and judged."""
        return 0 if self.excluded else self.statuses.get("ok", 0)


class Ledger:
    """Rows in ``<directory>/runs.jsonl``, findings in ``<directory>/findings``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.findings = directory / "findings"
        self._path = directory / "runs.jsonl"
        self._lock = threading.Lock()
        self.rows = list(self._read())
        self._done = {row.key for row in self.rows}

    def _read(self) -> Iterator[Row]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield Row(**json.loads(line))
            except (ValueError, TypeError):
                # The last line of a run that was killed, or of another format: that program is run again.
                continue

    def knows(self, machine: str, llvm: str, basis: str, program: str) -> bool:
        """Whether a program was run."""
        return (machine, llvm, basis, program) in self._done

    def add(self, row: Row) -> None:
        """Append a row: one write, so that an interruption loses at most this one."""
        with self._lock:
            self.directory.mkdir(parents=True, exist_ok=True)
            # A run that was killed may have left half a line.
            torn = self._path.exists() and self._path.read_bytes()[-1:] not in (b"\n", b"")
            with self._path.open("a", encoding="utf-8") as file:
                file.write(("\n" if torn else "") + json.dumps(asdict(row)) + "\n")
            self.rows.append(row)
            self._done.add(row.key)

    def keep(self, program: Program, difference: Difference, row: Row, number: int) -> str:
        """Leave everything that is needed to see a difference again; returns the directory's name."""
        name = f"{row.machine}-llvm{row.llvm.partition('.')[0]}-{program.name}-{number}-{row.basis[-4:]}"
        place = self.findings / name
        place.mkdir(parents=True, exist_ok=True)
        (place / f"program{program.suffix}").write_text(program.text, encoding="utf-8")
        for other, text in program.files:
            (place / other).write_text(text, encoding="utf-8")
        (place / "plan.json").write_text(json.dumps(difference.plan.recipe.message(), indent=1) + "\n")
        told: dict[str, Any] = {
            "machine": row.machine,
            "llvm": row.llvm,
            "name": program.name,
            "source": program.source,
            "suffix": program.suffix,
            "options": list(program.options),
            "reference": program.reference,
            "sanitised": program.sanitised,
            "files": [other for other, _ in program.files],
            "kind": difference.plan.kind,
            "how": difference.how,
            "expected": difference.expected,
            "got": difference.got,
        }
        (place / "finding.json").write_text(json.dumps(told, indent=1) + "\n")
        (place / "README").write_text(
            f"{program.name} on {row.machine}, LLVM {row.llvm}, options {' '.join(program.options)}: {difference.how}\n"
            f"expected: {difference.expected}\ngot: {difference.got}\n"
            f"plan ({difference.plan.kind}): {difference.plan.recipe.text}\n"
        )
        return name


def add_judgement(ledger: Ledger, program: Program, row: Row, judgement: Judgement, seconds: float) -> Row:
    """Put a judgement into the ledger and return its row."""
    names = [ledger.keep(program, each, row, number) for number, each in enumerate(judgement.differences)]
    whole = Row(
        **{
            **asdict(row),
            "excluded": judgement.excluded,
            "statuses": dict(judgement.statuses),
            "kinds": dict(judgement.kinds),
            "executed": judgement.executed,
            "differences": names,
            "seconds": round(seconds, 3),
        }
    )
    ledger.add(whole)
    return whole
