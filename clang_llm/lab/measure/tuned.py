"""``make tuned``: what the shipped recipes and a long search save on modules that nothing was chosen on.

``python -m clang_llm.lab.measure.tuned``. Modules of the validation split of a corpus. For each the recipes of the
coreset are measured, and for every effort what one recipe for the whole module gives and what the mix per function
gives; with ``--candidates N`` a search as ``clang-llm-tool tune`` makes it goes on from there. Unlike the command,
this search validates nothing: its figures say what there is to be had, ``tune`` keeps what passes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.modules import Bench, CorpusModule, add_arguments, choose_modules, measure_once, tell_problems
from clang_llm.lab.measure import results
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.compare import geometric_saving
from clang_llm.lab.packages.split import Split, split_of
from clang_llm.lab.packages.workplace import run_command
from clang_llm.plans.coreset import DATA, read_coreset
from clang_llm.plans.mixture import in_order
from clang_llm.plans.recipe import MAX_PIPELINES, Recipe, all_usable
from clang_llm.plans.types import Result, Status
from clang_llm.system.errors import DataError
from clang_llm.system.settings import EFFORT_TABLE, process_environment
from clang_llm.tuning.seeds import seeds
from clang_llm.tuning.space import Space
from clang_llm.tuning.tuner import MOST_PIPELINES, Tuner

DEFAULT_WORK = Path("build") / "tuned"
#: Candidates at which the curve of a search is read.
CHECKPOINTS = (10, 30, 100, 300, 1000)


@dataclass
class Found:
    """What was measured of one module: (bytes, bytes of instructions) for each number of compilations."""

    name: str
    oz: tuple[int, int]
    single: dict[int, tuple[int, int]] = field(default_factory=dict)
    mixed: dict[int, tuple[int, int]] = field(default_factory=dict)
    tuned: dict[int, tuple[int, int]] = field(default_factory=dict)


class Bookkeeper:
    """Measures through an evaluator, each recipe once."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.known: dict[Recipe, Result] = {}

    def measure(self, recipes: Sequence[Recipe]) -> list[Result]:
        """Measure recipes; those known already cost nothing."""
        missing = [recipe for recipe in dict.fromkeys(recipes) if recipe not in self.known]
        self.known.update(zip(missing, self.evaluator.evaluate(missing), strict=True))
        return [self.known[recipe] for recipe in recipes]

    def follow(self, recipes: Iterable[Recipe], closings: Sequence[str], major: int, budget: int) -> list[Recipe]:
        """Measure what a backend with fixed recipes compiles with a budget (`in_order`), and return it."""
        compiled: list[Recipe] = []
        proposals = in_order(recipes, major, budget, closings)
        proposed = next(proposals, None)
        while proposed is not None:
            compiled += proposed
            measured = list(zip(proposed, self.measure(proposed), strict=True))
            try:
                proposed = proposals.send(measured)
            except StopIteration:
                proposed = None
        return compiled

    def best(self, recipes: Sequence[Recipe], at_most: int = MAX_PIPELINES) -> tuple[int, int]:
        """Bytes of the smallest of some recipes, and of -Oz.

        Args:
            recipes: That were measured.
            at_most: Function pipelines that one may have.
        """
        allowed = [recipe for recipe in recipes if len(recipe.functions) <= at_most]
        results = [self.known[recipe] for recipe in allowed if self.known[recipe].status is Status.OK]
        sizes = [(result.size, result.code) for result in results]
        return min([(self.evaluator.size_oz, self.evaluator.code_oz), *sizes])


def measure(module: CorpusModule, bench: Bench, sets: Path, candidates: int, place: Path) -> str:
    """Measure one module and keep the result; returns a problem or ""."""

    def work(evaluator: Evaluator) -> object:
        return vars(_measure(module, bench.major, Bookkeeper(evaluator), sets, candidates))

    return measure_once(module, bench, place / f"{module.key}.json", work)


def _measure(module: CorpusModule, major: int, book: Bookkeeper, sets: Path, candidates: int) -> Found:
    found = Found(module.name, (book.evaluator.size_oz, book.evaluator.code_oz))
    coreset = read_coreset(major, sets)
    lists = list(coreset.for_target(book.evaluator.request.machine))
    shipped = list(all_usable(lists, major))
    book.measure(shipped if candidates else shipped[: max(EFFORT_TABLE)])
    for budget in EFFORT_TABLE[1:]:
        found.single[budget] = book.best(shipped[:budget])
        found.mixed[budget] = book.best(book.follow(lists, coreset.closings, major, budget))
    if candidates:
        tried = search(module.key, major, shipped, candidates, book)
        for checkpoint in (*(each for each in CHECKPOINTS if each < candidates), candidates):
            found.tuned[checkpoint] = book.best(tried[:checkpoint], MOST_PIPELINES)
    return found


def search(key: str, major: int, shipped: Sequence[Recipe], candidates: int, book: Bookkeeper) -> list[Recipe]:
    """Search as ``clang-llm-tool tune`` does, but for its validation; returns what was tried, in order.

    Args:
        key: Of the module: what the search is random by.
        major: Of LLVM.
        shipped: Usable recipes that the search begins with.
        candidates: How many.
        book: The module.
    """
    start = list(dict.fromkeys([*shipped, *seeds(major)]))
    tuner = Tuner(Space(major), key, start, book.evaluator.size_oz, candidates, CHECKPOINTS)
    tuner.run(book.measure)
    return [recipe for recipe, _ in tuner.outcome().tried]


def tables(rows: Sequence[Mapping[str, Any]]) -> dict[str, Table]:
    """Return what was found: ``recipes`` by compilations, and after a search ``search`` by candidates."""
    titles = ["compilations", "one recipe a module", "per function"]
    titles += ["one recipe, code alone", "per function, code alone"]
    cells: list[list[Cell]] = [
        [budget, *_fractions(rows, lambda row, b=budget: (row["single"][str(b)], row["mixed"][str(b)]))]  # type: ignore[misc]
        for budget in sorted(map(int, rows[0]["mixed"]))
    ]
    found = {"recipes": Table(_columns(titles), cells)}
    searched = [row for row in rows if row["tuned"]]
    if searched:
        cells = [
            [each, *_fractions(searched, lambda row, c=each: (row["tuned"][str(c)],))]  # type: ignore[misc]
            for each in sorted(map(int, searched[0]["tuned"]))
        ]
        found["search"] = Table(_columns(["candidates", "search, text + data", "search, code alone"]), cells)
    return found


def _columns(titles: Sequence[str]) -> list[Column]:
    return [Column(titles[0]), *(Column(title, "%", 2) for title in titles[1:])]


def _fractions(
    rows: Sequence[Mapping[str, Any]], sizes: Callable[[Mapping[str, Any]], Sequence[Sequence[int]]]
) -> list[float]:
    """Savings of each kind of size, first in text + data, then in code alone."""
    kinds = range(len(sizes(rows[0])))
    return [
        geometric_saving([(row["oz"][part], sizes(row)[kind][part]) for row in rows])
        for part in (0, 1)
        for kind in kinds
    ]


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and print the tables."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    split = Split(arguments.split)
    modules = choose_modules(
        arguments.corpus, split, arguments.modules, per_package=arguments.per_package, target=arguments.target
    )
    assert all(split_of(module.package) is split for module in modules)
    place = arguments.work / "found"
    place.mkdir(parents=True, exist_ok=True)
    work = partial(measure, bench=bench, sets=arguments.sets, candidates=arguments.candidates, place=place)
    tell_problems(work, modules, arguments.jobs, "modules")
    paths = [place / f"{module.key}.json" for module in modules]
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    if not rows:
        raise DataError("none of the modules can be measured; see the messages above")
    packages = len({module.package for module in modules})
    measured = f"{len(rows)} modules of {packages} packages of the {split.value} split, {arguments.target}"
    found = ResultFile(arguments.command, measured, bench.version, tables(rows), modules=len(rows))
    results.tell(arguments, found, environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.tuned``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.measure.tuned", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--modules", type=int, default=80, help="modules to measure (default: %(default)s)")
    parser.add_argument("--per-package", type=int, default=12, help="modules of a package (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=0, help="search with so many compilations (default: none)")
    parser.add_argument("--split", default=Split.VALIDATION.value, choices=[each.value for each in Split])
    parser.add_argument("--sets", type=Path, default=DATA, help="coreset files (default: the package's)")
    results.add_argument(parser, "clang_llm.lab.measure.tuned", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
