"""What asking a model costs: a real server is started, and asked about the modules of a data set.

``python -m clang_llm.lab.training.serving``. One question after the other for the latency, many at once for the modules
in a second, as a parallel make asks. The server of a small model computes in one thread. Clang, which describes the
functions, is not part of the figures.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clang_llm.backends.model import BUNDLED
from clang_llm.lab.measure import results
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.lab.training.dataset import DEFAULT_WORK as DEFAULT_DATA
from clang_llm.lab.training.dataset import load
from clang_llm.models import Task
from clang_llm.models.asking import client, wire
from clang_llm.models.asking.place import Place
from clang_llm.models.asking.starting import start
from clang_llm.system.errors import ServerError
from clang_llm.system.settings import Settings, process_environment
from clang_llm.toolchain.compiler import find_clang, inspect

#: Seconds for one question, starting the server included.
PATIENCE_S = 120.0


class Serving:
    """One server, in a directory of its own."""

    def __init__(self, model: Path, directory: Path) -> None:
        self.place = Place("model", model.resolve(), directory / "s.sock")

    def start(self) -> tuple[float, float]:
        """Start it; returns the seconds until it listens, and until it can answer.

        Raises:
            ServerError: It does not start.
            BackendError: The model cannot be loaded.
        """
        began = time.monotonic()
        client.start_soon(self.place, None, began + PATIENCE_S)
        listens = time.monotonic() - began
        start(self.place, client.DEFAULT_IDLE_S, None)
        return listens, time.monotonic() - began

    def status(self) -> dict[str, Any]:
        """Return what it says of itself; raises ServerError when it is gone."""
        status = client.status(self.place)
        if status is None:
            raise ServerError(f"the server has left; see {self.place.log}")
        return status

    def ask(self, task: Task) -> float:
        """Ask, and return the seconds until the answer was there."""
        began = time.monotonic()
        answer = client.ask(self.place, wire.question(task, None), began + PATIENCE_S)
        if answer is None or not wire.recipes_of(answer):
            raise ServerError(f"the server gave no answer; see {self.place.log}")
        return time.monotonic() - began


def tasks_of(data: Path, split: Split, most: int, major: int, budget: int) -> list[Task]:
    """Return the questions that compiles of a data set's modules would ask; raises DataError."""
    modules = load(data / split.value)
    # Evenly over all, which are in the order of their keys: by chance.
    chosen = modules[:: max(1, len(modules) // most)][:most]
    return [Task(f"{place:064x}", major, each.target, budget, each.texts) for place, each in enumerate(chosen)]


def measure(serving: Serving, tasks: Sequence[Task], at_once: int) -> dict[str, str]:
    """Return what was measured, for people."""
    listens_s, ready_s = serving.start()
    serving.ask(tasks[0])
    times_ms = sorted(1000 * serving.ask(task) for task in tasks)
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        together_ms = sorted(1000 * each for each in pool.map(serving.ask, tasks))
    rate = len(tasks) / (time.monotonic() - began)
    functions = sum(len(task.texts) for task in tasks) / len(tasks)
    resident = serving.status()["resident_bytes"]
    return {
        "modules, functions in one": f"{len(tasks)}, {functions:.1f}",
        "until it listens, and until it answers": f"{listens_s:.2f} s, {ready_s:.2f} s",
        "one after the other: median, 95th percentile": _two(times_ms),
        f"{at_once} at once: median, 95th percentile": _two(together_ms),
        f"{at_once} at once: modules in a second": f"{rate:.1f}",
        "resident memory": "unknown" if resident is None else f"{resident / 1e6:.0f} MB",
    }


def _two(ordered_ms: Sequence[float]) -> str:
    late = ordered_ms[min(len(ordered_ms) - 1, int(0.95 * len(ordered_ms)))]
    return f"{statistics.median(ordered_ms):.0f} ms, {late:.0f} ms"


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and print the table."""
    compiler = inspect(find_clang(arguments.clang or Settings.load(environ).clang, environ))
    tasks = tasks_of(arguments.data, Split.VALIDATION, arguments.modules, compiler.major, arguments.budget)
    with tempfile.TemporaryDirectory(prefix="clang-llm-") as directory:
        serving = Serving(arguments.model, Path(directory))
        try:
            rows = measure(serving, tasks, arguments.at_once)
        finally:
            client.stop(serving.place)
    cells: list[list[Cell]] = [[*row] for row in rows.items()]
    tables = {"serving": Table([Column("what"), Column("measured")], cells)}
    measured = f"{len(tasks)} modules of the validation split; the server computes in one thread"
    found = ResultFile(arguments.command, measured, compiler.version, tables, modules=len(tasks))
    sys.stdout.write(found.markdown())
    results.keep(arguments, found, environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.training.serving``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.training.serving", description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="what the data set command made (%(default)s)")
    parser.add_argument("--model", type=Path, default=BUNDLED, help="(default: the bundled one)")
    parser.add_argument("--modules", type=int, default=200, help="at most so many (%(default)s)")
    parser.add_argument("--budget", type=int, default=6, help="recipes that are asked for (%(default)s)")
    parser.add_argument("--at-once", type=int, default=8, help="questions at the same time (%(default)s)")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    results.add_argument(parser, "clang_llm.lab.training.serving", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
