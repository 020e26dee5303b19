"""``make learn``: search on train modules; what is found becomes the pool that coresets are chosen from.

``python -m clang_llm.lab.shipping.learn``. Modules are searched in waves: each wave starts from the recipes that helped
most in the waves before it, so that what one module teaches serves the next (the paper's broadcast, on the way).
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clang_llm.lab.corpus.modules import Bench, CorpusModule, add_arguments, choose_modules, tell_problems
from clang_llm.lab.packages.compare import geometric_saving
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Result, Status
from clang_llm.system.errors import ClangLlmError
from clang_llm.system.settings import process_environment
from clang_llm.tuning.seeds import seeds
from clang_llm.tuning.space import Space
from clang_llm.tuning.tuner import Tuner

DEFAULT_WORK = Path("build") / "learn"
#: Modules of one wave: several for each core, so that none waits long for the slowest.
WAVE = 8
#: Recipes of the pool that a search starts with, beside the seeds.
FROM_POOL = 18

Tried = list[tuple[Recipe, Result]]


@dataclass(frozen=True)
class Job:
    """One module to search."""

    module: CorpusModule
    start: tuple[Recipe, ...]
    candidates: int

    @property
    def name(self) -> str:
        """The module's, for people."""
        return self.module.name


def search(job: Job, bench: Bench, place: Path) -> str:
    """Search one module and keep everything that was measured; returns a problem or ""."""
    path = place / f"{job.module.key}.json.gz"
    if path.exists():
        return ""
    try:
        with bench.open(job.module) as evaluator:
            tuner = Tuner(Space(bench.major), job.module.key, job.start, evaluator.size_oz, job.candidates)
            tuned = tuner.run(evaluator.evaluate)
    except ClangLlmError as error:
        return str(error)
    write_tried(path, tuned.size_oz, tuned.tried)
    return ""


def write_tried(path: Path, size_oz: int, tried: Iterable[tuple[Recipe, Result]]) -> None:
    """Write the measurements of one module."""
    rows = [
        (
            recipe.module,
            recipe.functions,
            recipe.use,
            recipe.closing,
            result.status.value,
            result.size,
            result.functions,
        )
        for recipe, result in tried
    ]
    new = path.with_suffix(".new")
    with gzip.open(new, "wt", encoding="utf-8") as file:
        json.dump({"size_oz": size_oz, "tried": rows}, file)
    new.replace(path)


def read_tried(path: Path) -> tuple[int, Tried]:
    """Read what `write_tried` wrote: bytes under -Oz and the measurements."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        data = json.load(file)
    tried = [
        (Recipe(head, tuple(functions), tuple(use), closing), Result(number, Status(status), size, tuple(sizes)))
        for number, (head, functions, use, closing, status, size, sizes) in enumerate(data["tried"])
    ]
    return data["size_oz"], tried


def credit(size_oz: int, tried: Tried) -> Counter[Recipe]:
    """Tell what each recipe brought: its share of the module's bytes, over all functions for which it is the best.

    Counted from the first recipe of its head, and only under the head that led to the smallest object.
    """
    best = min((each for each in tried if each[1].status is Status.OK), key=lambda each: each[1].size, default=None)
    found: Counter[Recipe] = Counter()
    if best is None or not best[0].staged:
        return found
    singles = [
        (recipe, result)
        for recipe, result in tried
        if recipe.head == best[0].head and not recipe.use and result.status is Status.OK
    ]
    for place, base in enumerate(singles[0][1].functions if singles else ()):
        fitting = [each for each in singles if len(each[1].functions) == len(singles[0][1].functions)]
        recipe, result = min(fitting, key=lambda each: each[1].functions[place])
        found[recipe] += (base - result.functions[place]) / size_oz  # type: ignore[assignment]
    return found


def pool_of(place: Path, modules: Iterable[CorpusModule]) -> list[Recipe]:
    """Return the recipes that brought anything on these modules, most useful first."""
    total: Counter[Recipe] = Counter()
    for module in modules:
        path = place / f"{module.key}.json.gz"
        if path.exists():
            total.update(credit(*read_tried(path)))
    return [recipe for recipe, _ in sorted(total.items(), key=lambda each: (-each[1], each[0].text))]


def _by_head(recipes: Iterable[Recipe]) -> tuple[Recipe, ...]:
    """Put recipes with one head side by side, heads in the order in which they first come."""
    distinct = list(dict.fromkeys(recipes))
    heads = list(dict.fromkeys(recipe.head for recipe in distinct))
    return tuple(sorted(distinct, key=lambda recipe: heads.index(recipe.head)))


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Search, and print what was saved."""
    bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
    modules = choose_modules(arguments.corpus, Split.TRAIN, arguments.modules, target=arguments.target)
    place = arguments.work / "tried"
    place.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(modules), WAVE):
        wave = modules[start : start + WAVE]
        first = _by_head([*pool_of(place, modules[:start])[:FROM_POOL], *seeds(bench.major)])
        jobs = [Job(module, first, arguments.candidates) for module in wave]
        work = partial(search, bench=bench, place=place)
        tell_problems(work, jobs, arguments.jobs, f"wave {start // WAVE + 1}")
    sys.stdout.write(report(place, modules))
    return 0


def report(place: Path, modules: Sequence[CorpusModule]) -> str:
    """What the searches saved, in one line."""
    sizes = []
    for module in modules:
        path = place / f"{module.key}.json.gz"
        if path.exists():
            size_oz, tried = read_tried(path)
            ok = [result.size for _, result in tried if result.status is Status.OK]
            sizes.append((size_oz, min([size_oz, *ok])))
    if not sizes:
        return "no module could be searched\n"
    return f"{len(sizes)} modules, {100 * geometric_saving(sizes):.2f} % smaller than -Oz (geometric mean)\n"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.shipping.learn``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.shipping.learn", description=__doc__)
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--modules", type=int, default=96, help="train modules to search (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=150, help="compilations for each (default: %(default)s)")
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
