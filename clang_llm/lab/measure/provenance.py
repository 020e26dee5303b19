"""Where the plan of each object came from: the log names source and key of every compile, the cache holds the plans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clang_llm.lab.packages.compare import Pair
from clang_llm.plans.plan import Plan
from clang_llm.plans.store.local import LocalStore

# A line of the plugin: `plugin[<pid>]: <source> key <hex> apply|oz …`.
_LINE = re.compile(r"^plugin\[\d+\]: (.*) key ([0-9a-f]{64}) ", re.MULTILINE)
# Suffixes of objects: `a.o`, and `a.c.o` as cmake names them.
_OBJECT = re.compile(r"\.(?:(?:c|cc|cpp|cxx|c\+\+|C|m|mm|i|ii)\.)?o$")


def _stem(name: str) -> str:
    """Name of a source or an object without directory and suffixes: what both have in common."""
    base = PurePosixPath(name).name
    return _OBJECT.sub("", base) if _OBJECT.search(base) else base.rpartition(".")[0] or base


def same_stem(name: str, source: str) -> bool:
    """Whether an object may come from a source; automake puts words before the name (``libfoo_la-a.o``)."""
    stem, wanted = _stem(name), _stem(source)
    return stem == wanted or stem.endswith(f"-{wanted}")


def source_keys(log: str) -> list[tuple[str, str]]:
    """Source and key of every compile that a log tells of, without repetitions."""
    return list(dict.fromkeys(_LINE.findall(log)))


@dataclass(frozen=True)
class Origins:
    """The plans of one build, each with its source."""

    plans: tuple[tuple[str, Plan], ...]

    def of(self, pair: Pair) -> str:
        """In words: where the plan of this object came from; ``-`` for one that was not compiled at -Oz."""
        for source, plan in self.plans:
            same = (plan.size_oz, plan.size) == (pair.plain, pair.ours)
            if same and same_stem(pair.name, source):
                return describe(plan)
        return "-"


def describe(plan: Plan) -> str:
    """In a few words what a plan is and who found it."""
    tried = plan.provenance.get("tried", plan.budget)
    if plan.recipe is None:
        return f"-Oz is best of {tried} lists"
    number = plan.provenance.get("list")
    which = f" list {number + 1}" if isinstance(number, int) else f" {number}" if number else ""
    return f"{plan.provenance.get('backend', 'unknown')}{which} of {tried}"


def read_origins(log: Path, cache_dir: Path) -> Origins:
    """Read the log of a build and the plans that its compiles used."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    store = LocalStore(cache_dir, read_only=True)
    plans = ((source, store.get(key)) for source, key in source_keys(text))
    return Origins(tuple((source, plan) for source, plan in plans if plan is not None))
