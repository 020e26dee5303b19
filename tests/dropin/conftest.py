"""Fixtures: a plugin that is built once for each clang, and a plan cache of its own for every test."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from integration.wrapper_box import memo_of

from dropin.twin import WRAPPERS, Twin

#: The clang that everything is tried with; the others see a smaller choice (test_versions.py).
DEFAULT = "clang-19"


@functools.cache
def build_plugin(builds: Path, clang: Path, wrapper: str) -> None:
    """Make the wrapper build its plugin; its own lock keeps workers apart.

    One compile builds what is missing, but an outdated plugin is only noticed by that compile and built by the next.
    """
    memo = memo_of(builds, clang, WRAPPERS / wrapper)
    env = {"PATH": "/usr/bin:/bin", "CLANG_LLM_CLANG": str(clang), "CLANG_LLM_CACHE_DIR": str(builds)}
    env["CLANG_LLM_PYTHON"] = sys.executable  # as in the other tests: the build is the same for all of them
    command = [str(WRAPPERS / wrapper), "-Oz", "-x", "c", "-c", "-", "-o", os.devnull]
    for _ in range(2):
        subprocess.run(command, env={**env, "CLANG_LLM_EFFORT": "0"}, input=b"", check=True, timeout=280)
    failed = memo / "failed"
    assert (memo / "plugin.so").exists(), failed.read_text() if failed.exists() else "nothing was prepared"


def make_twin(builds: Path, root: Path, name: str) -> Twin:
    """Return a twin for the clang `name`, with an empty plan cache that shares the plugins."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    clang = Path(found)
    cache = root / "cache"
    cache.mkdir(parents=True)
    twin = Twin(root, cache, clang)
    for compiler, wrapper in ((twin.clang, "clang-llm"), (twin.clang_cxx, "clang-llm++")):
        build_plugin(builds, compiler, wrapper)
    for part in ("plugins", "toolchains"):
        (cache / part).symlink_to(builds / part)
    return twin


@pytest.fixture
def twin(builds: Path, tmp_path: Path) -> Twin:
    """The default clang and the wrapper on it."""
    return make_twin(builds, tmp_path, DEFAULT)
