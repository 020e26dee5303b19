"""An LLVM that comes without recipes, from end to end: a copy of the package in which clang 15 is one.

LLVM 17, 18, 20 and 21 are such versions. What stands in for them is a package from which the sets for LLVM 15 are gone;
the plugin, the compiler, the validation programs and the commands are real. The lender's set and the programs are cut
down, since what is tried here is the way, not the recipes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import clang_llm
from clang_llm.plans.coreset import read_coreset, write_coreset
from clang_llm.toolchain.compiler import Compiler

ROOT = Path(clang_llm.__file__).resolve().parents[1]
BORROWER, LENDER = 15, 14
PROGRAMS = ("alias_bytes.c", "bitfield_pack.c", "switch_dense.c", "operators.cpp", "check.h")
SOURCE = """\
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; ++i) s += length(v[i]) * 8; return s; }
"""


@dataclass
class Installed:
    """A copy of the package, a cache, and a directory with one source file."""

    root: Path
    clang: Path

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def environ(self) -> dict[str, str]:
        switches = {"CLANG": str(self.clang), "CACHE_DIR": str(self.cache), "PYTHON": sys.executable}
        return {**os.environ, "PYTHONPATH": str(self.root), **{f"CLANG_LLM_{k}": v for k, v in switches.items()}}

    def tool(self, *words: str) -> tuple[int, str]:
        done = self._run([sys.executable, "-m", "clang_llm.cli", *words])
        return done.returncode, done.stdout + done.stderr

    def compile(self) -> bytes:
        done = self._run([str(self.root / "wrappers" / "clang-llm"), "-Oz", "-c", "a.c", "-o", "a.o"])
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return (self.root / "a.o").read_bytes()

    def plain(self) -> bytes:
        assert self._run([str(self.clang), "-Oz", "-c", "a.c", "-o", "plain.o"]).returncode == 0
        return (self.root / "plain.o").read_bytes()

    def counters(self) -> dict[str, int]:
        counters: dict[str, int] = json.loads(self.tool("stats", "--json")[1])["counters"]
        return counters

    def _run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, env=self.environ, cwd=self.root, capture_output=True, text=True, timeout=250, check=False
        )


@pytest.fixture
def installed(tmp_path: Path, compilers: dict[int, Compiler]) -> Installed:
    compiler = compilers.get(BORROWER)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip(f"clang-{BORROWER} and llvm-{BORROWER}-dev are not installed")
    root = tmp_path / "installed"
    shutil.copytree(
        ROOT / "clang_llm", root / "clang_llm", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors")
    )
    shutil.copytree(ROOT / "wrappers", root / "wrappers")
    data = root / "clang_llm" / "data"
    for path in data.glob(f"*/llvm-{BORROWER}.txt"):
        path.unlink()
    lent = [recipe for recipe in read_coreset(LENDER).for_target("x86_64-pc-linux-gnu") if recipe.staged]
    head = next(recipe.head for recipe in lent if sum(each.head == recipe.head for each in lent) > 1)
    few = [recipe for recipe in lent if recipe.head == head][:2]
    write_coreset(LENDER, few, ["all programs"], data / "coreset", ["globaldce,constmerge"])
    for path in (data / "programs").iterdir():
        if path.name not in PROGRAMS:
            path.unlink()
    (root / "a.c").write_text(SOURCE)
    return Installed(root, compiler.path)


def test_an_llvm_without_recipes_gets_them_by_validation(installed: Installed) -> None:
    assert installed.compile() == installed.plain()
    assert installed.counters()["error:unvalidated"] == 1
    status, text = installed.tool("explain", "clang-llm", "-Oz", "-c", "a.c")
    assert status == 0
    assert "no recipes were validated for this LLVM; run clang-llm-tool validate --shipped" in text
    status, text = installed.tool("doctor")
    assert status == 1
    assert (
        f"LLVM {BORROWER} is not one of those that were tested (14, 16, 19, 22), so new modules are plain -Oz" in text
    )
    assert "trial compile" not in text

    status, text = installed.tool("validate", "--shipped", "--clang", str(installed.clang))
    assert status == 0, text
    assert "LLVM 14, 16, 19, 22: tested" in text
    assert "2 of 2 recipes and 1 closing stages passed" in text

    status, text = installed.tool("doctor")
    assert status == 0, text
    assert f"2 recipes of LLVM {LENDER} passed validation here" in text
    assert "a trial compile worked" in text
    assert installed.tool("stats", "--zero")[0] == 0
    smaller = installed.compile()
    counted = installed.counters()
    assert (counted["miss"], counted["stored"], counted["applied"]) == (1, 1, 1)
    assert len(smaller) != len(installed.plain())
    assert installed.compile() == smaller
    assert installed.counters()["hit"] == 1
    _, text = installed.tool("explain", "clang-llm", "-Oz", "-c", "a.c")
    assert "lookup    hit" in text
    # The plugin has nothing for this LLVM in itself: it believes what this user vouches for.
    (installed.cache / "vetted").rename(installed.cache / "gone")
    assert installed.compile() == installed.plain()
    assert installed.counters()["unvetted"] == 1


def test_an_llvm_with_recipes_of_its_own_has_nothing_to_borrow(installed: Installed) -> None:
    set_of_its_own = "coreset/llvm-15.txt"
    shutil.copy2(ROOT / "clang_llm" / "data" / set_of_its_own, installed.root / "clang_llm" / "data" / set_of_its_own)
    status, text = installed.tool("validate", "--shipped", "--clang", str(installed.clang))
    assert status == 0
    assert text.startswith("LLVM 14, 15, 16, 19, 22: tested, with recipes of their own\n")
    assert "trying" not in text
