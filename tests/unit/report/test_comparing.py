"""Comparing two reports, a size budget, and reading reports that may be anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clang_llm.report import document, markdown
from clang_llm.report.comparing import Budget, compare
from clang_llm.report.facts import BUILD, GONE, Bytes, File, Function, Report
from clang_llm.system.errors import DataError
from clang_llm.system.objects import Parts


def report(sizes: dict[str, int], functions: dict[str, int]) -> Report:
    files = tuple(File(name, before=Bytes(1000), after=Bytes(size)) for name, size in sizes.items())
    return Report(BUILD, "t", files=files, functions=tuple(Function(name, 0, size) for name, size in functions.items()))


OLD = report({"a.o": 100, "b.o": 50, "c.o": 7}, {"f": 10, "g": 20, "h": 3})
NEW = report({"a.o": 90, "b.o": 80, "d.o": 5}, {"f": 14, "g": 15, "i": 2})


def test_changes_are_sorted_and_summed_as_bloat_o_meter_does() -> None:
    files, symbols = compare(OLD, NEW)
    assert [(row.name, row.change) for row in files.rows] == [("b.o", 30), ("d.o", 5), ("c.o", -7), ("a.o", -10)]
    assert files.headline() == "files: add/remove: 1/1 grow/shrink: 1/1 up/down: 35/-17 (+18)"
    assert files.total() == "Total: before 157, after 175, +18 bytes, 11.46 % larger"
    assert [(row.name, row.change) for row in symbols.rows] == [("f", 4), ("i", 2), ("h", -3), ("g", -5)]
    assert len(compare(OLD, report({"a.o": 1}, {}))) == 1


def test_objects_that_are_gone_are_not_compared() -> None:
    gone = Report(BUILD, "t", files=(File("x.o", after=Bytes(9), state=GONE),))
    assert compare(gone, gone)[0].old == 0


@pytest.mark.parametrize(
    ("text", "new", "over"),
    [("2%", 1020, False), ("2%", 1021, True), ("0", 1000, False), ("0", 1001, True), ("64", 1064, False)],
)
def test_a_budget_is_what_may_be_added(text: str, new: int, over: bool) -> None:
    assert Budget.read(text).over(1000, new) is over
    assert not Budget.read(text).over(1000, 900)


@pytest.mark.parametrize("text", ["", "-1", "2 %", "%", "1e3", "٣", "1.5", "9" * 30, "x"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="--fail-over"):
        Budget.read(text)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    sized = File("a\udcff.o", before=Bytes.of(Parts(5, 4, 3, 2)), after=Bytes.of(Parts(4, 4, 3, 1)))
    written = Report(BUILD, "t", root="/r", files=(sized,), functions=(Function("f", None, 3, "a.o"),))
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document.document(written)))
    again = document.read(path)
    assert (again.root, again.functions) == ("/r", written.functions)
    (file,) = again.files
    assert (file.name, file.before, file.after) == ("a\udcff.o", Bytes(14), Bytes(12))


VALID = document.document(OLD)


@settings(deadline=None, max_examples=50)  # a busy machine is no failure
@given(
    st.sampled_from(sorted(VALID)),
    st.one_of(st.none(), st.integers(-2, 2), st.just([None]), st.just([{}]), st.just("x"), st.just({"bytes": "1"})),
)
def test_what_is_no_report_is_one_error(tmp_path_factory: pytest.TempPathFactory, field: str, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.json"
    path.write_text(json.dumps({**VALID, field: value}))
    try:
        said = compare(document.read(path), OLD)[0].what
    except DataError as error:
        said = str(error)
    assert said == "files" or str(path) in said


@pytest.mark.parametrize("data", [b"", b"[" * 200_000, b"\xff", b"9" * 5000, b"{}", b"[5]"])
def test_hostile_files_are_one_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r.json").write_bytes(data)
    with pytest.raises(DataError):
        document.read(tmp_path / "r.json")


def test_markdown_has_its_marker_first_and_names_stand_for_themselves() -> None:
    lines = markdown.of_comparisons(compare(OLD, report({"a|<b>*@me.o": 3}, {})), "5 bytes, within")
    assert lines[0] == "<!-- clang-llm-size-report -->"
    assert "**5 bytes, within**" in lines
    (row,) = (line for line in lines if "me.o" in line)
    assert row == r"| a\|\<b\>\*@" + "\u200b" + "me.o | – | 3 | +3 |"
    # The comparison's four changes: three files went, one came.
    assert sum(line.startswith("| ") and "–" in line for line in lines) == 4


def test_commands_in_a_sentence_are_code_and_names_are_not() -> None:
    assert markdown.sentence("See `a --b_c` in <x>.") == r"See `a --b_c` in \<x\>."
    assert markdown.sentence("One ` alone") == r"One \` alone"
