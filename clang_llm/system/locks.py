"""File locks between processes.

``flock(2)`` directly: the helper needs a lock on every cache miss, and a lock must not need a package that a bare
system Python does not have. (filelock takes the same lock on the same file, for 20 ms of imports.) The system releases
a lock when its process ends, however it ends; lock files are never removed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clang_llm.system.files import open_regular

#: Seconds between two tries, first and longest: short enough for a lock held for milliseconds, and idle enough for one
#: that is held while a compiler works.
_FIRST_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.05


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
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        yield _acquire(descriptor, timeout_s)
    finally:
        # Closing the last descriptor releases the lock.
        os.close(descriptor)


def _acquire(descriptor: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        except OSError:
            # A file system without locks: what the lock guards is still atomic, only perhaps done twice.
            return False
        else:
            return True
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
