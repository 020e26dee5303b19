"""The compiles of a build, written down while it runs: scripts before the wrappers note how they are called."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from clang_llm.cli.project import Build, compilers
from clang_llm.system import layout
from clang_llm.system.settings import Settings

# A file for each process, since the shell may write a long line in pieces.
_SCRIPT = """#!/bin/sh
printf '%s\\0' "$#" "$PWD" "$@" >>{notes}/{kind}-$$
exec {wrapper} "$@"
"""
_NAMES = {"c": "clang-llm", "cxx": "clang-llm++"}


def record(
    build: Build, settings: Settings, environ: Mapping[str, str], place: Path
) -> tuple[int, list[tuple[Path, tuple[str, ...]]]]:
    """Run a build, which compiles as always; return its exit status, and the directory and words of each command.

    Args:
        build: It takes its compilers from CC and CXX, or by our names from PATH.
        settings: Those of now.
        environ: Its environment.
        place: An empty directory.

    Raises:
        ToolchainError: The wrappers or clang cannot be found.
        ProcessError: The build cannot be run.
    """
    notes, scripts = place / "notes", place / "bin"
    notes.mkdir()
    scripts.mkdir()
    for kind, name in _NAMES.items():
        wrapper = shlex.quote(str(layout.wrapper(cxx=kind == "cxx")))
        script = scripts / name
        script.write_text(_SCRIPT.format(notes=shlex.quote(str(notes)), kind=kind, wrapper=wrapper), encoding="utf-8")
        script.chmod(0o755)
    # By name: what the build keeps of them, as configure scripts do, is of use afterwards.
    variables = {**compilers(settings, environ), "CC": _NAMES["c"], "CXX": _NAMES["cxx"]}
    path = os.pathsep.join(filter(None, (str(scripts), environ.get("PATH"))))
    status = build.run({**environ, **variables, "PATH": path})
    return status, [each for note in sorted(notes.iterdir()) for each in _commands(note)]


def _commands(note: Path) -> list[tuple[Path, tuple[str, ...]]]:
    words = os.fsdecode(note.read_bytes()).split("\0")
    found, at = [], 0
    while at + 1 < len(words):
        count = int(words[at])
        compiler = _NAMES[note.name.partition("-")[0]]
        found.append((Path(words[at + 1]), (compiler, *words[at + 2 : at + 2 + count])))
        at += 2 + count
    return found
