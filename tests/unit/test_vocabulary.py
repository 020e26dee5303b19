import pytest

from clang_llm.vocabulary import SOURCE, in_range, load

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
    names = [name.encode() for name, _ in rows]
    assert names == sorted(set(names))
    assert len(rows) > 70
    assert not any(character in text for row in rows for text in row for character in '"\\\n')


def test_the_data_has_one_line_for_each_pass_and_version() -> None:
    lines = [line.split() for line in SOURCE.read_text().splitlines() if line and not line.startswith("#")]
    origins = {line[3] for line in lines}
    assert origins == {"pipeline", "codegen", "implied", "vetted", "excluded"}
    for major in MAJORS:
        here = [line[0] for line in lines if in_range(major, line[2])]
        assert len(here) == len(set(here))
    names = [line[0] for line in lines]
    assert names == sorted(names), "keep the data sorted"
