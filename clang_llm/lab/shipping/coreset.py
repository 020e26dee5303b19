"""``make coreset``: choose, shorten, validate and ship the recipes that the default backend tries.

``python -m clang_llm.lab.shipping.coreset``. The recipes that helped most in ``make learn`` are measured on many train
modules (the paper's broadcast), an order is chosen in which each adds most to those before it, passes that nothing
needs are dropped, and what PassListEval rejects on any installed LLVM is left out and the choice made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from pathlib import Path

from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.modules import Bench, CorpusModule, add_arguments, choose_modules, tell_problems, with_bar
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import run_command
from clang_llm.lab.shipping.dry_run import failing
from clang_llm.lab.shipping.learn import DEFAULT_WORK, pool_of, read_tried, write_tried
from clang_llm.plans.coreset import DATA, Coreset, read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.types import Status
from clang_llm.system.errors import ClangLlmError, DataError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.plugins import Compiler, installed_compilers
from clang_llm.tuning.acceptance import Acceptance
from clang_llm.tuning.greedy import Choice, Row, choose
from clang_llm.tuning.minimise import minimise
from clang_llm.tuning.mixes import ORDERS, mixes_of
from clang_llm.tuning.seeds import CLOSINGS
from clang_llm.tuning.space import Sequence_, elements_of, in_all_ways, pipeline_of

#: Recipes of a coreset: what the highest effort tries, and some for versions of LLVM in which two become one.
COUNT = 40
#: Of the modules that are measured, those on which recipes are shortened: every eighth, so that it takes minutes.
_EVERY = 8


def broadcast(module: CorpusModule, bench: Bench, recipes: Sequence[Recipe], place: Path) -> str:
    """Measure recipes on one module, those that were measured before excepted; returns a problem or ""."""
    path = place / f"{module.key}.json.gz"
    known = dict(read_tried(path)[1]) if path.exists() else {}
    missing = [recipe for recipe in recipes if recipe not in known]
    if not missing:
        return ""
    try:
        with bench.open(module) as evaluator:
            known.update(zip(missing, evaluator.evaluate(missing), strict=True))
            write_tried(path, evaluator.size_oz, known.items())
    except ClangLlmError as error:
        return str(error)
    return ""


def rows_of(place: Path, modules: Sequence[CorpusModule]) -> list[Row]:
    """Return what `broadcast` measured."""
    rows = []
    for module in modules:
        path = place / f"{module.key}.json.gz"
        if path.exists():
            size_oz, tried = read_tried(path)
            rows.append(Row(size_oz, dict(tried)))
    if not rows:
        raise DataError(f"no module was measured in {place}; see what the plugin says with `clang-llm-tool doctor`")
    return rows


class Shortener:
    """Shortens recipes on some modules that stay open."""

    def __init__(self, bench: Bench, modules: Sequence[CorpusModule], rows: Sequence[Row], jobs: int) -> None:
        self._jobs = jobs
        self._evaluators = [bench.open(module) for module in modules]
        self._rows = rows

    def close(self) -> None:
        """End the compilers."""
        for evaluator in self._evaluators:
            evaluator.close()

    def shorten(self, recipe: Recipe, others: Sequence[Recipe]) -> Recipe:
        """Drop passes of a recipe's function pipeline as long as the set loses nothing anywhere by it.

        Args:
            recipe: What to shorten; comes back as it is when it has no function pipeline.
            others: The recipes before it in the coreset.
        """
        if not recipe.staged:
            return recipe
        targets = [self._targets(row, recipe, others) for row in self._rows]

        def cost(sequences: Sequence[Sequence_]) -> list[int | None]:
            tried = [recipe.uniform(pipeline_of(sequence)) for sequence in sequences]
            concerned = [pair for pair in zip(self._evaluators, targets, strict=True) if pair[1]]
            with ThreadPoolExecutor(self._jobs) as pool:
                parts = pool.map(lambda pair: _sizes(pair[0], tried, pair[1]), concerned)
            return reduce(_add, parts, [0] * len(tried))

        found = minimise(elements_of(recipe.functions[0]), cost, budget=120, canonical=False)
        return recipe if found is None else recipe.uniform(pipeline_of(found.sequence))

    def _targets(self, row: Row, recipe: Recipe, others: Sequence[Recipe]) -> list[int]:
        """Return the functions of a module for which the recipe is better than the others."""
        result = row.results.get(recipe)
        if result is None or result.status is not Status.OK:
            return []
        rivals = [row.results[other] for other in others if other.head == recipe.head and other in row.results]
        rivals = [rival for rival in rivals if len(rival.functions) == len(result.functions)]
        return [
            place
            for place, size in enumerate(result.functions)
            if all(size < rival.functions[place] for rival in rivals)
        ]


def _sizes(evaluator: Evaluator, recipes: Sequence[Recipe], places: Sequence[int]) -> list[int | None]:
    """Bytes of some functions of a module under each recipe."""
    return [
        sum(result.functions[place] for place in places) if result.status is Status.OK else None
        for result in evaluator.evaluate(recipes)
    ]


def _add(left: list[int | None], right: list[int | None]) -> list[int | None]:
    return [None if a is None or b is None else a + b for a, b in zip(left, right, strict=True)]


class Making:
    """The steps from a pool to coreset files."""

    def __init__(self, arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
        self.arguments = arguments
        self.bench = Bench.of(arguments.clang, arguments.work / "cache", environ)
        self.modules = choose_modules(
            arguments.corpus,
            Split.TRAIN,
            arguments.modules,
            per_package=arguments.per_package,
            target=arguments.target,
        )
        # Another build of the plugin may charge functions otherwise; figures of two must never be compared.
        self.place = arguments.work / "broadcast" / self.bench.stub.parent.name
        self.place.mkdir(parents=True, exist_ok=True)
        self.acceptance = Acceptance(compilers(arguments), arguments.programs, arguments.work / "cache", environ)

    def pool(self) -> list[Recipe]:
        """Return what `make learn` found, most useful first, or what is shipped, in its order.

        Raises:
            DataError: Nothing was found.
        """
        tried, major = self.arguments.work / "tried", self.bench.major
        target = self.arguments.target
        if self.arguments.shipped:
            found = list(read_coreset(major).for_target(target))
        else:
            modules = choose_modules(self.arguments.corpus, Split.TRAIN, 10**6, per_package=10**6, target=target)
            found = pool_of(tried, modules)
        pool = list(all_usable(found, major))
        pool = (under_one_head(pool, major) if self.arguments.one_head else pool)[: self.arguments.pool]
        if not pool:
            raise DataError(f"{tried} has no searched modules; run `make learn` first")
        return pool

    def measure(self, recipes: Sequence[Recipe]) -> list[Row]:
        """Measure recipes on all modules."""
        work = partial(broadcast, bench=self.bench, recipes=recipes, place=self.place)
        tell_problems(work, self.modules, self.arguments.jobs, "broadcast")
        return rows_of(self.place, self.modules)

    def choose(self, rows: Sequence[Row], pool: Sequence[Recipe]) -> Choice:
        """Choose recipes that all pass; those that do not are replaced."""
        left = list(pool)
        while True:
            chosen = choose(rows, left, self.arguments.count)
            bad = self.acceptance.rejected(chosen.recipes)
            tell_of("rejected", bad)
            if not bad:
                return chosen
            left = [recipe for recipe in left if recipe not in bad]

    def shorten(self, chosen: Sequence[Recipe]) -> list[Recipe]:
        """Shorten each recipe of a choice."""
        few = [module for module in self.modules if (self.place / f"{module.key}.json.gz").exists()][::_EVERY]
        shortener = Shortener(self.bench, few, rows_of(self.place, few), self.arguments.jobs)
        try:
            return [
                shortener.shorten(recipe, chosen[:number])
                for number, recipe in enumerate(with_bar(chosen, len(chosen), "shorten"))
            ]
        finally:
            shortener.close()


def tell_of(fate: str, recipes: Mapping[Recipe, str]) -> None:
    """Tell a person which recipes are not shipped, and why.

    Args:
        fate: What became of them, in a word or two.
        recipes: Each with the reason.
    """
    for recipe, why in recipes.items():
        sys.stderr.write(f"{fate}: {recipe.text}: {why}\n")


def vetted_closings(recipes: Sequence[Recipe], acceptance: Acceptance, vetted: Coreset | None = None) -> list[str]:
    """Return the closing stages, beside their own, with which mixes of some recipes pass.

    Args:
        recipes: What is mixed.
        acceptance: Tries them.
        vetted: A set of which all mixes passed: only heads are tried for which there is more, with its closing stages.

    Raises:
        DataError: Mixes do not pass with the recipes' own closing stage.
    """
    heads = {recipe.head for recipe in recipes if vetted is None or recipe not in vetted.lists}
    mixes = [mixed for mixed in mixes_of(recipes) if mixed.head in heads]
    closings = CLOSINGS if vetted is None else vetted.closings
    closed = {each: [mixed._replace(closing=each) for mixed in mixes] for each in closings}
    bad = acceptance.rejected([*mixes, *(mixed for some in closed.values() for mixed in some)])
    tell_of("rejected", bad)
    if any(mixed in bad for mixed in mixes):
        raise DataError("mixes of the recipes are rejected; see which above, and leave such a recipe out")
    return [each for each, some in closed.items() if not any(mixed in bad for mixed in some)]


def ship(
    compiler: Compiler,
    recipes: Sequence[Recipe],
    evidence: str,
    arguments: argparse.Namespace,
    environ: Mapping[str, str],
    orders: Mapping[str, Sequence[Recipe]] | None = None,
    vetted: Coreset | None = None,
) -> None:
    """Choose the closing stages for one compiler and write its coreset file; raises DataError, PassListError.

    What opt does not run is left out, validated or not: a crash costs every build a candidate.
    """
    bad = failing(compiler, recipes)
    tell_of("left out", bad)
    recipes = [recipe for recipe in recipes if recipe not in bad]
    acceptance = Acceptance([compiler], arguments.programs, arguments.work / "cache", environ, arguments.jobs)
    closings = vetted_closings(list(all_usable(recipes, compiler.major)), acceptance, vetted)
    mixes = f"the same with mixes of them, {ORDERS} random orders for each head, and with each closing stage"
    path = write_coreset(compiler.major, recipes, [evidence, mixes], arguments.sets, closings, orders)
    sys.stdout.write(f"wrote {path.name}, {len(closings)} closing stages\n")


def under_one_head(pool: Sequence[Recipe], major: int) -> list[Recipe]:
    """Return the function pipelines of a pool under the head that most shipped recipes have: a menu for models."""
    heads = Counter(recipe.head for recipe in read_coreset(major).lists if recipe.staged)
    module, closing = heads.most_common(1)[0][0]
    return list(dict.fromkeys(Recipe(module, each.functions, (), closing) for each in pool if each.staged))


def compilers(arguments: argparse.Namespace) -> list[Compiler]:
    """The installed compilers that recipes are meant for."""
    return [each for each in installed_compilers() if arguments.majors is None or each.major in arguments.majors]


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Make the coreset files."""
    if arguments.only_closings:
        for compiler in compilers(arguments):
            shipped = read_coreset(compiler.major, arguments.sets)
            orders = {name: shipped.in_order(name) for name in shipped.orders}
            ship(compiler, shipped.lists, shipped.evidence[0], arguments, environ, orders)
        return 0
    making = Making(arguments, environ)
    pool = making.pool()
    if arguments.codegen:
        pool = [*in_all_ways(pool[: arguments.codegen], making.bench.major), *pool[arguments.codegen :]]
    rows = making.measure(pool)
    if arguments.keep_long:
        chosen = making.choose(rows, pool)
    else:
        chosen = choose(rows, pool, arguments.count)
        shortened = making.shorten(chosen.recipes)
        before, after = (
            sum(len(elements_of(each.functions[0])) for each in some) for some in (chosen.recipes, shortened)
        )
        sys.stdout.write(f"function pipelines: {before} passes, {after} after shortening\n")
        everything = list(dict.fromkeys([*shortened, *chosen.recipes]))
        chosen = making.choose(making.measure(everything), everything)
    for number, (recipe, saving) in enumerate(zip(chosen.recipes, chosen.savings, strict=True), 1):
        sys.stdout.write(f"{number:2} {100 * saving:.2f} % {recipe.text}\n")
    for compiler in making.acceptance.compilers:
        ship(compiler, chosen.recipes, making.acceptance.evidence(compiler), arguments, environ)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"savings": chosen.savings}) + "\n", encoding="utf-8")
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.shipping.coreset``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.shipping.coreset", description=__doc__)
    add_common_arguments(parser)
    parser.add_argument("--keep-long", action="store_true", help="do not shorten the recipes")
    parser.add_argument("--only-closings", action="store_true", help="keep the lists; choose their closing stages")
    parser.add_argument("--json", type=Path, help="write the savings to this file")
    return run_command(parser, run, argv, environ)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choosing needs."""
    add_arguments(parser, DEFAULT_WORK)
    parser.add_argument("--modules", type=int, default=96, help="train modules to choose on (default: %(default)s)")
    parser.add_argument("--per-package", type=int, default=4, help="modules of a package (default: %(default)s)")
    parser.add_argument("--pool", type=int, default=96, help="recipes to choose from (default: %(default)s)")
    parser.add_argument("--count", type=int, default=COUNT, help="recipes to choose (default: %(default)s)")
    parser.add_argument("--codegen", type=int, default=0, help="try ways of generating code with the first so many")
    parser.add_argument("--shipped", action="store_true", help="choose from what is shipped instead of what was learnt")
    parser.add_argument("--one-head", action="store_true", help="all under one head: what a model chooses from")
    parser.add_argument("--majors", type=int, nargs="+", help="versions of LLVM to write (default: all installed)")
    parser.add_argument("--programs", type=Path, help="HumanEval-X file (default: the one beside the checkout)")
    parser.add_argument("--sets", type=Path, default=DATA, help="where the files go (default: the package's data)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
