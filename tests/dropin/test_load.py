"""Many compiles at once: the same objects as one by one, no more searches than processors, and nobody waits in vain."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dropin import sources
from dropin.helpers import events, own_build, use_helper
from dropin.processes import wait_for
from dropin.twin import WRAPPERS, Case, Twin

FILES = 64
CASE = Case((), {f"s{n}.c": f"{sources.C}\nint own{n}(int a) {{ return a * {n} + 1; }}\n" for n in range(FILES)})
#: Seconds after which whoever holds a turn counts as stopped, and some for a busy machine (plugin/turn.cpp).
STOPPED_S, SOME_S = 10, 20
COMPILER = WRAPPERS / "clang-llm"


def compile_all(twin: Twin, at_once: int, names: list[str] | None = None) -> dict[bytes, bytes]:
    """Start all compiles, so many at once, on one processor; return the objects."""
    twin.fresh(CASE)
    waiting: list[list[str | Path]] = [[COMPILER, "-Oz", "-c", name] for name in names or list(CASE.files)]
    running: list[subprocess.Popen[bytes]] = []
    while waiting or running:
        while waiting and len(running) < at_once:
            running.append(start(twin, waiting.pop()))
        ends_well(running.pop(0), within_s=1000)
    return {name: entry.content for name, entry in twin.files().items() if name.endswith(b".o")}


def start(twin: Twin, command: list[str | Path], **env: str) -> subprocess.Popen[bytes]:
    """Start a compile that may use one processor."""
    pinned: list[str | Path] = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *command]
    environment = {**twin.our_env("plan"), "CLANG_LLM_CANDIDATES": "2", **env}
    return subprocess.Popen(pinned, cwd=twin.work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ends_well(process: subprocess.Popen[bytes], within_s: float = SOME_S) -> None:
    """Wait for the end of a compile, which must be silent and successful; raises subprocess.TimeoutExpired."""
    assert (process.communicate(timeout=within_s), process.returncode) == ((b"", b""), 0)


def counting(twin: Twin, most: str) -> None:
    """Let each helper write down how many there are while it works."""
    real = (own_build(twin) / "helper").read_text().splitlines()
    script = twin.root / "helper.sh"
    code = "import sys; sys.path.insert(0, sys.argv[1]); from clang_llm.compile.helper import main; main()"
    script.write_text(
        f"#!/bin/sh\nmkdir -p {twin.root}/now && : >{twin.root}/now/$$\nls {twin.root}/now | wc -l >>{most}\n"
        f"{real[0]} -I -c '{code}' {real[1]}\nrm {twin.root}/now/$$\n"
    )
    script.chmod(0o755)
    (twin.cache / "plugins" / "own" / "helper").write_text(f"{script}\n{twin.root}\n")


def test_all_at_once_give_the_objects_of_one_by_one(twin: Twin, tmp_path: Path) -> None:
    """64 compiles on one processor: no timeout, no error, one search at a time."""
    counting(twin, f"{twin.root}/most")
    at_once = compile_all(twin, at_once=FILES)
    counted = Counter(events(twin))
    assert (counted["miss"], counted["stored"]) == (FILES, FILES), counted
    assert not [event for event in counted if event.startswith(("error:", "bypass:"))], counted
    # A helper that has given its answer may be about to leave while the next one starts.
    at_work = [int(line) for line in (twin.root / "most").read_text().split()]
    assert (len(at_work), max(at_work) <= 2) == (FILES, True), at_work
    some = sorted(CASE.files)[::8]
    used, twin.cache = twin.cache, tmp_path / "another"
    twin.cache.mkdir()
    for part in ("plugins", "toolchains"):
        (twin.cache / part).symlink_to((used / part).resolve())
    one_by_one = compile_all(twin, at_once=1, names=some)
    assert one_by_one == {name: at_once[name] for name in one_by_one}
    assert len(one_by_one) == len(some)


@contextmanager
def all_turns_held(twin: Twin, *, alive: bool) -> Iterator[None]:
    """Hold each turn of one processor, as a search that goes on or as one that was stopped a while ago."""
    directory = twin.cache / f"turns-{os.geteuid()}"
    twin.fresh(CASE)
    ends_well(start(twin, [COMPILER, "-Oz", "-c", "s0.c"]))
    (turn,) = directory.glob("*-0")
    with ExitStack() as stack:
        file = stack.enter_context(turn.open("r+"))
        fcntl.flock(file, fcntl.LOCK_EX)
        if alive:
            code = "import os, sys, time\nwhile True: os.utime(sys.argv[1]); time.sleep(1)"
            quiet = subprocess.DEVNULL  # the file may be removed
            living = stack.enter_context(subprocess.Popen([sys.executable, "-c", code, turn], stderr=quiet))
            stack.callback(living.kill)
        else:
            os.utime(turn, (time.time() - 2 * STOPPED_S,) * 2)
        yield


def test_who_needs_no_search_does_not_wait(twin: Twin) -> None:
    """Warm compiles, and such as are none of ours, while every turn is taken; a miss waits, and then has its own."""
    with all_turns_held(twin, alive=True):
        started = time.monotonic()
        warm, plain = start(twin, [COMPILER, "-Oz", "-c", "s0.c"]), start(twin, [COMPILER, "-O2", "-c", "s1.c"])
        missed = start(twin, [COMPILER, "-Oz", "-c", "s2.c"])
        ends_well(warm)
        ends_well(plain)
        assert time.monotonic() - started < STOPPED_S
        with pytest.raises(subprocess.TimeoutExpired):
            missed.wait(STOPPED_S + 2)
    ends_well(missed)
    assert Counter(events(twin))["stored"] == 2


def test_a_turn_of_somebody_who_is_stopped_is_given_away(twin: Twin) -> None:
    with all_turns_held(twin, alive=False):
        ends_well(start(twin, [COMPILER, "-Oz", "-c", "s1.c"]))
    assert Counter(events(twin))["stored"] == 2


@pytest.mark.parametrize("name", ["next", "0"])
@pytest.mark.parametrize("kind", ["directory", "fifo", "link"])
def test_what_lies_in_the_place_of_a_turn_is_not_waited_for(twin: Twin, name: str, kind: str) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    place = twin.cache / f"turns-{os.geteuid()}" / f"{boot}-{name}"
    place.parent.mkdir(mode=0o700)
    if kind == "directory":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")
    twin.fresh(CASE)
    ends_well(start(twin, [COMPILER, "-Oz", "-c", "s0.c"]))
    assert Counter(events(twin))["stored"] == 1


def test_turns_that_are_removed_while_somebody_waits(twin: Twin) -> None:
    """A cache may be removed at any time."""
    with all_turns_held(twin, alive=True):
        waiting = [start(twin, [COMPILER, "-Oz", "-c", f"s{n}.c"]) for n in (1, 2, 3)]
        assert wait_for(lambda: list(twin.cache.glob("turns-*/*-next")))
        time.sleep(1)
        shutil.rmtree(twin.cache / f"turns-{os.geteuid()}")
        for one in waiting:
            ends_well(one)
    assert Counter(events(twin))["stored"] == 4


def test_a_build_that_is_stopped_does_not_hold_up_another(twin: Twin) -> None:
    """Ctrl-Z in one terminal, a build in another; whoever was stopped goes on afterwards as if nothing had been."""
    marker = twin.root / "asked"
    use_helper(twin, f'read -r question; : >{marker}; sleep 3; echo \'{{"do": "oz", "reason": "best"}}\'')
    twin.fresh(CASE)
    stopped = start(twin, [COMPILER, "-Oz", "-c", "s0.c"])
    assert wait_for(marker.exists)
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        ends_well(start(twin, [COMPILER, "-Oz", "-c", "s1.c"]), within_s=STOPPED_S + SOME_S)
        assert time.monotonic() - started > STOPPED_S / 2
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
    ends_well(stopped)
    assert not [event for event in events(twin) if event.startswith("error:")]


def test_a_helper_that_waits_for_a_processor_is_not_late(twin: Twin) -> None:
    """It needs a second of processor time where six others want all of it, and has two seconds to answer."""
    busy = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    script = use_helper(twin, "")
    script.write_text(
        f"#!{sys.executable}\nimport sys, time\nsys.stdin.readline()\n{busy}\n"
        'print(\'{"do": "oz", "reason": "best"}\', flush=True)\n'
    )
    twin.fresh(CASE)
    spin: list[str | Path] = [sys.executable, "-c", "while True: pass"]
    others = [start(twin, spin) for _ in range(6)]
    try:
        started = time.monotonic()
        ours = start(twin, [COMPILER, "-Oz", "-c", "s0.c"], _CLANG_LLM_HELPER_SECONDS="2")
        ends_well(ours, within_s=200)
        took = time.monotonic() - started
    finally:
        for other in others:
            other.kill()
            other.communicate()
    assert took > 4
    assert not [event for event in events(twin) if event.startswith("error:")], events(twin)
