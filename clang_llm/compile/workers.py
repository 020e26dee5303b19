"""Who works on units: processes of this machine, or a Ray cluster. Which of them makes no difference to the plans.

A worker that dies loses nothing: what it was working on is given to another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Protocol

from clang_llm.compile.units import Order, Outcome, Unit, search

#: Workers that may die over one unit before it is left alone.
DEATHS = 3


class Workers(Protocol):
    """Takes units and brings back what came of them."""

    #: Whether they work in the cache directory of this machine.
    here: bool

    def run(self, order: Order, units: Iterator[Unit]) -> Iterator[Outcome]:
        """Yield what came of each unit, in the order in which they are done; few are held in memory at once."""


class LocalWorkers:
    """Processes of this machine.

    Args:
        count: How many.
    """

    here = True

    def __init__(self, count: int) -> None:
        self._count = count
        self._deaths = Counter[str]()

    def run(self, order: Order, units: Iterator[Unit]) -> Iterator[Outcome]:
        """Yield what came of each unit."""
        waiting: list[Unit] = []
        while True:
            with ProcessPoolExecutor(self._count, get_context("spawn")) as pool:
                try:
                    yield from self._work(pool, order, waiting, units)
                    return
                except GeneratorExit:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                except BrokenProcessPool:  # one of them was killed, and nobody can tell over which unit
                    self._deaths.update(unit.module.key for unit in waiting)
            lost = [unit for unit in waiting if self._deaths[unit.module.key] >= DEATHS]
            waiting = [unit for unit in waiting if unit not in lost]
            yield from (Outcome(unit.module.key, problem=f"{DEATHS} workers died over it") for unit in lost)

    def _work(
        self, pool: ProcessPoolExecutor, order: Order, waiting: list[Unit], units: Iterator[Unit]
    ) -> Iterator[Outcome]:
        """Yield outcomes until the units are done; `waiting` has those that are not."""
        futures: dict[Future[Outcome], Unit] = {pool.submit(search, order, unit): unit for unit in waiting}
        while True:
            for unit in islice(units, self._count - len(futures)):
                waiting.append(unit)
                futures[pool.submit(search, order, unit)] = unit
            if not futures:
                return
            done, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                waiting.remove(futures.pop(future))
                yield outcome
