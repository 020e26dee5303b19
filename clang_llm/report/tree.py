"""A report on the objects below a directory: with what the ledger knows of them, or beside the same objects at -Oz."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from clang_llm.report.build import MAX_BYTES, Plans, Recipes, file_of, rooted
from clang_llm.report.facts import OBJECTS, UNKNOWN, Bytes, File, Function, Report
from clang_llm.report.functions import between
from clang_llm.system.errors import DataError, ObjectError
from clang_llm.system.files import read_regular
from clang_llm.system.ledger import Compiled
from clang_llm.system.objects import parts_of

_SUFFIXES = (".o", ".obj", ".lo")
# e_type of a relocatable file, a 16-bit field of the ELF header; and what WebAssembly begins with.
_ELF, _RELOCATABLE, _WASM = b"\x7fELF", (b"\x01\x00", b"\x00\x01"), b"\0asm"


def objects_below(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each object below a directory; links, and what has another format, are left out.

    Raises:
        DataError: It is no directory.
    """
    if not directory.is_dir():
        raise DataError(f"{directory} is no directory; name one that objects were built in")
    for place, below, names in os.walk(directory):
        below.sort()
        for name in sorted(names):
            path = Path(place, name)
            if not name.endswith(_SUFFIXES) or path.is_symlink() or not path.is_file():
                continue
            data = read_regular(path, MAX_BYTES)
            if data.startswith(_WASM) or (data.startswith(_ELF) and data[16:18] in _RELOCATABLE):
                yield path.relative_to(directory).as_posix(), data


def report(
    directory: Path,
    plain: Path | None,
    compiles: Mapping[Path, Compiled],
    plans: Plans,
    progress: Callable[[Iterator[tuple[str, bytes]]], Iterator[tuple[str, bytes]]] = iter,
    *,
    functions: bool = False,
) -> Report:
    """Return the report on a directory.

    Args:
        directory: Where the objects are.
        plain: Where the same objects are as -Oz makes them; None where only the ledger knows.
        compiles: What the ledger knows, by object.
        plans: Finds plans.
        progress: Shows how far this is.
        functions: Compare functions, too, of objects that are there twice.

    Raises:
        DataError: There are no objects.
    """
    recipes, files, damaged = Recipes(), list[File](), 0
    pairs: list[Function] = []
    others = dict(objects_below(plain)) if plain is not None else {}
    for name, data in progress(objects_below(directory)):
        try:
            after = Bytes.of(parts_of(data))
            before = Bytes.of(parts_of(others[name])) if name in others else None
            pairs += between(others[name], data, name) if functions and name in others else ()
        except ObjectError:
            damaged += 1
            continue
        compiled = compiles.get((directory / name).resolve())
        mine = compiled is not None and compiled.size in (None, after.total)
        if compiled is not None and mine:
            known = file_of(compiled, plans, recipes, "", changed=False)
            # What nobody measured is -Oz's object.
            found = replace(known, name=name, after=after, before=before or known.before or after)
        else:
            found = File(name, before=before, after=after, why="" if before else UNKNOWN)
        files.append(found)
    if not files:
        raise DataError(f"{directory} holds no object of ELF or WebAssembly; name the directory of a build")
    notes = (f"{damaged} damaged files were left out.",) if damaged else ()
    return rooted(
        Report(
            OBJECTS,
            f"objects below {directory}",
            root=str(directory.absolute()),
            files=tuple(files),
            recipes=recipes.texts(),
            functions=tuple(pairs),
            notes=notes,
        )
    )
