"""Everything that is promised about one package, checked: identity, size, tests, configuration, warm rebuild, time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clang_llm.lab.measure.configlog import differences
from clang_llm.lab.packages.build import Built, Project, build
from clang_llm.lab.packages.compare import Comparison, compare_objects, geometric_mean_saving, object_files
from clang_llm.lab.packages.rig import Rig

# Lines of a difference that a report keeps; the trees are there to see the rest.
_KEPT_LINES = 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What was found about one package.

    Sizes are in bytes of allocated non-bss sections, times in CPU seconds of the build without its configuration;
    ``None`` stands where there was nothing to find out.

    Attributes:
        identity: Way of doing nothing → objects that differ from plain clang's.
        larger: Objects that have more bytes than plain -Oz.
        config: Lines in which the results of the configuration differ.
        warm_different: Objects of the warm build that are not the cold ones byte for byte.
        warm_searches: Modules of the warm build that were not answered from the cache.
    """

    package: str
    version: str
    language: str
    split: str
    objects: int
    plain_bytes: int
    our_bytes: int
    mean_saving: float
    larger: list[str]
    unpaired: list[str]
    identity: dict[str, list[str]]
    tests_plain: bool | None
    tests_ours: bool | None
    config: list[str]
    warm_different: list[str]
    warm_searches: int
    cpu_plain_s: float
    cpu_cold_s: float
    cpu_warm_s: float
    counts: dict[str, int]

    @property
    def problems(self) -> list[str]:
        """What breaks a promise, in words; empty when all is well."""
        found = [f"{len(names)} objects differ ({way})" for way, names in self.identity.items() if names]
        if self.larger:
            found.append(f"{len(self.larger)} objects larger than -Oz: {self.larger[0]}")
        if self.unpaired:
            found.append(f"objects in one tree only: {self.unpaired[0]}")
        # A suite that fails without us, too, is its own affair.
        if self.tests_plain and not self.tests_ours:
            found.append("tests fail with clang-llm only")
        if self.config:
            found.append(f"configuration differs: {self.config[0]}")
        if self.warm_different:
            found.append(f"{len(self.warm_different)} warm objects differ: {self.warm_different[0]}")
        if self.warm_searches:
            found.append(f"{self.warm_searches} modules searched again in the warm build")
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


class PackageCheck:
    """Builds one package in all the ways that are compared."""

    def __init__(
        self, project: Project, rig: Rig, say: Say | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self._project = project
        self._settings = settings or {}
        self._rig = rig
        self._say = say or (lambda _: None)

    def _plain(self, variant: str, flags: str, *, test: bool = False) -> Built:
        self._say(variant)
        return build(self._project, variant, self._rig.plain(), flags, test=test)

    def _ours(self, variant: str, flags: str, settings: Mapping[str, str], *, test: bool = False) -> Built:
        self._say(variant)
        return build(self._project, variant, self._rig.ours(**settings), flags, test=test)

    def identity(self) -> Iterator[tuple[str, list[str]]]:
        """Build with nothing to apply, with and without -g; yields (way, objects that differ from plain clang's)."""
        for flags, suffix in (("-Oz", ""), ("-Oz -g", "-g")):
            plain = object_files(self._plain(f"plain{suffix}", flags).tree)
            for way, settings in (("disabled", {"disable": "1"}), ("effort0", {"effort": "0"})):
                self._rig.cold()
                built = self._ours(f"{way}{suffix}", flags, settings)
                found = compare_objects(plain, object_files(built.tree))
                yield f"{way}{suffix}", [*found.different, *found.only_plain, *found.only_ours]

    def names(self, ours: bool) -> dict[str, str]:
        """How the compilers are written in logs → one word for both sides.

        In our logs the real clang is written, too: the wrapper becomes it, so its messages begin with its own name.
        """
        names: dict[str, str] = {}
        for compilers in (self._rig.plain(), *([self._rig.ours()] if ours else [])):
            for path, word in ((compilers.cc, "@CC@"), (compilers.cxx, "@CXX@")):
                names[path] = word
                names[Path(path).name] = word
        return names

    def report(self, version: str, split: str, identity: dict[str, list[str]]) -> Report:
        """Build plain, cold and warm, and compare."""
        plain = self._plain("plain", "-Oz", test=True)
        self._rig.cold()
        cold = self._ours("cold", "-Oz", self._settings, test=True)
        counts = self._rig.counts()
        warm, searches = self._warm(counts)
        objects = object_files(plain.tree), object_files(cold.tree), object_files(warm.tree)
        found = compare_objects(objects[0], objects[1])
        return Report(
            package=self._project.recipe.name,
            version=version,
            language=self._project.recipe.language,
            split=split,
            **_sizes(found),
            identity=identity,
            tests_plain=plain.tests_passed,
            tests_ours=cold.tests_passed,
            config=differences(plain.tree, cold.tree, self.names(False), self.names(True))[:_KEPT_LINES],
            warm_different=[*compare_objects(objects[2], objects[1]).different],
            warm_searches=searches,
            cpu_plain_s=plain.cpu_s("build"),
            cpu_cold_s=cold.cpu_s("build"),
            cpu_warm_s=warm.cpu_s("build"),
            counts=dict(counts),
        )

    def _warm(self, before: Mapping[str, int]) -> tuple[Built, int]:
        """Build again on the cold build's cache; returns the build and the number of modules not found there."""
        warm = self._ours("warm", "-Oz", self._settings)
        after = self._rig.counts()
        searched = ("miss", "weaker", "corrupt", "unvetted", "unsealed")
        return warm, sum(after[name] - before.get(name, 0) for name in searched)


def _sizes(found: Comparison) -> dict[str, Any]:
    return {
        "objects": len(found.pairs),
        "plain_bytes": found.plain,
        "our_bytes": found.ours,
        "mean_saving": geometric_mean_saving(found.pairs),
        "larger": [f"{pair.name} ({pair.plain} -> {pair.ours})" for pair in found.larger],
        "unpaired": [*found.only_plain, *found.only_ours],
    }
