"""``clang-llm-tool stats``: what happened to compiles, counted, and what the cache holds."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from clang_llm.cli.meant import attention
from clang_llm.cli.output import human_count, human_size, percent, progress, table
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

# Events in the order in which they are told; all others are `bypass:`, `refused:`, `error:` or `model:<reason>`.
_LOOKUPS = {
    "hit": "hit",
    "hit:oz": "hit, -Oz is best",
    "miss": "miss",
    "weaker": "miss, plan searched with fewer candidates",
    "recache": "miss, asked to search again",
    "corrupt": "miss, damaged entry",
    "unvetted": "miss, entry with what nobody vouches for",
    "unsealed": "miss, entry that somebody else measured",
}
_RESULTS = {"stored": "plans stored", "applied": "plans applied"}
# What became of asking a model, `model:<word>`; all but the last three are one for each search.
_MODEL = {
    "answered": "answered",
    "late": "no answer in time",
    "slow": "not asked, known to be slow",
    "background": "not asked, works in the background",
    "failed": "no answer, failed",
    "queued": "left in the queue",
    "improved": "plans made smaller later",
    "dropped": "dropped from the queue",
}


@dataclass(frozen=True)
class Contents:
    """What the plans of a cache amount to.

    Attributes:
        entries: Number of plans, those that say "-Oz is best" among them.
        bytes: Size of their files.
        oz_bytes: Sum of the objects' sizes with plain -Oz, in bytes of allocated, non-bss sections.
        our_bytes: The same with the plans.
    """

    entries: int
    bytes: int
    oz_bytes: int
    our_bytes: int


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser("stats", help="hits, misses, reasons and bytes saved")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--zero", action="store_true", help="set the counters to zero; plans stay")
    parser.set_defaults(run=run)


def contents(store: LocalStore) -> Contents:
    """Read all plans and add them up; unreadable ones are left out (``cache verify`` deals with them)."""
    entries = size = oz_bytes = our_bytes = 0
    for key, path in progress(store.entries(), "reading plans"):
        plan = store.get(key)
        if plan is None:
            continue
        entries += 1
        size += path.stat().st_size
        oz_bytes += plan.size_oz
        our_bytes += plan.size
    return Contents(entries, size, oz_bytes, our_bytes)


def grouped(counters: Counter[str], prefix: str) -> list[tuple[str, int]]:
    """Return the reasons counted under ``prefix:``, most frequent first."""
    found = [
        (name.partition(":")[2], count) for name, count in counters.items() if name.startswith(prefix + ":") and count
    ]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def lookups(counters: Counter[str]) -> tuple[int, int]:
    """Return how many lookups were hits, and how many there were."""
    hits = counters["hit"] + counters["hit:oz"]
    return hits, sum(counters[name] for name in _LOOKUPS)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print or reset the counters."""
    settings = Settings.load(environ)
    if arguments.zero:
        log.zero(settings.cache_dir)
        return 0
    counters = log.fold_events(settings.cache_dir)
    zeroed = log.zeroed(settings.cache_dir)
    held = contents(LocalStore(settings.cache_dir, read_only=True))
    if arguments.json:
        document = {
            "cache_dir": str(settings.cache_dir),
            "zeroed": zeroed,
            "counters": dict(sorted(counters.items())),
            "plans": asdict(held),
        }
        print(json.dumps(document, indent=2))
        return 0
    print("\n".join([*attention(settings, counters), f"Cache: {settings.cache_dir}"]))
    print(f"Since: {_when(zeroed)}")
    print("\n".join(_describe(counters, held)))
    return 0


def _when(zeroed: int | None) -> str:
    if zeroed is None:
        return "its first use"
    return datetime.fromtimestamp(zeroed, tz=timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _describe(counters: Counter[str], held: Contents) -> list[str]:
    hits, total = lookups(counters)
    rows: list[tuple[str, str, str]] = [
        ("Lookups", human_count(total), percent(hits, total) + " hits" if total else "")
    ]
    rows += [(f"  {text}", human_count(counters[name]), "") for name, text in _LOOKUPS.items() if counters[name]]
    rows += [(text.capitalize(), human_count(counters[name]), "") for name, text in _RESULTS.items()]
    for prefix, title in (("bypass", "Left to clang"), ("error", "Failed, plain -Oz")):
        reasons = grouped(counters, prefix)
        rows.append((title, human_count(sum(count for _, count in reasons)), ""))
        rows += [(f"  {reason}", human_count(count), "") for reason, count in reasons]
    refused = grouped(counters, "refused")
    if refused:
        rows.append(("Candidates refused", human_count(sum(count for _, count in refused)), ""))
        rows += [(f"  {reason}", human_count(count), "") for reason, count in refused]
    asked = [(text, counters[f"model:{word}"]) for word, text in _MODEL.items()]
    if any(count for _, count in asked):
        rows.append(("Model", human_count(sum(count for _, count in asked[:5])), ""))
        rows += [(f"  {text}", human_count(count), "") for text, count in asked if count]
    saved = held.oz_bytes - held.our_bytes
    rows.append(("Plans", human_count(held.entries), human_size(held.bytes)))
    rows.append(
        ("  saved by them", human_size(saved), f"{percent(saved, held.oz_bytes)} of {human_size(held.oz_bytes)}")
    )
    return table(rows, "<><")
