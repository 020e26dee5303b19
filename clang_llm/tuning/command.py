"""The command line of PassListEval: ``clang-llm-tool validate`` and ``python -m clang_llm.tuning``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from clang_llm.plans.borrowed import lender_of, supported
from clang_llm.plans.coreset import DATA, write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import ClangLlmError, DataError
from clang_llm.system.settings import MAX_JOBS, Settings
from clang_llm.toolchain.compiler import find_clang
from clang_llm.toolchain.plugins import Compiler, inspect, installed_compilers
from clang_llm.tuning import acceptance
from clang_llm.tuning.lending import lend, trying_with
from clang_llm.tuning.programs import ProgramSet
from clang_llm.tuning.validate import Options, Outcome, Progress, read_lists, validate

# Characters of a reason on one line of the report; the JSON report has all of it.
_REASON_WIDTH = 150


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``validate``."""
    parser.add_argument("lists", type=Path, nargs="?", help="file with one pass list on each line, # for comments")
    parser.add_argument(
        "--shipped",
        action="store_true",
        help="instead of a file: for each LLVM that comes without recipes, those of the nearest older one; what passes "
        "is used from then on",
    )
    parser.add_argument(
        "--programs",
        type=Path,
        help="HumanEval-X C++ programs, used beside our own (default: the file beside the checkout, if there is one)",
    )
    parser.add_argument("--clang", action="append", help="clang to validate for; repeatable (default: all installed)")
    parser.add_argument(
        "--engine", choices=("plugin", "opt"), default="plugin", help="what applies the lists (default: plugin)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="batches tried at once (default: 2)")
    parser.add_argument("--fresh", action="store_true", help="try lists again whose verdict is remembered")
    parser.add_argument("--json", type=Path, help="write the verdicts to this file")
    parser.add_argument("--write", action="store_true", help="write the accepted lists as the vetted set of each LLVM")
    parser.add_argument("--sets", type=Path, default=DATA, help="where --write puts them (default: the package's data)")


def _bar(label: str) -> tuple[Progress | None, object]:
    """A progress bar for a terminal, None elsewhere."""
    if not sys.stderr.isatty():
        return None, None
    from tqdm import tqdm

    bar = tqdm(desc=label, unit="list", file=sys.stderr)

    def advance(done: int, total: int, last: str) -> None:
        bar.total = total
        bar.set_postfix_str(last)
        bar.update(done - bar.n)

    return advance, bar


def report_lines(outcome: Outcome) -> list[str]:
    """The report of one compiler: a summary and a line for each rejected list."""
    accepted = len(outcome.accepted)
    tried = f"{outcome.programs} programs, {len(outcome.excluded)} left out"
    lines = [f"LLVM {outcome.compiler.version}: {accepted} of {len(outcome.verdicts)} lists accepted ({tried})"]
    for number, verdict in enumerate(outcome.verdicts, 1):
        if not verdict.accepted:
            lines.append(f"  list {number}: {verdict.program}: {verdict.reason}"[:_REASON_WIDTH])
    return lines


def write_accepted(outcome: Outcome, programs: ProgramSet, directory: Path) -> Path:
    """Write the accepted lists, in their order, as the vetted set of this LLVM; returns the file.

    Raises:
        PassListError: a list uses what the vocabulary does not allow.
    """
    lists = [Recipe.parse(verdict.pipeline) for verdict in outcome.accepted]
    evidence = (
        f"{programs.evidence(outcome.excluded)} compiled, linked and ran as without the list "
        f"on LLVM {outcome.compiler.version}"
    )
    return write_coreset(outcome.compiler.major, lists, [evidence], directory)


def _compilers(chosen: Sequence[str] | None, environ: Mapping[str, str]) -> list[Compiler]:
    named = [inspect(find_clang(name, environ)) for name in chosen or ()]
    compilers = named or list(installed_compilers(environ))
    if not compilers:
        raise DataError("no clang is installed; install clang-19 and llvm-19-dev, or name one with --clang")
    return compilers


def _lend_all(compilers: Sequence[Compiler], programs: ProgramSet, options: Options, environ: Mapping[str, str]) -> int:
    """Try the recipes of older LLVMs on those that have none; returns 1 when one of them still has none."""
    sys.stdout.write(f"LLVM {', '.join(map(str, supported()))}: tested, with recipes of their own\n")
    failed = False
    for compiler in compilers:
        lender = lender_of(compiler.major)
        if lender is None:
            continue
        sys.stdout.write(f"LLVM {compiler.version}: trying the recipes of LLVM {lender}; a stopped run goes on\n")
        sys.stdout.flush()
        progress, bar = _bar(f"LLVM {compiler.version}")
        try:
            trying = trying_with(compiler, programs, options, environ, progress)
            lent, path = lend(lender, compiler, programs, options.cache_dir, trying)
        except ClangLlmError as error:
            failed = True
            sys.stderr.write(f"LLVM {compiler.version}: {error}\n")
            continue
        finally:
            if bar is not None:
                bar.close()  # type: ignore[attr-defined]
        passed = f"{len(lent.recipes)} of {lent.tried} recipes and {len(lent.closings)} closing stages passed"
        sys.stdout.write(f"LLVM {compiler.version}: {passed}; new modules are searched with them ({path})\n")
    return int(failed)


def _check_arguments(arguments: argparse.Namespace) -> None:
    """Raise DataError for arguments that make no sense, before hours are spent."""
    if arguments.shipped == (arguments.lists is not None):
        raise DataError("give a file with pass lists, or --shipped")
    if not 1 <= arguments.jobs <= MAX_JOBS:
        raise DataError(f"--jobs {arguments.jobs}: give a number from 1 to {MAX_JOBS}")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise DataError(f"--json {arguments.json}: there is no such directory; make it first")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Validate and report; returns 0 when every list passed on every compiler, else 1.

    Raises:
        ClangLlmError: nothing could be tried.
    """
    _check_arguments(arguments)
    lists = () if arguments.shipped else read_lists(arguments.lists)
    programs = acceptance.programs_at(arguments.programs)
    if not programs.programs:
        sys.stderr.write("HumanEval-X is not there; the lists are tried on our own programs alone\n")
    options = Options(Settings.load(environ).cache_dir, arguments.engine, arguments.jobs, arguments.fresh)
    if arguments.shipped:
        return _lend_all(_compilers(arguments.clang, environ), programs, options, environ)
    outcomes: list[Outcome] = []
    failed = False
    for compiler in _compilers(arguments.clang, environ):
        progress, bar = _bar(f"LLVM {compiler.version}")
        try:
            outcome = validate(lists, compiler, programs, options, environ, progress)
        except ClangLlmError as error:
            failed = True
            sys.stderr.write(f"LLVM {compiler.version}: {error}\n")
            continue
        finally:
            if bar is not None:
                bar.close()  # type: ignore[attr-defined]
        outcomes.append(outcome)
        sys.stdout.write("\n".join(report_lines(outcome)) + "\n")
        if arguments.write and outcome.accepted:
            sys.stdout.write(f"  wrote {write_accepted(outcome, programs, arguments.sets)}\n")
    if arguments.json is not None:
        rows = [
            {"llvm": o.compiler.version, "excluded": o.excluded, "verdicts": [asdict(v) for v in o.verdicts]}
            for o in outcomes
        ]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    failed = failed or any(len(outcome.accepted) < len(outcome.verdicts) for outcome in outcomes)
    return 1 if failed else 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.tuning``."""
    parser = argparse.ArgumentParser(prog="clang-llm validate", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv), environ)
    except ClangLlmError as error:
        sys.stderr.write(f"clang-llm: {error}\n")
        return error.exit_code
