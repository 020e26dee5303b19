"""Where the cache is: without programs, on another system, with somebody's clock, for two clangs at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import venv
from collections import Counter
from pathlib import Path

import pytest
from integration.wrapper_box import memo_of

from dropin import sources
from dropin.conftest import make_twin
from dropin.helpers import events, own_build
from dropin.twin import WRAPPERS, Case, Twin

CASE = Case((("-Oz", "-c", "a.c"),), {"a.c": sources.C})
HITS = {"hit", "applied"}


@pytest.fixture
def namespace() -> list[str]:
    """Words in front of a command that give it mounts of its own."""
    words = ["unshare", "--mount", "--propagation", "private", "--"]
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root, and unshare")
    if subprocess.run([*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted")
    return words


def run(twin: Twin, words: list[str], script: str, **env: str) -> list[str]:
    """Run a shell script on fresh sources, without a word; return what was counted meanwhile."""
    twin.fresh(CASE)
    before = Counter(events(twin))
    done = subprocess.run(
        [*words, "/bin/sh", "-ec", script],
        cwd=twin.work,
        env={**twin.our_env("plan"), "CC": str(WRAPPERS / "clang-llm"), **env},
        capture_output=True,
        timeout=280,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done
    assert (twin.work / "a.o").is_file()
    return list((Counter(events(twin)) - before).elements())


SHELLS = pytest.mark.parametrize("shell", ["dash", "bash --posix", "bash", "busybox sh"])


def found(shell: str) -> str:
    """Return the shell with its path; skips where it is not installed."""
    path = shutil.which(shell.split()[0])
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return shell.replace(shell.split()[0], path, 1)


@SHELLS
def test_a_file_system_that_is_mounted_noexec_later(twin: Twin, namespace: list[str], shell: str) -> None:
    """The wrapper sees it; when it is mounted as before, all is as before. There is no home, so no other place."""
    own_build(twin)
    run(twin, [], '"$CC" -Oz -c a.c')
    disk, sh = twin.root / "disk", found(shell)
    disk.mkdir()
    script = f"""
        mount -t tmpfs none {disk}
        cp -a {twin.cache}/. {disk}
        rm {disk}/events
        ln -sfn {disk}/plugins/own/stub.so {memo_of(disk, twin.clang)}/plugin.so
        export CLANG_LLM_CACHE_DIR={disk}
        unset HOME
        {sh} "$CC" -Oz -c a.c
        mount -o remount,noexec {disk}
        for n in 1 2 3; do {sh} "$CC" -Oz -c a.c; done
        mount -o remount,exec {disk}
        {sh} "$CC" -Oz -c a.c
        cp {disk}/events {twin.root}/counted
        """
    run(twin, namespace, script)
    counted = (twin.root / "counted").read_text().split()
    assert counted == ["hit", "applied", *["bypass:untrusted"] * 3, "hit", "applied"]


def test_another_system_does_not_use_what_was_built_here(twin: Twin, namespace: list[str]) -> None:
    """A container with an older C library, or another processor: what names the system is in the memo's name."""
    run(twin, [], '"$CC" -Oz -c a.c')
    release = twin.root / "release"
    release.write_text('NAME="Other"\nID=other\nVERSION_ID="7.9"\n')
    script = f'mount --bind {release} /etc/os-release; "$CC" -Oz -c a.c'
    assert run(twin, namespace, script, CLANG_LLM_PYTHON="/bin/false") == ["bypass:no_plugin"]
    assert set(run(twin, [], '"$CC" -Oz -c a.c')) == HITS


def test_a_python_without_clang_llm_is_asked_once(twin: Twin, tmp_path: Path) -> None:
    """It is started once, says why for `doctor`, and once more when something was installed there."""
    bare = tmp_path / "bare"
    venv.create(bare, symlinks=True, with_pip=False)
    python, asked = tmp_path / "python", tmp_path / "asked"
    python.write_text(f'#!/bin/sh\necho >>{asked}\nexec {bare}/bin/python -I "$@"\n')
    python.chmod(0o755)
    installed = tmp_path / "bin"
    installed.mkdir()
    shutil.copy2(WRAPPERS / "clang-llm", installed)
    env = {"CLANG_LLM_PYTHON": str(python), "CC": str(installed / "clang-llm"), "CLANG_LLM_CLANG": str(twin.clang)}
    script = 'for n in 1 2 3; do "$CC" -Oz -c a.c; done'
    assert run(twin, [], script, **env) == ["bypass:no_plugin"] * 3
    assert len(asked.read_text().splitlines()) == 1
    (failed,) = (path for path in (twin.cache / "toolchains").resolve().rglob("failed") if str(installed) in str(path))
    watched, reason = failed.read_text().splitlines()
    assert (Path(watched).is_dir(), reason) == (True, f"{python} has no clang-llm")
    later = failed.stat().st_mtime + 5
    os.utime(watched, (later, later))
    assert run(twin, [], '"$CC" -Oz -c a.c', **env) == ["bypass:no_plugin"]
    assert len(asked.read_text().splitlines()) == 2


def test_a_stub_that_was_overwritten(twin: Twin) -> None:
    """A file of another processor in the place of the stub, by an accident that kept everything but the time."""
    build = own_build(twin)
    foreign = bytearray((build / "stub.so").read_bytes())
    foreign[18:20] = (243).to_bytes(2, "little")  # e_machine: RISC-V
    (build / "stub.so").write_bytes(foreign)
    assert run(twin, [], '"$CC" -Oz -c a.c', CLANG_LLM_PYTHON="/bin/false") == ["bypass:no_plugin"]


def test_a_clock_that_went_back(twin: Twin) -> None:
    """Everything in the cache is from the future, a failure included: what works goes on working."""
    own_build(twin)
    run(twin, [], '"$CC" -Oz -c a.c')
    later = time.time() + 1e7
    seal = (memo_of(twin.cache, twin.clang) / "seal").stat().st_mtime
    for path in twin.cache.rglob("*"):
        # Never through a link: that of the memo leads to the real clang.
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime != seal:
            os.utime(path, (later, later))
    assert set(run(twin, [], '"$CC" -Oz -c a.c')) == HITS
    memo = memo_of(twin.cache, twin.clang)
    (memo / "failed").write_text("/nowhere\nno headers\n")
    os.utime(memo / "failed", (later, later))
    assert set(run(twin, [], '"$CC" -Oz -c a.c')) == HITS
    (memo / "plugin.so").unlink()
    assert run(twin, [], '"$CC" -Oz -c a.c') == ["bypass:no_plugin"]


def test_a_home_that_cannot_be_read(twin: Twin) -> None:
    """The home of somebody else, as sudo leaves it: neither a config file nor a cache is to be had there."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, and setpriv")
    home = twin.root / "closed"
    home.mkdir(mode=0o700)
    for parent in (twin.root, *twin.root.parents):
        if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o5 != 0o5:
            parent.chmod(parent.stat().st_mode | 0o5)
    script = f'chmod 777 . ../tmp; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$CC" -Oz -c {twin.work}/a.c'
    assert run(twin, [], script, HOME=str(home), CLANG_LLM_CACHE_DIR="") == []
    assert list(home.iterdir()) == []


def test_no_directory_for_temporary_files(twin: Twin) -> None:
    case = Case((("-Oz", "-c", "a.c"), ("-Oz", "a.c", "-o", "a")), CASE.files, env={"TMPDIR": "/nonexistent"})
    twin.check(case, "no_plan", "plan")


def test_two_clangs_by_turns(builds: Path, tmp_path: Path) -> None:
    """Each has its memo and its plans in the one cache, and after the first time nothing is prepared any more."""
    twins = [make_twin(builds, tmp_path / name, name) for name in ("clang-19", "clang-16")]
    twins[1].cache = twins[0].cache
    log = tmp_path / "log"
    for number in range(4):
        for twin in twins:
            counted = run(twin, [], '"$CC" -Oz -c a.c', CLANG_LLM_LOG=str(log))
            assert number == 0 or set(counted) == HITS, counted
    assert ": prepare " not in log.read_text()


@SHELLS
@pytest.mark.parametrize("taken", ["", "9</dev/null", "9</dev/null 8</dev/null 7</dev/null"])
def test_the_descriptor_is_free_or_another_is_taken(twin: Twin, shell: str, taken: str) -> None:
    """The user's own descriptors are left alone; where all of ours are taken there is no plugin."""
    script = f'{found(shell)} "$CC" -Oz -c a.c {taken}'
    run(twin, [], script)
    assert set(run(twin, [], script)) == ({"bypass:no_plugin"} if "7" in taken else HITS)


def test_two_inputs_of_one_command(twin: Twin) -> None:
    """Clang runs its front end in processes of their own then, and they get the descriptor, too."""
    case = Case((("-Oz", "-c", "a.c", "b.c"),), {"a.c": sources.C, "b.c": sources.SECOND_C})
    twin.check(case, "no_plan", "plan")
    before = Counter(events(twin))
    twin.check(case, "plan")
    assert (Counter(events(twin)) - before)["hit"] >= 2


def test_a_clang_that_closes_descriptors(twin: Twin) -> None:
    """A program in the place of clang that starts the real one with nothing but the standard streams."""
    script = twin.root / "clang-19"
    start = f"subprocess.run(['{twin.clang}', *sys.argv[1:]]).returncode"
    script.write_text(f"#!/usr/bin/env python3\nimport subprocess, sys\nsys.exit({start})\n")
    script.chmod(0o755)
    counted = run(twin, [], '"$CC" -Oz -c a.c; "$CC" -Oz -c a.c', CLANG_LLM_CLANG=str(script))
    assert "applied" in counted, counted
    assert (memo_of(twin.cache, script) / "by-path").exists()
