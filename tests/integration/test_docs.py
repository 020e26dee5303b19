"""The commands that the README and docs/build-systems.md give work as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from clang_llm.system import log
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUILD_SYSTEMS = (ROOT / "docs" / "build-systems.md").read_text(encoding="utf-8")
WRAPPERS = ROOT / "wrappers"

PROJECT = {
    "a.c": "int twice(int n) { int s = 0; while (n) s += n--; return 2 * s; }\n",
    "b.cpp": 'extern "C" int twice(int);\n#include <vector>\n'
    "int main(int n, char **) { std::vector<int> v(n); for (int &x : v) x = twice(n); return v.empty(); }\n",
    "Makefile": "prog: a.o b.o\n\t$(CXX) -o $@ a.o b.o\n",
    "configure": "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done | cat - ../Makefile.in >Makefile\n",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.13)\nproject(prog C CXX)\nadd_executable(prog a.c b.cpp)\n",
    "meson.build": "project('prog', 'c', 'cpp')\nexecutable('prog', 'a.c', 'b.cpp')\n",
}


def commands() -> dict[str, str]:
    """The commands of the table, by build system; the README's are among them (tests/unit/test_documents.py)."""
    return dict(re.findall(r"^\| ([\w, ]+) \| `(.+)` \|$", BUILD_SYSTEMS, re.MULTILINE))


@pytest.fixture
def environ(tmp_path: Path, a_compiler: Compiler, builds: Path) -> dict[str, str]:
    if a_compiler.major != 19:
        pytest.skip("the examples name clang 19")
    cache = tmp_path / "cache"
    build = build_plugin(a_compiler, builds).directory
    shutil.copytree(build, cache / "plugins" / build.name)
    return {
        **os.environ,
        # clang-llm-tool is where the tests' Python is.
        "PATH": f"{WRAPPERS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CLANG_LLM_CACHE_DIR": str(cache),
        "CLANG_LLM_CLANG": str(a_compiler.path),
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    for name, text in PROJECT.items():
        (place / name).write_text(text)
    (place / "configure").chmod(0o755)
    shutil.copy(place / "Makefile", tmp_path / "Makefile.in")
    return place


def run(command: str, project: Path, environ: dict[str, str]) -> Counter[str]:
    """Run a shell command in the project; returns what happened to its compiles."""
    done = subprocess.run(
        ["sh", "-ec", command], cwd=project, env=environ, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return log.fold_events(Path(environ["CLANG_LLM_CACHE_DIR"]))


def test_the_table_is_found() -> None:
    assert {"make", "autotools", "CMake", "CMake, launcher", "Meson", "by hand"} <= set(commands())


@pytest.mark.parametrize("system", list(commands()))
def test_build_systems(system: str, project: Path, environ: dict[str, str]) -> None:
    command = commands()[system]
    tool = {"CMake": "cmake", "CMake, launcher": "cmake", "Meson": "meson"}.get(system, "make")
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    counts = run(command, project, environ)
    assert counts["miss"] >= 2, counts
    assert counts["stored"] == counts["miss"]
    assert not [name for name in counts if name.startswith("error:")]


def test_ccache_on_top(project: Path, environ: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("ccache") is None:
        pytest.skip("ccache is not installed")
    recipe = re.search(r"With \*\*ccache\*\*.*?```sh\n(.*?)```", BUILD_SYSTEMS, re.DOTALL)
    assert recipe
    environ["CCACHE_DIR"] = str(tmp_path / "ccache")
    build = recipe[1] + "make CC='ccache clang-llm' CXX='ccache clang-llm++' CFLAGS=-Oz CXXFLAGS=-Oz\n"
    first = run(build, project, environ)
    assert first["miss"] == 2
    objects = [(project / name).read_bytes() for name in ("a.o", "b.o")]
    again = run("rm -f *.o prog\n" + build, project, environ)
    assert again["miss"] == 2
    assert again["hit"] + again["hit:oz"] == first["hit"] + first["hit:oz"]
    assert [(project / name).read_bytes() for name in ("a.o", "b.o")] == objects


def test_what_the_readme_says_to_look_with_works(project: Path, environ: dict[str, str]) -> None:
    (block,) = re.findall(r"```sh\n(clang-llm-tool explain.*?)```", README, re.DOTALL)
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert [line.split()[1] for line in lines] == ["explain", "report", "advise", "tune"]
    # `tune` validates what it finds, which takes minutes: tests/integration/tuning has it.
    for line in lines[:3]:
        run(f"rm -f *.o prog\n{line}", project, environ)
