"""Finding and waiting for processes, through /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

#: Seconds until what should happen at once counts as not happening, on a machine that is busy with other tests.
PATIENCE_S = 30.0


def belonging_to(cache: Path) -> dict[int, str]:
    """Return the running processes in whose environment this cache directory is named, with their command lines."""
    wanted = b"CLANG_LLM_CACHE_DIR=" + os.fsencode(cache)
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
    return found


def children(pid: int) -> list[int]:
    """Return the processes that this one has started."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for(condition: Callable[[], object]) -> bool:
    """Wait until the condition holds; False when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
