"""``clang-llm-tool report``: how much, where, why, is it safe, what next; for a terminal, as JSON, HTML, Markdown."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.cli import reported, saved, told
from clang_llm.cli.output import progress
from clang_llm.cli.reasons import describe
from clang_llm.cli.stats import since
from clang_llm.plans.store.local import LocalStore
from clang_llm.report import binary, build, document, markdown, page, tree, words
from clang_llm.report.comparing import Budget, compare
from clang_llm.report.facts import UNKNOWN, UNMEASURED, Report
from clang_llm.report.functions import demangled
from clang_llm.system import ledger, log
from clang_llm.system.errors import DataError
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

# What only a report says.
_MEANINGS = {
    UNMEASURED: "not measured: too small for a search, or a failure; `report -- make` tells which",
    UNKNOWN: "not compiled by clang-llm at -Oz since stats --zero, or made again since; --before DIR compares it",
}


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
    parser.add_argument(
        "--binary", type=Path, nargs=2, metavar=("A", "B"), help="compare two linked files: ELF, also firmware, or wasm"
    )
    parser.add_argument(
        "--compare", type=Path, nargs=2, metavar=("OLD", "NEW"), help="compare two files that --json wrote"
    )
    parser.add_argument(
        "--fail-over", metavar="SIZE", help="with --binary, --compare: exit with 1 on more growth (2%% or bytes)"
    )
    parser.add_argument(
        "--why", action="store_true", help="CMD is one compile: what each pass and way of generating code earned"
    )
    parser.add_argument(
        "--functions", action="store_true", help="functions before and after; each object is compiled once more"
    )
    parser.add_argument("--markdown", action="store_true", help="a summary for a pull request, instead of text")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write one static page to OUT")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything to OUT, for programs")
    parser.add_argument("build", nargs=argparse.REMAINDER, metavar="CMD", help="such as: -- make -j2")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Report; returns the exit status of the build, or 1 when something grew beyond its budget, or 0.

    Raises:
        ClangLlmError: There is nothing to report on, or a report cannot be written.
    """
    command = arguments.build[1:] if arguments.build[:1] == ["--"] else arguments.build
    budget = _check(arguments, command)
    if arguments.compare is not None:
        return _compare(arguments, budget)
    settings = Settings.load(environ)
    status = 0
    if command:
        if arguments.why:
            found = told.of_command(command, settings, environ)
        else:
            status, found = told.of_build(
                command, settings, environ, functions=arguments.functions, apart=arguments.markdown
            )
    elif arguments.binary is not None:
        before, after = arguments.binary
        found = binary.report(before, after, _below(arguments.objects, settings))
    elif arguments.objects is not None:
        found = _of_objects(arguments, settings)
    else:
        found = _of_ledger(settings)
    found = replace(found, functions=demangled(found.functions, environ))
    found = replace(found, meanings={word: _MEANINGS.get(word) or describe(word) for word in found.words()})
    over, verdict = _judge(budget, found.before.total, found.after.total)
    _write(arguments, found, verdict)
    return over or status


def _check(arguments: argparse.Namespace, command: Sequence[str]) -> Budget | None:
    """Check what can be given together; returns the budget."""
    given = [("a build command", command), ("--compare", arguments.compare), ("--binary", arguments.binary)]
    subjects = [name for name, value in given if value]
    if len(subjects) > 1 or (subjects not in ([], ["--binary"]) and arguments.objects is not None):
        raise DataError(f"{' and '.join([*subjects, *(['--objects'] if arguments.objects else [])])}: give one of them")
    if arguments.before is not None and (arguments.objects is None or arguments.binary is not None):
        raise DataError("--before DIR needs --objects DIR, to know what to compare")
    if arguments.why and not command:
        raise DataError("--why needs a compile command, such as: report --why -- clang-llm -Oz -c a.c")
    if arguments.functions and not (command or arguments.before):
        raise DataError("--functions needs a build command after --, or --objects DIR --before DIR")
    if arguments.fail_over is not None and not (arguments.compare or arguments.binary):
        raise DataError("--fail-over needs --binary or --compare: no object is larger than with -Oz")
    for name in ("json", "html"):
        path = getattr(arguments, name)
        if path is not None and arguments.compare is not None:
            raise DataError(f"--{name} is not for --compare; take the text or --markdown")
        if path is not None and not path.absolute().parent.is_dir():
            raise DataError(f"--{name} {path}: there is no such directory; make it first")
    return Budget.read(arguments.fail_over) if arguments.fail_over is not None else None


def _judge(budget: Budget | None, old: int, new: int) -> tuple[int, str]:
    """Return the exit status for a budget, and the verdict in words."""
    if budget is None:
        return 0, ""
    over = budget.over(old, new)
    verdict = f"{words.change(new - old)} bytes, {'more than' if over else 'within'} the budget of {budget.text()}"
    if over:
        sys.stderr.write(f"clang-llm-tool: {verdict}\n")
    return int(over), verdict


def _compare(arguments: argparse.Namespace, budget: Budget | None) -> int:
    found = compare(*map(document.read, arguments.compare))
    over, verdict = _judge(budget, found[0].old, found[0].new)
    lines = markdown.of_comparisons(found, verdict) if arguments.markdown else reported.tell_comparisons(found)
    print("\n".join(lines))
    return over


def _write(arguments: argparse.Namespace, found: Report, verdict: str) -> None:
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document.document(found), indent=1) + "\n", encoding="utf-8")
    if arguments.html is not None:
        arguments.html.write_text(page.page(found), encoding="utf-8", errors="replace")
    print("\n".join(markdown.of_report(found, verdict) if arguments.markdown else reported.tell(found)))


def _below(directory: Path | None, settings: Settings) -> list[ledger.Compiled]:
    """Return what the ledger knows of objects below a directory, or of all."""
    compiles = ledger.read(settings.cache_dir).compiles.values()
    inside = directory and directory.resolve()
    return [each for each in compiles if inside is None or Path(each.object).is_relative_to(inside)]


def _of_ledger(settings: Settings) -> Report:
    if not settings.readonly:
        ledger.fold(settings.cache_dir)
    objects = saved.Objects.of(ledger.read(settings.cache_dir).compiles.values())
    zeroed = log.zeroed(settings.cache_dir)
    title = f"all that was compiled since {since(zeroed)}" if zeroed else "all that was compiled with this cache"
    return told.report(title, objects, settings, log.fold_events(settings.cache_dir), {})


def _of_objects(arguments: argparse.Namespace, settings: Settings) -> Report:
    compiles = build.compiles_by_object(ledger.read(settings.cache_dir).compiles.values())
    plans = LocalStore(settings.cache_dir, read_only=True).get
    return tree.report(
        arguments.objects,
        arguments.before,
        compiles,
        plans,
        lambda found: progress(found, "reading objects"),
        functions=arguments.functions,
    )
