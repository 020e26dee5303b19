"""What may lie in the place of our files: pipes that nobody feeds, devices without end, links, directories. No hang."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.wrapper_box import memo_of

from dropin import sources
from dropin.helpers import events, use_helper
from dropin.twin import ROOT, Case, Twin

CASE = Case((("-Oz", "-c", "a.c"), ("--version",)), {"a.c": sources.C})
LEDGER = f"savings-{os.geteuid()}"
TURNS = f"turns-{os.geteuid()}"
OURS = f"{LEDGER} {TURNS}"
#: A compile that waits for a pipe waits for ever; an honest one takes two seconds.
SOON_S = 60


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        made.bind(path.name)
        os.chdir(here)


KINDS: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "full": lambda path: path.symlink_to("/dev/full"),
    "directory": lambda path: path.mkdir(),
    "socket": _socket,
    "loop": lambda path: path.symlink_to(path.name),
    "dangling": lambda path: path.symlink_to("nowhere/at/all"),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def plant(path: Path, kind: str) -> None:
    """Put something of a kind in the place of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    KINDS[kind](path)


def an_entry(twin: Twin) -> Path:
    """Return the entry of the case, made by a compile."""
    twin.ours(CASE, "plan")
    (entry,) = (path for path in twin.cache.glob("plans/*/*") if path.is_file())
    return entry


@kinds
@pytest.mark.parametrize("names", [f"events events.old stats.json {OURS} locks queue quarantine server", "plans"])
def test_in_the_cache_directory(twin: Twin, kind: str, names: str) -> None:
    for name in names.split():
        plant(twin.cache / name, kind)
    twin.check(CASE, "plan")
    tool: list[str | Path] = [sys.executable, "-m", "clang_llm.cli", "stats"]
    done = subprocess.run(tool, env=twin.our_env("plan"), cwd=ROOT, capture_output=True, timeout=SOON_S, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@kinds
def test_an_entry(twin: Twin, kind: str) -> None:
    entry = an_entry(twin)
    plant(entry, kind)
    twin.check(CASE, "plan")
    assert "applied" in events(twin)


@kinds
def test_the_config_file(twin: Twin, kind: str) -> None:
    config = twin.root / "conf"
    plant(config, kind)
    twin.check(Case(CASE.steps, CASE.files, env={"CLANG_LLM_CONFIG": str(config)}), "plan")


@kinds
def test_the_log_file(twin: Twin, kind: str) -> None:
    log = twin.root / "log"
    plant(log, kind)
    twin.check(Case(CASE.steps, CASE.files, env={"CLANG_LLM_LOG": str(log)}), "plan")


def test_a_log_that_nobody_reads(twin: Twin) -> None:
    """A pipe with a reader that sleeps: what does not fit is dropped."""
    log = twin.root / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    try:
        case = Case(CASE.steps * 8, CASE.files, env={"CLANG_LLM_LOG": str(log)})
        twin.check(case, "plan")
        assert b"key" in os.read(reader, 1 << 20)
    finally:
        os.close(reader)


@pytest.mark.parametrize("kind", ["fifo", "zero", "directory", "dangling"])
@pytest.mark.parametrize("name", ["identity", "helper", "plugin.so", "stub.so"])
def test_in_a_build(twin: Twin, kind: str, name: str) -> None:
    """The compile is plain clang; the next one would prepare, which a cache that may not be written keeps from us."""
    use_helper(twin, "exit 1")
    plant(twin.cache / "plugins" / "own" / name, kind)
    twin.check(Case(CASE.steps, CASE.files, env={"CLANG_LLM_READONLY": "1"}), "plan")


@pytest.mark.parametrize("kind", ["fifo", "zero", "directory", "dangling"])
@pytest.mark.parametrize("name", ["failed", "stale", "seal", "plugin.so", "clang"])
def test_in_a_memo(twin: Twin, kind: str, name: str) -> None:
    use_helper(twin, "exit 1")
    plant(memo_of(twin.cache, twin.clang) / name, kind)
    twin.check(Case(CASE.steps, CASE.files, env={"CLANG_LLM_READONLY": "1"}), "plan")


@pytest.mark.parametrize("name", ["events", "stats.json", LEDGER, TURNS, "locks", "server", "quarantine", "plans"])
def test_a_link_to_somebodys_files(twin: Twin, name: str) -> None:
    """Nothing appears there, nothing goes, and no mode changes."""
    theirs = twin.root / "theirs"
    if name in ("events", "stats.json", LEDGER):
        theirs.write_text("precious\n")
    else:
        theirs.mkdir(mode=0o755)
        (theirs / "precious").write_text("precious\n")
    before = theirs.lstat().st_mode, sorted(path.name for path in theirs.glob("*"))
    (twin.cache / name).symlink_to(theirs)
    twin.check(CASE, "plan")
    if name == "server":
        twin.check(Case(CASE.steps, CASE.files, env={"CLANG_LLM_BACKEND": "model"}), "plan")
    now = theirs.lstat().st_mode, sorted(path.name for path in theirs.glob("*"))
    if name in ("locks", "plans"):  # a cache may be spread over directories; what is there stays as it is
        assert (now[0], "precious" in now[1]) == (before[0], True)
    else:
        assert now == before
    precious = theirs / "precious" if theirs.is_dir() else theirs
    assert precious.read_text() == "precious\n"
