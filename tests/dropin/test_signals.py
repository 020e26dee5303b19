"""Hazard row 28: a signal at each stage ends the command as it ends clang, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dropin import sources
from dropin.helpers import use_helper
from dropin.processes import belonging_to, children, wait_for
from dropin.twin import WRAPPERS, Case, Twin

#: Functions in a source that takes some seconds to compile; enough to be met in the middle on any machine.
MANY = 2000
FUNCTION = "int f{i}(int x) {{ int s = 0; while (x--) s += x * {i}; return s; }}\n"
SLOW = Case((), {"a.c": "".join(FUNCTION.format(i=i) for i in range(MANY))})
SMALL = Case((), {"a.c": sources.C})
WAITS = Case((), {"a.c": '#include "fifo.h"\n' + sources.C}, prepare=lambda work: os.mkfifo(work / "fifo.h"))
#: Then it reads until clang is gone.
ASK_FOR_ONE = """read -r q; echo '{"do": "evaluate", "lists": ["function(mem2reg)"]}'; cat >/dev/null"""
SIGNALS = [signal.SIGINT, signal.SIGTERM]

Stage = Callable[[int], bool]  # of the process id of the compile


def interrupted(twin: Twin, compiler: Path, env: Mapping[str, str], case: Case, stage: Stage, number: int) -> int:
    """Start a compile, send the signal when `stage` holds for its process, return the exit status."""
    twin.fresh(case)
    process = subprocess.Popen(
        [str(compiler), "-Oz", "-c", "a.c"], cwd=twin.work, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert wait_for(lambda: process.poll() is not None or stage(process.pid))
        time.sleep(0.05)  # clang opens its temporary file first and arranges for its removal then
        assert process.poll() is None, "it ended before the stage was reached"
        process.send_signal(number)
        said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert said[0] == b""
    return process.returncode


def assert_clean(twin: Twin, case: Case) -> None:
    """Nothing is left: no object, no temporary file, no process."""
    names = {os.fsencode(name) for name in case.files} | ({b"fifo.h"} if case is WAITS else set())
    assert set(twin.files()) == names
    assert wait_for(lambda: not belonging_to(twin.cache)), belonging_to(twin.cache)
    assert [path for path in twin.cache.rglob("*") if path.suffix == ".tmp"] == []


def writes_output(twin: Twin) -> Stage:
    """Clang has opened its temporary output file."""
    return lambda _pid: any(twin.work.glob("*.tmp"))


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
@pytest.mark.parametrize("mode", ["no_plan", "plan"])
def test_in_the_front_end(twin: Twin, mode: str, number: int) -> None:
    """Clang reads a header that never comes."""
    expected = interrupted(twin, twin.clang, twin.env, WAITS, writes_output(twin), number)
    assert expected == -number
    found = interrupted(twin, WRAPPERS / "clang-llm", twin.our_env(mode), WAITS, writes_output(twin), number)
    assert found == expected
    assert_clean(twin, WAITS)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_while_the_helper_thinks(twin: Twin, number: int) -> None:
    script = use_helper(twin, f"read -r q; : >{twin.root}/asked; exec sleep 1000")
    asked = script.with_name("asked")
    found = interrupted(twin, WRAPPERS / "clang-llm", twin.our_env("plan"), SMALL, lambda _pid: asked.exists(), number)
    assert found == -number
    assert_clean(twin, SMALL)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_while_a_child_compiles(twin: Twin, number: int) -> None:
    use_helper(twin, ASK_FOR_ONE)

    def child_runs(pid: int) -> bool:
        return any(Path(f"/proc/{child}/exe").resolve() == twin.clang.resolve() for child in _existing(children(pid)))

    found = interrupted(twin, WRAPPERS / "clang-llm", twin.our_env("plan"), SLOW, child_runs, number)
    assert found == -number
    assert_clean(twin, SLOW)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_in_the_middle_of_code_generation(twin: Twin, number: int) -> None:
    def has_begun_to_write(pid: int) -> bool:
        # Code generation writes as it goes; the front end leaves the file empty.
        return any(path.stat().st_size > 0 for path in twin.work.glob("*.tmp")) or _cpu_seconds(pid) > 0.5

    expected = interrupted(twin, twin.clang, twin.env, SLOW, has_begun_to_write, number)
    found = interrupted(twin, WRAPPERS / "clang-llm", twin.our_env("no_plan"), SLOW, has_begun_to_write, number)
    assert found == expected == -number
    assert_clean(twin, SLOW)


def test_control_c_reaches_the_whole_group(twin: Twin) -> None:
    """A terminal sends SIGINT to every process of the group: helper and children end, too."""
    use_helper(twin, ASK_FOR_ONE)
    twin.fresh(SLOW)
    process = subprocess.Popen(
        [WRAPPERS / "clang-llm", "-Oz", "-c", "a.c"], cwd=twin.work, env=twin.our_env("plan"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert wait_for(lambda: len(children(process.pid)) > 1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (-signal.SIGINT, b"")
    assert_clean(twin, SLOW)


def _existing(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
