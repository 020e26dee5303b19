"""Puts a program of the test in the place of the helper."""

from __future__ import annotations

import shutil
from pathlib import Path

from integration.wrapper_box import leave_memo, memo_of

from dropin.twin import WRAPPERS, Twin


def own_build(twin: Twin) -> Path:
    """Give the twin's cache a plugin of its own in the place of the shared one; return its directory."""
    memo = memo_of(twin.cache, twin.clang, WRAPPERS / "clang-llm")
    stub = (memo / "plugin.so").resolve()
    for part in ("toolchains", "plugins"):
        (twin.cache / part).unlink()
    build = twin.cache / "plugins" / "own"
    shutil.copytree(stub.parent, build)
    leave_memo(memo, build / "stub.so", twin.clang)
    return build


def use_helper(twin: Twin, program: str) -> Path:
    """Give the twin's cache a plugin of its own whose helper is this shell script; return the script.

    The plugin starts the program that the file `helper` beside the stub names (docs/plugin.md), with the
    conversation as standard input and output.
    """
    build = own_build(twin)
    script = twin.root / "helper.sh"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    (build / "helper").write_text(f"{script}\n{twin.root}\n")
    return script


def events(twin: Twin) -> list[str]:
    """Return the events that were counted in the twin's cache."""
    file = twin.cache / "events"
    return file.read_text().split() if file.exists() else []
