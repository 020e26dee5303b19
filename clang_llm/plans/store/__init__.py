"""Where plans are kept: the local cache, files of committed plans, read-only seeds; `clang_llm.remote` has a team's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from clang_llm.plans.plan import Plan
from clang_llm.plans.store.local import LocalStore
from clang_llm.system.errors import DataError
from clang_llm.system.layout import find
from clang_llm.system.log import write_log
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


@runtime_checkable
class Signing(Protocol):
    """A store whose plans may be signed by the team's key."""

    def look_up(self, key: str) -> tuple[Plan | None, bool]:
        """Return the sound plan for a key, or None, and whether the team's key signed it."""


def look_up(store: Store, key: str) -> tuple[Plan | None, bool]:
    """Return the sound plan of a store for a key, or None, and whether the team's key signed it."""
    return store.look_up(key) if isinstance(store, Signing) else (store.get(key), False)


def open_local(settings: Settings) -> LocalStore:
    """Return the user's cache."""
    read_only = settings.readonly or settings.explaining
    return LocalStore(settings.cache_dir, read_only=read_only, max_bytes=settings.max_size)


def behind_local(settings: Settings) -> list[Store]:
    """Return the stores to ask, in order, for what the local cache does not have."""
    seed = settings.seed_dir or SEED
    seeds: list[Store] = [LocalStore(seed, read_only=True)] if seed is not None and seed.is_dir() else []
    return [*_committed(settings), *([] if settings.frozen else seeds)]


def _committed(settings: Settings) -> list[Store]:
    if not settings.plans:
        return []
    from clang_llm.plans.store.plansfile import PlansFile  # no part of ordinary compiles

    def load_key() -> TeamKey | None:
        try:
            return team_key(settings)
        except DataError as error:
            write_log(settings.log, f"helper: {error}")
            return None

    return [PlansFile(path, load_key) for path in settings.plans]


def team_key(settings: Settings) -> TeamKey | None:
    """Return the team's key, None where none is set.

    Raises:
        DataError: It cannot be used; with what to do.
    """
    if settings.key_file is None:
        return None
    from clang_llm.plans.store.team import TeamKey  # no part of ordinary compiles

    return TeamKey.load(settings.key_file)
