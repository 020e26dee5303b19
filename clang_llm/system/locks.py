"""File locks between processes: ``flock(2)``.

The system releases a lock when its process ends, however it ends; lock files are never removed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EMLINK
from pathlib import Path

from clang_llm.system.files import open_regular

#: Seconds between two tries: short enough for a lock held for milliseconds, and idle enough for one that is held while
#: a compiler works.
_WAIT_S = 0.02


@contextmanager
def locked(path: Path, timeout_s: float) -> Iterator[bool]:
    """Hold the lock of a file, made if it is missing, while the body runs.

    Args:
        path: The lock file; its directory is made too.
        timeout_s: Seconds to wait for another holder.

    Yields:
        Whether the lock is held: False after the time is up, and where the file cannot be made or locked.
    """
    try:
        descriptor = _acquire(path, time.monotonic() + timeout_s)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        # A process that was forked meanwhile has the descriptor, too, and closing ours alone would leave it the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _acquire(path: Path, deadline: float) -> int:
    """Return the descriptor that holds the lock.

    Raises:
        OSError: Another process holds it, or the file cannot be made or locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The directory may be shared, and anything may be planted in it.
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_nlink > 1:
            raise OSError(EMLINK, "the file has other names", str(path))
        _wait(descriptor, deadline)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _wait(descriptor: int, deadline: float) -> None:
    """Lock an open file; raises OSError when that cannot be done, or not in time."""
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_WAIT_S)
