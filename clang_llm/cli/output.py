"""How numbers and tables look on a terminal, and progress bars for work that takes longer than a second."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from clang_llm.system.process import Completed

Item = TypeVar("Item")

# A bar that appears for less than this is noise.
PROGRESS_DELAY_S = 1.0

_BINARY_UNITS = ("KiB", "MiB", "GiB", "TiB")


def human_size(size: int) -> str:
    """Render ``size`` bytes with a binary unit and one decimal, exactly below 1 KiB: ``"1.5 MiB"``, ``"97 B"``."""
    if abs(size) < 1024:
        return f"{size} B"
    value = float(size)
    for unit in _BINARY_UNITS:
        value /= 1024
        # 1023.95 would be printed as 1024.0.
        if abs(value) < 1023.95 or unit == _BINARY_UNITS[-1]:
            return f"{value:.1f} {unit}"
    raise AssertionError("unreachable")


def human_count(count: int) -> str:
    """Render ``count`` with thousands separators."""
    return f"{count:,}"


def counted(count: int, what: str, several: str = "") -> str:
    """Render a count of things: ``"1 module"``, ``"1,200 modules"``; `several` is a plural of its own."""
    return f"{human_count(count)} {what if count == 1 else several or what + 's'}"


def repeat(done: Completed, *, apart: bool = False) -> int:
    """Say what a build said, and return its exit status as a shell has it.

    Args:
        done: The build.
        apart: Standard output is for programs, so all that it said goes to standard error.
    """
    (sys.stderr if apart else sys.stdout).write(done.output)
    sys.stderr.write(os.fsdecode(done.stderr))
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def printable(text: str) -> str:
    """Return a name that may be anything, such as a file's, without what would move a terminal's cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


def shorten(text: str, most: int) -> str:
    """Return the end of a text of which more than `most` characters would be too much."""
    return text if len(text) <= most else f"…{text[len(text) - most + 1 :]}"


def percent(part: float, whole: float) -> str:
    """Render ``part / whole`` in percent with two decimals; a dash when there is no whole."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def table(rows: Iterable[Sequence[object]], align: str, headers: Sequence[str] = ()) -> list[str]:
    """Lay ``rows`` out in columns two spaces apart.

    Args:
        rows: Cells; each row has one cell for each character of ``align``.
        align: ``<`` (left) or ``>`` (right) for each column.
        headers: A first row, followed by a rule.

    Returns:
        Lines without trailing spaces.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    everything = [list(headers), *cells] if headers else cells
    widths = [max((len(row[i]) for row in everything), default=0) for i in range(len(align))]

    def line(row: Sequence[str]) -> str:
        parts = [f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True)]
        return "  ".join(parts).rstrip()

    lines = [line(row) for row in cells]
    if headers:
        # The rule under the last column spans its header only: cells there may be longer than any line.
        lines[:0] = [line(headers), line(["-" * width for width in (*widths[:-1], len(headers[-1]))])]
    return lines


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show ``text`` on a terminal while the body runs; it is gone afterwards."""
    shown = sys.stderr.isatty()
    if shown:
        sys.stderr.write(text)
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield ``items`` under a progress bar on standard error, which only a terminal sees."""
    if not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm  # not needed to say anything but this

    yield from tqdm(items, desc=description, total=total, delay=PROGRESS_DELAY_S, leave=False, unit="")
