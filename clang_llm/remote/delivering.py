"""From the outbox to the team's stores. Only a better plan replaces another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clang_llm.plans.plan import Plan, decode
from clang_llm.plans.store.local import LocalStore
from clang_llm.remote import outbox
from clang_llm.remote.guarded import Guarded
from clang_llm.remote.signing import Signing
from clang_llm.remote.stores import Choose
from clang_llm.system.errors import PlanError, PlanFormatError, RemoteError

#: Seconds for one plan and one store: nobody waits for it.
PATIENCE_S = 5.0
#: What is counted for each plan that a store took.
STORED = "remote:stored"


def deliver(stores: Sequence[Guarded], local: LocalStore, signing: Signing) -> Iterator[str]:
    """Send what waits; yield the events to be counted. What a store does not take stays for the next time.

    Args:
        stores: Where to; those that are left alone or read-only get nothing.
        local: Where the plans are.
        signing: The team's key, if there is one.
    """
    for key in outbox.waiting(local.root):
        plan = local.get(key)
        # What others measured is theirs to send.
        if plan is None or not (plan.recipe is None or local.is_sealed(key)):
            outbox.take(local.root, key)
            continue
        takers = [store for store in stores if store.writable]
        if any(store.down for store in takers) or not takers:
            return
        choose = _choice(plan, signing)
        try:
            written = [store.update(key, choose, PATIENCE_S) for store in takers]
        except RemoteError as error:
            yield f"remote:error:{error.word}"
            return
        outbox.take(local.root, key)
        if any(written):
            yield STORED


def _choice(plan: Plan, signing: Signing) -> Choose:
    """Return what decides whether a plan replaces what a store has: smaller, or as small from a larger search."""
    new = signing.encode(plan)

    def choose(old: bytes | None) -> bytes | None:
        if old is None:
            return new
        try:
            other = decode(old, plan.key)
        except PlanFormatError:
            return None  # of another version, whose users need it
        except PlanError:
            return new
        rank = signing.outranks(new, old)
        return new if (plan.beats(other) if rank is None else rank) else None

    return choose
