"""What ``clang-llm-tool stats`` says about compiled objects: what they amount to, and a table of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from clang_llm.cli.output import human_count, percent, printable, shorten, table
from clang_llm.system.ledger import Compiled
from clang_llm.system.objects import PARTS, Parts, size_now

#: Columns of a terminal that tells nothing of itself, and the fewest that a table of files is made for.
COLUMNS, FEWEST_COLUMNS = 120, 100

#: How a table of files may be ordered.
ORDERS: dict[str, Callable[[Compiled], tuple[int, str]]] = {
    "saved": lambda each: (-each.saved, each.name),
    "size": lambda each: (-(each.size or 0), each.name),
    "name": lambda each: (0, each.name),
}


@dataclass
class Sum:
    """What objects, or plans, amount to.

    Attributes:
        oz: Bytes with plain -Oz.
        ours: Bytes as they are.
        parts_oz: What `oz` is made of, as far as that is known.
        parts: The same of `ours`.
    """

    oz: int = 0
    ours: int = 0
    parts_oz: Parts = field(default_factory=Parts)
    parts: Parts = field(default_factory=Parts)

    def add(self, oz: int, ours: int, parts: tuple[Parts, Parts] | None) -> None:
        """Add one more."""
        self.oz += oz
        self.ours += ours
        if parts is not None:
            self.parts_oz += parts[0]
            self.parts += parts[1]

    @property
    def saved(self) -> int:
        """Bytes saved."""
        return self.oz - self.ours

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return a row for each part and one for the total: name, -Oz, ours, saved, in percent."""
        rows = []
        for name, oz, ours in zip(PARTS, self.parts_oz.listed(), self.parts.listed(), strict=True):
            rows.append(_row(name, oz, ours))
        unknown_oz, unknown = self.oz - self.parts_oz.total, self.ours - self.parts.total
        if unknown_oz and not self.parts_oz.total:
            rows = [(name, "-", "-", "-", "") for name in PARTS]
        elif unknown_oz:
            rows.append(_row("not divided", unknown_oz, unknown))
        return [*rows, _row("total", self.oz, self.ours)]

    def tell(self) -> list[str]:
        """Return the rows as lines."""
        return table(self.rows(), "<>>>>", ("bytes", "-Oz", "ours", "saved", ""))

    def document(self) -> dict[str, object]:
        """Return it for ``--json``."""
        return {
            "oz": self.oz,
            "ours": self.ours,
            "parts": {"oz": self.parts_oz._asdict(), "ours": self.parts._asdict()},
        }


def _row(name: str, oz: int, ours: int) -> tuple[str, str, str, str, str]:
    return name, human_count(oz), human_count(ours), human_count(oz - ours), percent(oz - ours, oz) if oz else ""


def total(compiles: Iterable[Compiled]) -> Sum:
    """Add up what was measured."""
    found = Sum()
    for each in compiles:
        found.add(each.size_oz or 0, each.size or 0, _both(each))
    return found


def _both(each: Compiled) -> tuple[Parts, Parts] | None:
    return (each.parts_oz, each.parts) if each.parts_oz and each.parts else None


@dataclass(frozen=True)
class Objects:
    """The objects of a ledger, each once.

    Attributes:
        counted: Those that are what the ledger says, as far as anybody can tell, or are gone.
        changed: Those that something else made since, such as clang without us.
    """

    counted: list[Compiled]
    changed: list[Compiled]

    @classmethod
    def of(cls, compiles: Iterable[Compiled]) -> Objects:
        """Look at the objects: a file that several names lead to is what its last compile made."""
        last: dict[str, Compiled] = {}
        for each in compiles:
            name = each.name if each.remark or each.gone else os.path.realpath(each.object)
            last.pop(name, None)
            last[name] = each
        changed = {name for name, each in last.items() if not each.remark and _changed(name, each.size)}
        parts = ([each for name, each in last.items() if (name in changed) == wanted] for wanted in (False, True))
        return cls(*parts)

    @property
    def all(self) -> list[Compiled]:
        """Both."""
        return self.counted + self.changed


def _changed(path: str, size: int | None) -> bool:
    now = None if size is None else size_now(Path(path))
    return now is not None and now != size


def tell_objects(objects: Objects) -> list[str]:
    """Return lines about what all objects amount to."""
    compiles = objects.counted
    gone = sum(each.gone for each in compiles)
    unmeasured = sum(each.size is None for each in compiles)
    notes = [f"{human_count(gone)} of them gone since"] if gone else []
    notes += [f"{human_count(unmeasured)} plain -Oz, not measured"] if unmeasured else []
    noted = f" ({', '.join(notes)})" if notes else ""
    counted = f"{_objects(len(compiles))}{noted}, counted once however often compiled"
    changed = [f"{_made_again(len(objects.changed))}: not counted"] if objects.changed else []
    return [counted, *changed, *(total(compiles).tell() if compiles else [])]


def _made_again(count: int) -> str:
    return f"{_objects(count)} made again without clang-llm, or with another cache"


def _objects(count: int) -> str:
    return f"{human_count(count)} object{'s' * (count != 1)}"


def document(objects: Objects) -> dict[str, object]:
    """Return what all objects amount to, for ``--json``."""
    compiles = objects.counted
    counts = {
        "objects": len(compiles),
        "gone": sum(each.gone for each in compiles),
        "unmeasured": sum(each.size is None for each in compiles),
        "changed": len(objects.changed),
    }
    return {**counts, **total(compiles).document()}


def file_documents(objects: Objects, order: str) -> list[dict[str, object]]:
    """Return each object, for ``--json``; what is not UTF-8 in a name is there as escaped surrogates."""
    changed = {each.name for each in objects.changed}
    return [
        {
            **asdict(each),
            "parts_oz": each.parts_oz and each.parts_oz._asdict(),
            "parts": each.parts and each.parts._asdict(),
            "saved": each.saved,
            "gone": each.gone,
            "changed": each.name in changed,
        }
        for each in sorted(objects.all, key=ORDERS[order])
    ]


def tell_files(objects: Objects, order: str) -> list[str]:
    """Return a table of the objects that are there, or were linked at once; the others are one row."""
    compiles = objects.counted
    if not compiles:
        return [f"{_made_again(len(objects.changed))}." if objects.changed else "Nothing was compiled."]
    there = sorted((each for each in compiles if not each.gone), key=ORDERS[order])
    gone = [each for each in compiles if each.gone]
    top = _common(there)
    numbers = [(*_numbers(total([each]), each), each.by if each.saved else "-Oz") for each in there]
    names = [(_object(each, top), _below(each.source, top)) for each in there]
    for label, some in ((f"{_objects(len(gone))} now gone", gone), ("total", compiles)):
        if some:
            names.append((label, ""))
            numbers.append((*_numbers(total(some)), ""))
    headers = ("-Oz", "ours", "saved", "", *PARTS, "by")
    widths = [max(len(row[place]) for row in (headers, *numbers)) for place in range(len(headers))]
    columns = max(FEWEST_COLUMNS, shutil.get_terminal_size((COLUMNS, 0)).columns)
    # Two names and a gap before each number; an object's name is the longer one.
    left = max(24, columns - sum(widths) - 2 * (len(widths) + 1))
    sources = min(max(len(source) for _, source in names), left * 2 // 5)
    rows = [
        (shorten(output, left - sources), shorten(source, sources), *row)
        for (output, source), row in zip(names, numbers, strict=True)
    ]
    lines = table(rows, "<<>>>>" + ">" * len(PARTS) + "<", ("object", "source", *headers))
    where = f"Files below {printable(top)}. " if top else ""
    changed = [f"Not counted: {_made_again(len(objects.changed))}."] if objects.changed else []
    return [f"{where}Of the bytes saved, so many are {', '.join(PARTS[:-1])} and {PARTS[-1]}.", *lines, *changed]


def _numbers(found: Sum, each: Compiled | None = None) -> tuple[str, ...]:
    if each is not None and each.size is None:
        return ("-",) * (4 + len(PARTS))
    parts = [human_count(part) for part in (found.parts_oz - found.parts).listed()]
    if found.oz and not found.parts_oz.total:
        parts = ["-"] * len(PARTS)
    saved = (human_count(found.saved), percent(found.saved, found.oz))
    return human_count(found.oz), human_count(found.ours), *saved, *parts


def _common(compiles: Sequence[Compiled]) -> str:
    """Return the directory that all files are below, or nothing when that is the root."""
    names = {each.object if not each.remark else each.source for each in compiles}
    names |= {each.source for each in compiles}
    directories = [Path(name).parent for name in names if name.startswith("/")]
    common = os.path.commonpath(directories) if directories else "/"
    return "" if common == "/" else common


def _below(name: str, top: str) -> str:
    return spell(name.removeprefix(f"{top}/") if top else name)


def spell(source: str) -> str:
    """Return the name of a file as a terminal can show it."""
    return "(standard input)" if source in ("-", "<stdin>") else printable(source)


def _object(each: Compiled, top: str) -> str:
    return f"({each.remark})" if each.remark else _below(each.object, top)
