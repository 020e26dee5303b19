"""``clang-llm-tool advise``: what else would make a build smaller, measured on its own commands (docs/advise.md)."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clang_llm.cli.compiles import understand
from clang_llm.cli.database import check_database
from clang_llm.cli.meant import at_os
from clang_llm.cli.measuring import Bench, Row, total
from clang_llm.cli.output import counted, human_count, percent, progress, table
from clang_llm.cli.project import Build
from clang_llm.cli.reasons import describe
from clang_llm.cli.recorded import record
from clang_llm.system import log
from clang_llm.system.errors import DataError
from clang_llm.system.objects import PARTS, Parts
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: Commands that are measured unless others are asked for.
SAMPLE = 20
# Where cmake, meson and bear leave one.
_DATABASES = ("compile_commands.json", "build/compile_commands.json")
_COMPILER = re.compile(r"(?:.*-)?clang(?:-llm)?(?:\+\+)?(?:-\d+(?:\.\d+)*)?")
# Reasons of compiles that were left to clang, about which a build can do something.
_TELLING = ("lto", "no_plugin", "untrusted", "limits", "not_oz", "coverage", "profile", "sanitizer", "save_temps")
_Command = tuple[Path, tuple[str, ...]]


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "advise",
        help="tell what else would make a build smaller, in measured bytes",
        description="Compiles the largest commands of a build with and without each option that may apply, and tells "
        "which gain something. Without a command it takes compile_commands.json of this directory or of build/.",
    )
    parser.add_argument("--compile-commands", type=Path, metavar="FILE", help="compile_commands.json, not a build")
    parser.add_argument("--jobs", type=int, default=1, help="compilers at once (%(default)s)")
    parser.add_argument(
        "--sample", type=int, default=SAMPLE, help="commands to measure, the largest sources; 0: all (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "build", nargs=argparse.REMAINDER, metavar="CMD", help="a build, such as: -- make; or one compile command"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and tell; returns 0, or the exit status of a build that failed."""
    settings = Settings.load(environ)
    with tempfile.TemporaryDirectory(prefix="clang-llm-tool-") as place:
        root = Path(place)
        before = log.fold_events(settings.cache_dir)
        status, commands = _commands(arguments, settings, environ, root)
        counted_now = log.fold_events(settings.cache_dir)
        counters = counted_now - before if arguments.build else counted_now
        found = [understand(words, where, settings, environ) for where, words in progress(commands, "asking clang")]
        compiles = sorted({one for one in found if one is not None}, key=lambda one: (-one.weight(), one.words))
        chosen = compiles[: arguments.sample] if arguments.sample > 0 else compiles
        bench = Bench(chosen, root, environ, arguments.jobs)
        rows = bench.rows()
    if arguments.json:
        print(json.dumps(_document(bench, len(compiles), rows, settings, counters), indent=2))
        return status
    lines = _tell(bench, len(commands), len(compiles), rows)
    told = reasons(settings, counters)
    print("\n".join([*lines, *([""] if told else []), *told]))
    return status


def _commands(
    arguments: argparse.Namespace, settings: Settings, environ: Mapping[str, str], place: Path
) -> tuple[int, list[_Command]]:
    """Return the exit status of a build, and the commands to look at.

    Raises:
        DataError: There are none, or both a build and a file.
    """
    words = tuple(arguments.build[1:] if arguments.build[:1] == ["--"] else arguments.build)
    if words and arguments.compile_commands:
        raise DataError("give a build command after --, or --compile-commands FILE")
    if words and _COMPILER.fullmatch(Path(words[0]).name):
        return 0, [(Path.cwd(), words)]
    if words:
        status, commands = record(Build(words, None, 1, apart=arguments.json), settings, environ, place)
        if not commands and status == 0:
            raise DataError(
                "the build called no clang-llm: clean it first, see that it uses CC and CXX, or give "
                "--compile-commands FILE"
            )
        return status, commands
    path = arguments.compile_commands or next((each for each in map(Path, _DATABASES) if each.is_file()), None)
    if path is None:
        raise DataError("no compile_commands.json here; give --compile-commands FILE, or a build after --")
    check_database(path)
    return 0, [_entry(each, path.parent) for each in json.loads(path.read_bytes())]


def _entry(entry: Mapping[str, Any], home: Path) -> _Command:
    arguments = entry.get("arguments")
    words = arguments if isinstance(arguments, list) else shlex.split(entry["command"])
    return Path(os.path.normpath(home.absolute() / entry["directory"])), tuple(words)


def reasons(settings: Settings, counters: Mapping[str, int]) -> list[str]:
    """Return a line for each thing that was counted and that a build can change."""
    found = [line for line in (at_os(settings, counters),) if line]
    left = [(reason, counters.get(f"bypass:{reason}", 0)) for reason in _TELLING]
    return found + [
        f"{counted(count, 'compile was', 'compiles were')} left to clang: {describe(reason)}"
        for reason, count in left
        if count
    ]


def _tell(bench: Bench, commands: int, compiles: int, rows: Sequence[Row]) -> list[str]:
    failed = f"{counted(bench.failed, 'command')} failed and left out; see with clang itself"
    if not bench.compiles:
        why = failed if bench.failed else "none of which makes clang write an object that is code"
        return [f"nothing to measure: {counted(commands, 'command')}, {why}"]
    measured, targets = len(bench.compiles), sorted({one.triple for one in bench.compiles})
    tried = measured + bench.failed
    which = "" if tried == compiles else f"{human_count(tried)} of "
    largest = "" if tried == compiles else ", the largest sources (--sample 0 takes all, and links)"
    lines = [
        f"{which}{counted(compiles, 'compile')} measured with clang alone, for {', '.join(targets)}{largest}",
        *([failed] if bench.failed else []),
        f"as they are: {_bytes(total(bench.plain))}",
    ]
    if not rows:
        return [*lines, "nothing that was tried makes them smaller"]
    cells = [
        (human_count(row.saved), percent(row.saved, row.before.total), human_count(row.before.total),
         human_count(row.after.total), human_count(row.compiles), row.text)
        for row in rows
    ]  # fmt: skip
    head, rule, *body = table(cells, ">>>>><", ("saved", "", "before", "after", "compiles", "option"))
    lines += ["", head, rule]
    for line, row in zip(body, rows, strict=True):
        lines += [line, *([f"    {row.remark}"] if row.remark else [])]
    return lines


def _bytes(parts: Parts) -> str:
    divided = ", ".join(f"{name} {human_count(size)}" for name, size in zip(PARTS, parts, strict=True))
    return f"{human_count(parts.total)} bytes ({divided})"


def _document(
    bench: Bench, compiles: int, rows: Sequence[Row], settings: Settings, counters: Mapping[str, int]
) -> dict[str, object]:
    plain = total(bench.plain)
    return {
        "compiles": compiles,
        "measured": len(bench.compiles),
        "bytes": plain.total,
        "parts": plain._asdict(),
        "suggestions": [
            {
                "options": row.text,
                "compiles": row.compiles,
                "before": row.before.total,
                "after": row.after.total,
                "remark": row.remark,
            }
            for row in rows
        ],
        "counted": reasons(settings, counters),
    }
