"""What the model saves, measured: its recipes compiled on validation modules, beside the coreset and random recipes.

``python -m clang_llm.training.evaluate``. For every number of compilations each way proposes as a backend would: the
model's first choice for every function, then its second ones, their mix, and the closing stages, as the coreset does
with its recipes.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clang_llm.backends.coreset import read_coreset
from clang_llm.errors import ClangLlmError
from clang_llm.evaluation.compare import geometric_saving
from clang_llm.evaluation.modules import Bench, CorpusModule, add_arguments, choose_modules, with_bar
from clang_llm.evaluation.split import Split
from clang_llm.evaluation.tuned import Bookkeeper
from clang_llm.evaluation.workplace import markdown, run_command, say
from clang_llm.models.small import SmallModel, menu_at
from clang_llm.recipe import Recipe
from clang_llm.settings import EFFORT_TABLE, process_environment
from clang_llm.training.train import DEFAULT_WORK as DEFAULT_MODEL
from clang_llm.types import Status

DEFAULT_WORK = Path("build") / "evaluate"
WAYS = ("model", "model, coreset by turns", "coreset", "menu", "random order of the menu")


class Judge:
    """Measures every way on one module after the other."""

    def __init__(self, bench: Bench, model: Path) -> None:
        self.bench, self.menu = bench, menu_at(model, bench.major)
        self.model = SmallModel(model)
        self.coreset = read_coreset(bench.major)

    def measure(self, module: CorpusModule) -> dict[str, dict[int, tuple[int, int]]]:
        """Return for each way and number of compilations the bytes under -Oz and the bytes reached.

        Raises:
            ClangLlmError: The module cannot be measured.
        """
        with self.bench.open(module) as evaluator:
            book = Bookkeeper(evaluator)
            texts = evaluator.describe(self.menu[0].module)
            shipped = list(self.coreset.for_target(evaluator.request.target))
            ranked = self.model.ranked(self.bench.major, evaluator.request.target, texts)
            shuffled = random.Random(module.key).sample(self.menu, len(self.menu))
            turns = [each for pair in zip(ranked, shipped, strict=False) for each in pair]
            ways = {
                "model": [*ranked, *shipped],
                "model, coreset by turns": [*turns, *shipped],
                "coreset": shipped,
                "menu": self.menu,
                "random order of the menu": shuffled,
            }
            return {
                name: {budget: (evaluator.size_oz, self._best(recipes, budget, book)) for budget in EFFORT_TABLE[1:]}
                for name, recipes in ways.items()
            }

    def _best(self, recipes: Iterable[Recipe], budget: int, book: Bookkeeper) -> int:
        compiled = book.follow(recipes, self.coreset.closings, self.bench.major, budget)
        sizes = [result.size for result in book.measure(compiled) if result.status is Status.OK]
        return min([book.evaluator.size_oz, *sizes])


def report(rows: Sequence[Mapping[str, Mapping[str, Sequence[int]]]]) -> str:
    """Return the table of geometric means."""
    cells = [
        [str(budget)]
        + [f"{100 * geometric_saving([tuple(row[way][str(budget)]) for row in rows]):.2f} %" for way in WAYS]  # type: ignore[misc]
        for budget in EFFORT_TABLE[1:]
    ]
    return f"{len(rows)} modules\n\n" + markdown(["compilations", *WAYS], ">" * (len(WAYS) + 1), cells)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and print the table."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    judge = Judge(bench, arguments.model)
    place = arguments.work / "found"
    place.mkdir(parents=True, exist_ok=True)
    modules = choose_modules(
        arguments.corpus,
        Split.VALIDATION,
        arguments.modules,
        per_package=arguments.per_package,
        target=arguments.target,
    )
    for module in with_bar(modules, len(modules), "modules"):
        path = place / f"{module.key}.json"
        if not path.exists():
            try:
                path.write_text(json.dumps(judge.measure(module)) + "\n", encoding="ascii")
            except ClangLlmError as error:
                say(f"{module.name}: {error}\n")
    paths = [place / f"{module.key}.json" for module in modules]
    sys.stdout.write(report([json.loads(path.read_text(encoding="ascii")) for path in paths if path.exists()]))
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.training.evaluate``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.training.evaluate", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="what training made (default: %(default)s)")
    parser.add_argument("--modules", type=int, default=300, help="at most so many (default: %(default)s)")
    parser.add_argument("--per-package", type=int, default=12, help="modules of a package (default: %(default)s)")
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
