"""The local cache: one immutable file per plan, written under a temporary name and renamed.

The plugin reads these files on its own; only Python writes them. A directory that cannot be written makes every
writing method return False, silently, because a compile must not notice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from clang_llm.errors import PlanError, PlanFormatError
from clang_llm.locks import locked
from clang_llm.plan import MAX_BYTES, Plan, decode, encode
from clang_llm.store.eviction import evict, evict_shard

#: Corrupt entries that are kept for looking at; the rest is thrown away.
QUARANTINED = 32

_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Verification:
    """What `verify` found: sound entries, entries of other formats, and the corrupt ones it moved aside."""

    sound: int
    foreign: int
    corrupt: tuple[str, ...]


class LocalStore:
    """Plans under `root/plans`; see the architecture, section 2, for the other directories.

    Args:
        root: The cache directory; it need not exist.
        read_only: Never write.
        max_bytes: Size limit of the plans on disk; None for no limit.
    """

    def __init__(self, root: Path, *, read_only: bool = False, max_bytes: int | None = None) -> None:
        self.root = root
        self.plans = root / "plans"
        self.read_only = read_only
        self.max_bytes = max_bytes

    def path(self, key: str) -> Path:
        """Return where the plan of a key is."""
        return self.plans / key[:2] / key[2:]

    def get(self, key: str) -> Plan | None:
        """Return the sound plan for a key; a corrupt entry is moved aside."""
        try:
            return self._read(key)
        except PlanFormatError:
            return None
        except PlanError:
            self.quarantine(key)
            return None

    def put(self, plan: Plan, *, replace_any: bool = False) -> bool:
        """Keep a plan unless a better one is there; return whether the store now holds this one.

        A better plan from a smaller search stays, with the larger budget: the larger search found nothing better.

        Args:
            plan: The plan.
            replace_any: Replace whatever is there, for recache and for entries that are not believed.
        """
        if self.read_only:
            return False
        if not replace_any:
            try:
                old = self._read(plan.key)
            except PlanFormatError:
                return False
            except PlanError:
                old = None
            if old is not None and not plan.beats(old):
                if old.budget < plan.budget:
                    self._write(replace(old, budget=plan.budget))
                return False
        return self._write(plan)

    def lock(self, key: str, timeout_s: float) -> AbstractContextManager[bool]:
        """Return the single-flight lock of a key; it yields whether it is held."""
        return locked(self.root / "locks" / key[:2], timeout_s)

    def quarantine(self, key: str) -> bool:
        """Move an entry aside, so that it is a miss from now on; return whether it was there and could be moved."""
        if self.read_only:
            return False
        directory = self.root / "quarantine"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self.path(key).replace(directory / key)
            kept = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in kept[QUARANTINED:]:
                path.unlink()
        except OSError:
            return False
        return True

    def entries(self) -> Iterator[tuple[str, Path]]:
        """Yield key and path of every entry, sound or not, in the order of the keys."""
        for shard in sorted(self.plans.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(shard.iterdir()):
                if _KEY.fullmatch(key := shard.name + path.name):
                    yield key, path

    def verify(self) -> Verification:
        """Read every entry and move the corrupt ones aside."""
        sound, foreign, corrupt = 0, 0, []
        for key, _ in self.entries():
            try:
                sound += self._read(key) is not None
            except PlanFormatError:
                foreign += 1
            except PlanError:
                self.quarantine(key)
                corrupt.append(key)
        return Verification(sound, foreign, tuple(corrupt))

    def cleanup(self, max_bytes: int) -> int:
        """Remove the least recently used entries until the rest fits; return how many went.

        Raises:
            OSError: An entry cannot be removed.
        """
        return evict(self.plans, max_bytes)

    def clear(self) -> int:
        """Remove every entry and the quarantine; return how many entries went. Builds and counters stay.

        Raises:
            OSError: An entry cannot be removed.
        """
        for path in (self.root / "quarantine").glob("*"):
            path.unlink(missing_ok=True)
        return evict(self.plans, 0)

    def _read(self, key: str) -> Plan | None:
        """Return the plan of a key, None where there is no readable file; raise when the content is bad."""
        try:
            with self.path(key).open("rb") as file:
                data = file.read(MAX_BYTES)
        except OSError:
            return None
        return decode(data, key)

    def _write(self, plan: Plan) -> bool:
        path = self.path(plan.key)
        temporary = path.with_name(f".tmp-{os.getpid()}-{path.name[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # open() gives 0666 less the umask, as clang does: a team can share the directory.
            temporary.write_bytes(encode(plan))
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            return False
        if self.max_bytes is not None:
            with suppress(OSError):
                evict_shard(self.plans, path.parent, self.max_bytes)
        return True
