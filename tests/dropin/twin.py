"""Runs command lines under clang and under clang-llm and compares all that can be seen from outside.

Both run one after the other in the same directory, so that every path is the same and nothing has to be normalised
but the random part of the temporary names that clang itself chooses.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clang_llm.system.objects import allocated_size

ROOT = Path(__file__).parents[2]
WRAPPERS = ROOT / "wrappers"
#: What clang-llm may do, from least to most. In the first two nothing at all may differ from clang.
MODES: Mapping[str, Mapping[str, str]] = {
    "disabled": {"CLANG_LLM_DISABLE": "1"},
    "no_plan": {"CLANG_LLM_EFFORT": "0"},
    "plan": {},
}
#: Seconds; the slowest command here takes one or two.
TIMEOUT_S = 120
#: Sources are this old: precompiled headers and modules record the time of their inputs.
SOURCE_TIME_S = 1_600_000_000
#: /tmp/x-1a2b3c.o, or a.c.1a2b.json for a fragment of a compilation database: clang chooses hexadecimal digits.
_RANDOM_NAME = re.compile(rb"-[0-9a-f]{6,8}(?=[./'\" ]|$)|(?<=\.)[0-9a-f]{4}(?=\.json$)")

Word = str | bytes


@dataclass(frozen=True)
class Entry:
    """One file that a command left: type and permission bits, and the bytes or the target of the link."""

    mode: int
    content: bytes


@dataclass(frozen=True)
class Outcome:
    """What a sequence of commands did: exit codes, both streams, and the tree of files they left."""

    codes: tuple[int, ...]
    stdout: tuple[bytes, ...]
    stderr: tuple[bytes, ...]
    files: Mapping[bytes, Entry]


@dataclass(frozen=True)
class Case:
    """Command lines for one directory.

    Attributes:
        steps: Command lines, run in this order; a first word 'cc' or 'c++' names the compiler, else it is the C one.
        files: What lies in the directory before.
        env: Environment beside the usual.
        stdin: What each command reads.
        unstable: Files (regular expression) that differ between two runs of clang, too: only their names count.
        differ: Files that follow the generated code, as stack usage does: only their names count with a plan.
        prepare: Changes the directory further.
    """

    steps: tuple[tuple[Word, ...], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    unstable: str = ""
    differ: str = ""
    prepare: Callable[[Path], None] | None = None


class Twin:
    """Two compilers on one directory."""

    def __init__(self, root: Path, cache: Path, clang: Path) -> None:
        """Work below `root`; `clang` is the real C compiler, whose C++ twin lies beside it."""
        self.root = root
        self.work = root / "work"
        self.cache = cache
        self.clang = clang
        self.env = {
            "PATH": f"{clang.parent}:/usr/bin:/bin",
            "LC_ALL": "C",
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "TERM": "dumb",
        }

    @property
    def clang_cxx(self) -> Path:
        """The C++ twin: clang-19 has clang++-19."""
        return self.clang.with_name(self.clang.name.replace("clang", "clang++", 1))

    def our_env(self, mode: str) -> dict[str, str]:
        """Return the environment in which the wrapper runs this clang on this test's cache."""
        ours = {"CLANG_LLM_CLANG": str(self.clang), "CLANG_LLM_CACHE_DIR": str(self.cache)}
        ours |= {"CLANG_LLM_PYTHON": sys.executable, "CLANG_LLM_BACKEND": "coreset"}
        ours |= {"CLANG_LLM_MIN_INSTRUCTIONS": "0"}
        return {**self.env, **ours, **MODES[mode]}

    def plain(self, case: Case) -> Outcome:
        """Run the case under clang."""
        return self._run(case, {"cc": self.clang, "c++": self.clang_cxx}, self.env)

    def ours(self, case: Case, mode: str) -> Outcome:
        """Run the case under clang-llm."""
        if mode == "no_plan":
            shutil.rmtree(self.cache / "plans", ignore_errors=True)
        compilers = {"cc": WRAPPERS / "clang-llm", "c++": WRAPPERS / "clang-llm++"}
        return self._run(case, compilers, self.our_env(mode))

    def check(self, case: Case, *modes: str) -> Outcome:
        """Demand that the case under clang-llm cannot be told from clang, in each mode; return the last outcome."""
        expected = found = self.plain(case)
        for mode in modes or MODES:
            found = self.ours(case, mode)
            assert_same(expected, found, case, mode)
        return found

    def fresh(self, case: Case) -> None:
        """Empty the directories and put the files of the case there."""
        for directory in (self.work, self.root / "tmp", self.root / "home"):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
        for name, content in case.files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.fsencode(content))
            os.utime(path, (SOURCE_TIME_S, SOURCE_TIME_S))
        if case.prepare:
            case.prepare(self.work)

    def _run(self, case: Case, compilers: Mapping[str, Path], env: Mapping[str, str]) -> Outcome:
        self.fresh(case)
        done = []
        for step in case.steps:
            named = bool(step) and step[0] in ("cc", "c++")
            compiler = compilers[str(step[0])] if named else compilers["cc"]
            argv = [os.fsencode(compiler), *(os.fsencode(word) for word in (step[1:] if named else step))]
            done.append(
                subprocess.run(
                    argv, cwd=self.work, env={**env, **case.env}, input=case.stdin,
                    capture_output=True, timeout=TIMEOUT_S, check=False,
                )
            )  # fmt: skip
        return Outcome(
            tuple(one.returncode for one in done),
            tuple(_stable(one.stdout) for one in done),
            tuple(_stable(one.stderr) for one in done),
            self.files(),
        )

    def files(self) -> dict[bytes, Entry]:
        """Return what lies in the working directory, and in the directory for temporary files."""
        temporary = {b"<tmp>/" + name: entry for name, entry in snapshot(self.root / "tmp").items()}
        return {**snapshot(self.work), **temporary}


def snapshot(directory: Path) -> dict[bytes, Entry]:
    """Return every file and directory below `directory` by its relative path."""
    found = {}
    top = os.fsencode(directory)
    for where, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(where, name)  # noqa: PTH118 (bytes: names need not be text)
            status = os.lstat(path)
            content = b""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)  # noqa: PTH115
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:  # noqa: PTH123
                    content = file.read()
            found[_stable(os.path.relpath(path, top))] = Entry(status.st_mode, content)
    return found


def assert_same(expected: Outcome, found: Outcome, case: Case, mode: str) -> None:
    """Demand the same outcome; with a plan, an object may have other code, if it is not larger."""
    assert found.codes == expected.codes, (mode, found.stderr)
    assert found.stderr == expected.stderr, mode
    assert sorted(found.files) == sorted(expected.files), mode
    permissions = {name: entry.mode for name, entry in expected.files.items()}
    assert {name: entry.mode for name, entry in found.files.items()} == permissions, mode
    plan = mode == "plan"
    for before, after in zip(expected.stdout, found.stdout, strict=True):
        _assert_content("standard output", before, after, plan)
    for name, entry in expected.files.items():
        if case.unstable and re.search(case.unstable, os.fsdecode(name)):
            continue
        if plan and case.differ and re.search(case.differ, os.fsdecode(name)):
            continue
        _assert_content(os.fsdecode(name), entry.content, found.files[name].content, plan)


def _assert_content(name: str, expected: bytes, found: bytes, plan: bool) -> None:
    if found == expected:
        return
    assert plan, f"{name} differs without a plan"
    assert expected[:4] == found[:4] == b"\x7fELF", f"{name} differs and is no object"
    if expected[16] == 1:  # e_type ET_REL: an object, of which -Oz must not be smaller
        assert allocated_size(found) <= allocated_size(expected), name


def _stable(text: bytes) -> bytes:
    return _RANDOM_NAME.sub(b"-XXXXXX", text)
