"""Recipes for an LLVM that comes without a set: whose they are, what is left out, who is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.plans.borrowed import borrowed, coreset_for, lender_of, place_of, supported
from clang_llm.plans.coreset import read_coreset, write_coreset
from clang_llm.plans.passlist import PassList
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.store import vouched
from clang_llm.plans.vocabulary import load
from clang_llm.system.errors import UnvalidatedError

RECIPES = [Recipe("globalopt", (each,), (), "globaldce") for each in ("sroa", "gvn")]


def lend(root: Path, major: int) -> Path:
    root.chmod(0o700)
    vouched.make_place(root)
    path = write_coreset(major, RECIPES, ["all programs"], place_of(root))
    path.chmod(0o644)
    return path


def test_the_tested_versions_are_those_of_the_readme() -> None:
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    *first, last = map(str, supported())
    assert f"LLVM {', '.join(first)} and {last}" in readme


@pytest.mark.parametrize(
    ("major", "lender"),
    [(13, None), (14, None), (17, 16), (18, 16), (19, None), (20, 19), (21, 19), (22, None), (23, 22)],
)
def test_the_nearest_older_set_is_lent(major: int, lender: int | None) -> None:
    assert lender_of(major) == lender


@pytest.mark.parametrize("major", [17, 18, 20, 21])
def test_what_is_lent_fits_the_vocabulary(major: int) -> None:
    lender = lender_of(major)
    assert lender is not None
    shipped = read_coreset(lender)
    fitting = list(all_usable(shipped.lists, major))
    assert len(fitting) > len(shipped.lists) // 2
    for recipe in fitting:
        for text in recipe.pipelines():
            assert {leaf.name for leaf in PassList.parse(text).leaves()} <= load(major).entries.keys()


def test_a_shipped_set_needs_no_lender(tmp_path: Path) -> None:
    assert coreset_for(19, tmp_path) == read_coreset(19)


def test_without_validation_there_is_nothing(tmp_path: Path) -> None:
    assert borrowed(17, tmp_path) is None
    with pytest.raises(UnvalidatedError, match="LLVM 17; run `clang-llm-tool validate --shipped`"):
        coreset_for(17, tmp_path)


def test_what_was_validated_is_the_set(tmp_path: Path) -> None:
    lend(tmp_path, 17)
    found = coreset_for(17, tmp_path)
    assert list(found.lists) == RECIPES
    assert found.evidence == ("all programs",)
    assert borrowed(18, tmp_path) is None


@pytest.mark.parametrize("place", [".", "vetted", "vetted/llvm-17.txt"])
def test_what_others_may_write_is_not_believed(tmp_path: Path, place: str) -> None:
    lend(tmp_path, 17)
    assert borrowed(17, tmp_path) is not None
    (tmp_path / place).chmod((tmp_path / place).stat().st_mode | 0o020)
    assert borrowed(17, tmp_path) is None


def test_what_was_changed_is_not_believed(tmp_path: Path) -> None:
    path = lend(tmp_path, 17)
    path.write_text(path.read_text() + "globalopt | adce | globaldce\n")
    assert borrowed(17, tmp_path) is None


def test_what_others_may_write_vouches_for_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    strange = Recipe("globalopt,globaldce,globalopt")
    assert vouched.vouch(tmp_path, 17, strange)
    assert vouched.is_vouched(tmp_path, 17, strange)
    tmp_path.chmod(0o777)
    assert not vouched.is_vouched(tmp_path, 17, strange)


def test_a_private_cache_gets_what_is_vouched_for(tmp_path: Path) -> None:
    real, private = tmp_path / "real", tmp_path / "private"
    real.mkdir(mode=0o700)
    private.mkdir()
    vouched.bring(real, private)
    assert list(private.iterdir()) == []
    lend(real, 17)
    assert vouched.vouch(real, 17, RECIPES[0])
    vouched.bring(real, private)
    assert vouched.is_vouched(private, 17, RECIPES[0])
    assert borrowed(17, private) == borrowed(17, real)
