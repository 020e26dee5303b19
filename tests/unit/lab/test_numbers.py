"""Comparisons and the tables; without a compiler."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from clang_llm.lab.measure import demo
from clang_llm.lab.measure.check import Report
from clang_llm.lab.measure.packages import table as package_table
from clang_llm.lab.measure.provenance import describe, read_origins, same_stem
from clang_llm.lab.measure.savings import Measured, table
from clang_llm.lab.packages.compare import (
    ObjectFile,
    Pair,
    compare_objects,
    geometric_mean_saving,
    linked_files,
    object_files,
)
from clang_llm.lab.packages.rig import Rig
from clang_llm.lab.packages.workplace import Workplace, run_command
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.local import LocalStore
from clang_llm.system.errors import DataError
from clang_llm.system.objects import Parts, parts_of

KEY, OTHER = "ab" * 32, "cd" * 32


def test_objects_are_paired_by_name() -> None:
    plain = {"a.o": ObjectFile(100, "x"), "b.o": ObjectFile(50, "y"), "c.o": ObjectFile(1, "z")}
    ours = {"a.o": ObjectFile(80, "x2"), "b.o": ObjectFile(50, "y"), "d.o": ObjectFile(1, "z")}
    found = compare_objects(plain, ours)
    assert (found.plain, found.ours) == (150, 130)
    assert found.different == ("a.o",)
    assert found.only_plain == ("c.o",)
    assert found.only_ours == ("d.o",)
    assert not found.larger
    assert not found.identical
    assert compare_objects(plain, dict(plain)).identical


def test_one_byte_more_is_larger() -> None:
    found = compare_objects({"a.o": ObjectFile(100, "x")}, {"a.o": ObjectFile(101, "y")})
    assert [pair.name for pair in found.larger] == ["a.o"]


def test_the_geometric_mean_weighs_objects_alike() -> None:
    pairs = [Pair("a", 100, 50, False), Pair("b", 10_000, 10_000, True), Pair("empty", 0, 0, True)]
    assert geometric_mean_saving(pairs) == pytest.approx(1 - 0.5**0.5)
    assert geometric_mean_saving([]) == 0.0


def test_only_objects_of_the_program_count(tmp_path: Path) -> None:
    for name in ("text.o", "conftest.o", "sub/CompilerIdC/a.o"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no ELF file")
    assert object_files(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "source", "same"),
    [
        ("src/a.o", "a.c", True),
        ("x/CMakeFiles/t.dir/b.cc.o", "b.cc", True),
        ("lib/libfoo_la-a.o", "../a.c", True),
        ("a.o", "ba.c", False),
        ("ba.o", "a.c", False),
        ("a.b.o", "a.b.c", True),
    ],
)
def test_objects_find_their_sources(name: str, source: str, same: bool) -> None:
    assert same_stem(name, source) is same


def test_the_savings_table_counts_objects_and_bytes() -> None:
    measured = Measured("mawk", {"a.o": 100, "b.o": 300}, {"1": {"a.o": 100, "b.o": 300}, "3": {"a.o": 90, "b.o": 300}})
    lines = table([measured], [1, 3]).markdown().splitlines()
    assert lines[2].split("|")[1:-1] == [" 1 ", " 1 ", " 0.00 % ", " 0.00 % ", " 0 of 2 "]
    assert lines[3].split("|")[3:-1] == [" 5.13 % ", " 2.50 % ", " 1 of 2 "]


def a_plan(**changes: object) -> Plan:
    fields: dict[str, object] = {
        "key": KEY,
        "llvm": "19.1.7",
        "target": "x86_64-pc-linux-gnu",
        "recipe": Recipe("globaldce"),
        "size_oz": 100,
        "size": 95,
        "budget": 4,
        "provenance": {"backend": "coreset", "list": 2, "tried": 4},
    }
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


LOG = f"""python[7]: helper: key {KEY} sizes 100 97 crashed 95 97
plugin[6]: a.c key {KEY} apply globaldce
plugin[8]: dir/b.c key {OTHER} oz best
"""


def test_the_origin_of_a_plan_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    assert LocalStore(tmp_path).put(a_plan())
    origins = read_origins(tmp_path / "log", tmp_path)
    assert origins.of(Pair("src/a.o", 100, 95, False)) == "coreset list 3 of 4"
    assert origins.of(Pair("src/a.o", 100, 94, False)) == "-"
    assert origins.of(Pair("src/b.o", 60, 60, True)) == "-"
    assert describe(a_plan(recipe=None, size=100)) == "-Oz is best of 4 lists"


def report(**changes: object) -> Report:
    fields: dict[str, object] = {
        "package": "bzip2",
        "version": "1",
        "language": "C",
        "split": "train",
        "objects": 9,
        "plain_bytes": 1000,
        "our_bytes": 900,
        "mean_saving": 0.12,
        "larger": [],
        "unpaired": [],
        "identity": {"disabled": [], "effort0-g": []},
        "tests_plain": True,
        "tests_ours": True,
        "config": [],
        "warm_different": [],
        "warm_searches": 0,
        "cpu_plain_s": 2.0,
        "cpu_cold_s": 9.0,
        "cpu_warm_s": 2.1,
        "counts": {"miss": 9},
    }
    return Report(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"identity": {"disabled": ["a.o"]}}, "1 objects differ (disabled)"),
        ({"larger": ["a.o (1 -> 2)"]}, "larger than -Oz"),
        ({"unpaired": ["a.o"]}, "one tree only"),
        ({"tests_ours": False}, "tests fail"),
        ({"tests_ours": False, "tests_plain": False}, None),
        ({"config": ["-yes"]}, "configuration differs"),
        ({"warm_different": ["a.o"]}, "warm objects differ"),
        ({"warm_searches": 2}, "2 modules searched again"),
    ],
)
def test_every_broken_promise_is_named(changes: dict[str, object], problem: str | None) -> None:
    problems = report(**changes).problems
    assert (problems == []) if problem is None else (problem in problems[0])


def test_a_report_survives_json_and_fills_a_row() -> None:
    one = report()
    assert Report(**one.as_dict()) == one
    row = package_table([one]).markdown().splitlines()[2]
    for cell in ("10.00 %", "12.00 %", "4.50 ×", "1.05 ×", "| checked |", "| pass |", "| none |"):
        assert cell in row


def test_expected_errors_become_a_message_and_their_status(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        assert (vars(arguments), environ) == ({}, {"A": "1"})
        raise DataError("no data; get some")

    def stop(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        del arguments, environ
        raise KeyboardInterrupt

    assert run_command(argparse.ArgumentParser(), fail, [], {"A": "1"}) == DataError.exit_code
    assert capsys.readouterr().err == "clang-llm: no data; get some\n"
    assert run_command(argparse.ArgumentParser(), stop, [], {}) == 130


def test_results_survive_a_stop_and_damage_counts_as_none(tmp_path: Path) -> None:
    place = Workplace(tmp_path, Rig(tmp_path, tmp_path, tmp_path, {}), {})
    assert place.load("check", "bzip2") is None
    place.keep("check", "bzip2", {"objects": 9})
    assert place.load("check", "bzip2") == {"objects": 9}
    (tmp_path / "results" / "bzip2.check.json").write_text("{")
    assert place.load("check", "bzip2") is None


def test_linked_files_are_programs_and_libraries(tmp_path: Path) -> None:
    program = Path("/proc/self/exe").resolve()
    (tmp_path / "bin").mkdir()
    shutil.copy(program, tmp_path / "bin" / "program")
    shutil.copy(program, tmp_path / "conftest")
    (tmp_path / "link").symlink_to(program)
    (tmp_path / "damaged").write_bytes(program.read_bytes()[:100])
    (tmp_path / "script").write_text("#!/bin/sh\n")
    ((name, parts),) = linked_files(tmp_path).items()
    assert name == "bin/program"
    assert parts == parts_of(program.read_bytes())
    assert min(parts.code, parts.rodata, parts.data, parts.unwind) > 0


def test_the_demo_tells_what_was_saved_of_each_kind() -> None:
    told = demo.parts_lines([demo.Divided("2 objects", Parts(1000, 200, 30, 70), Parts(950, 205, 30, 15))])
    rows = [line.split() for line in told]
    assert rows[0] == ["bytes", "code", "rodata", "data", "unwind", "total"]
    assert rows[1] == ["2", "objects", "-Oz", "1,000", "200", "30", "70", "1,300"]
    assert rows[2] == ["ours", "950", "205", "30", "15", "1,200"]
    assert rows[3] == ["saved", "50", "-5", "0", "55", "100", "7.69%"]
