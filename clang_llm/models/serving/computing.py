"""Loads the model and computes with it in one thread: tasks that wait are answered together."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from clang_llm.models import Model, Task
from clang_llm.models.asking.place import Place
from clang_llm.plans.recipe import Recipe
from clang_llm.system import log
from clang_llm.system.errors import ServerError

#: Most tasks that are given to the model at once: what a parallel make of a large machine asks within one answer.
MAX_BATCH = 32
#: Answers over which latencies are told.
_REMEMBERED = 256
#: Seconds between two writings of the latency to its file.
_WRITE_S = 1.0


@dataclass(eq=False)
class _Asked:
    """A task that waits."""

    task: Task
    gone: Callable[[], bool]
    spare: bool
    at: float
    answer: Future[list[Recipe]] = field(default_factory=Future)


@dataclass(frozen=True)
class Figures:
    """How it goes.

    Attributes:
        state: "loading" or "ready".
        answered: Tasks with an answer.
        failed: Tasks on which the model failed.
        waiting: Tasks that wait now.
        median_ms: Half of the latest answers took at most so long, waiting included; None before the first.
        p95_ms: The same for 95 in 100.
        last_failure: Why the model failed last, or "".
    """

    state: str
    answered: int
    failed: int
    waiting: int
    median_ms: float | None
    p95_ms: float | None
    last_failure: str


class Computing:
    """Loads a model and answers tasks with it.

    Args:
        load: Makes the model.
        place: Where to remember failures and latencies.
        failed: Called when the model cannot be loaded.
    """

    def __init__(self, load: Callable[[], Model], place: Place, failed: Callable[[], None]) -> None:
        self._load = load
        self._place = place
        self._on_failure = failed
        self._waiting: deque[_Asked] = deque()
        self._changed = threading.Condition()
        self._latencies_ms: deque[float] = deque(maxlen=_REMEMBERED)
        self._answered = self._failed = self._busy = 0
        self._last_failure = ""
        self._ready_at: float | None = None
        self._refused = ""
        self._written = 0.0
        # When there was something to do last, and something for which a compile waits; seconds of `time.monotonic`.
        self._active_at = self._asked_at = time.monotonic()
        self._asked = 0
        self._thread = threading.Thread(target=self._run, name="computing", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        # Should the process die while it loads, or later while it computes, nobody starts it again at once. Remembered
        # here: by the time it can be asked, it is so.
        self._place.remember_failure(f"the model's server died while it loaded {self._place.model}: {self._hint}")
        self._thread.start()

    def submit(self, task: Task, gone: Callable[[], bool], spare: bool = False) -> Future[list[Recipe]]:
        """Add a task to those that wait.

        Args:
            task: The task.
            gone: Whether nobody waits for the answer any more.
            spare: It is the server's own, for its spare time; others come first.
        """
        asked = _Asked(task, gone, spare, time.monotonic())
        with self._changed:
            self._active_at = asked.at
            if not spare:
                self._asked_at = asked.at
            if self._refused:
                asked.answer.set_exception(ServerError(self._refused))
            else:
                self._waiting.append(asked)
                self._changed.notify()
        return asked.answer

    def idle_s(self) -> float:
        """Seconds since there was something to do; 0 while there is."""
        with self._changed:
            busy = bool(self._waiting or self._busy) or self._ready_at is None
            return 0.0 if busy else time.monotonic() - self._active_at

    def quiet_s(self) -> float:
        """Seconds since a compile waited for something; 0 while one does, or while the model is loaded."""
        with self._changed:
            busy = self._asked or any(not asked.spare for asked in self._waiting) or self._ready_at is None
            return 0.0 if busy else time.monotonic() - self._asked_at

    @property
    def refused(self) -> str:
        """Why the model cannot be loaded, or ""."""
        return self._refused

    def figures(self) -> Figures:
        """Return how it goes."""
        with self._changed:
            latencies = sorted(self._latencies_ms)
            return Figures(
                state="loading" if self._ready_at is None else "ready",
                answered=self._answered,
                failed=self._failed,
                waiting=len(self._waiting) + self._busy,
                median_ms=statistics.median(latencies) if latencies else None,
                p95_ms=latencies[min(len(latencies) - 1, int(0.95 * len(latencies)))] if latencies else None,
                last_failure=self._last_failure,
            )

    def _run(self) -> None:
        try:
            model = self._load()
        except Exception as error:  # noqa: BLE001 - whatever a library raises, it is the reason
            self._refuse(str(error) or type(error).__name__)
            return
        self._place.remember_failure(None)
        self._place.remember_latency(None)
        with self._changed:
            self._ready_at = self._active_at = time.monotonic()
        try:
            while True:
                self._answer(model, self._next())
        except Exception as error:  # noqa: BLE001 - without this thread the server is none
            log.write_log(self._place.log, f"cannot compute any more: {type(error).__name__}: {error}")
            self._on_failure()

    @property
    def _hint(self) -> str:
        return f"is there enough memory? See {self._place.log}"

    def _refuse(self, reason: str) -> None:
        self._place.remember_failure(reason)
        log.write_log(self._place.log, f"cannot load the model: {reason}")
        with self._changed:
            self._refused = self._last_failure = reason
            waiting, self._waiting = list(self._waiting), deque()
        for asked in waiting:
            asked.answer.set_exception(ServerError(reason))
        self._on_failure()

    def _next(self) -> list[_Asked]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting))
            hurried = [asked for asked in self._waiting if not asked.spare]
            batch = (hurried or list(self._waiting))[:MAX_BATCH]
            for asked in batch:
                self._waiting.remove(asked)
            self._busy, self._asked = len(batch), len(hurried)
        for asked in batch:
            if asked.gone():
                asked.answer.cancel()
        return [asked for asked in batch if asked.answer.set_running_or_notify_cancel()]

    def _answer(self, model: Model, batch: Sequence[_Asked]) -> None:
        outcomes: list[list[Recipe] | ServerError] = []
        if batch:
            self._place.remember_failure(f"the model's server died at work: {self._hint}")
            outcomes = self._propose(model, batch)
            self._place.remember_failure(None)
            self._count(batch, outcomes)
        with self._changed:
            self._active_at = time.monotonic()
            if self._asked:
                self._asked_at = self._active_at
            self._busy = self._asked = 0
        # Last of all, so that who has an answer sees it counted.
        for asked, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, ServerError):
                asked.answer.set_exception(outcome)
            else:
                asked.answer.set_result(outcome)

    def _propose(self, model: Model, batch: Sequence[_Asked]) -> list[list[Recipe] | ServerError]:
        """Return for each task its recipes, or why there are none."""
        try:
            recipes = model.propose([asked.task for asked in batch])
            if len(recipes) != len(batch):
                raise ServerError(f"it answered {len(recipes)} of {len(batch)} tasks")
        except Exception as error:  # noqa: BLE001 - a model that fails on a task must not take the others along
            if len(batch) > 1:
                return [self._propose(model, [asked])[0] for asked in batch]
            reason = f"the model failed on {batch[0].task.key}: {type(error).__name__}: {error}"
            log.write_log(self._place.log, reason)
            return [ServerError(reason)]
        return [*recipes]

    def _count(self, batch: Sequence[_Asked], outcomes: Sequence[list[Recipe] | ServerError]) -> None:
        now = time.monotonic()
        with self._changed:
            for asked, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, ServerError):
                    self._failed += 1
                    self._last_failure = str(outcome)
                else:
                    self._answered += 1
                    # Loading is no part of it: the next answer does not wait for that.
                    self._latencies_ms.append(1000 * (now - max(asked.at, self._ready_at or now)))
            median_ms = statistics.median(self._latencies_ms) if self._latencies_ms else None
        if median_ms is not None and now > self._written + _WRITE_S:
            self._place.remember_latency(median_ms)
            self._written = now
