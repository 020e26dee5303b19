"""``clang-llm-tool cache …``: look at the plans, check them, and make room."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from clang_llm.cli.output import counted, human_count, human_size, percent, progress, table
from clang_llm.cli.saved import Sum, spell
from clang_llm.plans.plan import Plan, as_data
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import ledger
from clang_llm.system.errors import SettingsError, StoreError
from clang_llm.system.objects import PARTS
from clang_llm.system.settings import PREFIX, Settings, parse_size

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

# Digits of a key on one line of a list; `show` takes them.
_SHORT_KEY = 12


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    group = commands.add_parser("cache", help="show, check and clean the plans")
    actions = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    show = actions.add_parser("show", help="print one entry")
    show.add_argument("key", metavar="KEY", help="the key, or its first digits")
    show.add_argument("--json", action="store_true", help="for programs")
    show.set_defaults(run=run_show)

    listing = actions.add_parser("list", help="one line for each entry")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=run_list)

    cleanup = actions.add_parser("cleanup", help="remove the least recently used entries until the rest fits")
    cleanup.add_argument("--max-size", metavar="SIZE", help=f"such as 100M; default: {PREFIX}MAX_SIZE")
    cleanup.set_defaults(run=run_cleanup)

    clear = actions.add_parser("clear", help="remove all entries; plugins, counters and the ledger stay")
    clear.set_defaults(run=run_clear)

    verify = actions.add_parser("verify", help="check every entry, move damaged ones aside; 1 when there were some")
    verify.set_defaults(run=run_verify)

    path = actions.add_parser("path", help="print the cache directory")
    path.set_defaults(run=run_path)


def _open(environ: Mapping[str, str], *, change: bool = False) -> LocalStore:
    settings = Settings.load(environ)
    if change and settings.readonly:
        raise StoreError(f"{PREFIX}READONLY is set; unset it to change the cache")
    return LocalStore(settings.cache_dir, read_only=not change)


def find(store: LocalStore, prefix: str) -> Plan:
    """Return the plan whose key begins with ``prefix``.

    Raises:
        StoreError: There is none, there are several, or it is damaged.
    """
    keys = [key for key, _ in store.entries() if key.startswith(prefix.lower())]
    if len(keys) != 1:
        found = "no entry" if not keys else f"{human_count(len(keys))} entries"
        raise StoreError(f"{found} with a key that begins with '{prefix}'; `clang-llm-tool cache list` shows the keys")
    plan = store.get(keys[0])
    if plan is None:
        raise StoreError(f"entry {keys[0]} is damaged or of another version; `clang-llm-tool cache verify` checks all")
    return plan


def run_show(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print one entry."""
    store = _open(environ)
    plan = find(store, arguments.key)
    if arguments.json:
        print(json.dumps({**as_data(plan), "sources": ledger.read(store.root).sources_of(plan.key)}, indent=2))
        return 0
    saved = plan.size_oz - plan.size
    objects = Sum()
    objects.add(plan.size_oz, plan.size, plan.parts)
    rows = [
        ("key", plan.key),
        ("file", store.path(plan.key)),
        *(("source", spell(source)) for source in ledger.read(store.root).sources_of(plan.key)),
        ("LLVM", f"{plan.llvm}, {plan.target}"),
        ("-Oz", f"{human_count(plan.size_oz)} bytes"),
        ("plan", f"{human_count(plan.size)} bytes, {percent(saved, plan.size_oz)} less"),
        ("searched", f"{plan.budget} candidates"),
        *((name, json.dumps(value) if isinstance(value, dict) else value) for name, value in plan.provenance.items()),
        ("passes", plan.recipe.text if plan.recipe else "those of -Oz"),
        *_per_function(plan),
    ]
    print("\n".join([*table(rows, "<<"), "", *objects.tell()]))
    return 0


def _per_function(plan: Plan) -> list[tuple[str, str]]:
    """Say how many functions take each pipeline of a mix."""
    recipe = plan.recipe
    if recipe is None or not recipe.use:
        return []
    counts = Counter(recipe.use)
    return [
        (f"functions {number + 1}", f"{counts[number]} take {function or 'nothing more'}")
        for number, function in enumerate(recipe.functions)
    ]


def run_list(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print one line for each sound entry."""
    store = _open(environ)
    sources = ledger.read(store.root).sources()
    plans = [plan for key, _ in progress(store.entries(), "reading plans") if (plan := store.get(key))]
    if arguments.json:
        print(json.dumps([{**as_data(plan), "sources": sources.get(plan.key, [])} for plan in plans], indent=2))
        return 0
    rows = [
        (
            plan.key[:_SHORT_KEY],
            human_count(plan.size_oz),
            human_count(plan.size),
            percent(plan.size_oz - plan.size, plan.size_oz),
            *(map(human_count, plan.parts[1].listed()) if plan.parts else ["-"] * len(PARTS)),
            plan.budget,
            plan.llvm,
            plan.target,
            plan.by,
            _sources(sources.get(plan.key, [])),
        )
        for plan in plans
    ]
    headers = ("key", "-Oz", "plan", "saving", *PARTS, "tried", "LLVM", "target", "by", "source")
    print("\n".join(table(rows, "<>>>>>>>><<<<", headers)))
    return 0


def _sources(names: Sequence[str]) -> str:
    """Return the last part of the first name, and how many there are beside it; a dash where none is known."""
    if not names:
        return "-"
    more = f" and {human_count(len(names) - 1)} more" if len(names) > 1 else ""
    return spell(PurePosixPath(names[0]).name) + more


def run_cleanup(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Evict down to the limit."""
    limit = Settings.load(environ).max_size if arguments.max_size is None else parse_size(arguments.max_size)
    if limit is None:
        raise SettingsError(f"'{arguments.max_size}' is not a size; write it like 100M")
    try:
        store = _open(environ, change=True)
        removed = store.cleanup(limit)
    except OSError as error:
        raise _cannot("clean up", error) from error
    ledger.fold(store.root, at_least=0)
    print(f"removed {counted(removed, 'entry', 'entries')} to fit into {human_size(limit)}")
    return 0


def run_clear(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Remove all entries."""
    del arguments
    try:
        removed = _open(environ, change=True).clear()
    except OSError as error:
        raise _cannot("clear", error) from error
    print(f"removed {counted(removed, 'entry', 'entries')}")
    return 0


def run_verify(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Check all entries."""
    del arguments
    store = _open(environ, change=True)
    found = store.verify()
    unreadable = ledger.read(store.root).unreadable
    print(f"{human_count(found.sound)} sound, {human_count(found.foreign)} of other versions")
    for key in found.corrupt:
        print(f"damaged, moved to quarantine: {key}")
    if unreadable:
        print(f"lines of the ledger that are none, and are left out: {human_count(unreadable)}")
    return int(bool(found.corrupt))


def run_path(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the cache directory."""
    del arguments
    print(Settings.load(environ).cache_dir)
    return 0


def _cannot(verb: str, error: OSError) -> StoreError:
    return StoreError(f"cannot {verb} the cache: {error}; check who owns the directory")
