"""A store in a directory, such as a network file system: one file for each plan, renamed into its place."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clang_llm.plans.plan import MAX_BYTES
from clang_llm.remote.address import Address
from clang_llm.remote.stores import Choose, bounded
from clang_llm.system.errors import RemoteError
from clang_llm.system.files import read_regular, write_new
from clang_llm.system.locks import locked

#: Why something stays that lies in the place of an entry: it is a directory, or is somebody else's to remove.
_TAKEN = (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST, errno.EPERM, errno.EACCES)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileStore:
    """Entries are `<directory>/<namespace>/1/<two digits>/<the rest>`, so that no directory is long."""

    def __init__(self, address: Address) -> None:
        self._root = Path(address.path)
        self._below = Path(address.name(""))
        self._timeout_s = address.timeout_ms / 1000

    def _path(self, key: str) -> Path:
        return self._root / self._below / key[:2] / key[2:]

    def get(self, key: str) -> bytes | None:
        """Return the entry of a key; nothing but the entry is to blame for one that cannot be read."""
        path = self._path(key)
        try:
            return bounded(read_regular(path, MAX_BYTES + 1))
        except OSError as error:
            if os.path.lexists(path):
                return b""
            if not isinstance(error, FileNotFoundError):
                raise _described(error) from error
            self._look()  # a directory that is not mounted is no miss
            return None

    def update(self, key: str, choose: Choose) -> bool:
        """Replace the entry of a key under a lock, where the directory has locks."""
        self._look()
        path = self._path(key)
        temporary = path.with_name(f".tmp-{os.getpid()}-{path.name[:8]}")
        try:
            self._make(path.parent)
            with self._locked(key):
                new = choose(self._old(path))
                if new is None:
                    return False
                write_new(temporary, new)
                return _put(temporary, path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise _described(error) from error

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a key, or none: an entry is renamed into its place, so the later of two is whole, too."""
        directory = self._root / self._below / "locks"
        self._make(directory)
        with locked(directory / key[:2], 10 * self._timeout_s):
            yield

    def _old(self, path: Path) -> bytes | None:
        try:
            return read_regular(path, MAX_BYTES + 1)
        except OSError:
            return b"" if os.path.lexists(path) else None

    def _make(self, directory: Path) -> None:
        """Make a directory with the permissions that the owner of the store gave to the store."""
        if directory == self._root or directory.is_dir():
            return
        self._make(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir()
            directory.chmod(stat.S_IMODE(self._root.stat().st_mode))

    def _look(self) -> None:
        if not self._root.is_dir():
            raise RemoteError(f"unreachable: {self._root} is no directory; make it, or mount it")


def _put(temporary: Path, path: Path) -> bool:
    """Rename an entry into its place; return whether that worked: what others own in a sticky directory stays."""
    try:
        temporary.replace(path)
    except OSError as error:
        temporary.unlink()
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _described(error: OSError) -> RemoteError:
    word = "full" if error.errno in _FULL else "refused"
    return RemoteError(f"{word}: {error.strerror} ({error.filename})")
