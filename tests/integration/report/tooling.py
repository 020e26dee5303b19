"""A small project, and the tool that is run in it, for the tests of reports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.system import settings
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
