"""Warnings of the back end (-Wframe-larger-than): clang says what it says under -Oz, word for word."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from integration.plugin_support import APPLY_SMALLEST, ONLY_MEASURE, Bench, Box, compiler_of

from clang_llm.plans.mixture import mix
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import REFUSED, Status
from clang_llm.toolchain import plugins as toolchain

#: Without optimisation the frame of `large` has more in it; `save` has something to save.
SOURCE = """
void use(char *);
int large(int x) { char bytes[5000]; int a = x * 3, b = a + x; use(bytes); return a * b + bytes[7]; }
static int twice(int x) { return 2 * x; }
int save(int x) { int y = twice(x), z = twice(y); return y > z ? twice(z) : twice(y) + x; }
"""
WARNS = ("-Oz", "-Wframe-larger-than=1000")
HEAD, OPTIMISED = "inferattrs,cgscc(inline)", "function-simplification<Oz>"


@pytest.fixture(params=[14, 15, 16, 19, 22], ids=lambda major: f"llvm{major}")
def bench(request: pytest.FixtureRequest, builds: Path, tmp_path: Path) -> Bench:
    compiler = compiler_of(request.param)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip(f"clang-{request.param} and its headers are not installed")
    bench = Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)
    (tmp_path / "a.c").write_text(SOURCE, encoding="utf-8")
    return bench


def statuses(bench: Bench, *options: str) -> list[str]:
    return [status for status, _ in bench.measured(bench.root / "a.c", *options)]


def test_a_candidate_may_say_what_oz_says_and_nothing_else(bench: Bench) -> None:
    bench.helper(["default<Oz>", "globaldce", "default<Os>"], ONLY_MEASURE)
    assert statuses(bench, *WARNS) == ["ok", "ok", "diagnostics", "ok"]
    # It differs in a number that nobody reads without the option, and below the limit.
    assert statuses(bench) == ["ok"] * 4
    assert statuses(bench, "-Oz", "-Wframe-larger-than=100000") == ["ok"] * 4


def test_a_warning_that_oz_does_not_give_is_no_more_welcome(bench: Bench) -> None:
    text = "long f(long x) { int a[8]; long b = x * 3, c = b + x, d = c * b, e = d ^ x;"
    text += " use(a); return a[b & 7] + c + d + e; }"
    (bench.root / "a.c").write_text(f"void use(int *); {text}\n", encoding="utf-8")
    bench.helper(["globaldce"], ONLY_MEASURE)
    limits = {limit: statuses(bench, "-Oz", f"-Wframe-larger-than={limit}")[1] for limit in range(30, 120, 6)}
    assert limits[30] == "diagnostics"  # both exceed it, by different numbers
    assert limits[114] == "ok"  # neither does
    silent = [limit for limit in limits if not clang(bench, f"-Wframe-larger-than={limit}").stderr]
    assert "diagnostics" in {limits[limit] for limit in silent}


def clang(bench: Bench, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(bench.compiler.path), "-Oz", *words, "-c", "a.c", "-o", "a.o"]
    return subprocess.run(command, env=bench.environment, cwd=bench.root, capture_output=True, check=False)


def with_plugin(bench: Bench, *words: str) -> subprocess.CompletedProcess[bytes]:
    return clang(bench, f"-fpass-plugin={bench.plugin / 'stub.so'}", *words)


def test_the_user_reads_the_same(bench: Bench) -> None:
    lists = ["globaldce", "function(sroa,early-cse,gvn),cgscc(inline),globaldce", "default<Os>"]
    bench.helper(lists, APPLY_SMALLEST)
    done, plain = with_plugin(bench, WARNS[1]), clang(bench, WARNS[1])
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert b"stack frame size" in done.stderr


def test_functions_that_are_to_blame_are_named_and_the_others_mixed(builds: Path, tmp_path: Path) -> None:
    box = Box(19, builds, tmp_path)
    (tmp_path / "a.c").write_text(SOURCE, encoding="utf-8")
    with box.open(WARNS[1], tmp_path / "a.c") as evaluator:
        recipes = [Recipe(HEAD, (function,), (), "globaldce") for function in ("", OPTIMISED)]
        raw, optimised = evaluator.evaluate(recipes)
        assert (raw.status, optimised.status) == (Status.DIAGNOSTICS, Status.OK)
        assert [size >= REFUSED for size in raw.functions] == [True, False]
        mixture = mix(zip(recipes, (raw, optimised), strict=True))
        assert mixture is None or mixture.recipe.pipeline(0) == OPTIMISED


def test_errors_of_the_back_end_are_never_the_same(bench: Bench) -> None:
    """Inline assembly that does not assemble: clang says so itself, once."""
    (bench.root / "a.c").write_text('int f(int x) { asm("no such instruction"); return x; }\n', encoding="utf-8")
    bench.helper(["default<Oz>"], APPLY_SMALLEST)
    done, plain = with_plugin(bench), clang(bench)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert plain.returncode == 1
