"""What the model saves, measured: its recipes compiled on modules that it never saw, beside the coreset and others.

``python -m clang_llm.lab.training.evaluate``. For every number of compilations each way proposes as a backend would:
the model's first choice for every function, then its second ones, their mix, and the closing stages, as the coreset
does with its recipes; "model, then coreset" is what backend `model` does; "for modules" are the model's recipes without
any choice per function. With ``--candidates N`` the autotuner's search on the same modules stands beside them. A table
and a plot come from one run. ``--split test`` is for the one report on packages that nothing was chosen on (``corpus
--report``).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from clang_llm.backends.model import BUNDLED, with_lead
from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.modules import Bench, CorpusModule, add_arguments, choose_modules, measure_once, tell_problems
from clang_llm.lab.measure import results
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.measure.tuned import Bookkeeper, search
from clang_llm.lab.packages.compare import geometric_saving
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.models.small import ranked as ranked_by
from clang_llm.plans.coreset import read_coreset, read_menu
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.types import Status
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment
from clang_llm.tuning.tuner import MOST_PIPELINES

DEFAULT_WORK = Path("build") / "evaluate"
#: Compilations at which the ways are compared; 6 are those of the default effort.
COUNTS = (1, 2, 4, 6, 8, 16, 32)
MODEL, BOTH, CORESET, RANDOM, MENU = "model", "model, then coreset", "coreset", "vetted at random", "menu"
#: The model without choice per function: one recipe a module, and no mix of them.
WHOLE = "model for modules"
WAYS = (MODEL, BOTH, CORESET, RANDOM, MENU, WHOLE)
TUNER = "autotuner"

#: Times that modules are drawn again for an interval.
_DRAWS = 400
#: A module that becomes smaller than this part of -Oz's decides means alone.
_HUGE = 0.8
MEANS = "text + data, geometric mean / of all bytes together"
#: What one module came to: for each way and number of compilations (as text: JSON) the bytes.
Row = Mapping[str, Mapping[str, int]]


def measure(module: CorpusModule, bench: Bench, model: Path, candidates: int, place: Path) -> str:
    """Measure every way on one module, unless that was done; returns a problem or ""."""

    def work(evaluator: Evaluator) -> Row:
        book = Bookkeeper(evaluator)
        row = {"oz": {"0": evaluator.size_oz}, **_ways(module.key, bench.major, book, model)}
        if candidates:
            row[TUNER] = {str(candidates): _tuned(module.key, bench.major, book, candidates)}
        return row

    return measure_once(module, bench, place / f"{module.key}.json", work)


def _ways(key: str, major: int, book: Bookkeeper, model: Path) -> dict[str, dict[str, int]]:
    target, coreset, known = book.evaluator.request.machine, read_coreset(major), read_menu(major, model)
    menu = known.lists
    shipped = list(coreset.for_target(target))
    texts = book.evaluator.describe(menu[0].module)
    ranked = ranked_by(book.evaluator.ask, known, target, model.absolute(), max(COUNTS)) if texts else []
    ways: dict[str, list[Recipe]] = {
        MODEL: [*ranked, *shipped],
        BOTH: list(with_lead(ranked, shipped)),
        CORESET: shipped,
        RANDOM: random.Random(key).sample(shipped, len(shipped)),
        MENU: [*menu, *shipped],
    }
    found = {
        name: {str(count): _best(recipes, coreset.closings, major, count, book) for count in COUNTS}
        for name, recipes in ways.items()
    }
    whole = list(all_usable([*for_modules(ranked, [len(text) for text in texts]), *shipped], major))
    return {**found, WHOLE: {str(count): _smallest(whole[:count], book) for count in COUNTS}}


def for_modules(ranked: Sequence[Recipe], weights: Sequence[int]) -> list[Recipe]:
    """Return for each recipe the one with its most wanted pipeline for all functions, each once.

    Args:
        ranked: With a pipeline for each function.
        weights: Of the functions.
    """
    found = []
    for recipe in ranked:
        wanted: Counter[str] = Counter()
        for place, weight in enumerate(weights):
            wanted[recipe.pipeline(place)] += weight
        found.append(recipe.uniform(wanted.most_common(1)[0][0]))
    return list(dict.fromkeys(found))


def _best(recipes: Iterable[Recipe], closings: Sequence[str], major: int, count: int, book: Bookkeeper) -> int:
    return _smallest(book.follow(recipes, closings, major, count), book)


def _smallest(compiled: Sequence[Recipe], book: Bookkeeper) -> int:
    sizes = [result.size for result in book.measure(compiled) if result.status is Status.OK]
    return min([book.evaluator.size_oz, *sizes])


def _tuned(key: str, major: int, book: Bookkeeper, candidates: int) -> int:
    lists = read_coreset(major).for_target(book.evaluator.request.machine)
    return book.best(search(key, major, list(all_usable(lists, major)), candidates, book), MOST_PIPELINES)[0]


def savings(rows: Sequence[Row], way: str) -> dict[int, tuple[float, float]]:
    """Return for each number of compilations 1 minus the geometric mean of ratios, and 1 minus the ratio of totals."""
    found = {}
    for count in rows[0].get(way, ()):
        pairs = [(row["oz"]["0"], row[way][count]) for row in rows]
        total = sum(ours for _, ours in pairs) / sum(oz for oz, _ in pairs)
        found[int(count)] = (geometric_saving(pairs), 1 - total)
    return found


def differences(rows: Sequence[Row], way: str, other: str) -> dict[int, tuple[float, float, float]]:
    """Return for each number of compilations by how much more one way saves, and between which values that lies.

    Returns:
        The difference of the geometric savings, and its 2.5th and 97.5th percentile when modules are drawn again.
    """
    rng = random.Random(0)
    drawn = [rows, *(rng.choices(rows, k=len(rows)) for _ in range(_DRAWS))]
    saved = [(savings(some, way), savings(some, other)) for some in drawn]
    found = {}
    for count in COUNTS:
        gain, *gains = (ours[count][0] - theirs[count][0] for ours, theirs in saved)
        gains.sort()
        found[count] = (gain, gains[len(gains) // 40], gains[-1 - len(gains) // 40])
    return found


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Return what was found.

    ``savings`` of every way by compilations; ``steady``, the same without modules that decide means alone, where there
    are such, and ``steady_lead``, how much more the model saves than the coreset there; ``difference``, how much more
    it saves on all, with a 95 % interval over modules drawn again; and the ``autotuner``, where it ran.
    """
    found = {"savings": _table(rows)}
    steady = [row for row in rows if min(min(row[way].values()) for way in WAYS) > _HUGE * row["oz"]["0"]]
    if 0 < len(steady) < len(rows):
        found["steady"] = _table(steady)
        leads: list[list[Cell]] = [[count, lead] for count, (lead, *_) in differences(steady, BOTH, CORESET).items()]
        found["steady_lead"] = Table([Column("compilations"), Column("without huge", "points", 2)], leads)
    cells: list[list[Cell]] = [[count, *values] for count, values in differences(rows, BOTH, CORESET).items()]
    titles = ("points more", "from", "to")
    found["difference"] = Table([Column("compilations"), *(Column(title, "points", 2) for title in titles)], cells)
    tuned: list[list[Cell]] = [[count, shares] for count, shares in savings(rows, TUNER).items()]
    if tuned:
        found[TUNER] = Table([Column("candidates"), Column(TUNER, "%", 2)], tuned)
    return found


def _table(rows: Sequence[Row]) -> Table:
    found = {way: savings(rows, way) for way in WAYS}
    cells: list[list[Cell]] = [[count, *(found[way][count] for way in WAYS)] for count in COUNTS]
    return Table([Column("compilations"), *(Column(way, "%", 2) for way in WAYS)], cells)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the geometric means over the numbers of compilations; the format is the name's suffix."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "clang-llm"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for way in WAYS:
        axes.plot(COUNTS, [100 * mean for mean, _ in savings(rows, way).values()], marker="o", label=way)
    for count, (mean, _) in savings(rows, TUNER).items():
        axes.axhline(100 * mean, linestyle=":", color="black", label=f"{TUNER}, {count} candidates")
    axes.set_xscale("log", base=2)
    axes.set_xticks(COUNTS, [str(count) for count in COUNTS])
    axes.set_xlabel("compilations of a module")
    axes.set_ylabel("saved over -Oz, %, geometric mean")
    axes.set_title(f"Text + data of {len(rows)} modules")
    axes.grid(alpha=0.3)
    axes.legend()
    # No dates and versions: the same figures give the same file.
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    pyplot.close(figure)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure, print the tables, and draw them."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    read_menu(bench.major, arguments.model)
    place = arguments.work / "found"
    place.mkdir(parents=True, exist_ok=True)
    modules = choose_modules(
        arguments.corpus,
        Split(arguments.split),
        arguments.modules,
        per_package=arguments.per_package,
        target=arguments.target,
    )
    work = partial(measure, bench=bench, model=arguments.model, candidates=arguments.candidates, place=place)
    tell_problems(work, modules, arguments.jobs, "modules")
    paths = [place / f"{module.key}.json" for module in modules]
    rows: list[Row] = [json.loads(path.read_text(encoding="ascii")) for path in paths if path.exists()]
    if not rows:
        raise DataError("none of the modules can be measured; see the messages above")
    packages = len({module.package for module in modules})
    measured = f"{len(rows)} modules of {packages} packages of the {arguments.split} split; {MEANS}"
    found = ResultFile(arguments.command, measured, bench.version, tables(rows), modules=len(rows))
    results.tell(arguments, found, environ)
    if arguments.plot is not None:
        draw(rows, arguments.plot)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.training.evaluate``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.training.evaluate", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--model", type=Path, default=BUNDLED, help="(default: the bundled one)")
    parser.add_argument("--modules", type=int, default=160, help="at most so many (default: %(default)s)")
    parser.add_argument("--per-package", type=int, default=6, help="modules of a package (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=0, help="of the autotuner's search (default: none)")
    parser.add_argument("--split", default=Split.VALIDATION.value, choices=(Split.VALIDATION.value, Split.TEST.value))
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what is in the table: .png or .svg")
    results.add_argument(parser, "clang_llm.lab.training.evaluate", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
