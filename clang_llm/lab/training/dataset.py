"""What the model learns from: for each function of many modules its text, and its bytes under every recipe of a menu.

``python -m clang_llm.lab.training.dataset``. A *menu* is a coreset file whose recipes share one head, so functions are
the units: one compilation of a module tells about all of its functions (docs/plans.md). One file per module,
so a stopped run goes on where it was; modules come from the train and the validation split, in folders of their own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.modules import Bench, CorpusModule, add_arguments, choose_modules, measure_once, tell_problems
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.plans.coreset import read_menu
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Status
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment

DEFAULT_WORK = Path("build") / "dataset"


@dataclass(frozen=True)
class ModuleData:
    """One module under every recipe of a menu.

    Attributes:
        texts: For each function that the head leaves defined its text (docs/models.md).
        functions: For each recipe the bytes of each function, with `types.REFUSED` as in `types.Result`; None for a
            recipe that failed.
        totals: Bytes of the object under each recipe, likewise.
        size_oz: Bytes of the object under -Oz.
        target: The triple.
        before: Bytes of each function when no function pass runs at all; empty when that fails.
    """

    name: str
    package: str
    texts: tuple[str, ...]
    functions: tuple[tuple[int, ...] | None, ...]
    totals: tuple[int | None, ...]
    size_oz: int
    target: str
    before: tuple[int, ...]


def measure(module: CorpusModule, bench: Bench, menu: Sequence[Recipe], place: Path) -> str:
    """Measure a menu on one module, unless that was done; returns a problem or ""."""

    def work(evaluator: Evaluator) -> object:
        return asdict(_measure(module, menu, evaluator))

    return measure_once(module, bench, place / f"{module.key}.json.gz", work)


def _measure(module: CorpusModule, menu: Sequence[Recipe], evaluator: Evaluator) -> ModuleData:
    texts = evaluator.describe(menu[0].module)
    *results, untouched = evaluator.evaluate([*menu, menu[0]._replace(functions=("",))])
    fitting = [each.teaches and len(each.functions) == len(texts) for each in results]
    if not texts or not any(fitting):
        raise DataError("no recipe of the menu compiles it")
    return ModuleData(
        module.name,
        module.package,
        tuple(texts),
        tuple(each.functions if fits else None for each, fits in zip(results, fitting, strict=True)),
        tuple(each.size if fits else None for each, fits in zip(results, fitting, strict=True)),
        evaluator.size_oz,
        evaluator.request.target,
        untouched.functions if untouched.status is Status.OK and len(untouched.functions) == len(texts) else (),
    )


def load(place: Path) -> list[ModuleData]:
    """Read every module that was measured, in the order of the keys.

    Raises:
        DataError: There is none.
    """
    found = []
    for path in sorted(place.glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="ascii") as file:
            data = json.load(file)
        for name in ("texts", "functions", "totals", "before"):
            data[name] = tuple(tuple(each) if isinstance(each, list) else each for each in data[name])
        found.append(ModuleData(**data))
    if not found:
        raise DataError(f"{place} holds no data; make it with `python -m clang_llm.lab.training.dataset`")
    return found


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure the menu on modules of one split, and print how much there is."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    menu = read_menu(bench.major, arguments.menu).lists
    split = Split(arguments.split)
    if split is Split.TEST:
        raise DataError("nothing is learnt or chosen on the test split; take train or validation")
    modules = choose_modules(
        arguments.corpus, split, arguments.modules, per_package=arguments.per_package, target=arguments.target
    )
    place = arguments.work / split.value
    place.mkdir(parents=True, exist_ok=True)
    work = partial(measure, bench=bench, menu=menu, place=place)
    tell_problems(work, modules, arguments.jobs, "modules")
    data = load(place)
    functions = sum(len(module.texts) for module in data)
    sys.stdout.write(f"{split.value}: {len(data)} modules, {functions} functions, {len(menu)} recipes\n")
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.training.dataset``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.training.dataset", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--menu", type=Path, required=True, help="directory of the menu's coreset files")
    parser.add_argument("--modules", type=int, default=1000, help="at most so many (default: %(default)s)")
    parser.add_argument("--per-package", type=int, default=40, help="modules of a package (default: %(default)s)")
    parser.add_argument("--split", default=Split.TRAIN.value, choices=[each.value for each in Split])
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
