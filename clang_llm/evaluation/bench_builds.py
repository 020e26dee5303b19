"""CPU time of whole builds: plain clang, clang-llm with an empty cache (cold), and with a full one (warm), by turns."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clang_llm.evaluation.build import Compilers, build
from clang_llm.evaluation.recipes import Recipe
from clang_llm.settings import PREFIX

# One job: with more, which processes meet on a core decides how much CPU time caches and clock rates cost.
_JOBS = 1


@dataclass(frozen=True)
class Builds:
    """CPU seconds (user and system, configuring not counted) of repeated builds of one program.

    Attributes:
        name: The program.
        plain_s: With clang.
        cold_s: With clang-llm, every plan searched.
        warm_s: With clang-llm, every plan in the cache.
    """

    name: str
    plain_s: tuple[float, ...]
    cold_s: tuple[float, ...]
    warm_s: tuple[float, ...]

    @property
    def cold_ratio(self) -> float:
        """Cold beside plain."""
        return sum(self.cold_s) / sum(self.plain_s)

    @property
    def warm_ratio(self) -> float:
        """Warm beside plain."""
        return sum(self.warm_s) / sum(self.plain_s)


def measure(
    recipe: Recipe, source: Path, home: Path, plain: Compilers, ours: Compilers, repeats: int, flags: str = "-Oz"
) -> Builds:
    """Build a program ``repeats`` times in each way; a first round warms the file caches and is not counted.

    Args:
        recipe: How to build it.
        source: Its source tree.
        home: A directory for the builds.
        plain: Plain clang.
        ours: clang-llm, with a private cache directory that has the plugin.
        repeats: Counted rounds.
        flags: For CFLAGS and CXXFLAGS.

    Raises:
        PackageError: A build fails.
    """
    times: dict[str, list[float]] = {"plain": [], "cold": [], "warm": []}
    ways: Mapping[str, Compilers] = {"plain": plain, "cold": ours, "warm": ours}
    for _ in range(repeats + 1):
        for way, compilers in ways.items():
            if way == "cold":
                shutil.rmtree(Path(ours.environ[PREFIX + "CACHE_DIR"]) / "plans", ignore_errors=True)
            done = build(recipe, source, home, way, compilers, flags, jobs=_JOBS)
            times[way].append(done.cpu_s("build"))
    plain_s, cold_s, warm_s = (tuple(times[way][1:]) for way in ways)
    return Builds(recipe.name, plain_s, cold_s, warm_s)
