"""``clang-llm-tool report`` on real builds: what it says is what is in the objects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clang_llm import cli
from clang_llm.system import settings
from clang_llm.system.objects import PARTS, parts_of
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

SOURCES = {
    "a.c": """\
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; ++i) s += length(v[i]) * 8; return s; }
""",
    "main.c": "int length(int); int sum(const int *, int);\n"
    "int main(void) { int v[2] = {27, 9}; return sum(v, 2) == length(1); }\n",
}
MAKEFILE = "prog: a.o main.o\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -Oz -c $< -o $@\nfail:\n\texit 3\n"

Tool = Callable[..., tuple[int, str]]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    for name, text in {**SOURCES, "Makefile": MAKEFILE}.items():
        (place / name).write_text(text)
    return place


@pytest.fixture
def tool(
    tmp_path: Path,
    work: Path,
    a_compiler: Compiler,
    builds: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Tool:
    build = build_plugin(a_compiler, builds).directory
    shutil.copytree(build, tmp_path / "cache" / "plugins" / build.name)
    mine = {**os.environ, "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"), "CLANG_LLM_CLANG": str(a_compiler.path)}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    monkeypatch.chdir(work)

    def run(*words: str) -> tuple[int, str]:
        status = cli.main(words)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


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
    assert "1 of 1 object became smaller" in said
    assert "main.o" not in said
    # Since stats --zero there are both; a build that compiles nothing tells of nothing.
    assert "\nmain.o" in tool("report")[1]
    assert "nothing to compare" in tool("report", "--", "make", "-s")[1]


def test_the_status_of_a_build_is_passed_on(tool: Tool) -> None:
    status, said = tool("report", "--", "make", "-s", "fail")
    assert status == 2
    assert "the build failed with status 2" in said


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
    assert "nothing to compare" in tool("report")[1]
    (work / "empty").mkdir()
    status, said = tool("report", "--objects", "empty")
    assert (status, "holds no object" in said) == (13, True)
    status, said = tool("report", "--json", "no/where.json")
    assert (status, "no such directory" in said) == (13, True)
    assert tool("report", "--objects", ".", "--", "make")[0] == 13
