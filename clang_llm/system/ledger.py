"""The ledger: what every finished compile came to (docs/cache-directory.md#the-ledger).

The plugin appends a line to `savings-<uid>` with one `write(2)`; only this user may read or write that file, since it
has names of files. Here it is read, kept short, and begun anew. What counts is the last line of each object, so folding
keeps those, and reading a line twice does no harm: a crash at any point costs nothing.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from clang_llm.system.files import open_regular
from clang_llm.system.locks import locked
from clang_llm.system.objects import Parts, read_parts
from clang_llm.system.savings import FOLD_BYTES as FOLD_BYTES
from clang_llm.system.savings import is_long
from clang_llm.system.savings import path as path

#: Bytes of a file that are read; the plugin stops at these.
MAX_BYTES = 64 * 1024 * 1024 + 65536
#: Objects that folding remembers, the last ones; a browser has 60,000.
MAX_OBJECTS = 100_000
#: Seconds that a moved ledger must have been quiet before it is folded: a writer opens, writes and closes at once.
QUIET_S = 10.0
#: Seconds to wait for another process that folds.
LOCK_S = 10.0

#: What is said instead of an object's name where there is no object that lasts.
LINKED, PIPED, DROPPED, MERGED = "linked at once", "standard output", "thrown away", "its LTO"
#: What the plugin calls the object that a linker makes of all bitcode; its source is the linked file.
_OF_LTO = "<lto>"

_KEY = re.compile(rb"[0-9a-f]{64}")
_COUNT = re.compile(rb"[0-9]{1,18}")
_WORD = re.compile(rb"[a-z0-9_/.-]{1,40}")
# How clang's driver names the object of a compile that links at once, after the source's name.
_TEMPORARY = re.compile(r"-[0-9a-f]{6}\.o(bj)?")


@dataclass(frozen=True)
class Compiled:
    """One finished compile.

    Attributes:
        key: The module's key.
        size_oz: Bytes of the object with plain -Oz; None where nobody measured, and -Oz's object was emitted.
        size: Bytes of the object that was emitted.
        parts_oz: What `size_oz` is made of, where that is known.
        parts: The same of `size`.
        by: Who proposed the passes; `-` where nobody tells.
        source: Path of the source; `-` and `<stdin>` are standard input.
        object: Path of the object, as clang was told.
        remark: What became of the object where it is no file that lasts: `LINKED`, `PIPED`, `DROPPED`, `MERGED`; or
            nothing.
    """

    key: str
    size_oz: int | None
    size: int | None
    parts_oz: Parts | None
    parts: Parts | None
    by: str
    source: str
    object: str
    remark: str = ""

    @property
    def saved(self) -> int:
        """Bytes saved; 0 where nobody measured."""
        return (self.size_oz or 0) - (self.size or 0)

    @property
    def name(self) -> str:
        """What identifies it: the object, or the source of an object that does not last."""
        return f"{self.source} ({self.remark})" if self.remark else self.object

    @property
    def gone(self) -> bool:
        """Whether its object was a file and is no more."""
        return not self.remark and not os.path.lexists(self.object)


@dataclass
class Ledger:
    """What was read: the last compile of each object, by its name, in the order of the compiles.

    Attributes:
        compiles: The compiles.
        lines: Their lines, by the same names.
        unreadable: Number of lines that are none of ours.
    """

    compiles: dict[str, Compiled] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    unreadable: int = 0

    def take(self, lines: Iterable[bytes]) -> None:
        """Read more lines, later than the others."""
        for line in lines:
            compiled = read_line(line)
            if compiled is None:
                self.unreadable += 1
                continue
            name = compiled.name
            self.compiles.pop(name, None)
            self.lines.pop(name, None)
            self.compiles[name], self.lines[name] = compiled, line

    def sources(self) -> dict[str, list[str]]:
        """Return the sources that were compiled under each key, each once."""
        found: dict[str, dict[str, None]] = {}
        for each in self.compiles.values():
            found.setdefault(each.key, {})[each.source] = None
        return {key: list(names) for key, names in found.items()}

    def sources_of(self, key: str) -> list[str]:
        """Return the sources that were compiled under one key, each once."""
        return self.sources().get(key, [])


def read(cache_dir: Path) -> Ledger:
    """Return what is known of every object that was compiled since the last `zero`."""
    found = Ledger()
    for suffix in (".kept", ".old", ""):
        found.take(_lines(_beside(cache_dir, suffix)))
    return found


@dataclass(frozen=True)
class Mark:
    """A place in the ledger: how long it was.

    Attributes:
        inode: Of the file, which keeps its number when it becomes `.old`; 0 where there was none.
        size: Its bytes.
    """

    inode: int
    size: int


def mark(cache_dir: Path) -> Mark:
    """Return the place that the next line will have."""
    try:
        status = path(cache_dir).lstat()
    except OSError:
        return Mark(0, 0)
    return Mark(status.st_ino, status.st_size)


def since(cache_dir: Path, begun: Mark) -> Ledger:
    """Return what was compiled after a mark; everything where the ledger was folded twice meanwhile."""
    found = Ledger()
    files = [_beside(cache_dir, suffix) for suffix in (".kept", ".old", "")]
    places = [number for number, file in enumerate(files) if begun.inode and _inode(file) == begun.inode]
    first = places[0] if places else 0 if begun.inode else len(files) - 1
    for number, file in enumerate(files[first:]):
        found.take(_lines(file, begun.size if places and not number else 0))
    return found


def _inode(file: Path) -> int:
    try:
        return file.lstat().st_ino
    except OSError:
        return 0


def unusable(cache_dir: Path) -> tuple[str, str]:
    """Return why the plugin writes no line to this user's ledger, as it sees the file, and what to do; or nothing."""
    file = path(cache_dir)
    try:
        status = file.lstat()
    except OSError:
        return "", ""
    remove = f"rm {'-r ' * stat.S_ISDIR(status.st_mode)}{file}"
    if not stat.S_ISREG(status.st_mode):
        return f"{file} is no regular file", remove
    if status.st_uid != os.geteuid():
        return f"{file} belongs to somebody else", f"let its owner or root remove it: {remove}"
    if status.st_nlink > 1:
        return f"{file} has another name (a hard link)", remove
    if status.st_mode & 0o077:
        return f"others may read or write {file}", f"chmod 600 {file}"
    return ("", "") if status.st_mode & 0o600 == 0o600 else (f"you may not write {file}", f"chmod 600 {file}")


def fold(cache_dir: Path, at_least: int = FOLD_BYTES) -> None:
    """Keep the ledger short, when it is longer than `at_least`; never fails, and waits for nobody."""
    if not is_long(cache_dir, at_least):
        return
    with suppress(OSError), locked(cache_dir / "locks" / path(cache_dir).name, 0) as held:
        if held:
            _fold(cache_dir)


def zero(cache_dir: Path) -> None:
    """Forget all compiles. Those that end meanwhile count afterwards."""
    if not cache_dir.is_dir():
        return
    with locked(cache_dir / "locks" / path(cache_dir).name, LOCK_S), suppress(OSError):
        for suffix in (".kept", ".old"):
            _beside(cache_dir, suffix).unlink(missing_ok=True)
        # Emptied rather than removed: who has it open goes on in the same file.
        os.close(open_regular(path(cache_dir), os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW))


def read_line(line: bytes) -> Compiled | None:
    """Return the compile that a line tells of, or None when it is none of ours."""
    fields = line.split(b"\t")
    if len(fields) != 8 or not _KEY.fullmatch(fields[0]) or not _WORD.fullmatch(fields[5]):
        return None
    try:
        size_oz, size = _size(fields[1]), _size(fields[2])
        parts_oz, parts = _parts(fields[3], size_oz), _parts(fields[4], size)
    except ValueError:
        return None
    if (size_oz is None) != (size is None) or (parts_oz is None) != (parts is None) or (size or 0) > (size_oz or 0):
        return None
    source, output = (os.fsdecode(unquote_to_bytes(name)) for name in fields[6:])
    if "\0" in source + output:
        return None
    source, output = _normal(source), _normal(output)
    remark = _remark(source, output)
    return Compiled(fields[0].decode(), size_oz, size, parts_oz, parts, fields[5].decode(), source, output, remark)


def _size(text: bytes) -> int | None:
    if text == b"-":
        return None
    if not _COUNT.fullmatch(text):
        raise ValueError("no count")
    return int(text)


def _parts(text: bytes, size: int | None) -> Parts | None:
    return (
        None if text == b"-" else read_parts([_size(each) for each in text.split(b",")], -1 if size is None else size)
    )


def _normal(name: str) -> str:
    return os.path.normpath(name) if name.startswith("/") else name


def _remark(source: str, output: str) -> str:
    if output in ("-", "/dev/stdout"):
        return PIPED
    if output == _OF_LTO:
        return MERGED
    if output == os.devnull:
        return DROPPED
    name, stem = PurePosixPath(output).name, PurePosixPath(source).stem
    temporary = name.startswith(stem) and _TEMPORARY.fullmatch(name[len(stem) :])
    return LINKED if temporary and not os.path.lexists(output) else ""


def _beside(cache_dir: Path, suffix: str) -> Path:
    return path(cache_dir).with_name(path(cache_dir).name + suffix)


def _lines(file: Path, begin: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a file of this user's own; a cut one at its end is left for later."""
    try:
        with os.fdopen(open_regular(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
            opened.seek(begin)
            # What others may have written says nothing about our compiles.
            data = opened.read(MAX_BYTES) if os.fstat(opened.fileno()).st_uid == os.geteuid() else b""
    except OSError:
        return
    yield from data.split(b"\n")[:-1]


def _fold(cache_dir: Path) -> None:
    """Move the ledger to `.old`, after what was there has become part of `.kept`; the caller holds the lock."""
    old, kept = _beside(cache_dir, ".old"), _beside(cache_dir, ".kept")
    with suppress(FileNotFoundError):
        if time.time() - old.lstat().st_mtime < QUIET_S:
            return
    found = Ledger()
    for part in (kept, old):
        found.take(_lines(part))
    lines = list(found.lines.values())[-MAX_OBJECTS:]
    temporary = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(line + b"\n" for line in lines)
        temporary.replace(kept)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    old.unlink(missing_ok=True)
    path(cache_dir).replace(old)
