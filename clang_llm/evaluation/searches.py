"""What the log of a build says about its searches: the size of every object under every list that was tried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from clang_llm.errors import DataError
from clang_llm.evaluation.compare import Pair
from clang_llm.evaluation.provenance import same_stem, source_keys

# A line of the helper: `python[<pid>]: helper: key <hex> sizes <-Oz> <size or status of each list>…`.
_LINE = re.compile(r"^python\[\d+\]: helper: key ([0-9a-f]{64}) sizes (\d+)((?: \w+)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Measurements:
    """One module: bytes with -Oz and with each list in order; None for a list that gave nothing usable."""

    oz: int
    lists: tuple[int | None, ...]

    def best(self, candidates: int) -> int:
        """Bytes that a search over the first ``candidates`` lists ends with; never more than -Oz."""
        return min([self.oz, *(size for size in self.lists[:candidates] if size is not None)])


@dataclass(frozen=True)
class Searches:
    """All searches of a build: those of each source, in the order of the log."""

    by_source: tuple[tuple[str, Measurements], ...]

    def of(self, pair: Pair) -> Measurements | None:
        """The search that made this object; None when it was not compiled at -Oz.

        Two sources of one name may lie in different directories, so the sizes have to fit, too.

        Raises:
            DataError: several searches fit and differ.
        """
        fitting = {
            found
            for source, found in self.by_source
            if same_stem(pair.name, source) and (found.oz, found.best(len(found.lists))) == (pair.plain, pair.ours)
        }
        if len(fitting) > 1:
            raise DataError(f"several searches in the log lead to {pair.name}; leave this package out")
        return next(iter(fitting), None)


def read_searches(log: Path) -> Searches:
    """Read the log of a cold build."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    found: dict[str, Measurements] = {}
    for key, oz, sizes in _LINE.findall(text):
        lists = tuple(int(word) if word.isdigit() else None for word in sizes.split())
        found[key] = Measurements(int(oz), lists)
    return Searches(tuple((source, found[key]) for source, key in source_keys(text) if key in found))
