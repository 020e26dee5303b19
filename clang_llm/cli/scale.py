"""Searching apart from the build: its modules are captured, then searched by workers here or on a Ray cluster."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from clang_llm.cli.output import counted, printable, progress
from clang_llm.cli.project import Build
from clang_llm.compile.capture import captured_in
from clang_llm.compile.over_ray import RayWorkers
from clang_llm.compile.units import Order, Outcome, units_in
from clang_llm.compile.workers import LocalWorkers, Workers
from clang_llm.plans.plan import decode
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.vouched import vouch
from clang_llm.remote import outbox
from clang_llm.system import log
from clang_llm.system.errors import DataError, PlanError
from clang_llm.system.settings import MAX_JOBS, PREFIX, Settings

#: Problems that are told one by one; the rest is a number.
_MOST_TOLD = 10
#: What is counted for a module that was captured.
CAPTURED = "bypass:captured"


def add_worker_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare who may search instead of the build's own compiles."""
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="capture the modules first, then search with N processes of this machine",
    )
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="the same with a Ray cluster: HOST:PORT, auto, or local (with N processors)"
    )


@contextmanager
def workers_of(arguments: argparse.Namespace) -> Iterator[Workers | None]:
    """Yield the workers that were asked for, or None: the compiles of the build search.

    Raises:
        DataError: There are no such workers.
    """
    count: int | None = arguments.workers
    if count is not None and not 1 <= count <= MAX_JOBS:
        raise DataError(f"--workers {count}: give a number from 1 to {MAX_JOBS}")
    if arguments.ray is not None:
        if count is not None and arguments.ray != "local":
            raise DataError("--workers is for this machine; a Ray cluster has as many as it has")
        cluster = RayWorkers(arguments.ray, count)
        try:
            yield cluster
        finally:
            cluster.close()
    else:
        yield None if count is None else LocalWorkers(count)


def build_and_search(build: Build, environ: Mapping[str, str], workers: Workers, backend: str, candidates: int) -> int:
    """Build with plain -Oz and capture what the cache does not have, then let workers search that.

    Each plan is kept as it comes, so a run that is stopped has lost what its workers were at, and no more.

    Args:
        build: What is to be compiled.
        environ: The environment of the build.
        workers: Who searches.
        backend: Who proposes.
        candidates: Compilations for each module.

    Returns:
        The exit status of the build.
    """
    settings = Settings.load(environ)
    order = Order.of(settings, backend, candidates, here=workers.here)
    with tempfile.TemporaryDirectory(prefix="clang-llm-units-") as place:
        capturing = {"BACKEND": "capture", "CANDIDATES": str(candidates)}
        variables = {**environ, **{PREFIX + name: value for name, value in capturing.items()}}
        status = build.run({**variables, f"_{PREFIX}CORPUS": place})
        keeper, problems = _Keeper(settings, environ), list[str]()
        names = {module.key: Path(module.source).name for module in captured_in(Path(place))}
        outcomes = workers.run(order, units_in(Path(place)))
        for outcome in progress(outcomes, "search", len(names)):
            problem = outcome.problem or keeper.keep(outcome)
            if problem:
                problems.append(f"{printable(names[outcome.key])}: {problem}")
    _tell(problems)
    return status


def _tell(problems: Sequence[str]) -> None:
    """Tell a person of modules without a plan."""
    for problem in problems[:_MOST_TOLD]:
        sys.stderr.write(f"no plan for {problem}\n")
    if len(problems) > _MOST_TOLD:
        sys.stderr.write(f"and for {counted(len(problems) - _MOST_TOLD, 'module')} more\n")


class _Keeper:
    """Keeps what workers found as if it had been searched here."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings, self._environ = settings, environ
        self._store = LocalStore(settings.cache_dir, max_bytes=settings.max_size)

    def keep(self, outcome: Outcome) -> str:
        """Put a plan into the cache, and leave a note for the team's store; return a problem, if there is one."""
        try:
            plan = decode(outcome.entry, outcome.key)
        except PlanError as error:
            return str(error)
        root = self._store.root
        if plan.recipe is not None and not vouch(root, plan.major, plan.recipe):
            return f"nothing can be written in {root}"
        if self._store.put(plan):
            log.append_event(root, "stored")
            outbox.leave(self._settings, self._environ, outcome.key)
        return ""
