"""``make bench-tuning``: what tuning costs: candidates, two cores, validation; everything side by side in one run.

``python -m clang_llm.lab.measure.bench_tuning``. On modules of the corpus, by size: the same recipes in one clang with
the plugin and in ``opt`` and ``clang`` processes; searches on one core and on two; and PassListEval of single recipes.
Measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from clang_llm.lab.corpus.modules import Bench, CorpusModule, add_arguments, choose_modules, in_parallel
from clang_llm.lab.measure import bench_candidates, results
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import find_clang, inspect
from clang_llm.tuning.acceptance import programs_at
from clang_llm.tuning.seeds import seeds
from clang_llm.tuning.space import Space
from clang_llm.tuning.tuner import Tuner
from clang_llm.tuning.validate import Options, validate

DEFAULT_WORK = Path("build") / "bench-tuning"
#: Bounds of the classes of modules, in bytes of bitcode.
CLASSES = ((3_000, 10_000), (10_000, 25_000), (25_000, 60_000))
#: Modules of a class, recipes for each, and modules and candidates of the searches on one core and on two.
_MODULES, _RECIPES = 4, 9
_SEARCHED, _CANDIDATES = 8, 100
#: Recipes that are validated afresh; the first shipped ones.
_VALIDATED = 4


def candidates_table(
    bench: Bench, modules: Sequence[CorpusModule], recipes: Sequence[Recipe], place: Path, clang: str | None
) -> Table:
    """Candidates per second and core, by size of the module."""
    compiler = inspect(find_clang(clang, bench.environ))
    rows: list[list[Cell]] = []
    for smallest, largest in CLASSES:
        some = [module for module in modules if smallest <= module.bytes < largest][:_MODULES]
        words = [("-cc1", *module.options, "-emit-obj", "-x", "ir", str(module.bitcode)) for module in some]
        found = bench_candidates.measure(compiler, bench.stub, words, recipes, bench.environ, place)
        count = found.modules * found.lists
        rates = [count / found.plugin_s, count / found.separate_s, found.separate_s / found.plugin_s]
        rows.append([f"{smallest // 1000} to {largest // 1000} kB", found.modules, *rates])
    columns = [Column("bitcode"), Column("modules"), Column("in clang, per second and core", digits=1)]
    return Table([*columns, Column("opt and clang", digits=1), Column("ratio", "×", 2)], rows)


def _search(module: CorpusModule, bench: Bench) -> None:
    with bench.open(module) as evaluator:
        start = seeds(bench.major)
        Tuner(Space(bench.major), module.key, start, evaluator.size_oz, _CANDIDATES).run(evaluator.evaluate)


def scaling(bench: Bench, modules: Sequence[CorpusModule]) -> tuple[float, float]:
    """Wall seconds of the same searches on one core and on two."""
    seconds = []
    for jobs in (1, 2):
        started = time.monotonic()
        for _ in in_parallel(partial(_search, bench=bench), modules, jobs, f"{jobs} at once"):
            pass
        seconds.append(time.monotonic() - started)
    return seconds[0], seconds[1]


def validation(bench: Bench, recipes: Sequence[Recipe], programs: Path | None, clang: str | None) -> tuple[float, int]:
    """Wall seconds of validating one recipe on two cores, and the number of programs."""
    compiler = inspect(find_clang(clang, bench.environ))
    chosen = programs_at(programs)
    options = Options(bench.cache_dir, jobs=2, fresh=True)
    texts = [recipe.text for recipe in recipes]
    # Once for everything that is made once for a compiler and a set of programs.
    validate(texts[:1], compiler, chosen, options, bench.environ)
    started = time.monotonic()
    outcome = validate(texts, compiler, chosen, options, bench.environ)
    return (time.monotonic() - started) / len(texts), outcome.programs


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and print."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    place = arguments.work.absolute()
    modules = choose_modules(arguments.corpus, Split.TRAIN, 10**6, per_package=6, target=arguments.target)
    shipped = [recipe for recipe in read_coreset(bench.major).lists if recipe.staged]
    head = shipped[0].head
    recipes = [recipe for recipe in shipped if recipe.head == head][:_RECIPES]
    candidates = candidates_table(bench, modules, recipes, place, arguments.clang)
    one, two = scaling(bench, modules[:_SEARCHED])
    seconds, programs = validation(bench, shipped[:_VALIDATED], arguments.programs, arguments.clang)
    rows: list[list[Cell]] = [
        [f"{_SEARCHED} searches of {_CANDIDATES} candidates, one after the other", f"{one:.1f} s"],
        ["the same, two at once", f"{two:.1f} s ({one / two:.2f} ×)"],
        [f"validation of one recipe on {programs} programs, two batches at once", f"{seconds:.1f} s"],
    ]
    tables = {"candidates": candidates, "cores": Table([Column("what"), Column("measured")], rows)}
    measured = f"modules of the train split; {len(recipes) - 1} recipes of one head, CPU time; searches, wall time"
    found = ResultFile(arguments.command, measured, bench.version, tables)
    results.tell(arguments, found, environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.bench_tuning``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.measure.bench_tuning", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--programs", type=Path, help="HumanEval-X file (default: the one beside the checkout)")
    results.add_argument(parser, "clang_llm.lab.measure.bench_tuning", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
