"""Keeps the plans under a size limit: the least recently used are removed first; a file's mtime is its last use."""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Directories that the keys are spread over, evenly, since a key is a hash.
SHARDS = 256
#: Bytes of a shard's share of the limit from which on a shard is kept to its share alone: some 60 entries, enough
#: for the shards to fill evenly. Below that, the whole cache is small and quick to look through.
EVEN_BYTES = 256 * 1024
#: Part of the limit that is left after an eviction, so that not every new entry evicts another.
LOW_WATER = 0.9
#: Seconds after which a temporary file has been left by a process that died.
STALE_S = 3600.0


def evict_shard(plans: Path, shard: Path, max_bytes: int) -> int:
    """Make room after an entry was written to `shard`, looking at no more than necessary; return how many went."""
    share = max_bytes // SHARDS
    if share >= EVEN_BYTES:
        return _evict(_files(shard), share)
    return evict(plans, max_bytes)


def evict(plans: Path, max_bytes: int) -> int:
    """Remove the least recently used plans until the rest takes at most `max_bytes` on disk; return how many went.

    Raises:
        OSError: A plan cannot be removed.
    """
    return _evict((each for shard in plans.glob("[0-9a-f][0-9a-f]") for each in _files(shard)), max_bytes)


def _files(shard: Path) -> Iterator[tuple[int, int, str]]:
    """Yield (mtime in ns, bytes on disk, path) of every plan, and remove what dead writers left."""
    if shard.is_symlink():
        return  # to somebody's files
    with os.scandir(shard) as listing:
        for file in listing:
            # Another process may remove it between the two calls.
            with suppress(FileNotFoundError):
                status = file.stat(follow_symlinks=False)
                if not file.name.startswith("."):
                    yield status.st_mtime_ns, max(status.st_size, status.st_blocks * 512), file.path
                elif status.st_mtime < time.time() - STALE_S:
                    Path(file.path).unlink()


def _evict(files: Iterator[tuple[int, int, str]], max_bytes: int) -> int:
    heap = list(files)
    total = sum(size for _, size, _ in heap)
    if total <= max_bytes:
        return 0
    heapq.heapify(heap)
    removed = 0
    while heap and total > LOW_WATER * max_bytes:
        _, size, path = heapq.heappop(heap)
        Path(path).unlink(missing_ok=True)
        total -= size
        removed += 1
    return removed
