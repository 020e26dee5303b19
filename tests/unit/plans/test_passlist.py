from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clang_llm.backends.scripted import read_lists
from clang_llm.plans.passlist import MAX_DEPTH, MAX_LENGTH, Adaptor, Pass, PassList
from clang_llm.plans.vocabulary import ADAPTORS, CODEGEN, WHOLE_PIPELINE, load
from clang_llm.system.errors import PassListError


@pytest.mark.parametrize(
    "text",
    [
        "globaldce",
        "function(mem2reg,simplifycfg<no-keep-loops;hoist-common-insts>),globaldce",
        "module(cgscc(inline<only-mandatory>,function(loop-mssa(licm),loop(indvars))))",
        "default<Oz>,function(instcombine<max-iterations=2;no-verify-fixpoint>)",
    ],
)
def test_text_survives_parsing(text: str) -> None:
    assert PassList.parse(text).text == text


def test_leaves_come_in_order_with_their_parameters() -> None:
    leaves = PassList.parse("inferattrs,function(sroa<modify-cfg>,loop(indvars)),adce").leaves()
    assert list(leaves) == [Pass("inferattrs"), Pass("sroa", ("modify-cfg",)), Pass("indvars"), Pass("adce")]


@pytest.mark.parametrize("text", ["function(early-cse<>)", " function(early-cse)\n"])
def test_spellings_of_the_same_list_are_equal(text: str) -> None:
    assert PassList.parse(text) == PassList.parse("function(early-cse)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "adce,",
        "function",
        "function()",
        "function(adce",
        "function(adce))",
        "function(adce),,dce",
        "function(adce) dce",
        "function<eager-inv>(adce)",
        "adce<a<b>>",
        "adce<a",
        "adce(dce)",
        "ADCE",
        "a dce",
        "loop(indvars)",
        "function(module(globaldce))",
        "function(loop(loop-mssa(licm)))",
        "devirt<4>(inline)",
        "adce;rm -rf",
        "adce\x00",
        "instcombine<$(touch x)>",
    ],
)
def test_what_is_no_pipeline_is_refused(text: str) -> None:
    with pytest.raises(PassListError, match="opt -passes="):
        PassList.parse(text)


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(PassListError, match="characters"):
        PassList.parse("adce," * MAX_LENGTH)
    with pytest.raises(PassListError, match="deeper"):
        PassList.parse("module(" * MAX_DEPTH + "globaldce" + ")" * MAX_DEPTH)
    assert PassList.parse("module(" * (MAX_DEPTH - 1) + "globaldce" + ")" * (MAX_DEPTH - 1)).items


def test_check_accepts_what_production_runs() -> None:
    PassList.parse("globaldce,cgscc(inline,function(loop-mssa(licm))),default<Oz>").check(load(19))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("function(structurizecfg)", "not in the vocabulary"),
        ("function(adce<fast>)", "no parameter 'fast'"),
        ("function(instcombine)", "needs the parameter 'no-verify-fixpoint'"),
        ("adce", "cannot stand in 'module'"),
        ("function(globaldce)", "cannot stand in 'function'"),
        ("function(loop(licm))", "cannot stand in 'loop'"),
        ("default", "exactly one"),
    ],
)
def test_check_names_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(PassListError, match=problem):
        PassList.parse(text).check(load(19))


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(PassListError, match="empty"):
        PassList(()).check(load(19))


def test_instcombine_gets_the_parameters_of_each_version() -> None:
    passes = PassList.parse("function(instcombine<max-iterations=2>)")
    assert passes.for_llvm(14).text == "function(instcombine)"
    assert passes.for_llvm(17).text == "function(instcombine<max-iterations=2>)"
    assert passes.for_llvm(19).text == "function(instcombine<max-iterations=2;no-verify-fixpoint>)"


def test_what_a_version_lacks_is_dropped_and_named() -> None:
    passes = PassList.parse("function(infer-alignment,loop(loop-rotate)),elim-avail-extern,function(move-auto-init)")
    old = passes.for_llvm(15)
    assert old.text == "function(loop(loop-rotate))"
    assert old.dropped == ("infer-alignment", "elim-avail-extern", "move-auto-init")
    assert passes.for_llvm(19).dropped == ("elim-avail-extern",)


def test_unknown_passes_are_left_for_the_check() -> None:
    passes = PassList.parse("function(no-such-pass)").for_llvm(19)
    assert passes.text == "function(no-such-pass)"
    with pytest.raises(PassListError):
        passes.check(load(19))


def test_a_coroutine_pass_of_another_kind_is_dropped() -> None:
    assert PassList.parse("coro-early,globaldce").for_llvm(14).text == "globaldce"
    assert PassList.parse("function(coro-early)").for_llvm(19).items == ()


@pytest.mark.parametrize("major", [14, 15, 16, 17, 18, 19, 20, 21, 22])
def test_starter_lists_are_usable_everywhere_once_normalised(shared: Path, major: int) -> None:
    lists = read_lists(shared / "data" / "starter_lists.txt")
    assert len(lists) == 32
    for passes in lists:
        fitting = PassList.parse(passes.module).for_llvm(major)
        fitting.check(load(major))
        withdrawn = {"lower-constant-intrinsics", "constraint-elimination", "chr", "ee-instrument"}
        assert set(fitting.dropped) <= {"elim-avail-extern", "infer-alignment", "move-auto-init"} | withdrawn


_names = st.sampled_from(sorted(load(19).entries))


def _pass(adaptor: str) -> st.SearchStrategy[Pass | Adaptor]:
    fitting = [
        name for name in load(19).entries if load(19).fits(name, adaptor) and name not in (WHOLE_PIPELINE, CODEGEN)
    ]
    return st.sampled_from(sorted(fitting)).map(Pass)


def _items(adaptor: str, depth: int) -> st.SearchStrategy[tuple[Pass | Adaptor, ...]]:
    choices = [_pass(adaptor)]
    if depth:
        inside = sorted(ADAPTORS[adaptor])
        choices += [st.builds(Adaptor, st.just(inner), _items(inner, depth - 1)) for inner in inside]
    return st.lists(st.one_of(choices), min_size=1, max_size=4).map(tuple)


@given(_items("module", 3))
def test_any_list_prints_and_parses_back(items: tuple[Pass | Adaptor, ...]) -> None:
    passes = PassList(items)
    assert PassList.parse(passes.text) == passes
    fitting = passes.for_llvm(19)
    fitting.check(load(19))
    assert fitting.for_llvm(19) == fitting


@given(st.text(alphabet="abl-oop(),<>;=1 \n", max_size=60))
def test_no_text_does_worse_than_a_pass_list_error(text: str) -> None:
    try:
        passes = PassList.parse(text)
    except PassListError:
        return
    assert PassList.parse(passes.text) == passes
