"""Files of committed plans on disk: read as a whole by commands, and by bisection in a compile.

A file is read as hostile, as everything that may come from elsewhere: a regular file, in bounded pieces, never waited
for. What is wrong with it costs plans, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.plans.plan import Plan
from clang_llm.plans.store.committed import HEADER, MADE, MAX_LINE, NOTHING, PIPE, Row, read_row
from clang_llm.system.errors import DataError, PlanError
from clang_llm.system.files import open_regular, read_regular

if TYPE_CHECKING:
    from clang_llm.plans.store.team import TeamKey

#: Bytes of a file that commands read: some 200,000 modules.
MAX_BYTES = 64 * 1024 * 1024

_FIRST = f"{HEADER}\n".encode("ascii")
_PIECE = 4096


@dataclass
class Content:
    """What a file holds.

    Attributes:
        rows: The modules' lines that could be read, by key.
        problems: What is wrong with the file, each with its line's number.
        leftovers: Names of shared lines that no module uses; they do no harm.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


def read(path: Path) -> Content:
    """Read a whole file.

    Raises:
        DataError: It cannot be read, or is no file of plans; with what to do.
    """
    try:
        data = read_regular(path, MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); `clang-llm-tool plans export` makes one") from error
    if len(data) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES} bytes; keep the plans in several files")
    # An empty file is what git gives a merge driver where the common ancestor has none.
    if data and not data.startswith(_FIRST):
        raise DataError(f"{path} is no file of plans: its first line is not '{HEADER}'")
    return _content(data.decode("ascii", errors="replace"))


def _content(text: str) -> Content:
    found = Content()
    if text and not text.endswith("\n"):
        found.problems.append("the last line has no end")
    lines = text.split("\n")[1:-1]
    shared: dict[str, str] = {}
    for line in lines:
        if line.startswith((MADE, PIPE)):
            name, _, rest = line.partition(" ")
            shared[name] = rest
    used: set[str] = set()
    before = ""
    for number, line in enumerate(lines, 2):
        if line <= before:
            found.problems.append(f"line {number}: {'twice' if line == before else 'not in the order of its bytes'}")
        before = line
        if not line.startswith((MADE, PIPE)):
            try:
                row = read_row(line, shared.get)
            except PlanError as error:
                found.problems.append(f"line {number}: {error}")
                continue
            if row.plan.key in found.rows:
                found.problems.append(f"line {number}: a second line for the same module")
            found.rows[row.plan.key] = min(row, found.rows.get(row.plan.key, row), key=lambda each: each.rank)
            used.update(row.shared())
    found.leftovers = sorted(shared.keys() - used)
    return found


class PlansFile:
    """A store over one file, only read.

    Args:
        path: The file; it need not exist.
        load_key: Returns the team's key, by which signatures are verified; asked when there is a signature.
    """

    def __init__(self, path: Path, load_key: Callable[[], TeamKey | None] = lambda: None) -> None:
        self.path = path
        self.load_key = load_key

    def get(self, key: str) -> Plan | None:
        """Return the sound plan for a key, or None."""
        return self.look_up(key)[0]

    def put(self, plan: Plan) -> bool:
        """Keep nothing: commands write such files, compiles do not."""
        del plan
        return False

    def look_up(self, key: str) -> tuple[Plan | None, bool]:
        """Return the sound plan for a key, or None, and whether the team's key signed it."""
        try:
            descriptor = open_regular(self.path)
        except OSError:
            return None, False
        try:
            lines = _Lines(descriptor)
            line = lines.find(f"{key} ")
            if line is None:
                return None, False
            row = read_row(line, lambda name: _behind(lines.find(f"{name} ")))
            return row.sound(), self._is_signed(row)
        except (OSError, PlanError):
            return None, False
        finally:
            with suppress(OSError):
                os.close(descriptor)

    def _is_signed(self, row: Row) -> bool:
        key = None if row.signature == NOTHING else self.load_key()
        return key is not None and key.verifies(row.checksum, row.signature)


def _behind(line: str | None) -> str | None:
    return None if line is None else line.partition(" ")[2]


class _Lines:
    """Finds a line of a sorted file by bisection; plugin/committed.cpp does the same."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size if os.pread(descriptor, len(_FIRST), 0) == _FIRST else 0

    def find(self, prefix: str) -> str | None:
        """Return the line that begins so, without its end; None where there is none."""
        wanted = prefix.encode("ascii")
        low, high, found = len(_FIRST), self.size, None
        while low < high:
            middle = (low + high) // 2
            start = low if middle == low else self._next(middle, high)
            if start is None:
                return None
            if start >= high:
                high = middle
            elif os.pread(self.descriptor, len(wanted), start) < wanted:
                after = self._next(start + 1, high)
                if after is None:
                    return None
                low = after
            else:
                high = found = start
        if found is None:
            return None
        end = self._next(found + 1, self.size)
        line = b"" if end is None else os.pread(self.descriptor, end - found, found)
        if not line.startswith(wanted) or not line.endswith(b"\n"):
            return None
        return line[:-1].decode("ascii", errors="replace")

    def _next(self, place: int, most: int) -> int | None:
        """Return where the first line begins at or after a place, at most `most`; None when a line has no end."""
        at = place - 1
        while at < most:
            if at - place > MAX_LINE:
                return None
            piece = os.pread(self.descriptor, _PIECE, at)
            if not piece:
                return most
            end = piece.find(b"\n")
            if end >= 0:
                return min(at + end + 1, most)
            at += len(piece)
        return most
