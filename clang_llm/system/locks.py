"""File locks between processes, by filelock: ``flock(2)`` on Linux.

The system releases a lock when its process ends, however it ends; lock files are never removed. filelock is imported
where a lock is taken: a compile that finds its plan needs none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EMLINK
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.system.files import open_regular

if TYPE_CHECKING:
    from filelock import BaseFileLock

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
        lock = _acquire(path, timeout_s)
    except OSError:  # filelock's Timeout is one
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _acquire(path: Path, timeout_s: float) -> BaseFileLock:
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    # The directory may be shared. What filelock opens, some of its versions also empty, whatever it is, a FIFO or
    # another name of somebody's file included. So the file is made here, and looked at.
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_nlink > 1:
            raise OSError(EMLINK, "the file has other names", str(path))
    finally:
        os.close(descriptor)
    # A file system without locks is told, not made up for by files that outlive who made them.
    lock = FileLock(path, poll_interval=_WAIT_S, fallback_to_soft=False)
    lock.acquire(timeout_s)
    return lock
