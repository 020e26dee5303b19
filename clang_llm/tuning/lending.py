"""``clang-llm-tool validate --shipped``: the recipes of one LLVM tried on another, which came without a set of its own.

They pass the same validation as those that are shipped, on this machine and with the clang that is installed: each by
itself, and mixes of them with every closing stage. What passes is left in the cache directory (`plans.borrowed`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.plans.borrowed import borrowed, place_of
from clang_llm.plans.coreset import read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.store.vouched import vouch
from clang_llm.system.errors import DataError, StoreError
from clang_llm.toolchain.plugins import Compiler
from clang_llm.tuning.mixes import ORDERS, mixes_of
from clang_llm.tuning.programs import ProgramSet
from clang_llm.tuning.validate import Options, Outcome, validate

#: Tries recipes on one compiler.
Trying = Callable[[Sequence[Recipe]], Outcome]


@dataclass(frozen=True)
class Lent:
    """What one LLVM may use of another's set.

    Attributes:
        lender: Major version whose set it is.
        tried: Recipes that this LLVM has the passes for.
        recipes: Those that passed.
        closings: Closing stages with which their mixes passed, too.
        excluded: Programs that could not serve, with the reason.
    """

    lender: int
    tried: int
    recipes: tuple[Recipe, ...]
    closings: tuple[str, ...]
    excluded: Mapping[str, str]


def try_set(lender: int, major: int, trying: Trying) -> Lent:
    """Try the set of one LLVM on another.

    Args:
        lender: Major version of LLVM that has a set.
        major: The one that has none.
        trying: Tries recipes on that one.
    """
    shipped = read_coreset(lender)
    fitting = list(all_usable(shipped.lists, major))
    outcome = trying(fitting)
    passed = {verdict.pipeline for verdict in outcome.accepted}
    recipes = [recipe for recipe in fitting if recipe.text in passed]
    # A mix does not tell which of its pipelines is to blame, so its head is left out.
    mixes = mixes_of(recipes)
    bad = {mix.head for mix in _rejected(mixes, trying)}
    recipes = [recipe for recipe in recipes if recipe.head not in bad]
    stages = [stage.module for stage in all_usable(map(Recipe, shipped.closings), major)]
    sound = [mix for mix in mixes if mix.head not in bad]
    closed = {each: [mix._replace(closing=each) for mix in sound] for each in stages}
    failing = _rejected([mix for some in closed.values() for mix in some], trying)
    closings = tuple(each for each, some in closed.items() if not failing.intersection(some))
    return Lent(lender, len(fitting), tuple(recipes), closings, outcome.excluded)


def _rejected(mixes: Sequence[Recipe], trying: Trying) -> set[Recipe]:
    if not mixes:
        return set()
    passed = {verdict.pipeline for verdict in trying(mixes).accepted}
    return {mix for mix in mixes if mix.text not in passed}


def keep(lent: Lent, compiler: Compiler, programs: ProgramSet, root: Path) -> Path:
    """Leave what passed where the helper and the plugin find it; returns the set's file.

    Raises:
        StoreError: It cannot be written.
    """
    words = f"{programs.evidence(dict(lent.excluded))} compiled, linked and ran as without the list"
    evidence = [
        f"{words} on LLVM {compiler.version}, on this user's machine; the recipes are those of LLVM {lent.lender}",
        f"the same with mixes of them, {ORDERS} random orders for each head, and with each closing stage",
    ]
    shipped = read_coreset(lent.lender)
    orders = {family: shipped.in_order(family) for family in shipped.orders}
    staged = next((recipe for recipe in lent.recipes if recipe.staged), None)
    closed = [staged._replace(closing=each) for each in lent.closings] if staged else []
    for recipe in (*lent.recipes, *closed):
        if not vouch(root, compiler.major, recipe):
            raise StoreError(f"cannot write {place_of(root)}; see who owns the cache directory")
    try:
        path = write_coreset(compiler.major, lent.recipes, evidence, place_of(root), lent.closings, orders)
        path.chmod(0o644)
    except OSError as error:
        raise StoreError(f"cannot keep what passed: {error}; see who owns the cache directory") from error
    if borrowed(compiler.major, root) is None:
        raise StoreError(f"others may write {root}, so what passed is not believed there; chmod go-w {root}")
    return path


def lend(lender: int, compiler: Compiler, programs: ProgramSet, root: Path, trying: Trying) -> tuple[Lent, Path]:
    """Try a set on a compiler and keep what passed below the cache directory.

    Raises:
        DataError: Nothing passed.
        ClangLlmError: Nothing could be tried, or kept.
    """
    lent = try_set(lender, compiler.major, trying)
    if not lent.recipes:
        raise DataError(f"none of the {lent.tried} recipes of LLVM {lender} passed; new modules stay plain -Oz")
    return lent, keep(lent, compiler, programs, root)


def trying_with(
    compiler: Compiler,
    programs: ProgramSet,
    options: Options,
    environ: Mapping[str, str],
    progress: Callable[[int, int, str], None] | None = None,
) -> Trying:
    """Return what tries recipes on a compiler with the validation programs; verdicts are remembered."""
    return lambda recipes: validate([each.text for each in recipes], compiler, programs, options, environ, progress)
