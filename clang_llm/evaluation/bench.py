"""``python -m clang_llm.evaluation.bench``: what clang-llm costs beside clang, both measured in one run, by turns.

Four questions. What does a command with nothing to gain cost more (hyperfine)? What CPU time does a warm build take? A cold one?
What does a candidate cost, beside ``opt`` and ``clang -c`` on the same list and module? Only differences and ratios of one run
mean anything; the times are those of this machine on that day.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from clang_llm import __version__, settings, toolchain
from clang_llm.backends.coreset import load_lists
from clang_llm.compiler import Compiler, find_clang, inspect
from clang_llm.errors import ClangLlmError, PackageError
from clang_llm.evaluation import bench_builds, bench_candidates, bench_overhead
from clang_llm.evaluation.build import Compilers, build
from clang_llm.evaluation.subjects import Subject, subjects
from clang_llm.passlist import PassList
from clang_llm.settings import PREFIX, Settings

# Lists that are measured as candidates, and modules of each program they are measured on: enough that one odd pair decides
# nothing, few enough to take about a minute.
_LISTS = 8
_MODULES = 8


@dataclass(frozen=True)
class Bench:
    """All results of one run."""

    clang: str
    effort: int
    overhead: tuple[bench_overhead.Overhead, ...]
    builds: tuple[bench_builds.Builds, ...]
    candidates: tuple[bench_candidates.Candidates, ...]


@dataclass(frozen=True)
class Setting:
    """What all measurements share."""

    compiler: Compiler
    wrappers: Path
    environ: Mapping[str, str]
    place: Path


def prepare(environ: Mapping[str, str], place: Path) -> Setting:
    """Make a private cache directory with the plugin for the clang in use.

    Raises:
        ToolchainError: There is no clang, or no plugin can be built for it.
    """
    chosen = Settings.load(environ)
    compiler = inspect(find_clang(chosen.clang, environ))
    cache = place / "cache"
    clean = {name: value for name, value in environ.items() if not name.lstrip("_").startswith(PREFIX)}
    private = {"CACHE_DIR": str(cache), "CLANG": str(compiler.path), "EFFORT": str(chosen.effort), "CONFIG": str(place / "none")}
    toolchain.build_plugin(compiler, cache, chosen.python)
    wrappers = Path(__file__).resolve().parents[2] / "wrappers"
    return Setting(compiler, wrappers, clean | {PREFIX + name: value for name, value in private.items()}, place)
