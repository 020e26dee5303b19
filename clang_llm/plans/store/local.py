"""The local cache: one immutable file per plan, written under a temporary name and renamed.

The plugin reads these files on its own; only Python writes them. A directory that cannot be written makes every
writing method return False, silently, because a compile must not notice.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from clang_llm.plans.plan import MAX_BYTES, Plan, decode, encode, seal_on
from clang_llm.plans.store.eviction import evict, evict_shard
from clang_llm.plans.store.seal import key_of, seal_of
from clang_llm.plans.store.vouched import vouch
from clang_llm.plans.types import is_key
from clang_llm.system.errors import PlanError, PlanFormatError
from clang_llm.system.files import read_regular, write_new
from clang_llm.system.locks import locked

#: Corrupt entries that are kept for looking at; the rest is thrown away.
QUARANTINED = 32


class Verification(NamedTuple):
    """What `verify` found: sound entries, entries of other formats, and the corrupt ones it moved aside."""

    sound: int
    foreign: int
    corrupt: tuple[str, ...]


class LocalStore:
    """Plans under `root/plans`; docs/cache-directory.md has the other directories.

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

    def is_sealed(self, key: str) -> bool:
        """Whether the entry of a key was measured here, by this user (`clang_llm.plans.store.seal`)."""
        return self._sealed(self._bytes(key) or b"")

    def put(self, plan: Plan, *, replace_any: bool = False) -> bool:
        """Keep a plan that was measured here, unless a better one is there; return whether the store now has this one.

        A better plan from a smaller search stays, with the larger budget: the larger search found nothing better.

        Args:
            plan: The plan.
            replace_any: Replace whatever is there, for recache and for entries that are not believed.
        """
        if self.read_only:
            return False
        if not replace_any:
            try:
                old = self._sound(plan.key)
            except PlanFormatError:
                return False
            # What others measured may be no plan for this module at all.
            if old is not None and not plan.beats(old) and (old.recipe is None or self.is_sealed(plan.key)):
                if old.budget < plan.budget:
                    self._write(old._replace(budget=plan.budget))
                return False
        return self._write(plan)

    def adopt(self, plan: Plan, *, replace_any: bool = False) -> bool:
        """Keep a plan that the team's signature vouches for as if it had been measured here.

        Whoever calls this has verified the signature of this very entry (`clang_llm.plans.store.team`). The plan's
        pipelines are vouched for, and it gets this user's seal, so the plugin applies it at once.

        Args:
            plan: The plan.
            replace_any: Replace whatever is there.

        Returns:
            Whether the store now has this plan; not when it has a better one.
        """
        if self.read_only or not (plan.recipe is None or vouch(self.root, plan.major, plan.recipe)):
            return False
        return self.put(plan, replace_any=replace_any)

    def propose(self, plan: Plan) -> bool:
        """Keep a plan that somebody else measured, without a seal, unless there is an entry; return whether it is kept.

        It is measured before it is applied.
        """
        return not self.read_only and self._bytes(plan.key) is None and self._write(plan, sealed=False)

    def take(self, plan: Plan) -> bool:
        """Keep a plan that somebody else measured, without this user's seal: it is measured before it is applied.

        Returns:
            Whether the store now has this plan; not when it has one that is as good.
        """
        if self.read_only:
            return False
        try:
            old = self._sound(plan.key)
        except PlanFormatError:
            return False
        return (old is None or plan.beats(old)) and self._write(plan, sealed=False)

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
            if directory.is_symlink():
                return False
            self.path(key).replace(directory / key)
            kept = sorted(self._quarantined(), key=lambda path: path.lstat().st_mtime_ns, reverse=True)
            for path in kept[QUARANTINED:]:
                path.unlink()
        except OSError:
            return False
        return True

    def entries(self) -> Iterator[tuple[str, Path]]:
        """Yield key and path of every entry, sound or not, in the order of the keys."""
        for shard in sorted(self.plans.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(shard.iterdir()):
                if is_key(key := shard.name + path.name):
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
        for path in self._quarantined():
            path.unlink(missing_ok=True)
        return evict(self.plans, 0)

    def _quarantined(self) -> list[Path]:
        """Return what lies in the quarantine; a link there may lead to somebody's files."""
        directory = self.root / "quarantine"
        return [] if directory.is_symlink() else [path for path in directory.glob("*") if is_key(path.name)]

    def _bytes(self, key: str) -> bytes | None:
        try:
            return read_regular(self.path(key), MAX_BYTES)
        except OSError:
            return None

    def _read(self, key: str) -> Plan | None:
        """Return the plan of a key, None where there is no readable file; raise when the content is bad."""
        data = self._bytes(key)
        return None if data is None else decode(data, key)

    def _sound(self, key: str) -> Plan | None:
        """Return the plan of a key, None where there is none or a damaged one; raises PlanFormatError."""
        try:
            return self._read(key)
        except PlanFormatError:
            raise
        except PlanError:
            return None

    def _sealed(self, data: bytes) -> bool:
        checksum, seal = seal_on(data)
        own = key_of(self.root)
        return own is not None and hmac.compare_digest(seal.encode(), seal_of(own, checksum).encode())

    def _write(self, plan: Plan, *, sealed: bool = True) -> bool:
        path = self.path(plan.key)
        temporary = path.with_name(f".tmp-{os.getpid()}-{path.name[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # open() gives 0666 less the umask, as clang does: a team can share the directory.
            own = key_of(self.root, create=True) if sealed else None
            write_new(temporary, encode(plan, None if own is None else partial(seal_of, own)))
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            return False
        if self.max_bytes is not None:
            with suppress(OSError):
                evict_shard(self.plans, path.parent, self.max_bytes)
        return True
