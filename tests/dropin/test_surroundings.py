"""A hostile surrounding: odd names, closed streams, nothing writable, nothing left, no directory to stand in."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from dropin import sources
from dropin.helpers import events
from dropin.twin import MODES, TIMEOUT_S, WRAPPERS, Case, Outcome, Twin

COMPILE = ("-Oz", "-c", "a.c")
CASE = Case((COMPILE,), {"a.c": sources.C})
WRAPPER = WRAPPERS / "clang-llm"
NOBODY = 65534
NAMES = {
    "spaces": b"a name with  spaces",
    "newline": b"two\nlines",
    "quotes": b'it\'s "quoted" $HOME `id` \\n',
    "star": b"*?[a]{b,c}",
    "not utf-8": b"caf\xe9 \xff\xfe",
    "dash": b"-Oz",
    "unicode": "größe ∀".encode(),
}


def run_shell(twin: Twin, script: str, compiler: Path, env: Mapping[str, str], case: Case = CASE) -> Outcome:
    """Run a shell script whose "$CC" is the compiler, in the fresh directory of the case."""
    twin.fresh(case)
    command = ["/bin/sh", "-c", script]
    done = subprocess.run(
        command, cwd=twin.work, env={**env, "CC": str(compiler)}, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    return Outcome((done.returncode,), (done.stdout,), (done.stderr,), twin.files())


def check_shell(twin: Twin, script: str, mode: str = "no_plan", **env: str) -> Outcome:
    """Demand the same outcome of a shell script with clang and with clang-llm."""
    expected = run_shell(twin, script, twin.clang, twin.env)
    found = run_shell(twin, script, WRAPPER, {**twin.our_env(mode), **env})
    assert found == expected
    return found


def open_to_all(twin: Twin) -> None:
    """Let another user work in the directories of the test, which pytest keeps to its own user."""
    for directory in (twin.root, twin.work, twin.root / "tmp", twin.root / "home", twin.cache):
        if directory.is_dir():
            directory.chmod(0o777)
    for parent in twin.root.parents:
        status = parent.stat()
        if status.st_mode & 0o5 != 0o5 and status.st_uid == os.geteuid():
            parent.chmod(status.st_mode | 0o5)


def _fill(path: Path) -> None:
    """Write until the disk is full."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while os.write(file, bytes(4096)):
            pass
    os.close(file)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB with nothing free."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {done.stderr.strip() if done else 'no mount'}")
    try:
        _fill(mount / "fill")
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_odd_names(twin: Twin, name: bytes) -> None:
    source, output = b"./" + name + b".c", name + b".o"
    case = Case((("-Oz", "-g", "-MD", "-c", source, b"-o" + output),), {os.fsdecode(name + b".c"): sources.C})
    twin.check(case)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_odd_cache_directory(twin: Twin, name: bytes) -> None:
    odd = twin.root / os.fsdecode(name)
    twin.cache.rename(odd)
    twin.cache = odd
    twin.check(CASE, "no_plan", "plan")
    assert events(twin) != []


def test_long_command_line(twin: Twin) -> None:
    """More than 128 KiB of arguments in all; a single one may not be longer than that on Linux."""
    words = tuple(f"-DNAME_{i}={'x' * 40}" for i in range(5000))
    twin.check(Case((("-Oz", *words, "-c", "a.c"),), CASE.files), "no_plan", "plan")


CLOSED = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-", "all": "<&- >&- 2>&-", "out and err": ">&- 2>&-"}


@pytest.mark.parametrize("closed", CLOSED.values(), ids=CLOSED.keys())
@pytest.mark.parametrize("source", ["a.c", "w.c", "e.c"])
def test_closed_streams(twin: Twin, closed: str, source: str) -> None:
    case = Case((), {"a.c": sources.C, "w.c": sources.WARNS_C, "e.c": sources.ERROR_C})
    script = f'"$CC" -Oz -Wall -c {source} {closed}; echo $? >status'
    expected = run_shell(twin, script, twin.clang, twin.env, case)
    for mode in MODES:
        found = run_shell(twin, script, WRAPPER, twin.our_env(mode), case)
        assert sorted(found.files) == sorted(expected.files), mode
        assert found.files[b"status"] == expected.files[b"status"], mode
        if mode != "plan":
            assert found == expected, mode


def test_closed_stderr_does_not_get_into_a_file(twin: Twin) -> None:
    """With descriptor 2 free, the next file that is opened would be written to as standard error."""
    run_shell(twin, '"$CC" -Oz -c a.c 2>&-', WRAPPER, {**twin.our_env("plan"), "CLANG_LLM_LOG": str(twin.root / "log")})
    assert all(line.isascii() and " " not in line for line in events(twin))


@pytest.mark.parametrize("mode", ["no_plan", "plan"])
def test_full_disk_for_cache_and_log(twin: Twin, full_disk: Path, mode: str) -> None:
    cache = full_disk / "cache"
    try:
        cache.mkdir()
        for part in ("plugins", "toolchains"):
            (cache / part).symlink_to((twin.cache / part).resolve())
    except OSError:
        pytest.skip("the full file system takes no directory either")
    twin.cache = cache
    expected = twin.plain(CASE)
    env = {**twin.our_env(mode), "CLANG_LLM_LOG": "/dev/full"}
    found = run_shell(twin, '"$CC" -Oz -c a.c', WRAPPER, env)
    assert (found.codes, found.stdout, found.stderr) == ((0,), (b"",), (b"",))
    assert sorted(found.files) == sorted(expected.files)
    assert list(cache.glob("plans/*/*")) == []


def test_full_disk_for_the_first_build(twin: Twin, full_disk: Path) -> None:
    """The plugin cannot be built: plain clang."""
    env = {**twin.our_env("plan"), "CLANG_LLM_CACHE_DIR": str(full_disk / "new")}
    script = '"$CC" -Oz -c a.c'
    assert run_shell(twin, script, WRAPPER, env) == run_shell(twin, script, twin.clang, twin.env)


def test_full_disk_for_the_output(twin: Twin, full_disk: Path) -> None:
    """Clang ends as in a crash, with a report whose addresses differ every time; the first line says why."""
    script = f'"$CC" -Oz -c a.c -o {full_disk}/a.o; echo $?; ls {full_disk}'
    expected = run_shell(twin, script, twin.clang, twin.env)
    assert b"No space left" in expected.stderr[0]
    for mode in MODES:
        found = run_shell(twin, script, WRAPPER, twin.our_env(mode))
        assert (found.stdout, sorted(found.files)) == (expected.stdout, sorted(expected.files)), mode
        assert found.stderr[0].partition(b"\n")[0] == expected.stderr[0].partition(b"\n")[0], mode


def test_output_directory_that_cannot_be_written(twin: Twin) -> None:
    """Root may write everywhere but on a file system that is mounted read-only."""
    for mode in MODES:
        check_shell(twin, '"$CC" -Oz -c a.c -o /proc/a.o', mode)
        check_shell(twin, '"$CC" -Oz -c a.c -o nowhere/a.o', mode)


@pytest.fixture
def unprivileged() -> int:
    """A user id for whom permission bits count."""
    return NOBODY if os.geteuid() == 0 else os.geteuid()


@pytest.mark.parametrize("what", ["cache", "output", "cache is a file", "events is a directory"])
def test_without_permission(twin: Twin, unprivileged: int, what: str) -> None:
    def prepare(work: Path) -> None:
        open_to_all(twin)
        (work if what == "output" else twin.cache).chmod(0o555)

    if what == "cache is a file":
        shutil.rmtree(twin.cache)
        twin.cache.write_text("not a directory")
    if what == "events is a directory":
        (twin.cache / "events").mkdir()
    case = Case((COMPILE,), CASE.files, prepare=prepare)
    outcomes = []
    for compiler, env in ((twin.clang, twin.env), (WRAPPER, twin.our_env("plan"))):
        twin.fresh(case)
        done = subprocess.run(
            [str(compiler), *COMPILE],
            cwd=twin.work,
            env=env,
            user=unprivileged,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        outcomes.append((done.returncode, done.stdout, done.stderr, sorted(twin.files())))
        twin.work.chmod(0o755)
    assert outcomes[1] == outcomes[0]
    assert outcomes[0][0] == (1 if what == "output" else 0)
    if what == "cache":
        assert sorted(path.name for path in twin.cache.iterdir()) == ["plugins", "toolchains"]


def test_read_only_setting_writes_nothing(twin: Twin) -> None:
    for mode in ("no_plan", "plan"):
        env = {**twin.our_env(mode), "CLANG_LLM_READONLY": "1"}
        found = run_shell(twin, '"$CC" -Oz -c a.c; "$CC" --version >/dev/null', WRAPPER, env)
        assert (found.codes, found.stderr) == ((0,), (b"",))
        assert sorted(path.name for path in twin.cache.iterdir()) == ["plugins", "toolchains"]


@pytest.mark.parametrize("unset", [("HOME",), ("HOME", "TMPDIR", "PATH")])
def test_without_any_cache_directory(twin: Twin, unset: tuple[str, ...]) -> None:
    """Nothing says where the cache is: plain clang."""
    env = {name: value for name, value in twin.env.items() if name not in unset}
    for script in ('"$CC" -Oz -c a.c', '"$CC" -O2 -c a.c', '"$CC" -Oz -c a.c -o /dev/null'):
        expected = run_shell(twin, script, twin.clang, env)
        assert run_shell(twin, script, WRAPPER, {**env, "CLANG_LLM_CLANG": str(twin.clang)}) == expected


@pytest.mark.parametrize("user", ["of the test", "nobody"])
@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_home_that_does_not_exist(twin: Twin, user: str, variable: str) -> None:
    """As in a build daemon or a container, root or not: nothing is created, nothing is said, no Python is started."""
    python = twin.root / "python"
    python.write_text(f"#!/bin/sh\n: >{twin.root}/started\n")
    python.chmod(0o755)
    env = {**twin.env, "CLANG_LLM_CLANG": str(twin.clang), "CLANG_LLM_PYTHON": str(python)}
    env[variable] = str(twin.root / "nonexistent" / "home")
    script = '"$CC" -Oz -c a.c'
    if user == "nobody" and os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("no setpriv, which would give up the rights of root")
        open_to_all(twin)
        script = f'chmod a+rwx . ../tmp; exec setpriv --reuid={NOBODY} "$CC" -Oz -c a.c'
    found = run_shell(twin, script, WRAPPER, env)
    assert (found.codes, found.stdout, found.stderr) == ((0,), (b"",), (b"",))
    assert b"a.o" in found.files
    assert not (twin.root / "started").exists()
    assert not (twin.root / "nonexistent").exists()
    assert list((twin.root / "home").iterdir()) == []


@pytest.mark.parametrize("cache", ["absolute", "relative"])
def test_working_directory_is_gone(twin: Twin, cache: str) -> None:
    """The shell that runs the wrapper says so before our first line; nothing else may differ."""
    script = f'mkdir gone; cd gone; rmdir ../gone; "$CC" -Oz -c {twin.work}/a.c -o {twin.work}/a.o'
    expected = run_shell(twin, script, twin.clang, twin.env)
    env = twin.our_env("no_plan") | ({} if cache == "absolute" else {"CLANG_LLM_CACHE_DIR": "cache"})
    found = run_shell(twin, script, WRAPPER, env)
    assert (found.codes, found.stdout, found.files) == (expected.codes, expected.stdout, expected.files)
    assert found.stderr in {(b"",), (b"sh: 0: getcwd() failed: No such file or directory\n",)}
    assert not Path("/cache").exists()


@pytest.mark.parametrize("limit", [13, 16, 24])
def test_few_descriptors(twin: Twin, limit: int) -> None:
    """Dash keeps the script and two saved streams in 10 to 12, so 13 is the least in which it works."""
    script = f'ulimit -n {limit}; exec "$CC" -Oz -c a.c'
    expected = run_shell(twin, script, twin.clang, twin.env)
    for mode in MODES:
        found = run_shell(twin, script, WRAPPER, twin.our_env(mode))
        assert (found.codes, found.stderr) == (expected.codes, expected.stderr), mode
        if mode != "plan":
            assert found == expected, mode


def test_little_memory_for_the_helper(twin: Twin) -> None:
    """An address space that clang can live in and a Python beside it cannot."""
    needed = 3 << 30

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (needed, needed))

    twin.fresh(CASE)
    command = [str(WRAPPER), *COMPILE]
    done = subprocess.run(
        command,
        cwd=twin.work,
        env=twin.our_env("plan"),
        preexec_fn=limit,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


CALLS = {
    "on PATH": "PATH={dir}:$PATH clang-llm -Oz -c a.c",
    "by a relative path": "ln -s {dir} w; w/clang-llm -Oz -c a.c; rm w",
    "through sh": "sh {dir}/clang-llm -Oz -c a.c",
    "through a relative sh": "ln -s {dir} w; cd w; sh clang-llm -Oz -c {work}/a.c -o {work}/a.o; rm {work}/w",
    "through bash in POSIX mode": "bash --posix {dir}/clang-llm -Oz -c a.c",
    "by a link": "ln -s {dir}/clang-llm ../clang-llm; ../clang-llm -Oz -c a.c; rm ../clang-llm",
    "by a link to a link": (
        "ln -s {dir}/clang-llm ../one; ln -s one ../clang-llm; ../clang-llm -Oz -c a.c; rm ../clang-llm ../one"
    ),
    "as a launcher": "{dir}/clang-llm {clang} -Oz -c a.c",
    "as a launcher of a name": "{dir}/clang-llm clang-19 -Oz -c a.c",
    "as its own launcher": "{dir}/clang-llm {dir}/clang-llm -Oz -c a.c",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_ways_to_call_it(twin: Twin, call: str) -> None:
    script = call.format(dir=WRAPPERS, work=twin.work, clang=twin.clang)
    expected = run_shell(twin, '"$CC" -Oz -c a.c', twin.clang, twin.env)
    assert run_shell(twin, script, WRAPPER, twin.our_env("no_plan")) == expected
