import itertools
import re

import pytest

from clang_llm.plans.passlist import PassList
from clang_llm.plans.vocabulary import (
    ADAPTORS,
    CODEGEN,
    SOURCE,
    VARIANTS,
    WHOLE_PIPELINES,
    Entry,
    Level,
    Vocabulary,
    in_range,
    load,
)
from clang_llm.system.errors import PassListError
from clang_llm.tuning import passes

MAJORS = range(14, 24)


@pytest.mark.parametrize(
    ("versions", "inside", "outside"),
    [("14-", (14, 15, 99), (13,)), ("14-17", (14, 17), (13, 18)), ("22", (22,), (21, 23))],
)
def test_ranges(versions: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    assert all(in_range(major, versions) for major in inside)
    assert not any(in_range(major, versions) for major in outside)


def test_plain_passes_and_parameters() -> None:
    vocabulary = load(19)
    assert vocabulary.allows("adce")
    assert vocabulary.allows("early-cse", ["memssa"])
    assert vocabulary.allows("default", ["Oz"])
    assert not vocabulary.allows("adce", ["memssa"])
    assert not vocabulary.allows("no-such-pass")
    # Adaptors and analyses are no passes.
    assert not any(vocabulary.allows(name) for name in ("function", "loop-mssa", "verify", "require", "print"))


@pytest.mark.parametrize("value", ["1", "100", "999999"])
def test_a_number_stands_for_the_hash(value: str) -> None:
    assert load(19).allows("simplifycfg", [f"bonus-inst-threshold={value}"])


@pytest.mark.parametrize("value", ["", "-1", "x", "1000000", "1 ", "٣"])
def test_what_is_no_small_number_does_not(value: str) -> None:
    assert not load(19).allows("simplifycfg", [f"bonus-inst-threshold={value}"])


def test_the_placeholder_itself_is_no_parameter() -> None:
    assert not load(19).allows("simplifycfg", ["bonus-inst-threshold=#"])


def test_instcombine_must_not_verify_its_fixpoint_where_it_would() -> None:
    assert load(16).allows("instcombine")
    assert not load(16).allows("instcombine", ["no-verify-fixpoint"])
    assert load(17).allows("instcombine", ["max-iterations=2"])
    for major in (18, 19, 22):
        assert not load(major).allows("instcombine")
        assert load(major).allows("instcombine", ["no-verify-fixpoint"])


def test_a_whole_pipeline_names_one_level() -> None:
    vocabulary = load(19)
    assert not vocabulary.allows("default")
    assert not vocabulary.allows("default", ["O1", "O2"])


def test_excluded_passes_are_known_and_not_allowed() -> None:
    for major in MAJORS:
        assert "elim-avail-extern" in load(major).withheld
        assert not load(major).allows("elim-avail-extern")


def test_kinds_change_with_the_version() -> None:
    assert load(14).fits("coro-early", "function")
    assert not load(15).fits("coro-early", "function")
    assert load(15).fits("coro-early", "module")


def test_loop_passes_may_stand_in_both_loop_adaptors_but_licm_needs_memory_ssa() -> None:
    vocabulary = load(19)
    assert vocabulary.fits("loop-rotate", "loop")
    assert vocabulary.fits("loop-rotate", "loop-mssa")
    assert vocabulary.fits("licm", "loop-mssa")
    assert not vocabulary.fits("licm", "loop")


@pytest.mark.parametrize("major", MAJORS)
def test_rows_for_the_plugin_are_sorted_as_strcmp_sorts_and_safe_in_a_c_string(major: int) -> None:
    rows = load(major).rows()
    names = [name.encode() for name, *_ in rows]
    assert names == sorted(set(names))
    assert len(rows) > 70
    assert not any(character in text for row in rows for text in row for character in '"\\\n')


def data() -> list[list[str]]:
    """The fields of every line of the data, without notes."""
    text = SOURCE.read_text().splitlines()
    return [line.partition(" # ")[0].split() for line in text if line and not line.startswith("#")]


def test_the_data_has_one_line_for_each_pass_and_version() -> None:
    lines = data()
    for major in MAJORS:
        here = [line[0] for line in lines if in_range(major, line[2])]
        assert len(here) == len(set(here))
    names = [line[0] for line in lines]
    assert names == sorted(names), "keep the data sorted"


def test_every_origin_goes_with_its_level() -> None:
    assert {(line[3], line[4]) for line in data()} == {
        ("production", "pipeline"),
        *(("extended", origin) for origin in ("codegen", "implied", "own", "vetted")),
        *(("unsafe", origin) for origin in ("pipeline", "whole", "breaks", "unproven", "withdrawn")),
        *(("unsafe", origin) for origin in ("lowering", "interface", "instrument", "utility")),
    }


def everything(major: int) -> Vocabulary:
    return load(major, Level.UNSAFE)


@pytest.mark.parametrize("major", MAJORS)
def test_all_but_production_passes_say_why(major: int) -> None:
    for entry in everything(major).entries.values():
        assert entry.note or entry.level is Level.PRODUCTION, entry.name


@pytest.mark.parametrize("major", MAJORS)
def test_each_level_holds_the_passes_of_the_one_before(major: int) -> None:
    names = [set(load(major, level).entries) for level in Level]
    assert all(narrow < wide for narrow, wide in itertools.pairwise(names))
    assert names[1] == set(load(major).entries)
    assert all(not set(load(major, level).entries) & load(major, level).withheld for level in Level)


def test_the_default_is_what_was_vetted() -> None:
    assert load(19).allows("reg2mem")
    assert not load(19, Level.PRODUCTION).allows("reg2mem")
    # Was vetted once, and is not sound; lists that name it are thinned out, not refused.
    assert not load(19).allows("iroutliner")
    assert "iroutliner" in load(19).withheld
    for name in ("attributor", "structurizecfg", "loop-interchange", "internalize", "asan", "strip"):
        # Refused, not thinned out: who names one of these means it.
        assert name not in load(19).withheld
        assert not load(19).allows(name)
        assert load(19, Level.UNSAFE).allows(name)
    assert load(14, Level.PRODUCTION).allows("licm")


def test_the_paper_takes_transforms_with_default_parameters_only() -> None:
    paper = load(19, Level.PAPER)
    assert paper.allows("attributor")
    assert paper.allows("lto", ["O2"])
    assert paper.allows("instcombine", ["no-verify-fixpoint"])
    assert not paper.allows("simplifycfg", ["hoist-common-insts"])
    assert not paper.allows("internalize")


def test_declined_parameters_are_known_and_not_allowed() -> None:
    entry = everything(19).entries["instcombine"]
    assert entry.knows("verify-fixpoint")
    assert not entry.accepts("verify-fixpoint")
    assert not entry.knows("no-such-parameter")


def test_names_are_those_of_one_kind() -> None:
    vocabulary = load(19)
    assert "globaldce" in vocabulary.names("module")
    assert vocabulary.names("loop-mssa") == ("licm", "lnicm")
    assert sorted(name for kind in ADAPTORS for name in vocabulary.names(kind)) == sorted(vocabulary.entries)


@pytest.mark.parametrize("major", MAJORS)
def test_variants_are_distinct_uses_that_are_allowed(major: int) -> None:
    vocabulary = load(major)
    for name in vocabulary.entries:
        texts = vocabulary.variants(name)
        # Ways of generating code are for several families of targets, each of which needs a few.
        assert 1 <= len(texts) <= (32 if name == CODEGEN else 12)
        assert len(set(texts)) == len(texts)
        for text in texts:
            around = {"module": "{}", "cgscc": "cgscc({})", "function": "function({})"}
            place = around.get(vocabulary.entries[name].kind, "function(loop-mssa({}))")
            passes = PassList.parse(place.format(text))
            passes.check(vocabulary)
            assert passes.for_llvm(major) == passes


def test_the_plain_use_comes_first() -> None:
    assert load(19).variants("adce") == ("adce",)
    assert load(19).variants("instcombine")[:2] == (
        "instcombine<no-verify-fixpoint>",
        "instcombine<max-iterations=1;no-verify-fixpoint>",
    )
    assert load(19).variants("default") == tuple(f"default<{level}>" for level in ("O1", "O2", "O3", "Os", "Oz"))


def test_variants_of_what_is_not_in_the_vocabulary_are_refused() -> None:
    with pytest.raises(PassListError, match="not in the vocabulary"):
        load(19).variants("attributor")


def is_default(entry: Entry, token: str) -> bool:
    """Whether a flag's other value is among the parameters, so that one of both is the default."""
    return (token.removeprefix("no-") if token.startswith("no-") else f"no-{token}") in entry.tokens


@pytest.mark.parametrize("major", MAJORS)
def test_every_parameter_is_worth_a_try(major: int) -> None:
    vocabulary = load(major)
    for name, each in vocabulary.entries.items():
        tried = {token for text in vocabulary.variants(name) for token in text.partition("<")[2].strip(">").split(";")}
        for token in each.tokens:
            stem = token.partition("#")[0]
            if any(each.startswith(stem) for each in tried) or token == "O2":
                continue
            other = token.removeprefix("no-") if token.startswith("no-") else f"no-{token}"
            assert is_default(each, token), (name, token)
            assert other in tried, (name, token)


def test_the_variants_name_passes_and_parameters_that_exist() -> None:
    known: dict[str, set[str]] = {}
    for major in MAJORS:
        for name, entry in load(major).entries.items():
            known.setdefault(name, set()).update(entry.tokens)
    lines = [line.split() for line in VARIANTS.read_text().splitlines() if line and not line.startswith("#")]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    for name, *choices in lines:
        assert all(re.sub(r"=\d+$", "=#", token) in known[name] for choice in choices for token in choice.split(";"))


def test_whole_pipelines_are_those_with_levels_for_parameters() -> None:
    names = {name for major in MAJORS for name, e in everything(major).entries.items() if {"O1", "Oz"} <= {*e.tokens}}
    assert names == WHOLE_PIPELINES


HELP = """Module passes:
  globaldce
  verify
Module passes with params:
  strange<mode=<mode>;size=N>
Module analyses:
  callgraph
Function passes:
  adce
  guard-widening
Loop passes:
  guard-widening
Loop passes with params:
  licm<allowspeculation>
Machine function passes (WIP):
  dead-mi-elimination
"""


def test_the_list_of_passes_is_read() -> None:
    found = passes.listed(HELP)
    assert found.keys() == {"globaldce", "verify", "strange", "adce", "guard-widening", "licm"}
    assert found["strange"].tokens == {"mode=<mode>", "size=#"}
    assert found["guard-widening"].kinds == {"function", "loop"}


def test_a_printed_pipeline_is_read() -> None:
    text = "adce,Wrapper(x),function<eager-inv>(gvn<>,loop-unroll<O2;full-unroll-max=4>),loop-unroll<O3>\n"
    found = passes.run_by(text)
    assert found == {"adce": set(), "x": set(), "gvn": set(), "loop-unroll": {"O2", "O3", "full-unroll-max=#"}}


def entry(name: str, kind: str, level: Level, origin: str, *tokens: str) -> Entry:
    return Entry(name, kind, level, origin, tokens, ())


def test_agreement_has_no_findings() -> None:
    listed = {
        "adce": passes.Argument(frozenset({"function"}), frozenset()),
        **passes.listed("Module passes:\n  verify"),
    }
    ours = {"adce": entry("adce", "function", Level.PRODUCTION, "pipeline")}
    assert passes.compare(Vocabulary(19, ours, frozenset()), passes.Facts(listed, {"adce": frozenset()})) == []


@pytest.mark.parametrize(
    ("ours", "run", "problem"),
    [
        ([], {}, "licm: not in the data"),
        ([], {"licm": frozenset({"fast"})}, "licm: not in the data"),
        ([entry("licm", "module", Level.EXTENDED, "vetted", "deep")], {}, "licm: of kind module; this LLVM says loop"),
        ([entry("licm", "loop", Level.EXTENDED, "vetted")], {}, "licm: parameters that the data does not have"),
        (
            [entry("licm", "loop-mssa", Level.EXTENDED, "vetted", "deep")],
            {"licm": frozenset()},
            "licm: the default pipelines run it, the data says 'vetted'",
        ),
        (
            [entry("licm", "loop-mssa", Level.PRODUCTION, "pipeline", "deep")],
            {},
            "licm: no default pipeline runs it, the data says 'pipeline'",
        ),
        (
            [
                entry("licm", "loop-mssa", Level.EXTENDED, "vetted", "deep"),
                entry("verify", "module", Level.EXTENDED, "vetted"),
            ],
            {},
            "verify: in the data, and left out on purpose (verifiers)",
        ),
    ],
)
def test_each_disagreement_is_found(ours: list[Entry], run: dict[str, frozenset[str]], problem: str) -> None:
    listed = passes.listed("Module passes:\n  verify\nLoop passes with params:\n  licm<deep>\n")
    vocabulary = Vocabulary(19, {each.name: each for each in ours}, frozenset())
    findings = passes.compare(vocabulary, passes.Facts(listed, run))
    assert [finding.problem for finding in findings] == [problem]


def test_what_is_gone_or_refused_is_found() -> None:
    facts = passes.Facts({}, {}, ["function(adce<x>)"], ["old"])
    assert [finding.problem for finding in passes.compare(Vocabulary(19, {}, frozenset()), facts)] == [
        "old: gone from this LLVM; end the range of its line",
        "function(adce<x>): allowed by the data, refused by opt",
    ]


def test_a_suggested_line_is_one_that_the_data_may_hold() -> None:
    listed = passes.listed(HELP)
    run = {"adce": frozenset[str](), "licm": frozenset({"allowspeculation"})}
    findings = passes.compare(Vocabulary(19, {}, frozenset()), passes.Facts(listed, run))
    assert {finding.line for finding in findings} >= {
        "adce function 19- production pipeline",
        "licm loop 19- production pipeline ~allowspeculation",
        "strange module 19- unsafe unproven ~mode=<mode> ~size=#  # not vetted",
    }
