"""compile_commands.json, looked at before anything is compiled: what it must hold, and what to do when it does not."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from clang_llm.system.errors import DataError
from clang_llm.system.files import read_regular

#: Bytes of a compilation database that are read: that of LLVM itself has some ten million.
MAX_BYTES = 1 << 30


def check_database(path: Path | None) -> None:
    """See that a compilation database holds commands; None is for none.

    Raises:
        DataError: It cannot be read, or holds something else; with what to do.
    """
    if path is None:
        return
    try:
        entries = json.loads(read_regular(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(path, f"it cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise _wrong(path, "it is not a JSON list")
    for number, entry in enumerate(entries, 1):
        if problem := _problem(entry):
            raise _wrong(path, f"entry {number} {problem}")


def _problem(entry: object) -> str:
    """Return what is wrong with one entry, or nothing."""
    if not isinstance(entry, dict):
        return "is not an object"
    if not isinstance(entry.get("directory"), str):
        return "names no directory"
    arguments, command = entry.get("arguments"), entry.get("command")
    try:
        words = arguments if isinstance(arguments, list) else shlex.split(command) if isinstance(command, str) else []
    except ValueError as error:
        return f"has a command with {str(error).lower()}"
    if not words or not all(isinstance(word, str) for word in words):
        return "has no command"
    return "" if all(map(_can_be_passed, (*words, entry["directory"]))) else "holds what no command line can hold"


def _can_be_passed(word: str) -> bool:
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _wrong(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is no compile_commands.json: {why}; cmake and meson write one, or give the build after --"
    )
