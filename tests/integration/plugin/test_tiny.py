"""Modules that are not worth a search: those of few instructions, and the test programs of configure scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from integration.plugin_support import ONLY_MEASURE, Bench, compiler_of
from integration.sources import FREESTANDING
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm.system.settings import DEFAULT_MIN_INSTRUCTIONS
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler

SMALL = "int main(void) { return 0; }\n"
#: Far above the default, and with something to save.
LARGE = "int g(int);\n" + "".join(
    f"int f{number}(int x, int y) {{ int z = g(x) + {number}; if (y > z) z += g(y) * x; return z; }}\n"
    for number in range(12)
)
PROBES = (
    "conftest.c",
    "build/CMakeFiles/CMakeScratch/TryCompile-a1b2c3/src.c",
    "build/CMakeFiles/CMakeTmp/CheckSymbolExists.c",
    "build/meson-private/tmpabc/testfile.c",
    "sanitycheckc.c",
)


@pytest.fixture
def bench(builds: Path, tmp_path: Path) -> Bench:
    compiler = compiler_of(19)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip("clang-19 and llvm-19-dev are not installed")
    bench = Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)
    bench.helper(["globaldce"], f"open({str(tmp_path / 'asked')!r}, 'w')\n" + ONLY_MEASURE)
    del bench.environment["CLANG_LLM_MIN_INSTRUCTIONS"]
    return bench


def searched(bench: Bench, name: str, text: str, *options: str, **environment: str) -> bool:
    """Compile a file; return whether the helper was asked."""
    source = bench.root / name
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text, encoding="utf-8")
    asked = bench.root / "asked"
    asked.unlink(missing_ok=True)
    words = ("-Oz", *options)
    assert bench.compile(source, *words, **environment) == bench.plain(source, *words)
    return asked.exists()


def test_a_small_module_is_left_to_clang_and_counted(bench: Bench) -> None:
    assert not searched(bench, "a.c", SMALL)
    assert bench.events() == ["bypass:tiny"]
    decision = bench.explain(bench.root / "a.c")[-1]
    assert (decision["do"], decision["reason"]) == ("oz", "tiny")
    assert searched(bench, "a.c", SMALL, CLANG_LLM_MIN_INSTRUCTIONS="0")


def test_a_large_module_is_searched(bench: Bench) -> None:
    assert searched(bench, "a.c", LARGE)
    assert bench.events() == ["miss"]


@pytest.mark.parametrize("name", PROBES)
def test_a_test_program_of_a_configure_script_is_not_searched_whatever_its_size(bench: Bench, name: str) -> None:
    assert not searched(bench, name, LARGE)
    assert searched(bench, name, LARGE, CLANG_LLM_MIN_INSTRUCTIONS="0")


def test_debug_information_does_not_count(bench: Bench) -> None:
    text = "int g(int); int f(int x) { int y = g(x); return y * y; }\n"

    def instructions(*options: str) -> int:
        """Return the least setting under which the module is too small."""
        return next(
            least
            for least in range(1, 60)
            if not searched(bench, "a.c", text, *options, CLANG_LLM_MIN_INSTRUCTIONS=str(least))
        )

    assert instructions() == instructions("-g") > 5


def test_a_plan_that_is_there_is_applied_all_the_same(a_compiler: Compiler, builds: Path, tmp_path: Path) -> None:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    environment = real_environment(builds, a_compiler.path, tmp_path)
    (tmp_path / "a.c").write_text(FREESTANDING, encoding="utf-8")

    def compile_it(name: str, least: int) -> tuple[bytes, list[str]]:
        (tmp_path / "cache/events").unlink(missing_ok=True)
        subprocess.run(
            [WRAPPERS / "clang-llm", "-Oz", "-c", "a.c", "-o", name],
            env={**environment, "CLANG_LLM_MIN_INSTRUCTIONS": str(least)},
            cwd=tmp_path,
            check=True,
        )
        return (tmp_path / name).read_bytes(), (tmp_path / "cache/events").read_text().split()

    plain, events = compile_it("plain.o", 100_000)
    assert events == ["bypass:tiny"]
    ours, events = compile_it("ours.o", DEFAULT_MIN_INSTRUCTIONS)
    assert events == ["miss", "stored", "applied"]
    assert len(ours) != len(plain)
    assert compile_it("again.o", 100_000) == (ours, ["hit", "applied"])
