"""Reading files that others may have written, and checking whose code may be run (docs/plugin.md).

A cache directory may be shared, or old, or hostile. Only regular files are read from it, up to a bound, and nothing is
waited for: a FIFO or a link to a device must not hold a compile. Code that is run from it must belong to this user or
root, and nobody else may be able to write it, or any directory on the way, up to the cache directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL
from pathlib import Path

#: Flags with which opening a FIFO, a device or a terminal has no effect but a descriptor.
HARMLESS = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

#: Bytes that are read at once.
_AT_ONCE = 1 << 20
#: The umask under which nobody else may write.
_PRIVATE = stat.S_IWGRP | stat.S_IWOTH


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return the descriptor.

    Args:
        path: The file; add `os.O_NOFOLLOW` to the flags where a link would be somebody's trick.
        flags: As for `os.open`.

    Raises:
        OSError: It is no regular file, or cannot be opened.
    """
    descriptor = os.open(path, flags | HARMLESS, 0o666)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(EINVAL, "not a regular file", str(path))


def read_regular(path: Path, most: int) -> bytes:
    """Return the first `most` bytes of a regular file.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    found = bytearray()
    with os.fdopen(open_regular(path), "rb") as file:
        # Python takes memory for all that it is asked to read at once, however small the file is.
        while part := file.read(min(_AT_ONCE, most - len(found))):
            found += part
    return bytes(found)


def append(descriptor: int, text: str) -> None:
    """Write a text at once and close the descriptor; what does not fit is not waited for.

    Raises:
        OSError: Nothing could be written.
    """
    try:
        os.write(descriptor, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)


def distrusted(path: Path) -> str:
    """Return why code in `path` is not to be run, or nothing when it may be: by what the system says of it alone.

    The path is that of a file or a directory; a link is neither.
    """
    status = path.lstat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return f"{path} is a link or a special file"
    if status.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to somebody else"
    if status.st_mode & _PRIVATE:
        return f"others may write {path}"
    return ""


def make_private(directory: Path, top: Path) -> str:
    """Make a directory in which code may lie, and see that it may, up to `top`.

    Args:
        directory: `top` or a directory below it; what is missing is made, whatever the umask, for us alone to write.
        top: Everything above it is the system's business.

    Returns:
        Why code in it is not to be run, or nothing.

    Raises:
        OSError: It cannot be made.
    """
    top.parent.mkdir(parents=True, exist_ok=True)
    way = [top]
    for part in directory.relative_to(top).parts:
        way.append(way[-1] / part)
    for place in way:
        with suppress(FileExistsError):
            place.mkdir(mode=0o755)
        # Links that we or root have made lead on: a cache directory may share its plugins with another one.
        problem = distrusted(place.resolve()) or ("" if _is_ours(place) else f"{place} belongs to somebody else")
        if problem:
            return problem
    return ""


def tighten(directory: Path) -> None:
    """Take from others the right to write a directory that is the user's own by its very name: a lax umask gave it."""
    for place in (directory, directory / "plugins", directory / "toolchains"):
        with suppress(OSError):
            status = place.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & _PRIVATE:
                place.chmod(stat.S_IMODE(status.st_mode) & ~_PRIVATE)


def _is_ours(place: Path) -> bool:
    return place.lstat().st_uid in (0, os.geteuid())


@contextmanager
def nobody_else_writes() -> Iterator[None]:
    """Let files and directories be made that this user alone may write, whatever the umask was."""
    before = os.umask(_PRIVATE)
    os.umask(before | _PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there; a link that somebody planted in a shared directory is not followed.

    What a process of the same number left there is removed first. The mode is 0666 less the umask, as clang's is.

    Raises:
        OSError: It cannot be written.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb") as file:
        file.write(data)


def replace_file(path: Path, text: str) -> None:
    """Write a file under a temporary name and rename it, so that nobody sees half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    temporary.replace(path)
