"""Pass lists of LLVM 17 on the LLVM that is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clang_llm.models.translation import Translation, translate, translate_for_function
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.plans.vocabulary import load

MAJORS = (14, 15, 16, 19, 22)
HEAD = Recipe("globalopt", ("sroa",), (), "globaldce")


def module(text: str, major: int = 19) -> str | None:
    recipe = translate(text, major).recipe
    return recipe.module if recipe else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("module(globaldce,function(adce))", "globaldce,function(adce)"),
        ("function<eager-inv>(mem2reg)", "function(mem2reg)"),
        ("cgscc(devirt<4>(inline,function<eager-inv;no-rerun>(sroa)))", "cgscc(inline,function(sroa))"),
        ("function(early-cse<>,gvn<>)", "function(early-cse,gvn)"),
        ("loop-vectorize<vectorize-forced-only;>", "function(loop-vectorize<vectorize-forced-only>)"),
        ("instcombine", "function(instcombine<no-verify-fixpoint>)"),
        ("mem2reg,adce,globaldce", "function(mem2reg,adce),globaldce"),
        ("licm", "function(loop-mssa(licm))"),
        ("function(loop(licm,loop-idiom))", "function(loop-mssa(licm,loop-idiom))"),
        ("loop(indvars)", "function(loop(indvars))"),
        ("repeat<2>(function(dce))", "function(dce)"),
        ("require<globals-aa>,function(invalidate<aa>),globaldce,verify", "globaldce"),
        ("function(sroa,adce", "function(sroa,adce)"),
        ("default<Oz>,function(mem2reg)", "default<Oz>,function(mem2reg)"),
    ],
)
def test_what_llvm_17_writes_is_understood(text: str, expected: str) -> None:
    found = translate(text, 19)
    assert (found.recipe and found.recipe.text, found.dropped) == (expected, ())


def test_renamed_passes_are_found_again() -> None:
    for name in ("lowerswitch", "lower-switch"):
        assert [module(name, major) for major in (14, 16)] == ["function(lowerswitch)"] * 2
        assert [module(name, major) for major in (19, 22)] == ["function(lower-switch)"] * 2
    assert module("function-attrs<skip-non-recursive>") == "cgscc(function-attrs<skip-non-recursive-function-attrs>)"
    assert module("function-attrs<skip-non-recursive>", 16) == "cgscc(function-attrs)"


def test_parameters_that_a_version_lacks_go() -> None:
    text = "function(sroa<modify-cfg>,simplifycfg<bonus-inst-threshold=1;speculate-blocks>,loop-unroll<O2>)"
    assert module(text) == text
    assert module(text, 14) == "function(sroa,simplifycfg<bonus-inst-threshold=1>,loop-unroll<O2>)"


def test_what_is_not_allowed_is_named() -> None:
    found = translate("made-up,structurizecfg,function(adce,loop-reroll),default<O0>,default", 19)
    assert found.recipe == Recipe("function(adce)")
    assert found.dropped == ("made-up", "structurizecfg", "loop-reroll", "default", "default")
    assert translate("made-up", 19) == Translation(None, ("made-up",))


@pytest.mark.parametrize("text", ["default<Oz>", "module(default<Oz>)", "module(default<Oz>),default<Oz>"])
def test_plain_oz_is_no_recipe(text: str) -> None:
    assert translate(text, 19) == Translation(None, plain=True)
    assert translate_for_function(text, 19, HEAD) == Translation(None, plain=True)


def test_a_functions_list_keeps_its_function_passes() -> None:
    text = "module(globalopt,cgscc(inline,function(sroa,loop(licm))),default<Oz>,function(function(gvn)))"
    found = translate_for_function(text, 19, HEAD)
    assert found.recipe == HEAD.uniform("sroa,loop-mssa(licm),function-simplification<Oz>,gvn")
    assert found.dropped == ("globalopt", "inline")
    before = translate_for_function(text, 16, HEAD)
    assert before.recipe == HEAD.uniform("sroa,loop-mssa(licm),gvn")
    assert before.dropped == ("globalopt", "inline", "default")
    assert translate_for_function("globaldce", 19, HEAD) == Translation(None, ("globaldce",))


@pytest.mark.parametrize("major", MAJORS)
def test_every_name_of_the_changes_is_the_vocabularys(major: int) -> None:
    known = load(major).entries.keys() | load(major).withheld
    assert "function-attrs" in known
    translated = translate("lowerswitch,loweratomic,lowerinvoke,flattencfg", major)
    assert translated.recipe is not None
    assert len(translated.dropped) == 3


def test_what_is_far_too_long_is_cut() -> None:
    found = translate(",".join(["function(adce)"] * 5000), 19)
    assert found.recipe is not None
    assert usable(found.recipe, 19) == found.recipe


_PIECES = ["module", "cgscc", "function", "loop", "loop-mssa", "(", ")", ",", "<", ">", ";", "sroa", "licm", "inline"]
_PIECES += [
    "default<Oz>",
    "instcombine<max-iterations=3>",
    "devirt<4>",
    "globaldce",
    "indvars",
    "x",
    " ",
    "\n",
    "\ud800",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(_PIECES)).map("".join)), st.sampled_from(MAJORS))
def test_any_text_gives_a_usable_recipe_or_none(text: str, major: int) -> None:
    for found in (translate(text, major), translate_for_function(text, major, HEAD)):
        if found.recipe is not None:
            assert usable(found.recipe, major) == found.recipe
            assert not found.plain
