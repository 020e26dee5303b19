"""The log file and the event counters (docs/cache-directory.md).

An event is one line in ``events``, appended with one ``write(2)``, by the plugin, the wrapper and Python alike; nobody
locks for that. Reading them folds new lines into ``stats.json`` under a lock. Each file's folded length is kept by
its inode, so that a file which was rotated to ``events.old`` continues where its folding stopped.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from clang_llm.system.files import HARMLESS, append, open_regular, read_regular
from clang_llm.system.locks import locked

#: Bytes of `events` beyond which a fold rotates it away: some 500,000 events.
ROTATE_BYTES = 4 * 1024 * 1024
#: Seconds that `events.old` must have been quiet before it is thrown away: a writer opens, writes and closes at once.
QUIET_S = 10.0
#: Bytes of `stats.json` and of new events that are read: a hundred times what there ever is.
MAX_STATS, MAX_EVENTS = 4 * 1024 * 1024, 64 * ROTATE_BYTES
#: Seconds to wait for another process that is folding; it takes milliseconds.
LOCK_S = 10.0

_EVENT = rb"[a-z0-9_]+(:[a-z0-9_]+){0,2}"


def append_event(cache_dir: Path, *names: str) -> None:
    """Count events; silently does nothing where the directory cannot be written."""
    if names:
        text = "".join(name + "\n" for name in names)
        with suppress(OSError):
            append(open_regular(cache_dir / "events", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW), text)


def write_log(path: Path | None, line: str) -> None:
    """Append a line to the user's log file, if there is one; never fails."""
    if path is not None:
        _append(path, f"python[{os.getpid()}]: {line}\n")


def explain(path: Path | None, line: Mapping[str, object]) -> None:
    """Tell `clang-llm-tool explain` something, if it asks; never fails."""
    if path is not None:
        _append(path, json.dumps(line) + "\n")


def fold_events(cache_dir: Path) -> Counter[str]:
    """Return the count of every event since the last `zero`, folding what is new.

    Where the directory cannot be written, the counts are right all the same and nothing is stored.
    """
    return _fold(cache_dir, zero=False)


def zero(cache_dir: Path) -> None:
    """Set all counters to zero. Events that are written meanwhile count afterwards."""
    _fold(cache_dir, zero=True)


def zeroed(cache_dir: Path) -> int | None:
    """Return when the counters began: the second of the epoch of the last `zero`, or None when there was none."""
    return _Stats.read(cache_dir / "stats.json").zeroed


def _append(path: Path, text: str) -> None:
    """Append to a file that the user has chosen: a terminal will do, too, and a pipe if somebody reads it."""
    with suppress(OSError):
        append(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | HARMLESS, 0o666), text)


class _Stats:
    """Content of `stats.json`.

    Args:
        counters: The counts.
        folded: For each inode of an event file the bytes of it that are in the counts.
        zeroed: Second of the epoch of the last `zero`.
    """

    def __init__(self, counters: Mapping[str, int], folded: Mapping[int, int], zeroed: int | None = None) -> None:
        self.counters = Counter(counters)
        self.folded = dict(folded)
        self.zeroed = zeroed

    @classmethod
    def read(cls, path: Path) -> _Stats:
        try:
            data = json.loads(read_regular(path, MAX_STATS))
            counters = {str(name): int(count) for name, count in data["counters"].items()}
            folded = {int(inode): int(size) for inode, size in data["folded"].items()}
            return cls(counters, folded, int(data["zeroed"]) if data.get("zeroed") else None)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # A damaged file costs the counts of earlier folds, never a compile.
            return cls({}, {})

    def write(self, path: Path) -> None:
        folded = {str(inode): size for inode, size in self.folded.items()}
        data = {"counters": dict(sorted(self.counters.items())), "folded": folded, "zeroed": self.zeroed}
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise


def _fold(cache_dir: Path, *, zero: bool) -> Counter[str]:
    if not cache_dir.is_dir():
        return Counter()
    with locked(cache_dir / "locks" / "stats", LOCK_S) as held:
        stats = _read_new(cache_dir)
        if held:
            if zero:
                stats.counters.clear()
                stats.zeroed = int(time.time())
            with suppress(OSError):
                stats.write(cache_dir / "stats.json")
                _rotate(cache_dir, stats)
        return stats.counters


def _read_new(cache_dir: Path) -> _Stats:
    """Return the stored counters plus every complete line that is not in them."""
    stats = _Stats.read(cache_dir / "stats.json")
    before, stats.folded = stats.folded, {}
    for name in ("events.old", "events"):
        try:
            with os.fdopen(open_regular(cache_dir / name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                offset = before.get(inode, 0)
                file.seek(offset)
                new = file.read(MAX_EVENTS)
        except OSError:
            continue
        complete = new[: new.rfind(b"\n") + 1]
        stats.folded[inode] = offset + len(complete)
        lines = complete.split(b"\n")[:-1]
        stats.counters.update(line.decode() for line in lines if re.fullmatch(_EVENT, line))
    return stats


def _rotate(cache_dir: Path, stats: _Stats) -> None:
    """Move a long, folded `events` to `events.old`; the caller holds the lock.

    The order makes a crash at any point harmless: the old file goes first, then its inode leaves `stats.json`, and
    only after the renaming can a new file take that inode number.
    """
    events, old = cache_dir / "events", cache_dir / "events.old"
    with suppress(FileNotFoundError):
        if events.stat().st_size <= ROTATE_BYTES:
            return
        with suppress(FileNotFoundError):
            status = old.stat()
            if time.time() - status.st_mtime < QUIET_S or stats.folded.get(status.st_ino) != status.st_size:
                return
            old.unlink()
            stats.folded.pop(status.st_ino, None)
            stats.write(cache_dir / "stats.json")
        events.rename(old)
