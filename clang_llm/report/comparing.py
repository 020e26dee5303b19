"""Two reports compared, sorted by change as the kernel's bloat-o-meter does it, and held against a size budget."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from clang_llm.report.facts import BINARY, GONE, Bytes, Function, Report
from clang_llm.report.words import change, number, share
from clang_llm.system.errors import DataError

_BUDGET = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(%|)")


class Row(NamedTuple):
    """A file or a symbol in two reports: its bytes in both, None where it is not there."""

    name: str
    old: int | None
    new: int | None

    @property
    def change(self) -> int:
        """By how many bytes it grew."""
        return (self.new or 0) - (self.old or 0)


class Comparison(NamedTuple):
    """What changed from one report to another.

    Attributes:
        what: What the rows are: ``files`` or ``symbols``.
        rows: Those of another size, the largest growth first.
        old: Bytes of all files in the first report.
        new: The same in the second one.
    """

    what: str
    rows: tuple[Row, ...]
    old: int
    new: int

    def headline(self) -> str:
        """Return what bloat-o-meter says first: how many came, went, grew and shrank, and by how many bytes."""
        added, removed = (sum(value is None for value in side) for side in (self._side("old"), self._side("new")))
        both = [row.change for row in self.rows if row.old is not None and row.new is not None]
        grown, shrunk = sum(each > 0 for each in both), sum(each < 0 for each in both)
        changes = [row.change for row in self.rows]
        up, down = sum(each for each in changes if each > 0), -sum(each for each in changes if each < 0)
        counts = f"add/remove: {added}/{removed} grow/shrink: {grown}/{shrunk}"
        return f"{self.what}: {counts} up/down: {number(up)}/-{number(down)} ({change(up - down)})"

    def _side(self, which: str) -> list[int | None]:
        return [row.old if which == "old" else row.new for row in self.rows]

    def total(self) -> str:
        """Return the line about the totals."""
        grown = f"{change(self.new - self.old)} bytes, {share(abs(self.new - self.old), self.old)}"
        return f"Total: before {number(self.old)}, after {number(self.new)}, {grown} {self.word}"

    @property
    def word(self) -> str:
        """Smaller, larger, or neither."""
        return "smaller" if self.new < self.old else "larger" if self.new > self.old else "changed"


def compare(old: Report, new: Report) -> list[Comparison]:
    """Return what changed, by file, and by symbol where both reports have symbols."""
    found = [_comparison("files", _files(old), _files(new), old, new)]
    if old.functions and new.functions:
        found.append(_comparison("symbols", _functions(old), _functions(new), old, new))
    return found


def _comparison(what: str, first: dict[str, int], second: dict[str, int], old: Report, new: Report) -> Comparison:
    rows = (Row(name, first.get(name), second.get(name)) for name in {**first, **second})
    changed = sorted((row for row in rows if row.change), key=lambda row: (-row.change, row.name))
    return Comparison(what, tuple(changed), sum(_files(old).values()), sum(_files(new).values()))


def of_one(found: Report) -> Comparison:
    """Return what changed from the first size to the second one of a single report, by symbol or section."""
    rows = [Row(name, each.before, each.after) for name, each in _named(found) if each.saved]
    what = "symbols"
    if not found.functions:
        what = "sections"
        rows = [Row(each.name, each.before, each.after) for each in found.sections if each.before != each.after]
    ordered = sorted(rows, key=lambda row: (-row.change, row.name))
    return Comparison(what, tuple(ordered), found.before.total, found.after.total)


def _files(found: Report) -> dict[str, int]:
    """Return the bytes of each file that is there; linked files have no name of their own."""
    sizes: dict[str, int] = {}
    for each in found.files:
        size: Bytes | None = each.after
        if size is not None and each.state != GONE:
            name = "linked file" if found.kind == BINARY else each.name
            sizes[name] = sizes.get(name, 0) + size.total
    return sizes


def _functions(found: Report) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, each in _named(found):
        if each.after is not None:
            sizes[name] = sizes.get(name, 0) + each.after
    return sizes


def _named(found: Report) -> Iterator[tuple[str, Function]]:
    """Yield functions with their names, and their files where there are several."""
    several = len({each.file for each in found.functions}) > 1
    for each in found.functions:
        yield f"{each.file}: {each.name}" if several else each.name, each


class Budget(NamedTuple):
    """By how much something may grow: bytes, or percent of what it was."""

    amount: float
    relative: bool

    @classmethod
    def read(cls, text: str) -> Budget:
        """Read ``2%`` or ``512``.

        Raises:
            DataError: It is neither.
        """
        match = _BUDGET.fullmatch(text) if text.isascii() else None
        if match is None or ("." in match[1] and not match[2]):
            raise DataError(f"--fail-over {text[:40]!r}: give percent, such as 2%, or bytes, such as 512")
        return cls(float(match[1]), bool(match[2]))

    def over(self, old: int, new: int) -> bool:
        """Whether a size is beyond what is allowed."""
        return new - old > (self.amount * old / 100 if self.relative else self.amount)

    def text(self) -> str:
        """Return it as it was written."""
        return f"{self.amount:g} %" if self.relative else f"{int(self.amount):,} bytes"
