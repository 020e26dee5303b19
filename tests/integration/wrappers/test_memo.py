"""When the wrapper prepares a plugin, with which Python, and when it leaves that."""

from __future__ import annotations

import os
import shutil
import venv
from pathlib import Path

import pytest
from integration.wrapper_box import PLUGIN, ROOT, WRAPPERS, Box, memo_of

COMPILE = ("-Oz", "-c", "a.c")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.fixture
def clang(box: Box) -> Path:
    return box.program("clang-19")


def prepared(box: Box) -> list[list[str]]:
    """Return how Python was started in the last run."""
    return [words for words in box.started() if Path(words[0]).name.startswith("python")]


def later(path: Path, than: Path, seconds: int) -> None:
    """Set the time of a file relative to that of another."""
    time = than.stat().st_mtime + seconds
    os.utime(path, (time, time))


def leave_failure(box: Box, clang: Path, watched: str) -> Path:
    """Leave a failure that stands: newer than the wrapper, which is newer than clang."""
    memo = box.memo(clang)
    memo.mkdir(parents=True, exist_ok=True)
    failed = memo / "failed"
    failed.write_text(f"{watched}\nno headers\n")
    later(clang, WRAPPERS / "clang-llm", -1000)
    later(failed, WRAPPERS / "clang-llm", 1000)
    return failed


def test_prepares_and_goes_on_without_plugin(box: Box, clang: Path) -> None:
    done = box.run(*COMPILE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    python, compiled = box.started()
    assert python[1:3] == ["-E", "-c"]
    own = memo_of(box.root / "home" / ".cache" / "clang-llm", clang)
    assert python[-4:] == [str(ROOT), str(clang), str(box.memo(clang)), str(own)]
    assert compiled == [str(clang), *COMPILE]
    assert box.events() == ["bypass:no_plugin"]


def test_prepares_and_goes_on_with_plugin(box: Box, clang: Path) -> None:
    (box.root / "made").mkdir()
    made = Box(box.root / "made")
    made.with_plugin(clang)
    box.program("python", extra=f"PATH=/usr/bin:/bin; cp -a {made.cache}/. {box.cache}")
    box.run(*COMPILE)
    assert box.started()[-1][2] == PLUGIN
    assert len(prepared(box)) == 1
    box.run(*COMPILE)
    assert prepared(box) == []


@pytest.mark.parametrize("words", [("-O2", "-c", "a.c"), ("a.o",), ("-E", "a.c"), ("--version",), ("-flto", *COMPILE)])
def test_prepares_only_for_what_may_gain(box: Box, clang: Path, words: tuple[str, ...]) -> None:
    box.run(*words)
    assert box.started() == [[str(clang), *words]]


@pytest.mark.parametrize(
    "variables",
    [
        {"CLANG_LLM_DISABLE": "1"},
        {"CLANG_LLM_READONLY": "1"},
        {"CLANG_LLM_CACHE_DIR": "", "HOME": ""},
        {"CLANG_LLM_CACHE_DIR": "/dev/null/cache"},
        {"CLANG_LLM_PYTHON": "/nowhere/python3", "PATH": "/nowhere", "CLANG_LLM_CLANG": "given below"},
    ],
)
def test_does_not_prepare(box: Box, clang: Path, variables: dict[str, str]) -> None:
    if "CLANG_LLM_CLANG" in variables:
        variables = {**variables, "CLANG_LLM_CLANG": str(clang)}
    done = box.run(*COMPILE, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert box.started() == [[str(clang), *COMPILE]]


NO_HOME = {"CLANG_LLM_CACHE_DIR": "", "HOME": "{root}/gone/home"}


@pytest.mark.parametrize(
    "variables",
    [
        NO_HOME,
        {"CLANG_LLM_CACHE_DIR": "", "HOME": "{root}/clang-19"},  # a file
        {"CLANG_LLM_CACHE_DIR": "", "HOME": "home"},
        {"CLANG_LLM_CACHE_DIR": "", "XDG_CACHE_HOME": "{root}/gone/cache"},
        {**NO_HOME, "XDG_CACHE_HOME": "home"},
        {**NO_HOME, "XDG_CACHE_HOME": "/"},
    ],
    ids=str,
)
def test_no_home_is_made(box: Box, clang: Path, variables: dict[str, str]) -> None:
    """Not even by root: what is missing above the user's own directories stays missing."""
    clang.rename(box.root / clang.name)
    clang = box.root / clang.name
    before = sorted(box.root.rglob("*"))
    variables = {name: value.format(root=box.root) for name, value in variables.items()}
    done = box.run(*COMPILE, CLANG_LLM_CLANG=str(clang), **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert box.started() == [[str(clang), *COMPILE]]
    assert sorted(box.root.rglob("*")) == sorted([*before, box.record])
    said = box.root / "said"
    box.run(*COMPILE, CLANG_LLM_CLANG=str(clang), _CLANG_LLM_EXPLAIN=str(said), **variables)
    assert said.read_text() == '{"event": "bypass", "reason": "no_home"}\n'


@pytest.mark.parametrize(
    ("variables", "cache"),
    [
        ({"CLANG_LLM_CACHE_DIR": ""}, "home/.cache/clang-llm"),
        ({"CLANG_LLM_CACHE_DIR": "", "HOME": "{root}/home/"}, "home/.cache/clang-llm"),
        ({"CLANG_LLM_CACHE_DIR": "", "XDG_CACHE_HOME": "bin"}, "home/.cache/clang-llm"),
        ({**NO_HOME, "XDG_CACHE_HOME": "{root}/new/"}, "new/clang-llm"),
        ({"CLANG_LLM_CACHE_DIR": "{root}/gone/far/cache"}, "gone/far/cache"),
        ({**NO_HOME, "CLANG_LLM_CACHE_DIR": "{root}/gone/far/cache"}, "gone/far/cache"),
    ],
    ids=str,
)
def test_what_is_the_user_s_is_made(box: Box, clang: Path, variables: dict[str, str], cache: str) -> None:
    """The directories that the XDG specification has programs make, and whatever CLANG_LLM_CACHE_DIR says."""
    box.run(*COMPILE, **{name: value.format(root=box.root) for name, value in variables.items()})
    (python,) = prepared(box)
    memos = [word for word in python if "/toolchains/" in word]
    assert Path(memos[0]) == memo_of(box.root / cache, clang)
    missing = "home" in variables.get("HOME", "") and "gone" in variables.get("HOME", "")
    assert len(memos) == (2 if "far" in cache and not missing else 1)


def test_failure_stands(box: Box, clang: Path) -> None:
    leave_failure(box, clang, f"+{box.root}/headers")
    box.run(*COMPILE)
    assert prepared(box) == []
    assert box.events() == ["bypass:no_plugin"]


@pytest.mark.parametrize(
    "cause", ["headers came", "clang is newer", "wrapper is newer", "sources are newer", "it is empty"]
)
def test_failure_is_tried_again(box: Box, clang: Path, cause: str) -> None:
    watched = box.root / "headers"
    failed = leave_failure(box, clang, f"{'' if cause == 'sources are newer' else '+'}{watched}")
    if cause == "sources are newer":
        watched.touch()
        later(watched, failed, -10)
    box.run(*COMPILE)
    assert prepared(box) == []
    if cause == "headers came":
        watched.touch()
    elif cause == "clang is newer":
        later(clang, failed, 10)
    elif cause == "wrapper is newer":
        later(failed, WRAPPERS / "clang-llm", -10)
    elif cause == "sources are newer":
        later(watched, failed, 10)
    else:
        failed.write_text("")
    box.run(*COMPILE)
    assert len(prepared(box)) == 1


def test_another_clang_behind_the_same_name(box: Box, clang: Path) -> None:
    """An update that turns clang into another version: its plugin API may refuse even the stub, with an error."""
    first = box.program("clang-19", box.root / "elsewhere")
    clang.unlink()
    clang.symlink_to(first)
    box.with_plugin(clang)
    box.run(*COMPILE)
    assert prepared(box) == []
    clang.unlink()
    clang.symlink_to(box.program("clang-22", box.root / "elsewhere"))
    box.run(*COMPILE)
    assert len(prepared(box)) == 1
    assert box.started()[-1] == [str(clang), *COMPILE]


def test_plugin_that_is_gone(box: Box, clang: Path) -> None:
    plugin = box.with_plugin(clang)
    plugin.unlink()
    plugin.symlink_to(box.root / "removed")
    box.run(*COMPILE)
    assert len(prepared(box)) == 1
    assert box.started()[-1] == [str(clang), *COMPILE]


def test_python_of_the_checkout(box: Box, clang: Path) -> None:
    """A bare checkout: its virtual environment; the wrapper may be called through a link from anywhere."""
    checkout = box.root / "check out"
    (checkout / "wrappers").mkdir(parents=True)
    shutil.copy(WRAPPERS / "clang-llm", checkout / "wrappers")
    python = box.program("python", checkout / ".venv" / "bin")
    link = box.root / "clang-llm"
    link.symlink_to(checkout / "wrappers" / "clang-llm")
    for wrapper in (checkout / "wrappers" / "clang-llm", link):
        box.run(*COMPILE, wrapper=wrapper, CLANG_LLM_PYTHON="")
        (started,) = prepared(box)
        assert started[0] == str(python)
        assert started[-4:-1] == [str(checkout), str(clang), str(box.memo(clang, wrapper))]


def test_python_beside_the_installed_wrapper(box: Box, clang: Path) -> None:
    installed = box.root / "venv" / "bin"
    python = box.program("python3", installed)
    shutil.copy(WRAPPERS / "clang-llm", installed)
    box.run(*COMPILE, wrapper=installed / "clang-llm", CLANG_LLM_PYTHON="")
    (started,) = prepared(box)
    assert started[0] == str(python)
    assert started[-3] == str(clang)


def test_python_on_path(box: Box, clang: Path) -> None:
    lonely = box.root / "lonely"
    lonely.mkdir()
    shutil.copy(WRAPPERS / "clang-llm", lonely)
    python = box.program("python3")
    box.run(*COMPILE, wrapper=lonely / "clang-llm", CLANG_LLM_PYTHON="")
    assert prepared(box)[0][0] == str(python)
    assert box.started()[-1] == [str(clang), *COMPILE]


def test_python_of_the_config_file(box: Box, clang: Path) -> None:
    python = box.program("python3.11", box.root / "somewhere")
    config = box.root / "conf"
    config.write_text(f"python = {python}\n")
    box.run(*COMPILE, CLANG_LLM_PYTHON="", CLANG_LLM_CONFIG=str(config))
    assert prepared(box)[0][0] == str(python)
    assert box.started()[-1] == [str(clang), *COMPILE]


def test_nothing_shadows_the_package(box: Box, clang: Path) -> None:
    """A real Python, with modules of the same names in the working directory and on PYTHONPATH."""
    for directory in (box.root, box.root / "lib"):
        directory.mkdir(exist_ok=True)
        for name in ("json", "runpy", "pathlib", "clang_llm"):
            (directory / f"{name}.py").write_text(f"open({str(box.root / 'shadowed')!r}, 'w')")
    env = {"CLANG_LLM_PYTHON": str(ROOT / ".venv" / "bin" / "python"), "PYTHONPATH": str(box.root / "lib")}
    box.run(*COMPILE, **env)
    assert not (box.root / "shadowed").exists()
    assert box.memo(clang).is_dir()  # prepare ran, and found that this is no clang


def test_a_python_without_our_packages_is_told_and_not_started_again(box: Box, clang: Path) -> None:
    """Until something is installed for it."""
    lonely = box.root / "lonely"
    venv.create(lonely, with_pip=False)
    python = box.program("python", extra=f'exec {lonely}/bin/python3 "$@"')
    done = box.run(*COMPILE, CLANG_LLM_PYTHON=str(python))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    watched, reason = (box.memo(clang) / "failed").read_text().splitlines()
    assert "has no module " in reason
    assert "-m pip install " in reason
    assert Path(watched).samefile(next(lonely.glob("lib/python3*/site-packages")))
    later(clang, WRAPPERS / "clang-llm", -1000)
    later(box.memo(clang) / "failed", Path(watched), 5)  # and so newer than the wrapper
    box.run(*COMPILE, CLANG_LLM_PYTHON=str(python))
    assert prepared(box) == []
    assert box.events() == ["bypass:no_plugin"] * 2
    later(Path(watched), box.memo(clang) / "failed", 10)
    box.run(*COMPILE, CLANG_LLM_PYTHON=str(python))
    assert len(prepared(box)) == 1
