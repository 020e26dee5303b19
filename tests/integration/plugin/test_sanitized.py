"""The whole plugin with the sanitizers of addresses and undefined behaviour, in a real clang, over many modules.

``make sanitize`` runs it: every compile is ten times as slow, and the plugin is built once more.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from fuzz import harness
from integration.plugin_support import APPLY_SMALLEST, Bench

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import usable
from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.builder import PACKAGE
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin
from clang_llm.tuning.suite import DIRECTORY

# All tests together take a quarter of an hour on two cores.
pytestmark = [pytest.mark.projects, pytest.mark.timeout(3600)]

PROJECTS = Path(__file__).resolve().parents[2] / "projects"
#: Compilations at once.
JOBS = 2
#: Recipes that one module is measured with.
RECIPES = 6


@dataclass(frozen=True)
class Sanitized:
    """A directory whose plugin has the sanitizers, and where they report."""

    bench: Bench
    reports: Path

    def compile(self, source: Path, output: Path, **variables: str) -> process.Completed:
        """Compile a source with the plugin; what the sanitizers say is left in `reports`, of forked children, too."""
        driver: list[str | Path] = [
            self.bench.compiler.path,
            *(["--driver-mode=g++", "-std=c++20"] if source.suffix != ".c" else []),
        ]
        options = ["-Oz", "-w", f"-fpass-plugin={self.bench.plugin / 'stub.so'}", f"-I{source.parent}"]
        said = f"log_path={self.reports / 'report'}:print_stacktrace=1"
        environ = {
            **self.bench.environment,
            "LD_PRELOAD": str(harness.runtime(self.bench.compiler)),
            "ASAN_OPTIONS": f"{said}:detect_leaks=0:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": said,
            **variables,
        }
        return process.run([*driver, *options, "-c", source, "-o", output], env=environ, timeout_s=600)

    def said(self) -> list[str]:
        """Return the reports."""
        return [path.read_text(errors="replace")[:3000] for path in sorted(self.reports.iterdir())]


@pytest.fixture
def sanitized(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Sanitized:
    try:
        harness.runtime(a_compiler)
    except ToolchainError as error:
        pytest.skip(str(error))
    plugin = harness.build_plugin(a_compiler, builds / "fuzz")
    build = build_plugin(a_compiler, builds)
    bench = Bench(a_compiler, build, tmp_path)
    (bench.plugin / "plugin.so").unlink()
    shutil.copy(plugin, bench.plugin / "plugin.so")
    reports = tmp_path / "reports"
    reports.mkdir()
    return Sanitized(bench, reports)


def modules() -> list[Path]:
    """Our own programs and projects."""
    return sorted(path for place in (DIRECTORY, PROJECTS) for path in place.rglob("*") if path.suffix in (".c", ".cpp"))


def real_helper(bench: Bench) -> None:
    """Let the real helper answer, without the sanitizers' runtime."""
    program = bench.root / "python"
    python = PACKAGE.parent / ".venv" / "bin" / "python"
    interpreter = python if python.exists() else shutil.which("python3")
    program.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec {interpreter} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    (bench.plugin / "helper").write_text(f"{program}\n{PACKAGE.parent}\n", encoding="utf-8")
    bench.environment |= {"CLANG_LLM_BACKEND": "coreset", "CLANG_LLM_EFFORT": "3", "HOME": str(bench.root)}


def over_all(sanitized: Sanitized, **variables: str) -> int:
    """Compile every module; return how many compiled."""

    def look(job: tuple[int, Path]) -> int:
        number, source = job
        return int(sanitized.compile(source, sanitized.bench.root / f"{number}.o", **variables).ok)

    with ThreadPoolExecutor(JOBS) as pool:
        return sum(pool.map(look, enumerate(modules())))


def test_the_sanitizers_would_report(sanitized: Sanitized) -> None:
    """What the tests below count on: the plugin that is loaded is the sanitized one, and reports are found."""
    source = sanitized.bench.root / "one.c"
    source.write_text("int one(void) { return 1; }\n")
    done = sanitized.compile(source, source.with_suffix(".o"), _CLANG_LLM_FAULT="1")
    assert len(sanitized.said()) == 1, done.stderr
    assert "heap-buffer-overflow" in sanitized.said()[0]


def test_misses_and_hits_of_every_module(sanitized: Sanitized) -> None:
    real_helper(sanitized.bench)
    compiled = over_all(sanitized)
    assert compiled > len(modules()) * 0.9
    assert over_all(sanitized) == compiled
    events = sanitized.bench.events()
    assert events.count("stored") > 50
    assert events.count("hit") > 30
    assert sanitized.said() == []


def test_recipes_forced_on_every_module(sanitized: Sanitized) -> None:
    """Also measured by hand: what is applied is the smallest, with mixes and lists."""
    found = [usable(recipe, 19) for recipe in read_coreset(19).lists]
    recipes = [recipe for recipe in found if recipe is not None]
    staged = next(recipe for recipe in recipes if recipe.staged)
    assert over_all(sanitized, _CLANG_LLM_APPLY=json.dumps(staged.message())) > len(modules()) * 0.9
    lists = [recipe.flat for recipe in recipes[:RECIPES]]
    sanitized.bench.helper(lists, APPLY_SMALLEST)
    assert over_all(sanitized, CLANG_LLM_RECACHE="1") > len(modules()) * 0.9
    assert sanitized.bench.events().count("applied") > 30
    assert sanitized.said() == []


def test_corrupt_entries_of_every_module(sanitized: Sanitized) -> None:
    real_helper(sanitized.bench)
    over_all(sanitized)
    entries = sorted(path for path in (sanitized.bench.cache / "plans").rglob("*") if path.is_file())
    assert len(entries) > 50
    for number, entry in enumerate(entries):
        data = bytearray(entry.read_bytes())
        data[number * 7919 % len(data)] ^= 1 << number % 8
        entry.write_bytes(data)
    environ_before = len(sanitized.bench.events())
    over_all(sanitized, CLANG_LLM_EFFORT="1")
    assert sanitized.bench.events()[environ_before:].count("corrupt") > 30
    assert sanitized.said() == []
