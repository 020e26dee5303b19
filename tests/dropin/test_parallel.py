"""make -j on one cache, and make's job slots."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from dropin.helpers import events, use_helper
from dropin.twin import TIMEOUT_S, WRAPPERS, Case, Twin

FILES = 24
#: Every eighth source is the same module under another name: several processes want one plan at once.
TEXT = "int table{n}[] = {{1, 2, {n}}};\nint f(int x) {{ int s = {n}; while (x--) s += x * s; return s; }}\n"
SOURCES = {f"s{i}.c": TEXT.format(n=i % 8) for i in range(FILES)}
MAKEFILE = """\
OBJECTS := $(patsubst %.c,%.o,$(wildcard s*.c))
all: $(OBJECTS)
%.o: %.c
\t$(PLUS)$(CC) -Oz -g -c $< -o $@
"""
CASE = Case((), {**SOURCES, "Makefile": MAKEFILE})


def build(
    twin: Twin, *arguments: str, mode: str = "plan", compiler: Path = WRAPPERS / "clang-llm"
) -> dict[bytes, bytes]:
    """Build in a fresh directory and return the objects; make must have nothing to complain about."""
    twin.fresh(CASE)
    env = twin.our_env(mode) if compiler.parent == WRAPPERS else twin.env
    command = ["make", "-s", *arguments, f"CC={compiler}"]
    done = subprocess.run(command, cwd=twin.work, env=env, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return {name: entry.content for name, entry in twin.files().items() if name.endswith(b".o")}


def test_parallel_build_equals_the_serial_one(twin: Twin, tmp_path: Path) -> None:
    serial = build(twin, "-j1")
    assert len(serial) == FILES
    first = Counter(events(twin))
    used, twin.cache = twin.cache, tmp_path / "another"
    twin.cache.mkdir()
    for part in ("plugins", "toolchains"):
        (twin.cache / part).symlink_to((used / part).resolve())
    parallel = build(twin, "-j8")
    assert parallel == serial
    for counted in (first, Counter(events(twin))):
        assert not [event for event in counted if event.startswith("error:")], counted
        # Each compile is decided exactly once: found, or missed and then found or made.
        assert counted["hit"] + counted["hit:oz"] + counted["miss"] >= FILES
        assert counted["stored"] == len(set(SOURCES.values()))
    assert list(twin.cache.rglob("*.tmp")) == []


def test_warm_build_equals_the_cold_one(twin: Twin) -> None:
    cold = build(twin, "-j2")
    before = Counter(events(twin))
    assert build(twin, "-j8") == cold
    warm = Counter(events(twin)) - before
    assert warm["miss"] == warm["stored"] == 0
    assert warm["hit"] + warm["hit:oz"] == FILES


def test_counters_add_up(twin: Twin) -> None:
    """Lines of parallel writers are never mixed or lost, whatever they count."""
    twin.fresh(CASE)
    command = ["make", "-s", "-j8", f"CC={WRAPPERS / 'clang-llm'} -O2"]
    subprocess.run(command, cwd=twin.work, env=twin.our_env("plan"), check=True, timeout=TIMEOUT_S)
    build(twin, "-j8", mode="disabled")
    counted = Counter(events(twin))
    assert counted["bypass:disabled"] == FILES
    # `-O2 … -Oz`: the last one wins, so the plugin is asked; -Oz … is what it is
    assert sum(counted.values()) >= 2 * FILES


@pytest.mark.parametrize("mode", ["no_plan", "plan"])
def test_job_slots_reach_clang_and_are_not_kept(twin: Twin, mode: str) -> None:
    """A rule with + passes make's job slots on; make complains when one is missing at the end."""
    objects = build(twin, "-j4", "PLUS=+", mode=mode)
    assert len(objects) == FILES


def test_helper_gets_no_job_slot(twin: Twin) -> None:
    """What outlives a compile must not hold the pipe of make: the helper has its conversation and nothing else."""
    use_helper(twin, f"ls -l /proc/$$/fd >>{twin.root}/open; env >>{twin.root}/environment")
    build(twin, "-j4", "PLUS=+")
    targets = re.findall(r" \d+ -> (.+)", (twin.root / "open").read_text())
    assert len(targets) >= 3 * len(SOURCES)
    assert {target.partition(":")[0] for target in targets} <= {"socket", "/dev/null", *map(str, twin.root.iterdir())}
    assert "MAKEFLAGS" not in (twin.root / "environment").read_text()


def test_eight_first_builds_build_one_plugin(twin: Twin, tmp_path: Path) -> None:
    """A fresh cache and make -j8: every compile waits for the one plugin, and all give the same as later."""
    expected = build(twin, "-j2")
    twin.cache = tmp_path / "fresh"
    assert build(twin, "-j8") == expected
    assert len([path for path in (twin.cache / "plugins").iterdir() if path.is_dir()]) == 1
    assert "bypass:no_plugin" not in events(twin)
