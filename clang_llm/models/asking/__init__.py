"""Asking a language model for recipes: the side of the helper (docs/models.md).

A model lives in a server of its own, one for each user and model. A backend asks it through `Inference`, which starts
it, bounds the wait, and leaves the module in a queue when there is no answer in time, so that the next build finds
what the model makes of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from clang_llm.models import Task
from clang_llm.models.asking import backlog, client, wire
from clang_llm.models.asking.place import Place
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system import log
from clang_llm.system.errors import ServerError, ServerTimeout
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import running_clang

#: Seconds that `CLANG_LLM_INFER=wait` waits: below the plugin's patience of 60 s with one answer of the helper.
WAIT_S = 40.0
#: Seconds that the server itself waits when it works off its queue: a large model without an accelerator takes minutes.
UNHURRIED_S = 1800.0
#: Seconds to tell a server that there is work, and to see that a new one listens; nobody waits for what it does.
_TELL_S, _START_S = 0.25, 3.0

#: Begins the option by which a module has debug information.
_DEBUG_INFO = "-debug-info-kind="
#: What became of asking, as it is counted (docs/cache-directory.md).
ANSWERED, LATE, SLOW, BACKGROUND, FAILED = "answered", "late", "slow", "background", "failed"


def bound_s(settings: Settings) -> float:
    """Return the seconds for which a compile waits for a model."""
    return WAIT_S if settings.infer == "wait" else settings.infer_ms / 1000


class Inference:
    """Asks the server that holds a model, or leaves the module for it.

    Args:
        backend: Name in the table of models.
        model: The model's directory.
        settings: How long to wait, and where caches are.
    """

    def __init__(self, backend: str, model: Path, settings: Settings) -> None:
        self.backend = backend
        self.model = model
        self.settings = settings
        #: What became of asking, and why in words.
        self.outcome = self.why = ""

    def ask(self, request: Request, read: Callable[[], Task | None]) -> list[Recipe]:
        """Return what the model proposes, best first; nothing when it does not answer in time.

        The recipes have the right types and nothing else: the caller has to see that they are allowed.

        Args:
            request: The module.
            read: Makes the task, called only when somebody is going to be asked; None when there is nothing to ask.
        """
        recipes: list[Recipe] = []
        place = None
        try:
            place = Place.of(self.backend, self.model, self.settings)
            self.outcome, self.why = self._not_now(place)
            if not self.outcome:
                recipes = self._ask(place, read)
                self.outcome, self.why = ANSWERED, f"{len(recipes)} recipes"
        except ServerTimeout as error:
            self.outcome, self.why = LATE, f"{error} (bound: {self._bound_s():g} s)"
            # Only where the queue makes the server measure itself again.
            if place is not None and self.settings.infer == "auto" and self._cache is not None:
                self._remember_slowness(place)
        except ServerError as error:
            self.outcome, self.why = FAILED, str(error)
        if place is not None and self.outcome in (LATE, SLOW, BACKGROUND):
            self._leave(place, request)
        self._tell(request)
        return recipes

    def _not_now(self, place: Place) -> tuple[str, str]:
        """Return why nobody is to be asked while clang waits, or nothing."""
        if self.settings.unhurried:
            return "", ""
        if self.settings.infer == "background":
            return BACKGROUND, "CLANG_LLM_INFER=background"
        latency_ms = place.latency_ms()
        if self.settings.infer == "auto" and latency_ms is not None and latency_ms > self.settings.infer_ms:
            return SLOW, f"an answer takes {latency_ms:.0f} ms; CLANG_LLM_INFER_MS is {self.settings.infer_ms}"
        return "", ""

    def _bound_s(self) -> float:
        if self.settings.unhurried:
            return UNHURRIED_S
        return bound_s(self.settings)

    def _ask(self, place: Place, read: Callable[[], Task | None]) -> list[Recipe]:
        # Before the module is read, which takes a while: is there any hope?
        if not client.listens(place):
            client.refuse_after_failure(place)
        task = read()
        if task is None:
            return []
        deadline = time.monotonic() + self._bound_s()
        cache = None if self._cache is None else str(self._cache)
        message = wire.question(task, cache, spare=self.settings.unhurried)
        if self.settings.unhurried:
            answer = client.ask(place, message, deadline)
            if answer is None:
                raise ServerError("the model's server has left")
        else:
            answer = client.ask_starting(place, message, deadline, self._cache)
        return wire.recipes_of(answer)

    @property
    def _cache(self) -> Path | None:
        """The cache directory whose queue may be worked off."""
        if self.settings.readonly or self.settings.explaining or self.settings.unhurried:
            return None
        return self.settings.cache_dir.absolute()

    def _remember_slowness(self, place: Place) -> None:
        """Let the compiles after this one not wait, too; the server corrects it with its next answer."""
        place.remember_latency(max(self.settings.infer_ms + 1.0, place.latency_ms() or 0.0))

    def _leave(self, place: Place, request: Request) -> None:
        """Put the module into the queue, and see that somebody works it off."""
        cache = self._cache
        if cache is None or request.reader is None:
            return
        module = request.reader.module()
        if any(word.startswith(_DEBUG_INFO) for word in module.options):
            # The plugin sends it without, and code generation is not wholly independent of it: a plan's promise is
            # about the very object.
            self.why += "; not left for later, since it has debug information"
            return
        clang = running_clang()
        entry = backlog.Entry(
            key=request.key,
            llvm=request.llvm,
            target=request.target,
            budget=request.budget,
            options=module.options,
            clang=None if clang is None else str(clang),
            backend=self.backend,
            model=str(self.model.absolute()),
            max_size=self.settings.max_size,
        )
        if not backlog.leave(cache, entry, module):
            self.why += "; it does not fit into the queue"
            return
        self.why += "; left for the model's server"
        log.append_event(cache, "model:queued")
        if self.outcome == LATE:
            return  # the question named the cache
        try:
            work = wire.Message({"protocol": wire.PROTOCOL, "do": "work", "cache": str(cache)})
            if not client.tell(place, work, time.monotonic() + _TELL_S):
                client.start_soon(place, cache, time.monotonic() + _START_S)
        except ServerError as error:
            self.why += f", which does not listen: {error}"

    def _tell(self, request: Request) -> None:
        """Count and log what became of it."""
        settings = self.settings
        if not settings.unhurried and not settings.readonly and not settings.explaining:
            log.append_event(settings.cache_dir, f"model:{self.outcome}")
        log.write_log(settings.log, f"helper: key {request.key} model {self.outcome}: {self.why}")
        log.explain(settings.explain_to, {"event": "model", "outcome": self.outcome, "why": self.why})
