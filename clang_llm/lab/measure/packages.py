"""``make check-packages``: Debian packages built with clang and with clang-llm, every promise checked.

``python -m clang_llm.lab.measure.packages [PACKAGE...]``. Results of finished packages are kept; a stopped run goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clang_llm.compile.evaluator import PATIENT
from clang_llm.lab.measure import results
from clang_llm.lab.measure.check import PackageCheck, Report
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.build import Project
from clang_llm.lab.packages.recipes import recipe_for
from clang_llm.lab.packages.split import Split, require, split_of
from clang_llm.lab.packages.workplace import Workplace, add_common_arguments, run_command, say
from clang_llm.plans.plan import encode
from clang_llm.plans.store.local import LocalStore
from clang_llm.system.errors import ClangLlmError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import inspect

# Small enough to build all of them seven times in half an hour; more than half of the rest of the table is for savings.
DEFAULT_PACKAGES = (
    "bzip2",
    "cjson",
    "expat",
    "jansson",
    "json-c",
    "libcsv",
    "libtommath",
    "libyaml",
    "lua5.4",
    "yajl",
    "double-conversion",
    "tinyxml2",
    "unittest++",
    "libogg",
    "mawk",
    "hunspell",
    "snappy",
)
# Packages, in C and C++, whose objects are also compared where nothing may differ; each costs six more builds.
IDENTITY_PACKAGES = ("bzip2", "expat", "lua5.4", "double-conversion", "tinyxml2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``check-packages``."""
    parser.add_argument(
        "packages", nargs="*", metavar="PACKAGE", help="Debian source packages (default: a table of small ones)"
    )
    parser.add_argument("--identity", action="store_true", help="check identity on every package, not only on some")
    parser.add_argument(
        "--final", action="store_true", help="allow packages of the test split, for the final report only"
    )
    parser.add_argument("--tune", type=int, metavar="N", help="search with N candidates for each module (minutes each)")
    parser.add_argument("--effort", type=int, help="effort of the cold build (default: clang-llm's)")
    parser.add_argument("--seed", type=Path, metavar="DIR", help="copy the plans of packages that pass to DIR/plans")
    add_common_arguments(parser)


def check_package(name: str, place: Workplace, arguments: argparse.Namespace) -> Report:
    """Check one package, or take up the result of an earlier run.

    Raises:
        ClangLlmError: it cannot be fetched or built, or may not be used.
    """
    allowed = tuple(Split) if arguments.final else (Split.TRAIN, Split.VALIDATION)
    split = require(name, *allowed)
    kept = None if arguments.fresh else place.load("check", name)
    if kept is not None:
        return Report(**kept)
    recipe = recipe_for(name)
    source = place.source(recipe)
    project = Project(recipe, source.tree, place.home(name), arguments.jobs)
    settings = {"backend": "tune", "candidates": str(arguments.tune)} if arguments.tune else {}
    settings |= {"effort": str(arguments.effort)} if arguments.effort is not None else {}
    check = PackageCheck(project, place.rig, lambda step: say(f"{name}: {step}"), settings)
    wanted = arguments.identity or name in IDENTITY_PACKAGES
    identity = dict(check.identity()) if wanted else {}
    report = check.report(source.version, split.value, identity)
    place.keep("check", name, report.as_dict())
    if arguments.seed is not None and not report.problems and report.tests_ours:
        copy_plans(LocalStore(place.rig.cache_dir, read_only=True), LocalStore(arguments.seed))
    return report


def copy_plans(source: LocalStore, target: LocalStore) -> None:
    """Copy all plans without the seal of who measured them: nobody else could tell it from a forged one."""
    for key, _ in source.entries():
        plan = source.get(key)
        if plan is not None:
            path = target.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(plan))


def _tests(report: Report) -> str:
    if report.tests_plain is None:
        return "none"
    if report.tests_ours:
        return "pass"
    return "FAIL" if report.tests_plain else "fail as with clang"


def table(reports: Sequence[Report]) -> Table:
    """The reports as a table."""
    titles = ["package", "version", "language", "split", "objects", "-Oz bytes", "ours"]
    columns = [*map(Column, titles), Column("saved", "%", 2), Column("mean per object", "%", 2)]
    columns += map(Column, ["larger", "own tests", "identity", "config"])
    columns += [Column("cold", "×", 2), Column("warm", "×", 2), Column("problems")]
    rows: list[list[Cell]] = []
    for report in reports:
        saved = 1 - report.our_bytes / report.plain_bytes if report.plain_bytes else 0.0
        row: list[Cell] = [report.package, report.version, report.language, report.split, report.objects]
        row += [report.plain_bytes, report.our_bytes, saved, report.mean_saving]
        row += [len(report.larger), _tests(report), _identity(report)]
        row += ["same" if not report.config else "DIFFERS"]
        row += [seconds / report.cpu_plain_s for seconds in (report.cpu_cold_s, report.cpu_warm_s)]
        rows.append([*row, "; ".join(report.problems) or "none"])
    return Table(columns, rows)


def _identity(report: Report) -> str:
    if any(report.identity.values()):
        return "DIFFER"
    return "checked" if report.identity else "not asked"


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Check the packages and report; returns 0 when every promise held and every package could be built.

    Raises:
        ClangLlmError: there is no clang, or the plugin does not work.
    """
    names = list(arguments.packages or DEFAULT_PACKAGES)
    for name in names:
        split_of(name)
    place = Workplace.at(arguments.work, arguments.clang, environ)
    if arguments.tune:
        place = replace(place, rig=replace(place.rig, environ={**place.rig.environ, **PATIENT}))
    say("building the plugin")
    place.rig.warm_up()
    reports: list[Report] = []
    failed: dict[str, str] = {}
    for name in names:
        try:
            reports.append(check_package(name, place, arguments))
        except ClangLlmError as error:
            failed[name] = str(error)
            continue
        finally:
            say("")
        problems = "; ".join(reports[-1].problems) or "all promises held"
        sys.stdout.write(f"{name}: {problems}\n")
        sys.stdout.flush()
    tables = {"packages": table(reports)}
    text = tables["packages"].markdown()
    sys.stdout.write("\n" + text + "".join(f"\n{name}: {reason}" for name, reason in failed.items()) + "\n")
    objects = sum(report.objects for report in reports)
    searched = f"{arguments.tune} candidates for each module" if arguments.tune else "default effort"
    searched = searched if arguments.effort is None else f"effort {arguments.effort}"
    measured = f"{len(reports)} Debian packages, {searched}"
    version = inspect(place.rig.clang).version
    results.keep(arguments, ResultFile(arguments.command, measured, version, tables, modules=objects), environ)
    return 1 if failed or any(report.problems for report in reports) else 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.packages``."""
    parser = argparse.ArgumentParser(prog="clang_llm.lab.measure.packages", description=__doc__)
    add_arguments(parser)
    results.add_argument(parser, "clang_llm.lab.measure.packages", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
