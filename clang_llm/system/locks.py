"""File locks between processes: ``flock(2)``, and filelock to wait for one.

The system releases a lock when its process ends, however it ends; lock files are never removed. filelock is imported
when there is something to wait for: a cache miss, which takes a lock that is nearly always free, does not pay for it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EMLINK
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.system.files import open_regular
from clang_llm.system.packages import find_packages

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
    lock: BaseFileLock | None = None
    try:
        descriptor = _open(path)
        if not _at_once(descriptor):
            lock = _waited_for(path, timeout_s)
    except (OSError, ImportError):  # filelock's Timeout is an OSError
        yield False
        return
    try:
        yield True
    finally:
        if lock is not None:
            lock.release()
        else:
            # A process that was forked meanwhile has the descriptor, too; closing ours alone would leave it the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _open(path: Path) -> int:
    """Return a descriptor of the lock file; raises OSError when it cannot be made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The directory may be shared, and anything may be planted in it. What filelock opens, some of its versions also
    # empty, whatever it is, a FIFO or another name of somebody's file included. So the file is made and looked at here.
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise OSError(EMLINK, "the file has other names", str(path))
    return descriptor


def _at_once(descriptor: int) -> bool:
    """Lock an open file, or close it when somebody else holds it; raises OSError where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    except OSError:
        os.close(descriptor)
        raise
    return True


def _waited_for(path: Path, timeout_s: float) -> BaseFileLock:
    """Return the lock as soon as its holder leaves it; raises OSError when that takes longer."""
    find_packages()
    from filelock import FileLock

    # A file system without locks is told, not made up for by files that outlive who made them.
    lock = FileLock(path, poll_interval=_WAIT_S, fallback_to_soft=False)
    lock.acquire(timeout_s)
    return lock
