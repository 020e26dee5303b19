"""The program that the plugin starts on a cache miss. Standard input and output are one socket to the plugin.

It prints nothing outside the protocol and always exits with 0. When anything fails, the answer is plain -Oz; the plugin
counts the reason, and the log has it.
"""

from __future__ import annotations

import gc
import os

from clang_llm import backends
from clang_llm.backends.model import resolved
from clang_llm.backends.proposal import NobodyBackend, ProposalBackend
from clang_llm.compile.protocol import Connection, Question
from clang_llm.compile.search import Search
from clang_llm.plans import store
from clang_llm.plans.plan import Plan
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.vouched import is_vouched, vouch
from clang_llm.plans.types import Decision, Lookup
from clang_llm.system import log, savings, settings
from clang_llm.system.errors import (
    Abandoned,
    BackendError,
    ClangLlmError,
    EndOfConversation,
    ProtocolError,
    UnvalidatedError,
)
from clang_llm.system.packages import find_packages

#: Backends that need nothing but Python's own library, and leave little behind: the plugin starts us without installed
#: packages and without garbage collection.
LEAN = ("coreset", "model")
#: Seconds to wait for another process that works on the same module; below the plugin's patience of 60 s with us.
#: Afterwards both work, and the answer is the same.
SINGLE_FLIGHT_S = 40.0

#: Entries in which the plugin found something wrong.
_DISBELIEVED = (Lookup.CORRUPT, Lookup.UNVETTED)


def main() -> None:
    """Hold one conversation, then leave without the cost of an orderly shutdown; the plugin waits for our end."""
    try:
        chosen = settings.Settings.load(settings.process_environment())
        _converse(Connection(0, 1), chosen)
    finally:
        os._exit(0)


def _converse(connection: Connection, chosen: settings.Settings) -> None:
    """Answer one request; every failure becomes plain -Oz."""
    by = ""
    try:
        try:
            session = _Session(connection, chosen)
            decision, detail = session.answer()
            by = session.by
        except Abandoned as error:
            decision, detail = Decision.OZ, str(error)
        except EndOfConversation:
            raise
        except ProtocolError as error:
            decision, detail = Decision.OZ, "protocol"
            log.write_log(chosen.log, f"helper: {error}")
        except BackendError as error:
            decision, detail = Decision.OZ, "unvalidated" if isinstance(error, UnvalidatedError) else "backend"
            log.write_log(chosen.log, f"helper: {error}")
        except Exception as error:  # noqa: BLE001 - the outermost boundary of a program that must never fail a compile
            decision, detail = Decision.OZ, "helper"
            log.write_log(chosen.log, f"helper: {type(error).__name__}: {error}")
        _send(connection, decision, detail, by)
    except ClangLlmError as error:
        log.write_log(chosen.log, f"helper: {error}")


def _send(connection: Connection, decision: Decision, detail: str | int | None, by: str) -> None:
    details: dict[str, int | str] = {"by": by} if by else {}
    if detail is not None:
        details["id" if isinstance(detail, int) else "reason"] = detail
    connection.answer(decision, **details)


class _Session:
    """One request: look again, search, store."""

    def __init__(self, connection: Connection, chosen: settings.Settings) -> None:
        self.connection = connection
        self.chosen = chosen
        self.store: LocalStore = store.open_local(chosen)
        self.proposal: Plan | None = None
        #: A committed plan of a frozen build says that -Oz is best.
        self.oz_is_best = False
        #: Who made what is answered, for the plugin's ledger.
        self.by = ""

    def answer(self) -> tuple[Decision, str | int | None]:
        """Return the decision with its id or reason."""
        question = self.connection.question()
        if self.chosen.unknown or self.chosen.problems:
            words = ", ".join((*self.chosen.unknown, *self.chosen.problems))
            log.write_log(self.chosen.log, f"helper: settings that are not used: {words}")
        if self.store.read_only:
            asked = question.lookup is Lookup.UNSEALED or self.chosen.frozen or bool(self.chosen.plans)
            if asked and question.lookup is not Lookup.RECACHE and self._arrived(question):
                return Decision.LOOKUP, None
            return self._decide(question)
        with self.store.lock(question.request.key, SINGLE_FLIGHT_S):
            if question.lookup is not Lookup.RECACHE and self._arrived(question):
                return Decision.LOOKUP, None
            return self._decide(question)

    def _decide(self, question: Question) -> tuple[Decision, str | int | None]:
        return self._frozen(question) if self.chosen.frozen else self._search(question)

    def _arrived(self, question: Question) -> bool:
        """Whether the local cache has an entry now that was measured here.

        What others measured, in this cache or in a store behind it, becomes the proposal.
        """
        key, budget = question.request.key, question.request.budget
        here = None if self.chosen.frozen else self.store.get(key)
        # The plugin disbelieves what we do not see anything wrong with: searching again settles it.
        if here is not None and question.lookup not in _DISBELIEVED:
            if here.recipe is None or self.store.is_sealed(key):
                if here.budget >= budget:
                    return True
            elif self._is_vetted(here):
                self.proposal = here
        return any(self._brings(behind, question) for behind in store.behind_local(self.chosen))

    def _brings(self, behind: store.Store, question: Question) -> bool:
        """Whether the local cache now has the plan of a store behind it; another plan may become the proposal."""
        plan, signed = store.look_up(behind, question.request.key)
        frozen = self.chosen.frozen
        if plan is None or (plan.budget < question.request.budget and not frozen):
            return False
        if frozen and (self.proposal is not None or self.oz_is_best):
            return False  # the first file that has a plan counts
        replace_any = frozen or question.lookup in _DISBELIEVED
        if signed and self.store.adopt(plan, replace_any=replace_any):
            log.append_event(self.store.root, "plans:adopted")
            return True
        if plan.recipe is None:
            self.oz_is_best = frozen
            return self.store.put(plan, replace_any=replace_any)
        if not signed and not self._is_vetted(plan):
            if isinstance(behind, store.Signing):
                self._count("plans:unvetted")
        elif self.proposal is None or plan.beats(self.proposal):
            self.proposal = plan
        return False

    def _frozen(self, question: Question) -> tuple[Decision, str | int | None]:
        """Measure the committed plan, and nothing else; keep it as it was committed, so that it is known again."""
        plan = self.proposal
        if plan is None:
            return Decision.OZ, "best" if self.oz_is_best else "frozen"
        found, identity = Search(
            self.connection, question.request, ProposalBackend(plan, NobodyBackend()), self.chosen.backend
        ).run()
        self.by = plan.by
        if found.recipe is None:
            self._count("plans:refused")
            return Decision.OZ, "frozen"
        same = (found.size_oz, found.size) == (plan.size_oz, plan.size)
        found = plan if same else plan._replace(size_oz=found.size_oz, size=found.size, parts=found.parts)
        if self.store.put(found, replace_any=True):
            log.append_event(self.store.root, "stored")
        return Decision.APPLY, identity

    def _count(self, event: str) -> None:
        if not self.store.read_only:
            log.append_event(self.store.root, event)

    def _pass_on(self, key: str) -> None:
        """Leave a plan for the team's store, to be sent when the compile is done."""
        if self.chosen.remote:
            from clang_llm.remote import outbox  # no part of most compiles

            outbox.leave(self.chosen, settings.process_environment(), key)

    def _is_vetted(self, plan: Plan) -> bool:
        """Whether the plugin would believe a plan that somebody else has made."""
        return plan.recipe is None or is_vouched(self.store.root, plan.major, plan.recipe)

    def _search(self, question: Question) -> tuple[Decision, str | int | None]:
        if self.chosen.backend == "capture":
            from clang_llm.compile.capture import capture  # no part of ordinary compiles

            return Decision.OZ, capture(self.connection, question.request, self.chosen.corpus)
        chosen = resolved(self.chosen, question.request.major, question.request.machine)
        if chosen.backend not in LEAN:
            find_packages()
            gc.enable()
        backend = backends.create(chosen.backend, chosen)
        proposed = ProposalBackend(self.proposal, backend) if self.proposal is not None else None
        search = Search(self.connection, question.request, proposed or backend, chosen.backend)
        plan, identity = search.run()
        if proposed is not None:
            plan = proposed.confirmed(plan)
        log.write_log(self.chosen.log, f"helper: key {question.request.key} {search.summary()}")
        origins = search.origins()
        if origins:
            log.explain(self.chosen.explain_to, {"event": "origins", "origins": origins})
        disbelieved = question.lookup is Lookup.RECACHE or question.lookup in _DISBELIEVED
        if plan.recipe is not None and not self.store.read_only:
            vouch(self.store.root, question.request.major, plan.recipe)
        if self.store.put(plan, replace_any=disbelieved):
            log.append_event(self.store.root, "stored")
            self._pass_on(question.request.key)
            if savings.is_long(self.store.root):
                from clang_llm.system import ledger  # which takes longer to load than all misses but a few need

                ledger.fold(self.store.root)
        elif not self.store.read_only and not disbelieved:
            better = self.store.get(question.request.key)
            if better is not None and better.size < plan.size and better.budget >= plan.budget:
                return Decision.LOOKUP, None
        self.by = plan.by
        return (Decision.OZ, "best") if identity < 0 else (Decision.APPLY, identity)
