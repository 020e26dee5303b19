"""CPU time of whole builds: plain clang, clang-llm with an empty cache (cold), and with a full one (warm), by turns."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clang_llm.lab.packages.build import Compilers, Project, build
from clang_llm.system.settings import PREFIX


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
    def plain(self) -> float:
        """CPU seconds of a plain build: the median, which a few disturbed builds do not move."""
        return statistics.median(self.plain_s)

    @property
    def cold(self) -> float:
        """The same for cold builds."""
        return statistics.median(self.cold_s)

    @property
    def warm(self) -> float:
        """The same for warm builds."""
        return statistics.median(self.warm_s)

    @property
    def spread(self) -> float:
        """How far plain builds lie apart, as a fraction of their median: what less than this says is noise."""
        return (max(self.plain_s) - min(self.plain_s)) / self.plain


def measure(project: Project, plain: Compilers, ours: Compilers, repeats: int, flags: str = "-Oz") -> Builds:
    """Build a program ``repeats`` times in each way; a first round warms the file caches and is not counted.

    Args:
        project: The program; with one make job, since meeting others on a core costs CPU time.
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
            done = build(project, way, compilers, flags)
            times[way].append(done.cpu_s("build"))
    plain_s, cold_s, warm_s = (tuple(times[way][1:]) for way in ways)
    return Builds(project.recipe.name, plain_s, cold_s, warm_s)
