"""``clang-llm-tool report``: how much, where, why, is it safe, what next; for a terminal, as JSON, HTML, Markdown."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.cli import reported, saved
from clang_llm.cli.output import progress
from clang_llm.cli.project import compilers
from clang_llm.cli.reasons import describe
from clang_llm.cli.stats import since
from clang_llm.plans.store.local import LocalStore
from clang_llm.report import build, document, tree
from clang_llm.report.facts import Report
from clang_llm.system import ledger, log, process
from clang_llm.system.errors import DataError
from clang_llm.system.settings import PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: Bytes of a log that are read: a recipe has thousands, and a browser's build 60,000 lines.
_MAX_LOG = 1 << 30


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "report",
        help="what was saved: how much, where, why, is it safe, what next; text, HTML, JSON, Markdown",
        description="Reports on what was compiled since stats --zero; on one build: clang-llm-tool report -- make -j2 "
        "(CC and CXX are set in its environment; its exit status is passed on); or on the objects below a directory. "
        "docs/report.md shows it.",
    )
    parser.add_argument("--objects", type=Path, metavar="DIR", help="report on the objects below DIR")
    parser.add_argument("--before", type=Path, metavar="DIR", help="the same objects, compiled by plain clang -Oz")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything to OUT, for programs")
    parser.add_argument("build", nargs=argparse.REMAINDER, metavar="CMD", help="such as: -- make -j2")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Report; returns the exit status of the build, or 0.

    Raises:
        ClangLlmError: There is nothing to report on, or a report cannot be written.
    """
    command = arguments.build[1:] if arguments.build[:1] == ["--"] else arguments.build
    _check(arguments, command)
    settings = Settings.load(environ)
    status = 0
    if command:
        status, found = _of_build(command, settings, environ)
    elif arguments.objects is not None:
        found = _of_objects(arguments, settings)
    else:
        found = _of_ledger(settings)
    found = replace(found, meanings={word: describe(word) for word in found.words()})
    _write(arguments, found)
    return status


def _check(arguments: argparse.Namespace, command: Sequence[str]) -> None:
    if command and arguments.objects is not None:
        raise DataError("give a build command after --, or --objects DIR, not both")
    if arguments.before is not None and arguments.objects is None:
        raise DataError("--before DIR needs --objects DIR, to know what to compare")
    for name in ("json",):
        path = getattr(arguments, name)
        if path is not None and not path.absolute().parent.is_dir():
            raise DataError(f"--{name} {path}: there is no such directory; make it first")


def _write(arguments: argparse.Namespace, found: Report) -> None:
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document.document(found), indent=1) + "\n", encoding="utf-8")
    print("\n".join(reported.tell(found)))


def _of_ledger(settings: Settings) -> Report:
    if not settings.readonly:
        ledger.fold(settings.cache_dir)
    objects = saved.Objects.of(ledger.read(settings.cache_dir).compiles.values())
    title = f"Compiled since {since(log.zeroed(settings.cache_dir))}"
    return _noted(settings, _report(title, objects, settings, log.fold_events(settings.cache_dir), {}))


def _report(
    title: str, objects: saved.Objects, settings: Settings, events: Counter[str], reasons: Mapping[str, str]
) -> Report:
    store = LocalStore(settings.cache_dir, read_only=True)
    return build.report(title, objects.counted, objects.changed, store.get, events, reasons)


def _noted(settings: Settings, found: Report) -> Report:
    unusable, remedy = ledger.unusable(settings.cache_dir)
    noted = (f"{unusable}, so what is saved is not recorded; {remedy}",) if unusable else ()
    return replace(found, notes=(*found.notes, *noted))


def _of_build(command: Sequence[str], settings: Settings, environ: Mapping[str, str]) -> tuple[int, Report]:
    """Run a build, and report on what it compiled, which its log tells, and the ledger from a mark on."""
    if settings.readonly or settings.disable:
        raise DataError(f"{PREFIX}READONLY or {PREFIX}DISABLE is set, so nothing would be recorded; unset it")
    with tempfile.TemporaryDirectory(prefix="clang-llm-report-") as place:
        own = Path(place) / "log"
        told = settings.log if settings.log is not None and settings.log.is_file() else own
        begin = told.stat().st_size if told.is_file() else 0
        begun, events = ledger.mark(settings.cache_dir), log.fold_events(settings.cache_dir)
        done = process.run(command, env={**environ, **compilers(settings, environ), PREFIX + "LOG": str(told)})
        text = _tail(told, begin)
    sys.stdout.write(done.output)
    sys.stderr.write(os.fsdecode(done.stderr))
    reasons = build.reasons_in(text)
    compiles = ledger.since(settings.cache_dir, begun).compiles.values()
    # Another build may have used the same cache meanwhile.
    objects = saved.Objects.of(each for each in compiles if each.key in reasons)
    came = log.fold_events(settings.cache_dir)
    came.subtract(events)
    found = _report(f"Build: {' '.join(command)}", objects, settings, +came, reasons)
    if done.returncode:
        failed = f"the build failed with status {done.returncode}; this is what it compiled before that"
        found = replace(found, notes=(*found.notes, failed))
    return done.returncode, _noted(settings, found)


def _tail(path: Path, begin: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(begin)
            return os.fsdecode(file.read(_MAX_LOG))
    except OSError:
        return ""


def _of_objects(arguments: argparse.Namespace, settings: Settings) -> Report:
    compiles = build.compiles_by_object(ledger.read(settings.cache_dir).compiles.values())
    plans = LocalStore(settings.cache_dir, read_only=True).get
    return tree.report(
        arguments.objects, arguments.before, compiles, plans, lambda found: progress(found, "reading objects")
    )
