"""``clang-llm-tool stats``: what was saved, what happened to compiles, counted, and what the cache holds."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from clang_llm.cli import saved
from clang_llm.cli.meant import at_os, attention
from clang_llm.cli.output import human_count, human_size, percent, progress, table
from clang_llm.cli.remote import describe
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import ledger, log
from clang_llm.system.errors import StoreError
from clang_llm.system.settings import PREFIX, Settings

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
_COMMITTED = {
    "adopted": "signed, applied at once",
    "unvetted": "neither signed nor made of shipped pipelines",
    "refused": "do not hold for their module",
}
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
# What became of asking the team's stores, `remote:<word>`; all but the last are one for each module that was asked for.
_REMOTE = {
    "hit": "plan fetched",
    "miss": "no plan there",
    "off": "not asked, failed a short while ago",
    "stored": "plans sent",
}


@dataclass(frozen=True)
class Contents:
    """What the plans of a cache amount to.

    Attributes:
        entries: Number of plans, those that say "-Oz is best" among them.
        bytes: Size of their files.
        objects: What the objects amount to, in bytes of allocated, non-bss sections.
    """

    entries: int
    bytes: int
    objects: saved.Sum

    def document(self) -> dict[str, object]:
        """Return it for ``--json``."""
        whole = {"oz_bytes": self.objects.oz, "our_bytes": self.objects.ours}
        return {"entries": self.entries, "bytes": self.bytes, **whole, "parts": self.objects.document()["parts"]}


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser("stats", help="bytes saved, hits, misses and reasons")
    parser.add_argument("--json", action="store_true", help="for programs; has the files, too")
    parser.add_argument("--zero", action="store_true", help="begin a new period; plans stay")
    parser.add_argument("--files", action="store_true", help="one line for each object that was compiled")
    parser.add_argument("--sort", choices=sorted(saved.ORDERS), default="saved", help="order of the files")
    parser.set_defaults(run=run)


def contents(store: LocalStore) -> Contents:
    """Read all plans and add them up; unreadable ones are left out (``cache verify`` deals with them)."""
    entries = size = 0
    objects = saved.Sum()
    for key, path in progress(store.entries(), "reading plans"):
        plan = store.get(key)
        if plan is None:
            continue
        entries += 1
        size += path.stat().st_size
        objects.add(plan.size_oz, plan.size, plan.parts)
    return Contents(entries, size, objects)


def grouped(counters: Counter[str], prefix: str) -> list[tuple[str, int]]:
    """Return the reasons counted under ``prefix:``, most frequent first."""
    found = [
        (name.removeprefix(prefix + ":"), count)
        for name, count in counters.items()
        if name.startswith(prefix + ":") and count
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
        if settings.readonly:
            raise StoreError(f"{PREFIX}READONLY is set; unset it to begin a new period")
        log.zero(settings.cache_dir)
        ledger.zero(settings.cache_dir)
        return 0
    if not settings.readonly:
        ledger.fold(settings.cache_dir)
    objects = saved.Objects.of(ledger.read(settings.cache_dir).compiles.values())
    unusable, remedy = ledger.unusable(settings.cache_dir)
    warnings = [f"Attention: {unusable}, so what is saved is not recorded; {remedy}"] if unusable else []
    if arguments.files and not arguments.json:
        if settings.homeless:
            warnings = attention(settings, {})
        files = saved.tell_files(objects, arguments.sort) if objects.all or not warnings else []
        print("\n".join([*warnings, *files]))
        return 0
    counters = log.fold_events(settings.cache_dir)
    zeroed = log.zeroed(settings.cache_dir)
    held = contents(LocalStore(settings.cache_dir, read_only=True))
    if arguments.json:
        document = {
            "cache_dir": str(settings.cache_dir),
            "zeroed": zeroed,
            "saved": saved.document(objects),
            "files": saved.file_documents(objects, arguments.sort),
            "counters": dict(sorted(counters.items())),
            "plans": held.document(),
        }
        print(json.dumps(document, indent=2))
        return 0
    print(
        "\n".join(
            [*attention(settings, counters), *warnings, f"Cache: {'none' if settings.homeless else settings.cache_dir}"]
        )
    )
    title = f"Saved since {since(zeroed)}"
    told = [*_describe(counters), *filter(None, [at_os(settings, counters)])]
    sections = [[title, *_indented(saved.tell_objects(objects))], told, _tell_contents(held)]
    print("\n\n".join("\n".join(each) for each in sections))
    return 0


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def since(zeroed: int | None) -> str:
    """Return when a period began, in words."""
    if zeroed is None:
        return "its first use"
    return datetime.fromtimestamp(zeroed, tz=timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _describe(counters: Counter[str]) -> list[str]:
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
    committed = [(text, counters[f"plans:{word}"]) for word, text in _COMMITTED.items()]
    if any(count for _, count in committed):
        rows.append(("Committed plans", human_count(sum(count for _, count in committed)), ""))
        rows += [(f"  {text}", human_count(count), "") for text, count in committed if count]
    asked = [(text, counters[f"model:{word}"]) for word, text in _MODEL.items()]
    if any(count for _, count in asked):
        rows.append(("Model", human_count(sum(count for _, count in asked[:5])), ""))
        rows += [(f"  {text}", human_count(count), "") for text, count in asked if count]
    return table([*rows, *_describe_remote(counters)], "<><")


def _describe_remote(counters: Counter[str]) -> list[tuple[str, str, str]]:
    """Return the rows about the team's stores; none when nobody asked them."""
    counts = [(text, counters[f"remote:{word}"]) for word, text in _REMOTE.items()]
    counts += [(describe(word), count) for word, count in grouped(counters, "remote:error")]
    if not any(count for _, count in counts):
        return []
    asked = sum(count for text, count in counts[:3])
    hits = percent(counts[0][1], asked) + " fetched" if asked else ""
    rows = [("Team's stores asked", human_count(asked), hits)]
    return rows + [(f"  {text}", human_count(count), "") for text, count in counts if count]


def _tell_contents(held: Contents) -> list[str]:
    what = f"All plans that the cache holds, of this and other builds: {human_count(held.entries)}"
    lines = [f"{what} ({human_size(held.bytes)})"]
    return [*lines, *_indented(held.objects.tell())] if held.entries else lines
