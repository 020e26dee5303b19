"""PassListEval's programs: reading them, and the text of batches and drivers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from clang_llm.errors import DataError
from clang_llm.tuning.programs import batch_source, driver_source, load_programs, split_batches


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


def test_the_driver_names_every_program(tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path / "p.gz", row(1), row(2))).programs
    text = driver_source(programs)
    assert '{"p001", run_p001},' in text
    assert '{"p002", run_p002},' in text
    assert "@ENTRIES@" not in text


def test_batches_share_the_programs_evenly(tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path / "p.gz", *(row(number) for number in range(10)))).programs
    batches = split_batches(programs, 4)
    assert sorted(map(len, batches)) == [2, 2, 3, 3]
    assert {program.name for batch in batches for program in batch} == {program.name for program in programs}
    assert len(split_batches(programs[:2], 4)) == 2
