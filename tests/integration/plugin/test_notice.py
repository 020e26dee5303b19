"""One line on a terminal when a search takes long, and nothing anywhere else."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from integration.plugin_support import ONLY_MEASURE, Bench, compiler_of

from clang_llm.toolchain import plugins as toolchain

LINE = (
    b"clang-llm: slow.c: compiling it in up to 1 ways to find the smallest object;"
    b" the next build takes the result from the cache\r\n"
)
SLOW_HELPER = "time.sleep(6)\n" + ONLY_MEASURE


@pytest.fixture
def bench(builds: Path, tmp_path: Path) -> Bench:
    compiler = compiler_of(19)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip("clang-19 and llvm-19-dev are not installed")
    (tmp_path / "slow.c").write_text("int twice(int x) { return 2 * x; }\n", encoding="utf-8")
    return Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)


def command(bench: Bench) -> list[str]:
    return [str(bench.compiler.path), f"-fpass-plugin={bench.plugin / 'stub.so'}", "-Oz", "-c", "slow.c", "-o", "s.o"]


def on_a_terminal(bench: Bench, before: str = "", **variables: str) -> bytes:
    """Run a compile in a shell with a terminal of its own; return all that is written there."""
    shell = f"{before}{' '.join(command(bench))}"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(bench.root)
        os.execve("/bin/sh", ["sh", "-c", shell], {**bench.environment, **variables})
    said = b""
    with suppress(OSError):  # EIO: everybody has closed the terminal
        while data := os.read(terminal, 4096):
            said += data
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return said


def test_a_long_search_is_announced_once(bench: Bench) -> None:
    bench.helper(["globaldce"], SLOW_HELPER)
    assert on_a_terminal(bench) == LINE
    assert (bench.root / "s.o").exists()


def test_so_is_a_long_candidate(bench: Bench) -> None:
    """Without a helper that is slow: the wait is for a child."""
    lines = (f"int f{n}(int *p, int n) {{ while (n--) p[n] = p[n] / (n + {n}) ^ n; return *p; }}" for n in range(200))
    (bench.root / "slow.c").write_text("\n".join(lines), encoding="utf-8")
    bench.helper(["default<O3>," * 1000 + "globaldce"], ONLY_MEASURE)
    assert on_a_terminal(bench, _CLANG_LLM_CHILD_SECONDS="6") == LINE


def test_a_short_search_says_nothing(bench: Bench) -> None:
    bench.helper(["globaldce"], ONLY_MEASURE)
    assert on_a_terminal(bench) == b""


def test_a_cache_that_is_not_written_promises_nothing(bench: Bench) -> None:
    bench.helper(["globaldce"], SLOW_HELPER)
    said = on_a_terminal(bench, CLANG_LLM_READONLY="1")
    assert said.startswith(b"clang-llm: slow.c: ")
    assert b"cache" not in said


def test_nothing_is_said_where_nobody_reads_it(bench: Bench) -> None:
    """A pipe, a file; and a terminal that belongs to somebody else, where writing may stop the process."""
    bench.helper(["globaldce"], SLOW_HELPER)
    done = subprocess.run(command(bench), env=bench.environment, cwd=bench.root, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    background = "stty tostop; set -m; " + " ".join(command(bench)) + " & wait $!; exit $?; : "
    assert on_a_terminal(bench, background) == b""
