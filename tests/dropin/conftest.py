"""Fixtures: a plugin that is built once for each clang, and a plan cache of its own for every test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dropin.twin import WRAPPERS, Twin

#: The clang that everything is tried with; the others see a smaller choice (test_versions.py).
DEFAULT = "clang-19"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory for all tests and all workers, where the plugins are built; no plan is ever put there."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    (base / "dropin-plugins").mkdir(exist_ok=True)
    return base / "dropin-plugins"


def build_plugin(shared: Path, clang: Path, wrapper: str = "clang-llm") -> None:
    """Make the wrapper build its plugin, unless another test has; the wrapper's own lock keeps workers apart."""
    memo = shared / "toolchains" / str(WRAPPERS / wrapper).lstrip("/") / str(clang).lstrip("/")
    if not (memo / "plugin.so").exists():
        env = {"PATH": "/usr/bin:/bin", "CLANG_LLM_CLANG": str(clang), "CLANG_LLM_CACHE_DIR": str(shared)}
        command = [str(WRAPPERS / wrapper), "-Oz", "-x", "c", "-c", "-", "-o", os.devnull]
        subprocess.run(command, env={**env, "CLANG_LLM_EFFORT": "0"}, input=b"", check=True, timeout=280)
    failed = memo / "failed"
    assert (memo / "plugin.so").exists(), failed.read_text() if failed.exists() else "nothing was prepared"


def make_twin(shared: Path, root: Path, name: str) -> Twin:
    """Return a twin for the clang `name`, with an empty plan cache that shares the plugins."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    clang = Path(found)
    cache = root / "cache"
    cache.mkdir(parents=True)
    twin = Twin(root, cache, clang)
    for compiler, wrapper in ((twin.clang, "clang-llm"), (twin.clang_cxx, "clang-llm++")):
        build_plugin(shared, compiler, wrapper)
    for part in ("plugins", "toolchains"):
        (cache / part).symlink_to(shared / part)
    return twin


@pytest.fixture
def twin(shared: Path, tmp_path: Path) -> Twin:
    """The default clang and the wrapper on it."""
    return make_twin(shared, tmp_path, DEFAULT)


@pytest.fixture
def cold_cache(twin: Twin) -> Path:
    """The plan cache of the twin."""
    return twin.cache
