"""What was aimed at, beside what was measured; what is not met stands there, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.system.errors import DataError


@dataclass(frozen=True)
class Place:
    """A number in the result files: a file's name, its table, and the titles of column and row."""

    file: str
    table: str
    column: str
    row: str

    def number(self, results: Mapping[str, ResultFile]) -> float:
        """Return the number, of two in a cell the first; raises DataError."""
        try:
            cell: Cell = results[self.file].tables[self.table].column(self.column)[self.row]
        except KeyError as error:
            raise DataError(f"docs/results has no {self}") from error
        number = cell[0] if isinstance(cell, (list, tuple)) else cell
        if isinstance(number, (bool, str)) or not isinstance(number, (int, float)):
            raise DataError(f"{self} is no number, but {number!r}")
        return number


@dataclass(frozen=True)
class Aim:
    """An aim: that a number is at least so large, or at least so many times another one."""

    what: str
    least: float
    of: Place
    beside: Place | None = None
    unit: str = "%"

    def cells(self, results: Mapping[str, ResultFile]) -> list[Cell]:
        """Return the row of the table; raises DataError."""
        got = self.of.number(results) / (self.beside.number(results) if self.beside else 1)
        column = Column("", self.unit, 2)
        return [self.what, column.show(self.least), column.show(got), "met" if got >= self.least else "NOT MET"]


_SHIPPED = ("recipes", "per function")
_MODEL, _CORESET = ("savings", "model, then coreset"), ("savings", "coreset")

AIMS = (
    Aim("shipped recipes at 16 compilations save", 0.04, Place("tuned", *_SHIPPED, "16")),
    Aim("shipped recipes at 32 save", 0.05, Place("tuned", *_SHIPPED, "32")),
    Aim("a search of 1,000 candidates saves", 0.071, Place("tuned-search", "search", "search, text + data", "1,000")),
    Aim("the model, then the coreset, at 16 saves", 0.0526, Place("evaluate", *_MODEL, "16")),
    Aim(
        "the same at 1, as often as the coreset at 1",
        2,
        Place("evaluate", *_MODEL, "1"),
        Place("evaluate", *_CORESET, "1"),
        "×",
    ),
    Aim(
        "the same at 8, as often as the coreset at 32",
        1,
        Place("evaluate", *_MODEL, "8"),
        Place("evaluate", *_CORESET, "32"),
        "×",
    ),
    Aim(
        "the same at 32, of what 1,000 candidates save",
        0.77,
        Place("evaluate-autotuner", *_MODEL, "32"),
        Place("evaluate-autotuner", "autotuner", "autotuner", "1,000"),
    ),
    *(
        Aim(f"candidates of {size}, as fast as `opt`", 3, Place("bench-tuning", "candidates", "ratio", size), unit="×")
        for size in ("3 to 10 kB", "10 to 25 kB", "25 to 60 kB")
    ),
)


def table(results: Mapping[str, ResultFile]) -> Table:
    """Return the aims with what was measured; raises DataError."""
    columns = [Column("what"), Column("aim"), Column("measured"), Column("met")]
    return Table(columns, [aim.cells(results) for aim in AIMS])
