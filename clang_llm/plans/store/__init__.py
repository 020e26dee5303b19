"""Where plans are kept: the local cache, then read-only seeds, then (later) a team's shared store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from clang_llm.plans.plan import Plan
from clang_llm.plans.store.local import LocalStore
from clang_llm.system.layout import find
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.plans.store.team import TeamKey

#: Vetted entries that come with clang-llm (`cache/README.md`), unless CLANG_LLM_SEED_DIR names others.
SEED = find("seed")


class Store(Protocol):
    """What every store offers. Neither method raises for a store that is missing, slow or damaged."""

    def get(self, key: str) -> Plan | None:
        """Return the sound plan for a key, or None."""

    def put(self, plan: Plan) -> bool:
        """Keep a plan unless a better one is there; return whether the store now holds this one."""


def open_local(settings: Settings) -> LocalStore:
    """Return the user's cache."""
    read_only = settings.readonly or settings.explaining
    return LocalStore(settings.cache_dir, read_only=read_only, max_bytes=settings.max_size)


def behind_local(settings: Settings) -> list[Store]:
    """Return the stores to ask, in order, for what the local cache does not have."""
    seed = settings.seed_dir or SEED
    return [LocalStore(seed, read_only=True)] if seed is not None and seed.is_dir() else []


def team_key(settings: Settings) -> TeamKey | None:
    """Return the team's key, None where none is set.

    Raises:
        DataError: It cannot be used; with what to do.
    """
    if settings.key_file is None:
        return None
    from clang_llm.plans.store.team import TeamKey  # no part of ordinary compiles

    return TeamKey.load(settings.key_file)
