"""A box in which the wrapper runs with compilers and a Python of the test, which record how they were started."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from clang_llm.toolchain.plugins import MEMO_MODE
from clang_llm.toolchain.published import STUB_MODE

ROOT = Path(__file__).parents[2]
WRAPPERS = ROOT / "wrappers"
#: What the wrapper puts in front of the user's words; see docs/architecture.md.
OPTION = "-fpass-plugin="
TIMEOUT_S = 60
#: What the wrapper says for a plugin: the descriptor that it has opened.
PLUGIN = f"{OPTION}/proc/self/fd/9"
#: The time of a sealed stub; any will do.
SEALED_S = 1_600_000_000


class Box:
    """Directories with recording programs, and the wrapper's environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.cache = root / "cache"
        self.record = root / "record"
        for directory in (self.bin, self.cache, root / "home"):
            directory.mkdir()
        # The one program of the system that the wrapper uses, when it prepares; no clang of the system is in sight.
        (self.bin / "readlink").symlink_to(shutil.which("readlink") or "/usr/bin/readlink")
        self.env = {
            "PATH": str(self.bin),
            "HOME": str(root / "home"),
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_PYTHON": str(self.program("python")),
        }

    def program(self, name: str, directory: Path | None = None, extra: str = "") -> Path:
        """Make a program that records its path and its words, one a line, and ends with 0."""
        path = (directory or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'#!/bin/sh\n{{ echo "== $0"; printf "%s\\n" "$@"; }} >>{shlex.quote(str(self.record))}\n{extra}\n'
        )
        path.chmod(0o755)
        return path

    def memo(self, clang: Path, wrapper: Path = WRAPPERS / "clang-llm") -> Path:
        """Return the memo directory of a wrapper and a clang (docs/plugin.md)."""
        return memo_of(self.cache, clang, wrapper)

    def with_plugin(self, clang: Path, wrapper: Path = WRAPPERS / "clang-llm") -> Path:
        """Leave a memo as `prepare` does; the file is not a plugin, since nothing here loads it."""
        memo = self.memo(clang, wrapper)
        leave_memo(memo, memo / "stub.so", clang)
        return memo / "plugin.so"

    def run(
        self, *words: str, wrapper: Path | str = WRAPPERS / "clang-llm", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the wrapper; an empty value takes a variable away."""
        merged: Mapping[str, str] = {name: value for name, value in {**self.env, **env}.items() if value}
        self.record.unlink(missing_ok=True)
        return subprocess.run(
            [wrapper, *words], env=merged, cwd=self.root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def started(self) -> list[list[str]]:
        """Return what the last run started: for each program its path and its words."""
        if not self.record.exists():
            return []
        return [part.splitlines() for part in self.record.read_text().split("== ")[1:]]

    def events(self) -> list[str]:
        """Return what was counted."""
        file = self.cache / "events"
        return file.read_text().splitlines() if file.exists() else []


def system_name() -> str:
    """Return how the wrapper names this system: dynamic loader, processor, release (docs/plugin.md)."""
    text = (WRAPPERS / "clang-llm").read_text().partition("for abi in ")[2].partition("; do")[0]
    loader = next(name for name in text.replace("\\", "").split() if name == "unknown" or Path(name).exists())
    kernel, release = Path("/proc/sys/kernel/arch"), Path("/etc/os-release")
    parts = [Path(loader).name]
    if kernel.exists():
        parts.append(kernel.read_text().strip())
    lines = release.read_text().splitlines() if release.exists() else []
    named = dict(line.split("=", 1) for line in lines if "=" in line)
    parts += [named[name].strip('"') for name in ("ID", "VERSION_ID") if name in named]
    return "-".join(parts)


def memo_of(cache: Path, clang: Path, wrapper: Path = WRAPPERS / "clang-llm") -> Path:
    """Return the memo directory of a wrapper and a clang (docs/plugin.md)."""
    return Path(f"{cache}/toolchains/{system_name()}{wrapper}{clang}")


def leave_memo(memo: Path, stub: Path, clang: Path) -> None:
    """Leave a memo as `prepare` does, for a stub that is made if it is missing."""
    memo.mkdir(parents=True)
    stub.touch()
    stub.chmod(STUB_MODE)
    (memo / "seal").touch()
    for path in (stub, memo / "seal"):
        os.utime(path, (SEALED_S, SEALED_S))
    (memo / "looked").touch()
    (memo / "plugin.so").symlink_to(stub)
    (memo / "clang").symlink_to(clang.resolve())
    memo.chmod(MEMO_MODE)


def without_plugin(words: list[str]) -> list[str]:
    """Return the words that the user gave."""
    if len(words) > 1 and words[1].startswith(OPTION):
        assert (words[0], words[2]) == ("--start-no-unused-arguments", "--end-no-unused-arguments")
        return words[3:]
    return words


def real_environment(builds: Path, compiler: Path, root: Path) -> dict[str, str]:
    """Return an environment in which the wrappers run a real clang, with an empty plan cache and the shared plugins."""
    env = {
        "PATH": f"{WRAPPERS}:/usr/bin:/bin",
        "HOME": str(root),
        "LC_ALL": "C",
        "CLANG_LLM_CLANG": str(compiler),
        "CLANG_LLM_CACHE_DIR": str(builds),
        "CLANG_LLM_PYTHON": sys.executable,
        "CLANG_LLM_BACKEND": "coreset",
        "CLANG_LLM_MIN_INSTRUCTIONS": "0",
    }
    source = root / "prepare.cpp"
    source.touch()
    for wrapper in ("clang-llm", "clang-llm++"):
        for _ in range(2):  # an outdated plugin is noticed by one compile and built by the next
            command = [str(WRAPPERS / wrapper), "-Oz", "-c", str(source), "-o", str(root / "prepare.o")]
            subprocess.run(command, env={**env, "CLANG_LLM_EFFORT": "0"}, check=True, timeout=280)
    cache = root / "cache"
    cache.mkdir()
    for part in ("plugins", "toolchains"):
        (cache / part).symlink_to(builds / part)
    return {**env, "CLANG_LLM_CACHE_DIR": str(cache)}
