"""A report on two linked files: sections by kind, symbols, and what the linker left of the objects' savings."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from clang_llm.report.facts import BINARY, Bytes, File, Function, Report, Section, Survival
from clang_llm.report.symbols import Symbols, symbols
from clang_llm.report.words import number, things
from clang_llm.system import objects
from clang_llm.system.errors import DataError, ObjectError
from clang_llm.system.files import read_regular
from clang_llm.system.ledger import Compiled
from clang_llm.system.objects import Parts
from clang_llm.system.packages import find_packages

#: Bytes of a file that are read: more than any linker makes.
MAX_BYTES = 1 << 32


def report(before: Path, after: Path, compiles: Iterable[Compiled] = ()) -> Report:
    """Return the report on two linked files.

    Args:
        before: Without clang-llm, or of before a change.
        after: With it.
        compiles: Objects that may have been linked to `after`; those whose sources its symbol table names count.

    Raises:
        DataError: A file cannot be read.
        ObjectError: It is no ELF file or WebAssembly module; its name is told.
    """
    (first, table), (second, other) = (_understood(path) for path in (before, after))
    sections, tables = (first, second), (table, other)
    parts = [objects.divided(each) for each in sections]
    file = File(str(after), str(before), Bytes.of(parts[0]), Bytes.of(parts[1]))
    notes = [
        f"{path} is stripped: there are no symbols to compare"
        for path, table in zip((before, after), tables, strict=True)
        if not table.sizes
    ]
    return Report(
        BINARY,
        f"{before} and {after}",
        files=(file,),
        functions=_functions(*tables) if not notes else (),
        sections=tuple(_both(*sections)),
        survival=_survival(after.absolute(), compiles, tables[1]),
        names=("before", "after"),
        notes=tuple(notes),
        facts=tuple(_facts(*tables)),
    )


def _facts(before: Symbols, after: Symbols) -> Iterator[str]:
    """Yield what both promise to others: names that they export, libraries that they load."""
    for what, old, new in (
        ("exported symbol", before.exports, after.exports),
        ("loaded library", before.libraries, after.libraries),
    ):
        several = what.replace("library", "libraries") if "library" in what else f"{what}s"
        if old == new and old:
            yield f"Both have the same {things(len(old), what, several)}."
        elif old != new:
            first = min(old ^ new)
            yield f"Other {several}: {number(len(new - old))} came, {number(len(old - new))} went, such as {first}."


def _understood(path: Path) -> tuple[list[objects.Section], Symbols]:
    data = _read(path)
    try:
        return _sections(data), symbols(data)
    except ObjectError as error:
        raise ObjectError(f"{str(path)[:300]}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"cannot read {str(path)[:300]}: {what}; name a linked file") from error


def _sections(data: bytes) -> list[objects.Section]:
    """Return the sections that are loaded, or the segments of a file that has lost its section headers."""
    return objects.sections(data) or _segments(data)


def _segments(data: bytes) -> list[objects.Section]:
    find_packages()
    from elftools.common.exceptions import ELFError
    from elftools.elf.constants import P_FLAGS
    from elftools.elf.elffile import ELFFile

    try:
        return [
            objects.Section(
                f"segment {number}",
                segment["p_filesz"],
                bool(segment["p_flags"] & P_FLAGS.PF_X),
                bool(segment["p_flags"] & P_FLAGS.PF_W),
            )
            for number, segment in enumerate(ELFFile(io.BytesIO(data)).iter_segments())
            if segment["p_type"] == "PT_LOAD"
        ]
    except (ELFError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise ObjectError(f"not a sound ELF file ({type(error).__name__}: {error}); was it cut short?") from error


def _both(before: list[objects.Section], after: list[objects.Section]) -> list[Section]:
    """Return sections by name, those of one name together, the largest change first."""
    names = dict.fromkeys((each.name, each.part) for each in (*before, *after))

    def size(some: list[objects.Section], name: str, part: str) -> int:
        return sum(each.size for each in some if (each.name, each.part) == (name, part))

    found = [Section(name, part, size(before, name, part), size(after, name, part)) for name, part in names]
    return sorted(found, key=lambda each: (-abs(each.before - each.after), -each.before, each.name))


def _functions(before: Symbols, after: Symbols) -> tuple[Function, ...]:
    found = []
    for name in {**before.sizes, **after.sizes}:
        old, new = before.sizes.get(name), after.sizes.get(name)
        part = (new or old or (0, ""))[1]
        found.append(Function(name, old[0] if old else None, new[0] if new else None, part=part))
    return tuple(sorted(found, key=lambda each: (-abs(each.saved), each.name)))


def _survival(file: Path, compiles: Iterable[Compiled], table: Symbols) -> Survival | None:
    """Return what the objects of a linked file saved; None where nobody knows which they are."""
    # The object of a source that was compiled several times over is the last one.
    named = {each.source: each for each in compiles if PurePosixPath(each.source).name in table.sources}
    mine = _nearest(file, list(named.values()))
    known = [(each.parts_oz, each.parts) for each in mine]
    before = sum((oz for oz, ours in known if oz and ours), Parts())
    after = sum((ours for oz, ours in known if oz and ours), Parts())
    return Survival(len(mine), before, after) if before.total > after.total else None


def _nearest(file: Path, compiles: list[Compiled]) -> list[Compiled]:
    """Return the compiles below the nearest directory that has one for each name: other projects have a main.c, too."""
    wanted = {PurePosixPath(each.source).name for each in compiles}
    for directory in file.parents:
        here = [each for each in compiles if each.source.startswith(f"{str(directory).rstrip('/')}/")]
        if {PurePosixPath(each.source).name for each in here} == wanted:
            return here
    return compiles
