"""``make demo [PROJECT=<Debian source package>]``: a real program built with clang and with clang-llm, cold and warm.

``python -m clang_llm.lab.measure.demo [PACKAGE...]``. Without a package it takes two small ones, in C and C++; where no
package sources are to be had, the sample programs of the checkout.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clang_llm.lab.measure import results
from clang_llm.lab.measure.provenance import Origins, read_origins
from clang_llm.lab.measure.results import Cell, Column, Table
from clang_llm.lab.packages.build import Built, Project, build
from clang_llm.lab.packages.compare import (
    Comparison,
    ObjectFile,
    Pair,
    compare_objects,
    geometric_mean_saving,
    linked_files,
    object_files,
)
from clang_llm.lab.packages.dependencies import build_dependencies, install
from clang_llm.lab.packages.recipes import MAKE, RECIPES, Recipe, detect_system, recipe_for, usual_test
from clang_llm.lab.packages.rig import Rig
from clang_llm.lab.packages.split import split_of
from clang_llm.lab.packages.workplace import Workplace, run_command, say
from clang_llm.system.errors import PackageError
from clang_llm.system.objects import PARTS, Parts
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import inspect

DEFAULT_WORK = Path("build") / "demo"
# One in C, one in C++; both build in seconds, have tests of their own and need nothing but a compiler, make and cmake.
DEFAULT_PACKAGES = ("lua5.4", "double-conversion")
_SAMPLES = Path(__file__).resolve().parents[3] / "tests" / "projects"
SAMPLES = (
    (Recipe("jot", "C", MAKE, test=("make", "check", "CC={cc}", "CFLAGS={flags}")), _SAMPLES / "jot"),
    (Recipe("route", "C++", MAKE, test=("make", "check", "CXX={cxx}", "CXXFLAGS={flags}")), _SAMPLES / "route"),
)


# Linked programs of which each is shown, the largest.
_PROGRAMS = 4


@dataclass(frozen=True)
class Divided:
    """What all objects, or one linked program, are made of, with clang and with clang-llm."""

    name: str
    plain: Parts
    ours: Parts


@dataclass(frozen=True)
class Shown:
    """One program, built three times."""

    name: str
    plain: Built
    cold: Built
    warm: Built
    found: Comparison
    warm_equal: bool
    warm_searches: int
    origins: Origins
    divided: tuple[Divided, ...]


def show(project: Project, rig: Rig) -> Shown:
    """Build a program with clang, with clang-llm on an empty cache, and again on a full one.

    Raises:
        PackageError: a build failed.
    """
    name = project.recipe.name
    say(f"{name}: building with clang")
    plain = build(project, "plain", rig.plain(), "-Oz", test=True)
    rig.cold()
    log = project.home / "clang-llm.log"
    log.unlink(missing_ok=True)
    say(f"{name}: building with clang-llm, cold")
    cold = build(project, "cold", rig.ours(log=str(log)), "-Oz", test=True)
    searched = rig.counts()["miss"]
    say(f"{name}: building with clang-llm, warm")
    warm = build(project, "warm", rig.ours(), "-Oz")
    say("")
    trees = [object_files(built.tree) for built in (plain, cold, warm)]
    return Shown(
        name,
        plain,
        cold,
        warm,
        compare_objects(trees[0], trees[1]),
        compare_objects(trees[1], trees[2]).identical,
        rig.counts()["miss"] - searched,
        read_origins(log, rig.cache_dir),
        _divided(trees[0], trees[1], plain.tree, cold.tree),
    )


def _divided(
    plain: Mapping[str, ObjectFile], ours: Mapping[str, ObjectFile], plain_tree: Path, our_tree: Path
) -> tuple[Divided, ...]:
    """All objects as one, then the largest programs that both builds linked."""
    both = [name for name in plain if name in ours]
    objects = Divided(
        f"{len(both)} objects",
        sum((plain[name].parts for name in both), Parts()),
        sum((ours[name].parts for name in both), Parts()),
    )
    before, after = linked_files(plain_tree), linked_files(our_tree)
    # What CMake links in its own directory tries the compiler out.
    both_linked = [name for name in before if name in after and "CMakeFiles/" not in name]
    linked = [Divided(name, before[name], after[name]) for name in both_linked]
    return objects, *sorted(linked, key=lambda each: -each.plain.total)[:_PROGRAMS]


def parts_lines(divided: Sequence[Divided]) -> list[str]:
    """A table of what was saved where."""
    text = [f"  {'bytes':<30} {'':<5}" + "".join(f" {name:>10}" for name in (*PARTS, "total"))]
    for each in divided:
        rows = {"-Oz": each.plain, "ours": each.ours, "saved": each.plain - each.ours}
        for label, parts in rows.items():
            name = each.name if label == "-Oz" else ""
            name = name if len(name) <= 30 else "…" + name[-29:]
            numbers = "".join(f" {number:>10,}" for number in (*parts.listed(), parts.total))
            share = f"  {parts.total / each.plain.total:.2%}" if label == "saved" and each.plain.total else ""
            text.append(f"  {name:<30} {label:<5}{numbers}{share}")
    return text


def _row(pair: Pair, origin: str) -> str:
    name = pair.name if len(pair.name) <= 44 else "…" + pair.name[-43:]
    return f"  {name:<44} {pair.plain:>9,} {pair.ours:>9,} {pair.saving:>8.2%}  {origin}"


def lines(shown: Shown) -> list[str]:
    """The report on one program."""
    found = shown.found
    total = Pair("total", found.plain, found.ours, False)
    mean = geometric_mean_saving(found.pairs)
    text = [f"{shown.name}", f"  {'object':<44} {'-Oz':>9} {'ours':>9} {'saved':>8}  where the plan came from"]
    text += [_row(pair, shown.origins.of(pair)) for pair in found.pairs]
    text += [_row(total, f"geometric mean per object {mean:.2%}"), "", *parts_lines(shown.divided), ""]
    # Wall time is compared: a search may use idle processors.
    base = shown.plain.wall_s("build")
    for label, built in (("clang", shown.plain), ("clang-llm, cold", shown.cold), ("clang-llm, warm", shown.warm)):
        cpu_s, wall_s = built.cpu_s("build"), built.wall_s("build")
        text.append(f"  {label:<16} {cpu_s:>7.2f} s CPU {wall_s:>7.2f} s wall   {wall_s / base if base else 1:>5.2f} ×")
    text.append("")
    for label, built in (("clang", shown.plain), ("clang-llm", shown.cold)):
        passed = {None: "none of its own", True: "pass", False: "FAIL"}[built.tests_passed]
        text.append(f"  tests with {label}: {passed}")
    equal = "byte for byte those of the cold one" if shown.warm_equal else "NOT those of the cold one"
    text.append(f"  warm build: objects {equal}, {shown.warm_searches} searches")
    return text


def tables(all_shown: Sequence[Shown]) -> dict[str, Table]:
    """What was shown of each program, for the result file: sizes of ``programs``, their ``kinds``, ``times``."""
    titles = [Column("program"), Column("objects"), Column("-Oz bytes"), Column("ours"), Column("saved", "%", 2)]
    titles += [Column("mean per object", "%", 2), Column("larger"), Column("own tests")]
    sizes: list[list[Cell]] = []
    times: list[list[Cell]] = []
    for shown in all_shown:
        found, base = shown.found, shown.plain.wall_s("build")
        passed = {None: "none", True: "pass", False: "FAIL"}[shown.cold.tests_passed]
        total: list[Cell] = [found.plain, found.ours, Pair("", found.plain, found.ours, False).saving]
        mean = geometric_mean_saving(found.pairs)
        sizes.append([shown.name, len(found.pairs), *total, mean, len(found.larger), passed])
        ratios = [built.wall_s("build") / base if base else None for built in (shown.cold, shown.warm)]
        times.append([shown.name, base, *ratios])
    timed = [Column("program"), Column("clang, s", digits=2), Column("cold", "×", 2), Column("warm", "×", 2)]
    return {"programs": Table(titles, sizes), "kinds": _kinds(all_shown), "times": Table(timed, times)}


def _kinds(all_shown: Sequence[Shown]) -> Table:
    """Bytes saved of code, read-only data, data and unwind tables; of all objects, and of what was linked."""
    columns = [Column("program"), Column("file"), Column("-Oz bytes"), Column("ours"), Column("saved", "%", 2)]
    columns += [Column(f"{name}: -Oz, saved") for name in PARTS]
    rows: list[list[Cell]] = []
    for shown in all_shown:
        for each in shown.divided:
            before, after = each.plain, each.ours
            share = (before.total - after.total) / before.total if before.total else None
            pairs = zip(before.listed(), (before - after).listed(), strict=True)
            rows.append([shown.name, each.name, before.total, after.total, share, *map(tuple, pairs)])
    return Table(columns, rows)


def failures(shown: Shown) -> list[str]:
    """What went wrong, in words."""
    wrong = [f"{pair.name} is larger than with -Oz" for pair in shown.found.larger]
    if not shown.found.pairs:
        wrong.append("no object was compared")
    if not shown.warm_equal:
        wrong.append("the warm build differs from the cold one")
    if shown.plain.tests_passed and not shown.cold.tests_passed:
        wrong.append(f"its tests fail; see {shown.cold.steps[-1].log}")
    return [f"{shown.name}: {text}" for text in wrong]


def _package(name: str, place: Workplace, jobs: int) -> Project:
    """Fetch a package and what it needs; raises ClangLlmError."""
    split_of(name)
    say(f"{name}: fetching the source")
    recipe = recipe_for(name)
    source = place.source(recipe)
    if recipe not in RECIPES:
        say(f"{name}: installing what it needs")
        install(build_dependencies(source.tree, place.environ), place.environ)
        recipe = replace(recipe, test=usual_test(detect_system(source.tree)))
    return Project(recipe, source.tree, place.home(name), jobs)


def _samples(place: Workplace, jobs: int) -> list[Project]:
    for recipe, _ in SAMPLES:
        place.home(recipe.name).mkdir(exist_ok=True)
    return [Project(recipe, source, place.home(recipe.name), jobs) for recipe, source in SAMPLES]


def _projects(names: Sequence[str], place: Workplace, jobs: int) -> list[Project]:
    """The programs to show: those asked for, else the default packages, else the samples."""
    if names:
        return [_package(name, place, jobs) for name in names]
    try:
        return [_package(name, place, jobs) for name in DEFAULT_PACKAGES]
    except PackageError as error:
        say("")
        sys.stdout.write(f"No package sources here ({error}); building the sample programs of the checkout instead.\n")
    return _samples(place, jobs)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the demo."""
    parser.add_argument(
        "packages", nargs="*", metavar="PACKAGE", help="Debian source packages (default: two small ones)"
    )
    parser.add_argument(
        "--samples", action="store_true", help="build the sample programs of the checkout, fetch nothing"
    )
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="directory for sources and builds")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--jobs", type=int, default=2, help="make jobs (default: 2)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Show the programs; returns 0 when nothing is larger, tests pass and the warm build equals the cold one.

    Raises:
        ClangLlmError: no clang, no working plugin, or a package that cannot be built.
    """
    place = Workplace.at(arguments.work, arguments.clang, environ)
    say("building the plugin (half a minute, once)")
    place.rig.warm_up()
    if arguments.samples:
        projects = _samples(place, arguments.jobs)
    else:
        projects = _projects(arguments.packages, place, arguments.jobs)
    wrong: list[str] = []
    all_shown: list[Shown] = []
    for project in projects:
        shown = show(project, place.rig)
        all_shown.append(shown)
        sys.stdout.write("\n".join(lines(shown)) + "\n\n")
        sys.stdout.flush()
        wrong += failures(shown)
    measured = f"{len(all_shown)} programs, default effort"
    version = inspect(place.rig.clang).version
    results.keep(arguments, results.ResultFile(arguments.command, measured, version, tables(all_shown)), environ)
    sys.stderr.write("".join(f"{text}\n" for text in wrong))
    return 1 if wrong else 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.demo``."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    add_arguments(parser)
    results.add_argument(parser, "clang_llm.lab.measure.demo", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
