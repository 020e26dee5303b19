"""Result files, the tables that are written from them, and the picture."""

from __future__ import annotations

import argparse
import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from clang_llm.lab.measure import aims, composed, numbers, picture, results
from clang_llm.lab.measure.results import Column, ResultFile, Table
from clang_llm.system.errors import DataError

ROOT = Path(__file__).resolve().parents[3]

TABLE = Table(
    (Column("what"), Column("saved", "%", 2), Column("more", "points", 1), Column("time", "×", 3), Column("bytes")),
    (("a", 0.0894, -0.0004, 0.5, 12_345), ("b", (0.1, 0.2), 0.02, None, "none")),
)


def a_result(**changes: object) -> ResultFile:
    one = ResultFile("python -m clang_llm.lab.measure.tuned", "2 modules", "19.1.7", {"main": TABLE})
    return replace(one, **changes)  # type: ignore[arg-type]


def test_cells_have_the_form_of_their_unit() -> None:
    assert TABLE.markdown().splitlines() == [
        "| what | saved | more | time | bytes |",
        "| --- | --: | --: | --: | --: |",
        "| a | 8.94 % | -0.0 | 0.500 × | 12,345 |",
        "| b | 10.00 / 20.00 % | +2.0 |  | none |",
    ]
    assert [Column("").show(cell) for cell in (True, False, None, 3)] == ["yes", "no", "", "3"]
    assert Column("", "±", 1).show(0.4) == "+0.4"


def test_columns_without_a_measurement_are_left_out() -> None:
    table = Table((Column("what"), Column("none"), Column("some")), (("a", None, 1), ("b", None, None)))
    assert table.markdown().splitlines() == ["| what | some |", "| --- | --: |", "| a | 1 |", "| b |  |"]


def test_a_file_says_what_was_measured(tmp_path: Path) -> None:
    one = a_result(commit="0123456789ab", modules=2, outdated="before it was mended")
    one.write(tmp_path / "new" / "one.json")
    again = results.read(tmp_path / "new" / "one.json")
    assert again.encode() == one.encode()
    assert replace(again, tables={}) == replace(one, tables={})
    assert again.tables["main"].markdown() == TABLE.markdown()


@pytest.mark.parametrize("text", ["{", "[]", '{"tables": {}}', '{"command": 1, "tables": {"a": {}}}'])
def test_what_is_no_result_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(DataError, match=r"bad\.json is no result"):
        results.read(tmp_path / "bad.json")


def test_a_command_holds_no_place(tmp_path: Path) -> None:
    argv = ["--clang", "/usr/bin/clang-19", "--work", str(tmp_path), "--modules", "60", f"--json={tmp_path}", "a b"]
    assert results.command_of("clang_llm.x", argv) == "python -m clang_llm.x --clang clang-19 --modules 60 'a b'"


def test_a_command_leaves_its_result_with_the_commit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    results.add_argument(parser, "clang_llm.lab.measure.bench_efforts", ["--repeats", "1"])
    assert parser.parse_args([]).json == Path("build/results/bench-efforts.json")
    path = tmp_path / "kept.json"
    arguments = parser.parse_args(["--json", str(path)])
    results.keep(arguments, a_result(command=arguments.command), {"PATH": "/usr/bin:/bin"})
    kept = results.read(path)
    assert kept.command == "python -m clang_llm.lab.measure.bench_efforts --repeats 1"
    if shutil.which("git") and (ROOT / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{12,40}(-dirty)?", str(kept.commit))
    assert str(path) in capsys.readouterr().err


def test_tables_stand_side_by_side_only_with_the_same_rows() -> None:
    other = Table((Column("what"), Column("more of it")), (("a", 1), ("b", 2)))
    assert TABLE.joined(other).column("more of it") == {"a": 1, "b": 2}
    with pytest.raises(DataError, match="different rows"):
        TABLE.joined(Table(other.columns, other.rows[:1]))
    with pytest.raises(DataError, match="no column 'cost'"):
        TABLE.column("cost")


def test_marked_tables_are_written_anew_and_nothing_else() -> None:
    text = "before 1 %\n\n<!-- numbers: one.main -->\n| edited | 99 % |\n<!-- /numbers -->\nafter\n"
    filled = numbers.fill(text, {"one": a_result()}, "")
    assert "99 %" not in filled
    assert "| a | 8.94 % |" in filled
    assert "2 modules; clang 19.1.7, clang-llm " in filled
    assert "`python -m clang_llm.lab.measure.tuned`" in filled
    assert filled.startswith("before 1 %\n\n<!-- numbers: one.main -->\n")
    assert filled.endswith("<!-- /numbers -->\nafter\n")
    assert numbers.fill(filled, {"one": a_result()}, "") == filled
    assert numbers.unmarked(filled) == "before 1 %\n\nafter\n"


@pytest.mark.parametrize("name", ["two", "one.other", "one.main+other"])
def test_a_mark_that_names_nothing_is_told(name: str) -> None:
    with pytest.raises(DataError, match=r"no (result|table)"):
        numbers.fill(f"<!-- numbers: {name} -->\n<!-- /numbers -->\n", {"one": a_result()}, "")


def test_outdated_numbers_bear_a_mark() -> None:
    old = a_result(outdated="before it was mended")
    assert composed.caption([old]).startswith("† 2 modules")
    assert composed.caption([a_result()]).startswith("2 modules")
    assert composed.legend({"one": a_result(), "two": old}, "../").startswith(
        "† measured before it was mended, and not"
    )
    assert composed.legend({"one": a_result()}, "") == ""
    with pytest.raises(DataError, match="not alike"):
        composed.legend({"one": old, "two": a_result(outdated="long ago")}, "")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("python -m clang_llm.lab.measure.packages --clang clang-19", "`make check-packages`"),
        (
            "python -m clang_llm.lab.measure.packages --fresh --effort 9 --clang clang-19 'a b'",
            "`make check-packages PROJECT=\"--effort 9 'a b'\"`",
        ),
        ("python -m clang_llm.lab.other --clang clang-19", "`python -m clang_llm.lab.other --clang clang-19`"),
        ("clang-llm -Oz -c a.c && size a.o", "`clang-llm -Oz -c a.c && size a.o`"),
    ],
)
def test_a_short_command_measures_the_same(command: str, told: str) -> None:
    assert composed._make(a_result(command=command)) == told


def test_the_readmes_table_marks_what_is_outdated_and_only_that() -> None:
    found = numbers.load(ROOT / "docs" / "results")
    lines = composed.overview(found, "").splitlines()[2 : 2 + len(composed.TARGETS)]
    outdated = [bool(found[name].outdated) for name in composed.TARGETS.values()]
    assert [line.startswith("| †") for line in lines] == outdated
    fresh = {name: replace(result, outdated="") for name, result in found.items()}
    assert "†" not in composed.overview(fresh, "") + composed.in_short(fresh, "") + picture.draw(fresh)


def test_aims_that_are_not_met_are_named() -> None:
    found = {"one": a_result()}
    place = aims.Place("one", "main", "saved", "a")
    assert aims.Aim("x", 0.08, place).cells(found) == ["x", "8.00 %", "8.94 %", "met"]
    assert aims.Aim("x", 0.09, place).cells(found)[-1] == "NOT MET"
    other = aims.Place("one", "main", "saved", "b")
    assert aims.Aim("x", 0.9, place, other, "×").cells(found) == ["x", "0.90 ×", "0.89 ×", "NOT MET"]
    for bad in (aims.Place("one", "main", "bytes", "b"), aims.Place("one", "main", "saved", "c")):
        with pytest.raises(DataError):
            bad.number(found)


def test_the_picture_shows_the_numbers() -> None:
    found = numbers.load(ROOT / "docs" / "results")
    root = ElementTree.fromstring(picture.draw(found))
    bars = [float(each.get("width", "")) for each in root.iter() if each.tag.endswith("rect")]
    texts = [each.text or "" for each in root.iter() if each.tag.endswith("text")]
    shown = [float(text.removesuffix(" %")) for text in texts if text.endswith(" %")]
    assert len(bars) == len(shown) > len(composed.TARGETS)
    # Every bar is as long as its number says.
    assert [bar / max(bars) for bar in bars] == pytest.approx([each / max(shown) for each in shown], abs=0.002)
    with pytest.raises(DataError, match="no fraction"):
        picture.draw({**found, "packages-effort9": replace(found["packages"], tables={"packages": _without_numbers()})})


def _without_numbers() -> Table:
    return Table((Column("package"), Column("saved", "%", 2)), (("bzip2", None),))


def test_the_command_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    where = ["--checkout", str(tmp_path)]
    assert numbers.main([*where, "--check"], {}) == 0
    readme = tmp_path / "README.md"
    honest = readme.read_text()
    readme.write_text(honest.replace("8.94 %", "18.94 %"))
    (tmp_path / numbers.PICTURE).unlink()
    assert numbers.main([*where, "--check"], {}) == DataError.exit_code
    assert "run `make numbers`" in capsys.readouterr().err
    assert numbers.main(where, {}) == 0
    assert capsys.readouterr().out.split() == ["README.md", "docs/savings.svg"]
    assert readme.read_text() == honest
    assert (tmp_path / numbers.PICTURE).read_text() == (ROOT / numbers.PICTURE).read_text()
