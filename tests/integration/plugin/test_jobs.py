"""How many candidates run at once, and what becomes of make's job slots; the result does not depend on it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from dropin.processes import children, wait_for
from integration.plugin_support import ONLY_MEASURE, Bench, compiler_of

from clang_llm.toolchain import plugins as toolchain

#: Enough for -Oz to take more than a fifth of a second, below which nobody looks for processors.
LONG = "int g(int);\n" + "".join(
    f"int f{number}(int *p, int n) {{ int s = {number}; for (int i = 0; i < n; ++i) {{ s += p[i] * g(i + s);"
    f" if (s & 1) p[i] = g(s) / (i + 1); else s ^= p[n - i]; }} return s > {number} ? g(s) : s; }}\n"
    for number in range(250)
)
#: No two neighbours share a head, so each is a child of clang.
LISTS = ["default<Os>", "default<O1>", "default<Os>,globaldce", "default<O1>,globaldce"]
SLOTS = b"+abc"


@pytest.fixture
def bench(builds: Path, tmp_path: Path) -> Bench:
    compiler = compiler_of(19)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip("clang-19 and llvm-19-dev are not installed")
    memory = dict(line.split()[:2] for line in Path("/proc/meminfo").read_text().splitlines())
    if int(memory["MemAvailable:"]) < 9 << 20:
        pytest.skip("two candidates at once may take 8 GiB, which are not free here")
    bench = Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)
    bench.helper(LISTS, ONLY_MEASURE)
    (tmp_path / "long.c").write_text(LONG, encoding="utf-8")
    return bench


@contextmanager
def fifo(path: Path) -> Iterator[int]:
    """A jobserver as of make 4.4, with some slots that can be told apart."""
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    os.write(descriptor, SLOTS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def slots_in(descriptor: int) -> bytes:
    """Take out what is there, and put it back."""
    try:
        found = os.read(descriptor, 64)
    except BlockingIOError:
        return b""
    os.write(descriptor, found)
    return found


def start(bench: Bench, flags: str, descriptors: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    command = [bench.compiler.path, f"-fpass-plugin={bench.plugin / 'stub.so'}", "-Oz", "-c", "long.c", "-o", "long.o"]
    return subprocess.Popen(
        [str(word) for word in command],
        env={**bench.environment, "MAKEFLAGS": flags},
        cwd=bench.root,
        pass_fds=descriptors,
    )


def compilers_below(clang: int) -> int:
    """Count children of clang that compile: the helper is a Python."""
    exe = Path(f"/proc/{clang}/exe").readlink()
    found = 0
    for child in children(clang):
        try:
            found += Path(f"/proc/{child}/exe").readlink() == exe
        except OSError:
            continue
    return found


def most_at_once(clang: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a compile; return how many children it had at once."""
    most = 0
    while clang.poll() is None:
        try:
            most = max(most, compilers_below(clang.pid))
        except OSError:
            break
        time.sleep(0.01)
    assert clang.wait() == 0
    return most


def results(bench: Bench, **variables: str) -> list[object]:
    lines = bench.explain(bench.root / "long.c", **variables)
    return [(line["id"], line["status"], line["size"]) for line in lines if line["event"] == "result"]


def test_slots_of_make_are_used_and_put_back(bench: Bench) -> None:
    with fifo(bench.root / "slots") as slots:
        # Four candidates and the process that holds three slots; more than one shows that slots are used.
        most = most_at_once(start(bench, f" -j5 --jobserver-auth=fifo:{bench.root / 'slots'}"))
        assert 2 < most <= 5
        assert sorted(slots_in(slots)) == sorted(SLOTS)


def test_a_pipe_of_make_serves_as_well(bench: Bench) -> None:
    read, write = os.pipe()
    os.write(write, SLOTS)
    most = most_at_once(start(bench, f"k -j5 --jobserver-auth={read},{write}", (read, write)))
    assert most > 2
    os.close(write)
    assert sorted(os.read(read, 64)) == sorted(SLOTS)
    assert os.read(read, 64) == b""
    os.close(read)


def test_no_free_slot_means_one_candidate_after_the_other(bench: Bench) -> None:
    with fifo(bench.root / "slots") as slots:
        os.read(slots, 64)
        # One candidate, and who asks for slots.
        assert most_at_once(start(bench, f" -j5 --jobserver-auth=fifo:{bench.root / 'slots'}")) <= 2
        assert slots_in(slots) == b""


def test_a_jobserver_that_is_odd_is_not_used(bench: Bench) -> None:
    """Numbers of files that are no pipe, of two pipes, and nothing at all; a build with one job stays one."""
    one, other = os.pipe(), os.pipe()
    os.write(one[1], SLOTS)
    for flags in (f"{one[0]},{other[1]}", "fifo:/dev/null", "fifo:/nonexistent/slots", "77,78", "-2,-2", "what"):
        with start(bench, f" -j1 --jobserver-auth={flags}", (*one, *other)) as clang:
            assert most_at_once(clang) == 1, flags
    assert os.read(one[0], 64) == SLOTS
    for descriptor in (*one, *other):
        os.close(descriptor)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV])
def test_slots_come_back_however_the_compile_dies(bench: Bench, number: signal.Signals) -> None:
    with fifo(bench.root / "slots") as slots:
        clang = start(bench, f" -j5 --jobserver-auth=fifo:{bench.root / 'slots'}")
        assert wait_for(lambda: len(slots_in(slots)) < len(SLOTS) or clang.poll() is not None)
        assert clang.poll() is None
        clang.send_signal(number)
        assert clang.wait() != 0
        assert wait_for(lambda: sorted(slots_in(slots)) == sorted(SLOTS))


def test_results_and_their_order_do_not_depend_on_it(bench: Bench) -> None:
    alone = results(bench, CLANG_LLM_JOBS="1")
    assert [each[0] for each in alone] == [-1, 0, 1, 2, 3]  # type: ignore[index]
    assert results(bench, CLANG_LLM_JOBS="8") == alone
    assert results(bench) == alone
    with fifo(bench.root / "slots"):
        assert results(bench, MAKEFLAGS=f" -j5 --jobserver-auth=fifo:{bench.root / 'slots'}") == alone
