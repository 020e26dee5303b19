"""What may be proposed and emitted of recipes that nobody vouches for, with made-up verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from clang_llm.backends import unvetted
from clang_llm.backends.unvetted import MOST_VALIDATED, Vetting, parts_of, shipped_parts
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.errors import ToolchainError
from clang_llm.system.settings import Settings

REQUEST = Request("ab" * 32, "19.1.7", 19, "x86_64-pc-linux-gnu", 6)
CORESET = read_coreset(19)
GOOD, BAD, NEW = Recipe("function(adce)"), Recipe("function(dce)"), Recipe("function(bdce)")


class Judge:
    """Stands for PassListEval: knows two recipes, accepts what holds no dce."""

    def __init__(self, prepared: bool = True) -> None:
        self.prepared = prepared
        self.tried: list[Recipe] = []

    def remembered(self, recipes: Sequence[Recipe]) -> dict[Recipe, bool]:
        return {recipe: recipe == GOOD for recipe in recipes if recipe in (GOOD, BAD)}

    def rejected(self, recipes: Sequence[Recipe]) -> dict[Recipe, str]:
        self.tried += recipes
        return {each: "wrong output" for each in recipes if "(dce" in each.module or "dce" in each.functions}


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    found = Judge()
    monkeypatch.setattr(unvetted, "acceptance_for", lambda _, __: found)
    return found


def vetting(tmp_path: Path, words: str) -> Vetting:
    places = {"CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"), "CLANG_LLM_LOG": str(tmp_path / "log")}
    return Vetting(Settings.load({**places, "CLANG_LLM_UNVETTED": words}), REQUEST)


def staged(*functions: str) -> Recipe:
    first = next(recipe for recipe in CORESET.lists if recipe.staged)
    return first._replace(functions=functions, use=tuple(range(len(functions))) if len(functions) > 1 else ())


def test_refusing_proposes_what_is_known_to_pass(judge: Judge, tmp_path: Path) -> None:
    found = vetting(tmp_path, "refuse")
    assert found.may_be_proposed([NEW, GOOD, BAD, CORESET.lists[3]]) == [GOOD, CORESET.lists[3]]
    assert found.accepts(CORESET.lists[3])
    assert found.identity() == CORESET.identity
    assert found.accepts(GOOD)
    assert found.identity() == "validated on LLVM 19.1.7"
    assert not found.accepts(NEW)
    assert not found.accepts(BAD)
    assert judge.tried == []


def test_validating_proposes_what_is_not_known_to_fail(judge: Judge, tmp_path: Path) -> None:
    found = vetting(tmp_path, "validate")
    assert found.may_be_proposed([NEW, BAD, GOOD]) == [NEW, GOOD]
    assert judge.tried == []
    assert found.accepts(NEW)
    assert not found.accepts(Recipe("function(dce,adce)"))
    assert found.accepts(NEW)
    assert judge.tried == [NEW, Recipe("function(dce,adce)")]
    assert "wrong output" in (tmp_path / "log").read_text()


def test_a_mix_is_as_good_as_its_parts(judge: Judge, tmp_path: Path) -> None:
    shipped = {
        function for part in shipped_parts(CORESET) if part.head == staged("x").head for function in part.functions
    }
    first, second = sorted(shipped)[:2]
    found = vetting(tmp_path, "validate")
    assert found.accepts(staged(first, second))
    assert all(found.accepts(staged(first, second)._replace(closing=closing)) for closing in CORESET.closings)
    assert judge.tried == []
    assert found.accepts(staged(first, "bdce"))
    assert judge.tried == parts_of(staged("bdce"))
    assert not found.accepts(staged(first, "sroa,adce", "dce"))
    assert not vetting(tmp_path, "refuse").accepts(staged(first, "bdce"))


def test_one_compile_validates_only_so_much(judge: Judge, tmp_path: Path) -> None:
    found = vetting(tmp_path, "validate")
    names = ("adce", "bdce", "gvn", "sroa", "sccp", "dse")
    assert not found.accepts(staged(*names[: MOST_VALIDATED + 1]))
    assert [found.accepts(staged(name)) for name in names] == [True] * MOST_VALIDATED + [False] * 3
    assert len(judge.tried) == MOST_VALIDATED


def test_programs_that_are_not_built_are_not_built_in_a_compile(judge: Judge, tmp_path: Path) -> None:
    judge.prepared = False
    assert not vetting(tmp_path, "validate").accepts(NEW)
    assert judge.tried == []
    assert "clang-llm-tool validate" in (tmp_path / "log").read_text()


def test_without_a_clang_only_shipped_recipes_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody(_: Settings, __: Request) -> None:
        raise ToolchainError("there is no clang")

    monkeypatch.setattr(unvetted, "acceptance_for", nobody)
    found = vetting(tmp_path, "validate")
    assert found.may_be_proposed([GOOD, CORESET.lists[0]]) == [GOOD, CORESET.lists[0]]
    assert found.accepts(CORESET.lists[0])
    assert not found.accepts(GOOD)
    assert "there is no clang" in (tmp_path / "log").read_text()
