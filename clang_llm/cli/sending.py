"""What a command does at its end so that the team's store has its plans: it does not leave that to a later build."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from clang_llm.cli.output import counted
from clang_llm.cli.remote import describe
from clang_llm.plans.store.local import LocalStore
from clang_llm.remote import outbox
from clang_llm.remote.address import parse
from clang_llm.remote.delivering import STORED, deliver
from clang_llm.remote.guarded import Guarded
from clang_llm.remote.signing import Signing
from clang_llm.system import log
from clang_llm.system.settings import Settings


def send(settings: Settings, environ: Mapping[str, str]) -> str:
    """Send the plans that wait for the team's store, and say what came of it; nothing where there is none.

    A courier may be at the same work: a store takes a plan once, whoever sends it.
    """
    root = settings.cache_dir
    if not outbox.may_send(settings, environ) or not outbox.waiting(root):
        return ""
    stores = [Guarded(address, environ) for address in parse(settings.remote)[0]]
    problem = ""
    for event in deliver(stores, LocalStore(root, max_bytes=settings.max_size), Signing(settings)):
        log.append_event(root, event)
        if event != STORED:
            problem = describe(event.rpartition(":")[2])
    left = len(outbox.waiting(root))
    if not left:
        return ""
    why = problem or next((store.why for store in stores if store.down), "no store takes any")
    return f"{counted(left, 'plan waits', 'plans wait')} for the team's store: {why}"


def tell_waiting(text: str) -> None:
    """Tell a person of plans that could not be sent."""
    if text:
        sys.stderr.write(f"{text}; a later build sends them\n")
