"""PassListEval's programs: reading them, and the text of batches and drivers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from clang_llm.system.errors import DataError
from clang_llm.tuning.programs import batch_source, driver_source, load_programs, split_batches, with_suite
from clang_llm.tuning.suite import SuiteProgram, load_suite


def row(number: int, *, headers: str = "#include<vector>\n", test: str = "int main(){ f(); }\n") -> dict[str, str]:
    return {
        "task_id": f"CPP/{number}",
        "prompt": headers + "int f(){\n",
        "canonical_solution": "    return 1;\n}\n",
        "test": "#undef NDEBUG\n#include<assert.h>\n" + test,
    }


def write(path: Path, *rows: object) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in rows)
    return path


def test_a_program_loses_its_directives_and_gains_a_return(tmp_path: Path) -> None:
    (program,) = load_programs(write(tmp_path / "p.gz", row(7))).programs
    assert program.name == "p007"
    assert program.headers == ("assert.h", "vector")
    assert "#" not in program.body
    assert program.body.endswith("f(); return 0; }")


def test_programs_that_need_more_than_the_standard_library_are_left_out(tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path / "p.gz", row(1), row(2, headers="#include<boost/any.hpp>\n")))
    assert [program.name for program in programs.programs] == ["p001"]
    assert programs.left_out == {"p002": "needs <boost/any.hpp>"}


def test_the_digest_follows_the_programs(tmp_path: Path) -> None:
    first = load_programs(write(tmp_path / "a.gz", row(1)))
    again = load_programs(write(tmp_path / "b.gz", row(1)))
    other = load_programs(write(tmp_path / "c.gz", row(1, test="int main(){ f(); f(); }")))
    assert first.digest == again.digest != other.digest


@pytest.mark.parametrize("test", ["int main(){ f(); } int g;", "void test(){}", "int main(){} int main(){}"])
def test_a_program_without_one_main_at_its_end_is_refused(tmp_path: Path, test: str) -> None:
    with pytest.raises(DataError, match="main"):
        load_programs(write(tmp_path / "p.gz", row(1, test=test)))


@pytest.mark.parametrize("rows", [[{"task_id": "CPP/1"}], [[]], ["text"]])
def test_a_file_of_another_format_is_refused(tmp_path: Path, rows: list[object]) -> None:
    with pytest.raises(DataError):
        load_programs(write(tmp_path / "p.gz", *rows))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.gz", *(row(number) for number in range(50)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot read"):
        load_programs(path)


def test_a_batch_hoists_headers_and_keeps_programs_apart(tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path / "p.gz", row(1), row(2, headers="#include<map>\n"))).programs
    text = batch_source(programs)
    assert text.count("#include") == 3
    assert text.rindex("#include") < text.index("namespace p001 {") < text.index("namespace p002 {")
    assert 'extern "C" int run_p002() { return p002::main(); }' in text


def test_the_driver_names_every_program() -> None:
    text = driver_source(["p001", "p002"])
    assert '{"p001", run_p001},' in text
    assert '{"p002", run_p002},' in text
    assert "@ENTRIES@" not in text


def test_batches_share_the_programs_evenly(tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path / "p.gz", *(row(number) for number in range(10)))).programs
    batches = split_batches(programs, 4)
    assert sorted(map(len, batches)) == [2, 2, 3, 3]
    assert {program.name for batch in batches for program in batch} == {program.name for program in programs}
    assert len(split_batches(programs[:2], 4)) == 2


def test_the_suite_covers_c_and_cxx() -> None:
    batches = load_suite().batches()
    assert set(batches) == {"c", "coroutines", "cxx"}
    assert sum(map(len, batches.values())) >= 64
    assert len(batches["cxx"]) + len(batches["coroutines"]) >= 20


@pytest.mark.parametrize("program", load_suite().programs, ids=lambda program: str(program.name))
def test_programs_of_the_suite_keep_the_rules(program: SuiteProgram) -> None:
    """docs/validation.md gives the reasons."""
    text = program.path.read_text()
    assert program.name.isidentifier()
    assert text.startswith("/* " if program.path.suffix == ".c" else "// "), "what is it about?"
    assert text.count("CHECK(") >= 2
    assert "printf(" in text or "puts(" in text
    assert text.endswith("  return failures != 0;\n}\n")
    if program.path.suffix == ".cpp":
        assert f"namespace {program.name} {{" in text


def test_the_digest_follows_the_suite(tmp_path: Path) -> None:
    for name, text in {"a.c": "int main;", "check.h": "", "b.cpp": "#include <coroutine>\n", "notes.txt": "x"}.items():
        (tmp_path / name).write_text(text)
    first = load_suite(tmp_path)
    assert [(each.name, each.batch) for each in first.programs] == [("a", "c"), ("b", "coroutines")]
    (tmp_path / "notes.txt").write_text("y")
    assert load_suite(tmp_path).digest == first.digest
    (tmp_path / "check.h").write_text("/* more */")
    assert load_suite(tmp_path).digest != first.digest


def test_a_directory_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no programs"):
        load_suite(tmp_path)
    with pytest.raises(DataError, match="cannot read"):
        load_suite(tmp_path / "none")


def test_a_program_is_entered_by_its_plain_name(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("")
    (tmp_path / "b.cpp").write_text("")
    c, cxx = load_suite(tmp_path).programs
    assert c.entry_header == "int run_a(void);\n"
    assert cxx.entry_header == 'extern "C" int run_b(void);\n'
    assert "-Dmain=run_b" in cxx.flags


def test_both_kinds_of_programs_make_one_set(tmp_path: Path) -> None:
    published = load_programs(write(tmp_path / "p.gz", row(1), row(2)))
    both, own = with_suite(published), with_suite(None)
    assert len({published.digest, both.digest, own.digest}) == 3
    assert both.programs == published.programs
    assert own.suite == both.suite


def test_the_evidence_names_what_was_there(tmp_path: Path) -> None:
    published = load_programs(write(tmp_path / "p.gz", row(1), row(2)))
    own = len(load_suite().programs)
    assert (
        with_suite(published)
        .evidence({"p002"})
        .startswith(f"{own + 1} self-testing programs (1 of HumanEval-X C++, {own} of clang-llm's own suite; set ")
    )
    assert f"{own - 1} self-testing programs (HumanEval-X was not there, " in with_suite(None).evidence({"float_sum"})
