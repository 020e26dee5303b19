"""The plugin for a clang, built once, and left where the wrapper looks (architecture, section 6)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clang_llm.builder import SOURCES, Builder, PluginBuild, generated_header, replace_file
from clang_llm.compiler import Compiler, find_clang, inspect, installed_compilers
from clang_llm.errors import ToolchainError
from clang_llm.locks import locked

__all__ = [
    "Compiler",
    "PluginBuild",
    "PrepareResult",
    "build_plugin",
    "find_clang",
    "generated_header",
    "inspect",
    "installed_compilers",
    "prepare",
]

#: Seconds to wait for another process that builds plugins.
LOCK_S = 900.0


@dataclass(frozen=True)
class PrepareResult:
    """What `prepare` left in the memo directory: a build, or the reason why there is none."""

    build: PluginBuild | None
    reason: str = ""


def build_plugin(compiler: Compiler, cache_dir: Path, python: str | None = None) -> PluginBuild:
    """Build the plugin for a clang, unless this very build exists, and see that the clang loads it.

    Args:
        compiler: The clang.
        cache_dir: The cache directory; the build lands in `plugins/`.
        python: The Python that runs the helper; None stands for this one.

    Raises:
        ToolchainError: With the reason and what to do.
    """
    with _lock(cache_dir):
        return Builder(compiler, cache_dir, python or sys.executable).build()


def prepare(clang: Path, memo_dir: Path, cache_dir: Path, python: str | None = None) -> PrepareResult:
    """Build the plugin for a clang and leave `plugin.so` or `failed` in the memo directory.

    Raises:
        ToolchainError: Another process has been building for too long; nothing is left behind.
        OSError: The directories cannot be written.
    """
    memo_dir.mkdir(parents=True, exist_ok=True)
    link, failed, known = memo_dir / "plugin.so", memo_dir / "failed", memo_dir / "clang"
    before = failed.stat().st_mtime_ns if failed.exists() else 0
    with _lock(cache_dir):
        if link.exists() and known.exists() and known.samefile(clang):
            return PrepareResult(PluginBuild(link.resolve().parent))
        if failed.exists() and failed.stat().st_mtime_ns != before:
            return PrepareResult(None, failed.read_text(errors="replace").partition("\n")[2].strip())
        try:
            build = Builder(inspect(clang), cache_dir, python or sys.executable).build()
        except ToolchainError as error:
            replace_file(failed, f"{'+' + error.retry_when if error.retry_when else SOURCES}\n{error}\n")
            return PrepareResult(None, str(error))
        # The wrapper compares `clang` with the one in use: a clang of another plugin API refuses even the stub, loudly.
        for target, name in ((clang.resolve(), known), (build.stub, link)):
            temporary = memo_dir / f"{name.name}.{os.getpid()}.tmp"
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target)
            temporary.replace(name)
        failed.unlink(missing_ok=True)
        return PrepareResult(build)


@contextmanager
def _lock(cache_dir: Path) -> Iterator[None]:
    """One build at a time in a cache directory, so that eight compiles do not build eight plugins."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    tag_cache(cache_dir)
    # Where the plugins really are: two cache directories may share them through a link.
    lock = (cache_dir / "plugins").resolve().parent / "locks" / "plugins"
    with locked(lock, LOCK_S) as held:
        if not held:
            problem = f"cannot lock {lock}; is it writable, or has a build been hanging"
            raise ToolchainError(f"{problem} for {LOCK_S:g} s?")
        yield


def tag_cache(cache_dir: Path) -> None:
    """Leave the marker by which backup programs know a cache directory."""
    with suppress(OSError), (cache_dir / "CACHEDIR.TAG").open("x", encoding="ascii") as file:
        file.write("Signature: 8a477f597d28d172789f06886806bc55\n# This directory is a cache of clang-llm.\n")
