"""``clang-llm-tool plans …``: plans as one text file that a project commits (docs/team-builds.md)."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from clang_llm.cli import frozen
from clang_llm.cli.output import counted, human_count, human_size, percent, progress
from clang_llm.plans.store import committed, open_local, plansfile, team_key
from clang_llm.plans.store.committed import Row
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.team import TeamKey
from clang_llm.plans.store.vouched import is_vouched
from clang_llm.system import ledger
from clang_llm.system.errors import ClangLlmError, DataError, StoreError
from clang_llm.system.files import read_regular, replace_file
from clang_llm.system.settings import PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

# Characters of a source's name in a comment.
_NAME = 40
_KEY_DIGITS = 64
_MERGE = """\
A merge driver for git: merges two versions of a file of plans, whose common
ancestor is BASE, into OURS. Where both have a module, the smaller plan stays,
then that of the larger search. Once in each clone:

  git config merge.clang-llm.driver "clang-llm-tool plans merge %O %A %B"

and once in the project:

  echo "*.plans merge=clang-llm -text" >> .gitattributes
"""


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    group = commands.add_parser("plans", help="write, read and merge plans as a text file that a project commits")
    actions = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    export = actions.add_parser(
        "export",
        help="write the plans that were measured here to a file, for others to use",
        description=f"One line a module, signed when {PREFIX}KEY_FILE can sign. No path, time, user or host is in it; "
        "the name of a source file, without its directory, is a comment.",
    )
    export.add_argument("file", metavar="FILE", type=Path, help="such as clang-llm.plans; it is replaced")
    export.add_argument("--add", action="store_true", help="keep what FILE has; the better of two plans stays")
    export.add_argument("--this-build", action="store_true", help="modules compiled since `stats --zero` only")
    export.add_argument("--keys-from", metavar="LIST", type=Path, help="keys, one a line, or another file of plans")
    export.add_argument("--llvm", metavar="VERSION", action="append", help="such as 19 or 19.1.7; several may be given")
    export.set_defaults(run=run_export)

    bring = actions.add_parser(
        "import",
        help="take plans of files over into the cache",
        description="What the team's key signed is applied at once; other plans are measured before they are applied.",
    )
    bring.add_argument("files", metavar="FILE", type=Path, nargs="+", help="files that `plans export` wrote")
    bring.set_defaults(run=run_import)

    merge = actions.add_parser(
        "merge",
        help="merge two versions of a file; git's merge driver",
        description=_MERGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, what in (("base", "their common ancestor"), ("ours", "one version; replaced"), ("theirs", "the other")):
        merge.add_argument(name, metavar=name.upper(), type=Path, help=what)
    merge.set_defaults(run=run_merge)

    verify = actions.add_parser("verify", help="check a file: order, checksums, passes, signatures; 1 when it is wrong")
    verify.add_argument("file", metavar="FILE", type=Path, help="a file of plans")
    verify.set_defaults(run=run_verify)

    frozen.add_command(actions)


def read_sound(path: Path) -> dict[str, Row]:
    """Read a file in which nothing is wrong.

    Raises:
        DataError: Something is, or it cannot be read.
    """
    found = plansfile.read(path)
    if found.problems:
        more = f" ({len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        raise DataError(f"{path}: {found.problems[0]}{more}; `clang-llm-tool plans verify {path}` tells all")
    return found.rows


def run_export(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write a file."""
    settings = Settings.load(environ)
    key = team_key(settings)
    store = LocalStore(settings.cache_dir, read_only=True)
    compiled = ledger.read(store.root).sources()
    wanted = _wanted(arguments, compiled)
    rows = {}
    for name, _ in progress(store.entries(), "reading plans"):
        plan = store.get(name) if (wanted is None or name in wanted) and store.is_sealed(name) else None
        if plan is not None and _is_of(plan.llvm, arguments.llvm):
            row = Row(committed.canonical(plan), source=_comment(compiled.get(name, [])))
            rows[name] = _signed(row, key)
    own = len(rows)
    if arguments.add and arguments.file.exists():
        rows = committed.merge({}, read_sound(arguments.file), rows)
    if not rows:
        raise DataError("there is no plan to write; build with clang-llm first, or ask for less")
    data = committed.render(rows.values())
    replace_file(arguments.file, data.decode("ascii"))
    signed = "signed" if key is not None and key.can_sign else "not signed"
    print(f"{counted(own, 'plan')} of this cache, {signed}; {arguments.file}: {_summary(rows.values(), len(data))}")
    return 0


def run_import(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Take plans over."""
    settings = Settings.load(environ)
    key = team_key(settings)
    if settings.readonly:
        raise StoreError(f"{PREFIX}READONLY is set; unset it to change the cache")
    store = open_local(settings)
    came: Counter[str] = Counter()
    for path in arguments.files:
        found = plansfile.read(path)
        came["damaged"] += len(found.problems)
        for row in found.rows.values():
            came[_take(row, store, key)] += 1
    words = {
        "adopted": "taken over, signed",
        "proposed": "will be measured before they are applied",
        "known": "not better than what the cache has",
        "unvetted": "neither signed nor made of shipped pipelines: left out",
        "damaged": "problems of the files (`plans verify` tells them)",
    }
    print("\n".join(f"{human_count(came[word]):>7}  {text}" for word, text in words.items() if came[word]))
    return 0


def run_merge(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Merge into OURS."""
    del environ
    base, ours, theirs = (read_sound(path) for path in (arguments.base, arguments.ours, arguments.theirs))
    replace_file(arguments.ours, committed.render(committed.merge(base, ours, theirs).values()).decode("ascii"))
    return 0


def run_verify(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Check a file."""
    key = team_key(Settings.load(environ))
    found = plansfile.read(arguments.file)
    problems = list(found.problems)
    signed = 0
    for name, row in found.rows.items():
        try:
            row.sound()
        except ClangLlmError as error:
            problems.append(f"module {name[:12]}: {str(error).partition(';')[0]}")
        if key is not None and row.signature != committed.NOTHING:
            good = key.verifies(row.checksum, row.signature)
            signed += good
            if not good:
                problems.append(f"module {name[:12]}: the signature is not by the key of {PREFIX}KEY_FILE")
    for problem in problems:
        print(f"{arguments.file}: {problem}")
    if found.leftovers:
        remedy = " ".join(["clang-llm-tool plans merge", *[str(arguments.file)] * 3])
        print(f"{counted(len(found.leftovers), 'shared line')} that no module uses; to remove: {remedy}")
    without = sum(row.signature == committed.NOTHING for row in found.rows.values())
    told = f"{human_count(signed)} signed by this key" if key else f"no {PREFIX}KEY_FILE, so no signature was verified"
    print(f"{counted(len(found.rows), 'module')}, {told}, {human_count(without)} without a signature")
    return int(bool(problems))


def _wanted(arguments: argparse.Namespace, compiled: Mapping[str, list[str]]) -> set[str] | None:
    """Return the keys that are asked for; None for all."""
    wanted = set(compiled) if arguments.this_build else None
    if arguments.keys_from is not None:
        try:
            lines = read_regular(arguments.keys_from, plansfile.MAX_BYTES).decode("ascii", errors="replace").split("\n")
        except OSError as error:
            raise DataError(
                f"{arguments.keys_from} cannot be read ({error.strerror}); give keys, one a line"
            ) from error
        named = {line[:_KEY_DIGITS] for line in lines}
        wanted = named if wanted is None else wanted & named
    return wanted


def _is_of(llvm: str, versions: Iterable[str] | None) -> bool:
    return versions is None or any(llvm == each or llvm.startswith(f"{each}.") for each in versions)


def _comment(sources: Iterable[str]) -> str:
    """Return the name of a source without its directory, the first of several."""
    names = sorted(PurePosixPath(source).name for source in sources if source not in ("-", "<stdin>"))
    return "".join(each if " " < each <= "~" else "?" for each in names[0])[:_NAME] if names else ""


def _signed(row: Row, key: TeamKey | None) -> Row:
    if key is None or not key.can_sign:
        return row
    return Row(row.plan, key.sign(row.checksum), row.source)


def _take(row: Row, store: LocalStore, key: TeamKey | None) -> str:
    """Take one plan over; return what became of it."""
    try:
        plan = row.sound()
    except ClangLlmError:
        return "damaged"
    if key is not None and key.verifies(row.checksum, row.signature):
        return "adopted" if store.adopt(plan) else "known"
    if plan.recipe is not None and not is_vouched(store.root, plan.major, plan.recipe):
        return "unvetted"
    return "proposed" if store.propose(plan) else "known"


def _summary(rows: Iterable[Row], size: int) -> str:
    plans = [row.plan for row in rows]
    oz = sum(plan.size_oz for plan in plans)
    saved = oz - sum(plan.size for plan in plans)
    return f"{counted(len(plans), 'module')}, {human_size(size)}; they save {percent(saved, oz)} over -Oz"
