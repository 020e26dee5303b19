"""Orders of the shipped recipes for families of targets: other machines like other recipes first.

``python -m clang_llm.lab.shipping.orders choose --target armv7m --order FILE`` chooses on train modules of one target,
from what is shipped and from what ``make learn`` found on that target; ``… add arm=FILE …`` validates what is new on
each installed LLVM and writes it with the orders into the coreset files; ``… reorder x86=FILE …`` takes only what is
shipped, so that nothing is to be validated, and writes the files of all LLVMs. One set of lists serves all, so a recipe
that helps several families is validated once.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from clang_llm.lab.packages.workplace import run_command
from clang_llm.lab.shipping.coreset import Making, add_common_arguments, compilers, ship, tell_of
from clang_llm.plans.coreset import FAMILIES, majors_in, read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.types import BARE
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment
from clang_llm.tuning.acceptance import Acceptance
from clang_llm.tuning.greedy import Choice, Row, choose, savings_of
from clang_llm.tuning.space import in_all_ways


def read_order(text: str) -> tuple[str, list[Recipe]]:
    """Read ``FAMILY=FILE``, the file from ``choose``: the family and its recipes, best first.

    Raises:
        DataError: There is no such family or file.
    """
    family, _, path = text.partition("=")
    if family.removesuffix(BARE) not in FAMILIES:
        names = f"{', '.join(FAMILIES)}, with or without {BARE} behind"
        raise DataError(f"'{text}' names no family; write FAMILY=FILE with one of {names}")
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); make it with `choose --order`") from error
    return family, [Recipe.parse(line) for line in lines if line]


def add(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Add to the shipped sets what families of targets take, each LLVM by itself; what is rejected is left out."""
    orders = dict(map(read_order, arguments.orders))
    for compiler in compilers(arguments):
        shipped = read_coreset(compiler.major, arguments.sets)
        whole = {**{name: shipped.in_order(name) for name in shipped.orders}, **orders}
        wanted = [recipe for some in whole.values() for recipe in some]
        recipes = list(dict.fromkeys([*shipped.lists, *all_usable(wanted, compiler.major)]))
        acceptance = Acceptance([compiler], arguments.programs, arguments.work / "cache", environ, arguments.jobs)
        vetted = shipped if arguments.only_new and shipped.evidence else None
        bad = acceptance.rejected([recipe for recipe in recipes if vetted is None or recipe not in vetted.lists])
        tell_of("rejected", bad)
        kept = [recipe for recipe in recipes if recipe not in bad]
        ship(compiler, kept, acceptance.evidence(compiler), arguments, environ, whole, vetted)
    return 0


def reorder(orders: Mapping[str, Sequence[Recipe]], sets: Path) -> None:
    """Give families an order of what is shipped for them anyway, on every LLVM that has a set."""
    for major in majors_in(sets):
        shipped = read_coreset(major, sets)
        whole = {**{name: shipped.in_order(name) for name in shipped.orders}, **orders}
        write_coreset(major, shipped.lists, shipped.evidence, sets, shipped.closings, whole)


def best_heads(choice: Choice, count: int) -> list[tuple[str, str]]:
    """Return the heads whose recipes add most to a choice."""
    gains: Counter[tuple[str, str]] = Counter()
    for recipe, before, after in zip(choice.recipes, (0.0, *choice.savings), choice.savings, strict=False):
        if recipe.staged:
            gains[recipe.head] += after - before  # type: ignore[assignment]
    return [head for head, _ in gains.most_common(count)]


def lead_of(rows: Sequence[Row], recipes: Sequence[Recipe], count: int, known: Collection[Recipe]) -> list[Recipe]:
    """Return the first recipes of an order: of the one head with which so many save most, since only they can be mixed.

    Adding one at a time does not find it: another head always adds something at once, and can be mixed with nothing.
    """
    heads = dict.fromkeys(recipe.head for recipe in recipes if recipe.staged)
    leads = [choose(rows, [each for each in recipes if each.head == head], count, known=known) for head in heads]
    best = max((lead for lead in leads if lead.savings), key=lambda lead: lead.savings[-1], default=None)
    return list(best.recipes) if best and count else []


def under_heads(pool: Sequence[Recipe], heads: Sequence[tuple[str, str]], shipped: Sequence[Recipe]) -> list[Recipe]:
    """Return what is shipped, and the pipelines of a pool under some heads: only what shares a head can be mixed."""
    again = [Recipe(head[0], each.functions, (), head[1]) for head in heads for each in pool if each.staged]
    return list(dict.fromkeys([*shipped, *again, *(each for each in pool if not each.staged)]))


def choose_one(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write what a family of targets takes: shipped lists, and some that were found on its modules."""
    making = Making(arguments, environ)
    shipped = list(read_coreset(making.bench.major, arguments.sets).for_target(arguments.target))
    pool = making.pool() if arguments.new else []
    first = in_all_ways(shipped[: arguments.codegen], making.bench.major, arguments.ways)
    everything = list(dict.fromkeys([*first, *shipped, *pool]))
    rows = making.measure(everything)
    if arguments.heads:
        lead = lead_of(rows, everything, arguments.lead, shipped)
        found = best_heads(choose(rows, everything, arguments.count), arguments.heads)
        heads = list(dict.fromkeys([*(each.head for each in lead), *found]))[: arguments.heads]
        everything = under_heads([*everything, *pool], heads, everything)
        rows = making.measure(everything)
    kept = shipped[: arguments.keep] or lead_of(rows, everything, arguments.lead, shipped)
    chosen = choose(rows, everything, arguments.count, known=set(shipped), new=arguments.new, first=kept)
    as_it_was = savings_of(rows, shipped[: arguments.count])
    for number, saving in enumerate(chosen.savings):
        before = f"{100 * as_it_was[number]:.2f} %" if number < len(as_it_was) else "-"
        sys.stdout.write(f"{number + 1:2} {100 * saving:.2f} % ({before} as it is)\n")
    arguments.order.write_text("".join(f"{recipe.text}\n" for recipe in chosen.recipes), encoding="ascii")
    return 0


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Choose, add or reorder."""
    if arguments.do == "reorder":
        reorder(dict(map(read_order, arguments.orders)), arguments.sets)
        return 0
    return choose_one(arguments, environ) if arguments.do == "choose" else add(arguments, environ)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.shipping.orders``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.shipping.orders", description=__doc__)
    parser.add_argument("do", choices=("choose", "add", "reorder"))
    parser.add_argument("orders", nargs="*", metavar="FAMILY=FILE", help="what to add")
    add_common_arguments(parser)
    parser.add_argument("--order", type=Path, default=Path("order.txt"), help="what `choose` writes (%(default)s)")
    parser.add_argument("--heads", type=int, default=2, help="heads to try all pipelines under (%(default)s)")
    parser.add_argument("--keep", type=int, default=0, help="shipped recipes that stay first (default: %(default)s)")
    parser.add_argument("--lead", type=int, default=8, help="recipes under one head that come first (%(default)s)")
    parser.add_argument("--only-new", action="store_true", help="add: what is shipped keeps the evidence that it has")
    parser.add_argument("--ways", nargs="+", default=[], help="with --codegen: these ways alone, as in codegen<WAY>")
    parser.add_argument("--new", type=int, default=24, help="recipes to choose that are not shipped (%(default)s)")
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
