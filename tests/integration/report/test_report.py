"""``clang-llm-tool report`` on real builds: what it says is what is in the objects."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from integration.report.tooling import SOURCES, Tool, tool, work

from clang_llm.system.objects import PARTS, parts_of
from clang_llm.toolchain.compiler import Compiler

__all__ = ["tool", "work"]


def written(tool: Tool, *words: str) -> dict[str, Any]:
    """What ``report --json`` writes."""
    status, said = tool("report", "--json", "report.json", *words)
    assert status == 0, said
    found: dict[str, Any] = json.loads(Path("report.json").read_text())
    return found


def plain(compiler: Compiler, place: Path) -> None:
    """Compile the sources with clang alone."""
    place.mkdir()
    for name in SOURCES:
        target = place / name.replace(".c", ".o")
        subprocess.run([compiler.path, "-Oz", "-c", name, "-o", target], check=True, timeout=60)


def test_a_build_is_told_as_its_objects_are(tool: Tool, work: Path, a_compiler: Compiler) -> None:
    subprocess.run([a_compiler.path, "-Oz", "-c", "a.c", "-o", "elsewhere.o"], check=True, timeout=60)
    found = written(tool, "--", "make", "-s")
    plain(a_compiler, work / "plain")
    assert (found["kind"], found["root"]) == ("build", str(work))
    files = {each["name"]: each for each in found["files"]}
    assert sorted(files) == ["a.o", "main.o"]
    for name, each in files.items():
        before, after = (parts_of(path.read_bytes()) for path in (work / "plain" / name, work / name))
        assert [each["before"][part] for part in PARTS] == list(before.listed())
        assert [each["after"][part] for part in PARTS] == list(after.listed())
    assert files["a.o"]["after"]["bytes"] < files["a.o"]["before"]["bytes"]
    assert files["a.o"]["by"] == "coreset"
    assert "function(" in found["recipes"][files["a.o"]["recipe"]]
    assert found["before"]["bytes"] == sum(each["before"]["bytes"] for each in files.values())
    assert found["events"]["miss"] == 2
    assert found["events"]["bypass:link"] == 1
    assert found["meanings"]["link"]


def test_only_what_the_build_compiled_is_told(tool: Tool, work: Path) -> None:
    assert tool("report", "--", "make", "-s")[0] == 0
    (work / "a.c").touch()
    status, said = tool("report", "--", "make", "-s")
    assert status == 0
    assert "Code alone:" in said
    assert "main.o" not in said
    # Since stats --zero there are both; a build that compiles nothing tells of nothing.
    assert "\nmain.o" in tool("report")[1]
    assert "Nothing to compare" in tool("report", "--", "make", "-s")[1]


def test_the_status_of_a_build_is_passed_on(tool: Tool) -> None:
    status, said = tool("report", "--", "make", "-s", "fail")
    assert status == 2
    assert "the build failed with status 2" in said
    status, said = tool("report", "--", "sh", "-c", "kill -KILL $$")
    assert status == 137
    assert "the build failed with status 137" in said


@pytest.mark.parametrize("words", [("report", "--markdown"), ("advise", "--json")], ids=lambda words: words[0])
def test_what_is_for_programs_is_alone_on_standard_output(tool: Tool, words: tuple[str, ...]) -> None:
    # `tool` returns standard output, then standard error.
    said = tool(*words, "--", "sh", "-c", "echo building; $CC -Oz -c a.c")[1]
    assert said.startswith(("{", "<!-- clang-llm-size-report -->\n"))
    assert said.endswith("building\n")


def test_objects_below_a_directory(tool: Tool, work: Path, a_compiler: Compiler) -> None:
    assert tool("report", "--", "make", "-s")[0] == 0
    subprocess.run([a_compiler.path, "-O2", "-c", "a.c", "-o", "other.o"], check=True, timeout=60)
    found = written(tool, "--objects", ".")
    why = {each["name"]: each["why"] for each in found["files"]}
    assert sorted(why) == ["a.o", "main.o", "other.o"]
    assert (why["a.o"], why["other.o"]) == ("", "unknown")
    # Beside the same objects of clang alone, the ledger is not needed.
    plain(a_compiler, work / "plain")
    assert tool("stats", "--zero")[0] == 0
    (work / "new").mkdir()
    shutil.move("a.o", "new")
    again = written(tool, "--objects", "new", "--before", "plain")
    (file,) = again["files"]
    (known,) = (each for each in found["files"] if each["name"] == "a.o")
    assert (file["before"], file["after"]) == (known["before"], known["after"])


def test_nothing_to_report_on_is_said(tool: Tool, work: Path) -> None:
    assert "Nothing to compare" in tool("report")[1]
    (work / "empty").mkdir()
    status, said = tool("report", "--objects", "empty")
    assert (status, "holds no object" in said) == (13, True)
    status, said = tool("report", "--json", "no/where.json")
    assert (status, "no such directory" in said) == (13, True)
    assert tool("report", "--objects", ".", "--", "make")[0] == 13
