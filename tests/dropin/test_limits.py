"""Limits of the process: the compile ends as clang's does, and what a limit cut is never stored."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from integration.wrapper_box import memo_of

from dropin import sources
from dropin.helpers import events, own_build
from dropin.twin import TIMEOUT_S, WRAPPERS, Case, Twin

KIB, MIB = 1 << 10, 1 << 20
#: A user id that no system gives away.
LONELY = 54321
CASE = Case((), {"a.c": sources.C})
#: Limits far from what this clang needs for this source on the one side or the other, and some in between.
LIMITS = {
    "descriptors": (resource.RLIMIT_NOFILE, (13, 16, 32)),
    "memory": (resource.RLIMIT_AS, tuple(each * MIB for each in (60, 250, 600, 1024, 2048, 6144))),
    "data": (resource.RLIMIT_DATA, (16 * MIB, 1024 * MIB)),
    "time": (resource.RLIMIT_CPU, (1, 30)),
    "files": (resource.RLIMIT_FSIZE, (0, 16 * KIB, 100 * MIB)),
    "stack": (resource.RLIMIT_STACK, (128 * KIB, 512 * KIB, 4 * MIB, 64 * MIB)),
}
EACH = [(name, value) for name, (_, values) in LIMITS.items() for value in values]


@dataclass(frozen=True)
class Ended:
    """How a compile ended: its status, the first line of what it said (stacks have addresses), the object."""

    status: int
    said: bytes
    object: bytes | None


def under(what: int, value: int) -> Callable[[], None]:
    """Return what sets a limit before the compiler starts."""
    return lambda: resource.setrlimit(what, (value, value))


def compile_under(twin: Twin, compiler: Path, env: dict[str, str], limit: Callable[[], None], *words: str) -> Ended:
    twin.fresh(CASE)
    done = subprocess.run(
        [compiler, *(words or ("-Oz", "-c", "a.c"))],
        cwd=twin.work, env=env, preexec_fn=limit, capture_output=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    output = twin.work / "a.o"
    return Ended(done.returncode, done.stderr.partition(b"\n")[0], output.read_bytes() if output.exists() else None)


def plans(twin: Twin) -> dict[str, bytes]:
    """Return the entries of the cache, without the seal in their first line, which is each cache's own."""
    found = {path: path.read_bytes().partition(b"\n")[2] for path in twin.cache.glob("plans/*/*")}
    return {f"{path.parent.name}{path.name}": text for path, text in found.items()}


@pytest.mark.parametrize(("name", "value"), EACH)
def test_ends_as_clang_does(twin: Twin, name: str, value: int) -> None:
    limit = under(LIMITS[name][0], value)
    expected = compile_under(twin, twin.clang, twin.env, limit)
    env = twin.our_env("plan")
    cold = compile_under(twin, WRAPPERS / "clang-llm", env, limit)
    stored = plans(twin)
    warm = compile_under(twin, WRAPPERS / "clang-llm", env, limit)
    for found in (cold, warm):
        assert (found.status, found.said) == (expected.status, expected.said), events(twin)
        assert (found.object is None) == (expected.object is None)
    if not stored:
        return
    # What there is now is what a search without limits finds.
    shutil.rmtree(twin.cache / "plans", ignore_errors=True)
    free = compile_under(twin, WRAPPERS / "clang-llm", env, lambda: None)
    assert free.status == 0
    assert stored == plans(twin)


@pytest.mark.parametrize("words", [("-Oz", "-c", "a.c"), ("-O2", "-c", "a.c"), ("--version",)])
def test_a_file_of_events_beyond_the_limit(twin: Twin, words: tuple[str, ...]) -> None:
    """Writing to it would end the process by a signal: the line is dropped."""
    (twin.cache / "events").write_text("hit\n" * 100_000)
    limit = under(resource.RLIMIT_FSIZE, 64 * KIB)
    expected = compile_under(twin, twin.clang, twin.env, limit, *words)
    for mode in ("no_plan", "plan", "disabled"):
        found = compile_under(twin, WRAPPERS / "clang-llm", twin.our_env(mode), limit, *words)
        assert (found.status, found.said) == (expected.status, expected.said) == (0, b"")
    assert (twin.cache / "events").stat().st_size == 400_000


@pytest.mark.parametrize(
    ("name", "value"), [("time", 2), ("memory", 800 * MIB), ("files", 16 * KIB), ("descriptors", 16)]
)
def test_the_first_build_under_a_limit(twin: Twin, name: str, value: int) -> None:
    """The plugin cannot be built like this; nothing says so for ever: the next compile, without limits, prepares."""
    build = own_build(twin)
    limit = under(LIMITS[name][0], value)
    memo = memo_of(twin.cache, twin.clang)
    shutil.rmtree(memo)
    shutil.rmtree(build)
    expected = compile_under(twin, twin.clang, twin.env, limit)
    found = compile_under(twin, WRAPPERS / "clang-llm", twin.our_env("plan"), limit)
    assert (found.status, found.said) == (expected.status, expected.said)
    failed = memo / "failed"
    assert not failed.exists() or failed.read_text().startswith("+")
    assert not list(twin.cache.glob("plugins/*/plugin.so"))


@pytest.fixture
def lonely(twin: Twin) -> int:
    """A user of whom nothing else runs, and to whom the twin's cache belongs."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, and setpriv")
    own_build(twin)
    for path in (twin.cache, *twin.cache.rglob("*")):
        os.lchown(path, LONELY, LONELY)
    for parent in (twin.root, *twin.root.parents):
        if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o5 != 0o5:
            parent.chmod(parent.stat().st_mode | 0o5)
    return LONELY


@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_processes(twin: Twin, lonely: int, count: int, prepared: bool) -> None:
    """Clang needs none beside its own; a helper, a child, a shell that prepares would be one more."""
    if not prepared:
        shutil.rmtree(twin.cache / "toolchains")
    for compiler, env in ((twin.clang, twin.env), (WRAPPERS / "clang-llm", twin.our_env("plan"))):
        twin.fresh(CASE)
        for directory in (twin.work, twin.root / "tmp"):
            directory.chmod(0o777)
        script = f'ulimit -u {count}; exec setpriv --reuid={lonely} --regid={lonely} --clear-groups "$@"'
        command: list[str | Path] = ["bash", "-c", script, "sh", compiler, "-Oz", "-c", "a.c"]
        done = subprocess.run(command, cwd=twin.work, env=env, capture_output=True, timeout=TIMEOUT_S, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), compiler
        assert (twin.work / "a.o").exists()
    assert plans(twin) == {}
    assert events(twin)[0] == ("miss" if prepared else "bypass:no_plugin")
