"""The ledger as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from clang_llm.lab.differential.ledger import Row
from clang_llm.lab.packages.workplace import markdown


def report(rows: Iterable[Row]) -> str:
    """Return Markdown tables: what ran, what was refused, what was excluded, what differs."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.machine, row.llvm, row.basis), []).append(row)
    headers = [
        "machine",
        "LLVM",
        "basis",
        "programs",
        "C++",
        "plans",
        "runs",
        "run",
        "refused",
        "excluded",
        "differ",
        "ms",
    ]
    cells = [[*key, *_numbers(some)] for key, some in sorted(groups.items())]
    text = "# Differential runs\n\n" + markdown(headers, "<<<>>>>>>>>>", cells)
    everything = [row for some in groups.values() for row in some]
    text += "\n## Programs by source\n\n" + markdown(
        ["source", "judged", "excluded", "runs"],
        "<>>>",
        [_of_source(everything, name) for name in _sources(everything)],
    )
    text += "\n## Plans refused, by reason\n\n" + _counts(_sum(row.statuses for row in everything), "status")
    text += "\n## Runs by kind of plan\n\n" + _counts(_sum(row.kinds for row in everything), "kind")
    text += "\n## Programs excluded, by reason\n\n" + _counts(
        Counter(f"{row.source}: {row.excluded}" for row in everything if row.excluded), "reason"
    )
    found = [f"- {name}\n" for row in everything for name in row.differences]
    return text + "\n## Differences\n\n" + ("".join(found) or "none\n")


def _numbers(rows: list[Row]) -> list[str]:
    judged = [row for row in rows if not row.excluded]
    runs = sum(row.runs for row in judged)
    plans = sum(row.plans for row in judged)
    numbers = [
        len(judged),
        sum(row.language == "C++" for row in judged),
        plans,
        runs,
        sum(row.executed for row in judged),
        plans - runs,
        len(rows) - len(judged),
        sum(len(row.differences) for row in rows),
        round(1000 * sum(row.seconds for row in rows) / max(1, runs)),
    ]
    return [str(number) for number in numbers]


def _sources(rows: Iterable[Row]) -> list[str]:
    return sorted({row.source for row in rows})


def _of_source(rows: Iterable[Row], source: str) -> list[str]:
    mine = [row for row in rows if row.source == source]
    judged = {row.digest for row in mine if not row.excluded}
    excluded = {row.digest for row in mine if row.excluded}
    return [source, str(len(judged)), str(len(excluded)), str(sum(row.runs for row in mine))]


def _sum(counts: Iterable[dict[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return found


def _counts(counts: Counter[str], title: str) -> str:
    return markdown([title, "count"], "<>", [[name, str(number)] for name, number in counts.most_common()])
