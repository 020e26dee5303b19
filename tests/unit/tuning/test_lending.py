"""What becomes of the recipes of another LLVM when some of them, or of their mixes, do not pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from clang_llm.plans.borrowed import borrowed
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.store.vouched import is_vouched
from clang_llm.system.errors import DataError, StoreError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning import lending
from clang_llm.tuning.acceptance import programs_at
from clang_llm.tuning.validate import Outcome
from clang_llm.tuning.verdicts import Verdict

LENDER, MAJOR = 16, 17
COMPILER = Compiler(Path("clang-17"), Path("clang-17"), "17.0.6", None)
FITTING = list(all_usable(read_coreset(LENDER).lists, MAJOR))


def judging(bad: Callable[[Recipe], bool]) -> lending.Trying:
    """Tries recipes by a rule; what a compiler would say is for the integration tests."""

    def trying(recipes: Sequence[Recipe]) -> Outcome:
        verdicts = tuple(Verdict(each.text, "17.0.6", not bad(each), "", "", 1) for each in recipes)
        return Outcome(COMPILER, verdicts, 1, {})

    return trying


def test_all_that_passes_is_lent() -> None:
    lent = lending.try_set(LENDER, MAJOR, judging(lambda _: False))
    assert list(lent.recipes) == FITTING
    assert lent.tried == len(FITTING)
    assert list(lent.closings) == [
        each.module for each in all_usable(map(Recipe, read_coreset(LENDER).closings), MAJOR)
    ]


def test_what_does_not_pass_is_left_out() -> None:
    lent = lending.try_set(LENDER, MAJOR, judging(lambda recipe: recipe == FITTING[0]))
    assert list(lent.recipes) == FITTING[1:]


def test_a_head_whose_mixes_do_not_pass_is_left_out() -> None:
    head = next(recipe.head for recipe in FITTING if sum(each.head == recipe.head for each in FITTING) > 1)
    lent = lending.try_set(LENDER, MAJOR, judging(lambda recipe: len(recipe.functions) > 1 and recipe.head == head))
    assert list(lent.recipes) == [recipe for recipe in FITTING if recipe.head != head]


def test_a_closing_stage_with_which_a_mix_does_not_pass_is_left_out() -> None:
    closings = lending.try_set(LENDER, MAJOR, judging(lambda _: False)).closings
    closed = {recipe.closing for recipe in FITTING}
    bad = next(each for each in closings if each not in closed)
    lent = lending.try_set(LENDER, MAJOR, judging(lambda recipe: recipe.closing == bad))
    assert lent.closings == tuple(each for each in closings if each != bad)
    assert list(lent.recipes) == FITTING


def test_what_passed_is_kept_and_vouched_for(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    lent, path = lending.lend(LENDER, COMPILER, programs_at(None), tmp_path, judging(lambda _: False))
    kept = borrowed(MAJOR, tmp_path)
    assert path.is_file()
    assert kept is not None
    assert list(kept.lists) == FITTING
    assert kept.closings == lent.closings
    assert "on LLVM 17.0.6" in kept.evidence[0]
    assert set(kept.orders) == set(read_coreset(LENDER).orders)
    assert all(is_vouched(tmp_path, MAJOR, recipe) for recipe in FITTING)


def test_when_nothing_passes_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the"):
        lending.lend(LENDER, COMPILER, programs_at(None), tmp_path, judging(lambda _: True))
    assert list(tmp_path.iterdir()) == []


def test_where_others_may_write_that_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="chmod go-w"):
        lending.lend(LENDER, COMPILER, programs_at(None), tmp_path, judging(lambda _: False))
