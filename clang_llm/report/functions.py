"""Functions before and after: of objects that are there twice, or that are compiled once more by clang alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from clang_llm.report.facts import Function
from clang_llm.report.symbols import symbols
from clang_llm.system import process
from clang_llm.system.errors import ObjectError, ProcessError
from clang_llm.system.files import read_regular

#: Bytes of a record and of an object that are read.
MAX_BYTES = 1 << 32
#: Seconds, against a hang alone: clang has compiled the same a moment ago.
LIMIT_S = 3600.0
#: Seconds for a question to a small program: a million names take one.
ASK_S = 60.0
_DEMANGLERS = ("llvm-cxxfilt", *(f"llvm-cxxfilt-{major}" for major in range(30, 13, -1)), "c++filt")
# Options of clang's driver that have a file behind them which this compile must not write.
_WRITES = {"-o", "-MF", "-MT", "-MQ", "-MJ"}
_WRITES_ALONE = {"-MD", "-MMD", "-MP", "-MG", "-MV"}


class Recorded(NamedTuple):
    """A compile command as a build ran it."""

    cxx: bool
    directory: str
    arguments: tuple[str, ...]

    @property
    def object(self) -> Path | None:
        """The one object that it writes, or None where it writes none, or several."""
        named = [self.arguments[place + 1] for place, word in enumerate(self.arguments[:-1]) if word == "-o"]
        if "-c" not in self.arguments:
            return None
        if named:
            return Path(self.directory, named[-1])
        sources = [word for word in self.arguments if Path(word).suffix in _SOURCES and not word.startswith("-")]
        return Path(self.directory, Path(sources[0]).stem + ".o") if len(sources) == 1 else None

    def harmless(self, output: Path) -> list[str]:
        """Return the arguments, with another output and without what else they write."""
        kept, rest = [], iter(self.arguments)
        for word in rest:
            if word in _WRITES:
                next(rest, None)
            elif word not in _WRITES_ALONE and not word.startswith("-o"):
                kept.append(word)
        return [*kept, "-o", str(output)]


_SOURCES = {".c", ".i", ".C", ".cc", ".cp", ".cpp", ".cxx", ".c++", ".CPP", ".ii"}


def between(before: bytes, after: bytes, file: str) -> Iterator[Function]:
    """Yield the symbols of two objects.

    Raises:
        ObjectError: One is no sound object.
    """
    old, new = symbols(before).sizes, symbols(after).sizes
    for name in {**old, **new}:
        first, second = old.get(name), new.get(name)
        part = (second or first or (0, ""))[1]
        yield Function(name, first[0] if first else None, second[0] if second else None, file, part)


def demangled(found: Sequence[Function], environ: Mapping[str, str]) -> tuple[Function, ...]:
    """Return symbols with the names that a reader of C++ knows, where there is a program that tells them."""
    path = environ.get("PATH")
    tool = next(filter(None, (shutil.which(name, path=path) for name in _DEMANGLERS)), None)
    mangled = list(dict.fromkeys(each.name for each in found if each.name.startswith("_Z") and each.name.isascii()))
    if tool is None or not mangled:
        return tuple(found)
    with suppress(ProcessError):
        done = process.run([tool], env=environ, stdin="\n".join([*mangled, ""]).encode(), timeout_s=ASK_S)
        names = done.stdout.decode(errors="replace").splitlines()
        if done.ok and len(names) == len(mangled):
            known = dict(zip(mangled, names, strict=True))
            return tuple(each._replace(name=known.get(each.name, each.name)) for each in found)
    return tuple(found)


def recorder(place: Path, wrappers: Mapping[str, Path]) -> dict[str, Path]:
    """Write programs that note their command line and become the wrappers; returns them by their names.

    Args:
        place: A private directory; the notes go to `notes` in it.
        wrappers: The wrappers by their names.
    """
    notes = place / "notes"
    notes.mkdir()
    found = {}
    for name, wrapper in wrappers.items():
        program = place / name
        # One file for each process, so that nobody needs a lock; a compile never fails for want of a note.
        note = f"""printf '%s\\0' '{name}' "$#" "$PWD" "$@" >>'{notes}'/$$"""
        program.write_text(f"#!/bin/sh\n{{ {note}; }} 2>/dev/null\nexec '{wrapper}' \"$@\"\n", encoding="utf-8")
        program.chmod(0o755)
        found[name] = program
    return found


def recorded(place: Path) -> dict[Path, Recorded]:
    """Return the last command for each object, as `recorder`'s programs noted them."""
    found: dict[Path, tuple[float, Recorded]] = {}
    for note in sorted((place / "notes").iterdir()):
        when = note.stat().st_mtime
        words = iter(note.read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1])
        for name in words:
            count, directory = int(next(words)), next(words)
            command = Recorded(name.endswith("++"), directory, tuple(next(words) for _ in range(count)))
            output = command.object
            if output is not None and found.get(output.resolve(), (0.0, command))[0] <= when:
                found[output.resolve()] = (when, command)
    return {output: command for output, (_, command) in found.items()}


def recompiled(
    commands: Iterable[tuple[str, Path, Recorded]],
    clang: Callable[[bool], Path],
    place: Path,
    environ: Mapping[str, str],
) -> tuple[list[Function], list[str]]:
    """Compile objects once more by clang alone, and compare their functions.

    Args:
        commands: What objects are called, where they are, and how they were made.
        clang: Finds the real clang, or clang++.
        place: A private directory.
        environ: Of the compiles.

    Returns:
        The functions, and the names of objects that could not be compared.
    """
    found: list[Function] = []
    failed: list[str] = []
    output = place / "plain.o"
    for name, file, command in commands:
        output.unlink(missing_ok=True)
        with suppress(ProcessError, ObjectError, OSError):
            plain([clang(command.cxx), *command.harmless(output)], command.directory, environ)
            found += between(read_regular(output, MAX_BYTES), read_regular(file, MAX_BYTES), name)
            continue
        failed.append(name)
    return found, failed


def plain(argv: Sequence[str | Path], directory: str | Path, environ: Mapping[str, str]) -> None:
    """Run a compile.

    Raises:
        ProcessError: It failed.
    """
    done = process.run(argv, env=environ, cwd=directory, timeout_s=LIMIT_S)
    if not done.ok:
        raise ProcessError(f"a compile failed with status {done.returncode}; try the same command with clang alone")
