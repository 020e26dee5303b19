"""A store in a directory, such as a network file system: one file for each plan, renamed into its place."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from clang_llm.plans.plan import MAX_BYTES
from clang_llm.remote.address import Address
from clang_llm.remote.stores import Choose, bounded
from clang_llm.system.errors import RemoteError
from clang_llm.system.files import read_regular
from clang_llm.system.locks import locked

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
        """Return the entry of a key."""
        try:
            return bounded(read_regular(self._path(key), MAX_BYTES + 1))
        except FileNotFoundError:
            self._look()  # a directory that is not mounted is no miss
            return None
        except OSError as error:
            if (
                error.errno not in (errno.EACCES, errno.EPERM)
                and self._path(key).exists()
                and not self._path(key).is_file()
            ):
                return b""  # what is no file is one bad entry, and no reason to leave the store alone
            raise _described(error) from error

    def update(self, key: str, choose: Choose) -> bool:
        """Replace the entry of a key under a lock."""
        self._look()
        path = self._path(key)
        temporary = path.with_name(f".tmp-{os.getpid()}-{path.name[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._root / self._below / "locks" / key[:2], 10 * self._timeout_s) as held:
                if not held:
                    raise RemoteError(f"refused: nothing can be locked in {self._root}")
                try:
                    old: bytes | None = read_regular(path, MAX_BYTES + 1)
                except FileNotFoundError:
                    old = None
                new = choose(old)
                if new is not None:
                    temporary.write_bytes(new)
                    temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise _described(error) from error
        return new is not None

    def _look(self) -> None:
        if not self._root.is_dir():
            raise RemoteError(f"unreachable: {self._root} is no directory; make it, or mount it")


def _described(error: OSError) -> RemoteError:
    word = "full" if error.errno in _FULL else "refused"
    return RemoteError(f"{word}: {error.strerror} ({error.filename})")
