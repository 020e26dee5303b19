"""What asking the small model costs a compile: clang describes modules of the corpus, with and without an answer.

``python -m clang_llm.lab.training.speed``. Each module is read once; then its functions are described and asked about
in turn, and the model's time is what asking takes longer (median of some tries).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from clang_llm.backends.model import BUNDLED
from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.modules import Bench, add_arguments, choose_modules
from clang_llm.lab.measure import results
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.models.small import ranked
from clang_llm.plans.coreset import read_menu
from clang_llm.system.settings import process_environment

DEFAULT_WORK = Path("build") / "speed"


def cost(evaluator: Evaluator, model: Path, budget: int, tries: int) -> tuple[int, float]:
    """Return how many functions a module has, and the milliseconds that the model takes for them.

    Args:
        evaluator: Has read the module.
        model: The model's directory.
        budget: Recipes that are asked for.
        tries: Of which the median is taken.
    """
    request = evaluator.request
    menu = read_menu(request.major, model)
    head = menu.lists[0].module
    functions = len(evaluator.describe(head))

    def ask() -> object:
        return ranked(evaluator.ask, menu, request.target, model, budget)

    plain, asked = ([_milliseconds(each) for _ in range(tries)] for each in (lambda: evaluator.describe(head), ask))
    return functions, statistics.median(asked) - statistics.median(plain)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return 1000 * (time.monotonic() - began)


def table(costs: Sequence[tuple[int, float]]) -> dict[str, str]:
    """Return what was measured, for people."""
    ordered = sorted(milliseconds for _, milliseconds in costs)
    functions = sum(count for count, _ in costs)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "modules, functions in one": f"{len(costs)}, {functions / len(costs):.1f}",
        "median, 95th percentile": f"{statistics.median(ordered):.1f} ms, {late:.1f} ms",
        "a function": f"{sum(ordered) / max(1, functions):.2f} ms",
    }


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and print the table."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    modules = choose_modules(arguments.corpus, Split.VALIDATION, arguments.modules, target=arguments.target)
    costs = []
    for module in modules:  # one after the other: they would wait for each other
        with bench.open(module) as evaluator:
            costs.append(cost(evaluator, arguments.model.absolute(), arguments.budget, arguments.tries))
    cells: list[list[Cell]] = [[*row] for row in table(costs).items()]
    tables = {"speed": Table([Column("what"), Column("measured")], cells)}
    measured = f"{len(costs)} modules of the validation split, one after the other"
    found = ResultFile(arguments.command, measured, bench.version, tables, modules=len(costs))
    results.tell(arguments, found, environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.training.speed``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.training.speed", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--model", type=Path, default=BUNDLED, help="(default: the bundled one)")
    parser.add_argument("--modules", type=int, default=200, help="at most so many (%(default)s)")
    parser.add_argument("--budget", type=int, default=6, help="recipes that are asked for (%(default)s)")
    parser.add_argument("--tries", type=int, default=5, help="of which the median counts (%(default)s)")
    results.add_argument(parser, "clang_llm.lab.training.speed", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
