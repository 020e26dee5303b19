"""From the team's stores into the local cache: the first store that has a plan wins, and nothing in it is believed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from clang_llm.plans.plan import Plan, decode, seal_on
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.vouched import is_vouched
from clang_llm.remote.guarded import Guarded
from clang_llm.remote.signing import Signing
from clang_llm.system.errors import PlanError, PlanFormatError, RemoteError

#: Seconds for all stores together; the plugin waits for a second.
PATIENCE_S = 0.7


def fetch(key: str, major: int, stores: Sequence[Guarded], local: LocalStore, signing: Signing) -> tuple[bool, str]:
    """Look for a plan.

    Args:
        key: The module's key.
        major: Major version of the LLVM that asks.
        stores: Where to look, in order.
        local: Where the plan is kept.
        signing: The team's key, if there is one.

    Returns:
        Whether the local cache has a new plan; and why not, in one word, unless nobody has one.
    """
    latest, problem = time.monotonic() + PATIENCE_S, ""
    for store in stores:
        if store.down:
            problem = problem or store.tell()
            continue
        try:
            data = store.get(key, max(0.05, latest - time.monotonic()))
            if data is None:
                continue
            if _keep(data, key, major, local, signing):
                return True, ""
        except RemoteError as error:
            problem = error.word
    return False, problem


def _keep(data: bytes, key: str, major: int, local: LocalStore, signing: Signing) -> bool:
    """Put an entry into the local cache; return whether it is there now. Raises RemoteError when it is not sound."""
    try:
        plan = decode(data, key)
    except PlanFormatError:
        return False  # another clang-llm wrote it
    except PlanError as error:
        raise RemoteError(f"damaged: {error}") from error
    if plan.major != major:
        raise RemoteError(f"damaged: a plan for LLVM {plan.llvm}")
    if signing.verifies(*seal_on(data)):
        return signing.adopt(local, plan) or _has(plan, local)
    if plan.recipe is not None and not is_vouched(local.root, major, plan.recipe):
        raise RemoteError("unvetted: pipelines that nobody here vouches for")
    return local.take(plan) or _has(plan, local)


def _has(plan: Plan, local: LocalStore) -> bool:
    """Whether the same answer is there already, since another compile asked for the same module."""
    here = local.get(plan.key)
    return here is not None and not plan.beats(here) and not here.beats(plan)
