"""``clang-llm-tool plans check``: does a frozen build give what the committed plans promise? And what `doctor` says."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.cli import sandbox
from clang_llm.cli.checks import NOTE, OK, WRONG, Finding
from clang_llm.cli.output import counted, human_count, printable, table
from clang_llm.cli.project import Build, add_build_arguments, compilers
from clang_llm.plans.store import plansfile, vouched
from clang_llm.plans.store.committed import Row
from clang_llm.system import ledger, objects
from clang_llm.system.errors import DataError
from clang_llm.system.ledger import Compiled
from clang_llm.system.settings import PREFIX, Settings
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import find_clang, inspect

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: What became of a module: it is as promised, it is not, nobody promised anything, its object is no more.
AS_PROMISED, DIFFERS, NO_PLAN, UNSEEN = "as promised", "DIFFERS", "no plan", "not seen"


def add_command(actions: Commands) -> None:
    """Add `plans check`."""
    parser = actions.add_parser(
        "check",
        help="build with the committed plans alone, compare each object with its plan; 1 when one differs",
        description=f"Builds with {PREFIX}FROZEN in a cache of its own. Clean the project first, since only what is "
        "compiled is checked.",
    )
    parser.add_argument("--file", action="append", type=Path, metavar="FILE", help=f"default: {PREFIX}PLANS")
    parser.add_argument("--complete", action="store_true", help="1 also when a module has no plan")
    add_build_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Build and compare; returns 1 when something differs, or the exit status of a build that failed."""
    settings = Settings.load(environ)
    build = Build.of(arguments)
    files = [path.absolute() for path in arguments.file or settings.plans]
    if not files:
        raise DataError(f"no file of plans; give --file, or set {PREFIX}PLANS")
    if settings.disable:
        raise DataError(f"{PREFIX}DISABLE is set; unset it to check")
    promised: dict[str, Row] = {}
    for path in reversed(files):
        promised.update(plansfile.read(path).rows)
    toolchain.build_plugin(inspect(find_clang(settings.clang, environ)), settings.cache_dir, settings.python)
    with sandbox.private(environ, settings.cache_dir) as place:
        vouched.bring(settings.cache_dir, place.cache)
        variables = {"PLANS": ":".join(map(str, files)), "FROZEN": "1", "READONLY": "0"}
        variables |= {"KEY_FILE": str(settings.key_file.absolute())} if settings.key_file else {}
        prefixed = {PREFIX + name: value for name, value in variables.items()}
        outputs = place.root / "objects"
        outputs.mkdir()
        status = build.run({**place.environ, **compilers(settings, environ), **prefixed}, outputs)
        compiled = list(ledger.read(place.cache).compiles.values())
        verdicts = [(each, *judge(each, promised.get(each.key))) for each in compiled]
    counts = tell(verdicts)
    if status != 0:
        print(f"the build failed with status {status}; what it compiled before that was checked")
        return status
    if not verdicts:
        raise DataError(
            "no compile at -Oz went through clang-llm; clean the project first, and see that it uses CC, CXX"
        )
    return int(bool(counts[DIFFERS]) or (arguments.complete and bool(counts[NO_PLAN])))


def judge(compiled: Compiled, row: Row | None) -> tuple[str, int | None, int | None]:
    """Return what became of a module, with the bytes that its object has and those that were promised."""
    size = compiled.size if compiled.remark else objects.size_now(Path(compiled.object))
    if row is None:
        return NO_PLAN, size, None
    if size is None:
        return UNSEEN, None, row.plan.size
    return AS_PROMISED if size == row.plan.size else DIFFERS, size, row.plan.size


def tell(verdicts: Sequence[tuple[Compiled, str, int | None, int | None]]) -> Counter[str]:
    """Print a line for each module and one for all; return how many there are of each kind."""
    rows = [
        (verdict, *("-" if each is None else human_count(each) for each in (size, wanted)), printable(compiled.source))
        for compiled, verdict, size, wanted in sorted(verdicts, key=lambda each: (each[1], each[0].source))
    ]
    if rows:
        print("\n".join(table(rows, "<>><", ("", "bytes", "promised", "source"))))
    counts = Counter(verdict for _, verdict, _, _ in verdicts)
    told = ", ".join(f"{human_count(counts[each])} {each.lower()}" for each in (AS_PROMISED, DIFFERS, NO_PLAN, UNSEEN))
    print(f"{counted(len(verdicts), 'module')}: {told}")
    return counts


def check_plans(settings: Settings) -> Iterator[Finding]:
    """For `doctor`: the files of committed plans, and that nothing is searched."""
    for path in settings.plans:
        if not path.is_absolute():
            text = f"{PREFIX}PLANS has '{path}': each compile takes it from the directory that it runs in"
            yield Finding(NOTE, "plans", text, "give an absolute path where the build changes directories")
        try:
            found = plansfile.read(path)
        except DataError as error:
            problem, _, remedy = str(error).partition("; ")
            yield Finding(WRONG, "plans", problem, remedy or f"correct {PREFIX}PLANS")
            continue
        if found.problems:
            text = f"{path}: {found.problems[0]}; such lines count as not there"
            yield Finding(WRONG, "plans", text, f"clang-llm-tool plans verify {path}")
        else:
            yield Finding(OK, "plans", f"{path}: {counted(len(found.rows), 'module')}")
    if settings.frozen:
        where = "those files" if settings.plans else "the cache"
        text = f"{PREFIX}FROZEN is set: nothing is searched, and a module without a plan in {where} is plain -Oz"
        yield Finding(NOTE, "plans", text, f"unset {PREFIX}FROZEN to search")
