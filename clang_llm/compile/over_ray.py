"""Workers of a Ray cluster, where there are more modules than one machine can search in a night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from clang_llm.compile.units import Order, Outcome, Unit, search
from clang_llm.compile.workers import DEATHS
from clang_llm.system.errors import DataError

if TYPE_CHECKING:
    import ray

#: Units for each processor that are on their way, so that none waits for the next.
_AHEAD = 2
_ADDRESS = re.compile(r"auto|local|[A-Za-z0-9_.-]+:[0-9]{1,5}")


class RayWorkers:
    """The processors of a cluster.

    Args:
        address: ``HOST:PORT``, ``auto`` for the cluster that this machine is of, or ``local`` for one that is made
            here and gone afterwards.
        count: Processors of such a one; None for all.

    Raises:
        DataError: The address is none, Ray is not installed, or there is no cluster.
    """

    here = False

    def __init__(self, address: str, count: int | None = None) -> None:
        if not _ADDRESS.fullmatch(address):
            raise DataError("--ray takes HOST:PORT, auto (the cluster of this machine) or local (one that is made)")
        try:
            import ray
        except ImportError as error:
            raise DataError("Ray is not installed; pip install 'clang-llm[ray]', on all machines") from error
        own = {"num_cpus": count, "include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise DataError(f"no Ray cluster at {address}; `ray start --head` makes one ({error})") from error

    def run(self, order: Order, units: Iterator[Unit]) -> Iterator[Outcome]:
        """Yield what came of each unit."""
        import ray

        ordered = ray.put(order)
        task = ray.remote(num_cpus=1, max_retries=DEATHS - 1)(search)
        pending: dict[ray.ObjectRef[Outcome], str] = {}
        while True:
            ahead = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
            for unit in islice(units, max(0, ahead - len(pending))):
                pending[task.remote(ordered, unit)] = unit.module.key
            if not pending:
                return
            done, _ = ray.wait(list(pending), num_returns=1)
            for reference in done:
                yield self._outcome(reference, pending.pop(reference))

    def _outcome(self, reference: Any, key: str) -> Outcome:  # noqa: ANN401 - a class of a package that need not be there
        import ray

        try:
            found: Outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            return Outcome(key, problem=f"{DEATHS} workers died over it ({type(error).__name__})")
        return found

    def close(self) -> None:
        """Leave the cluster."""
        import ray

        ray.shutdown()
