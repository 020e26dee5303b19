"""``make savings``: bytes saved over -Oz at each effort, on packages of the validation split.

``python -m clang_llm.lab.measure.savings``. A package is built with clang, and at each effort on an empty cache.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clang_llm.lab.measure import results
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.build import Project, build
from clang_llm.lab.packages.compare import Pair, compare_objects, geometric_mean_saving, object_files
from clang_llm.lab.packages.recipes import recipe_for
from clang_llm.lab.packages.split import Split, require
from clang_llm.lab.packages.workplace import Workplace, add_common_arguments, run_command, say
from clang_llm.system.errors import ClangLlmError, DataError
from clang_llm.system.settings import DEFAULT_EFFORT, EFFORT_TABLE, process_environment
from clang_llm.toolchain.compiler import inspect

# All of the validation split: lists and defaults are chosen by what they do here, so none may be of the test split.
DEFAULT_PACKAGES = ("libogg", "mawk", "giflib", "dash", "snappy", "hunspell", "brotli", "leveldb")
DEFAULT_EFFORTS = "1,2,3,4,5,6,7,8,9"


@dataclass(frozen=True)
class Measured:
    """One package.

    Attributes:
        plain: Object → bytes with clang -Oz.
        ours: Effort → object → bytes.
    """

    package: str
    plain: dict[str, int]
    ours: dict[str, dict[str, int]]

    def pairs(self, effort: int) -> list[Pair]:
        """Every object with its size at -Oz and at this effort."""
        ours = self.ours[str(effort)]
        return [Pair(f"{self.package}/{name}", size, ours[name], False) for name, size in self.plain.items()]


def measure(name: str, efforts: Sequence[int], place: Workplace, arguments: argparse.Namespace) -> Measured:
    """Measure one package, or take up what an earlier run measured.

    Raises:
        ClangLlmError: the package cannot be built, or is not of the validation split.
    """
    require(name, Split.VALIDATION)
    kept = None if arguments.fresh else place.load("savings", name)
    if kept is not None and set(map(str, efforts)) <= set(kept["ours"]):
        return Measured(**kept)
    recipe = recipe_for(name)
    project = Project(recipe, place.source(recipe).tree, place.home(name), arguments.jobs)
    say(f"{name}: -Oz")
    plain = object_files(build(project, "savings-plain", place.rig.plain(), "-Oz").tree)
    ours: dict[str, dict[str, int]] = {}
    for effort in efforts:
        say(f"{name}: effort {effort}")
        place.rig.cold()
        built = object_files(build(project, "savings", place.rig.ours(effort=str(effort)), "-Oz").tree)
        ours[str(effort)] = {pair.name: pair.ours for pair in compare_objects(plain, built).pairs}
    measured = Measured(name, {each: plain[each].size for each in ours[str(efforts[0])]}, ours)
    place.keep("savings", name, {"package": name, "plain": measured.plain, "ours": ours})
    return measured


def table(measured: Sequence[Measured], efforts: Sequence[int]) -> Table:
    """Effort by effort: geometric mean over all objects, total over all bytes."""
    columns = [Column("effort"), Column("candidates"), Column("saved, geometric mean per object", "%", 2)]
    columns += [Column("saved, total", "%", 2), Column("objects made smaller")]
    rows: list[list[Cell]] = []
    for effort in efforts:
        pairs = [pair for package in measured for pair in package.pairs(effort)]
        plain, ours = sum(pair.plain for pair in pairs), sum(pair.ours for pair in pairs)
        smaller = sum(pair.ours < pair.plain for pair in pairs)
        label = f"{effort} (default)" if effort == DEFAULT_EFFORT else str(effort)
        cells: list[Cell] = [geometric_mean_saving(pairs), 1 - ours / plain, f"{smaller} of {len(pairs)}"]
        rows.append([label, EFFORT_TABLE[effort], *cells])
    return Table(columns, rows)


def package_table(measured: Sequence[Measured], efforts: Sequence[int]) -> Table:
    """Package by package: geometric mean and total saving at each effort."""
    columns = [Column("package"), Column("objects"), Column("-Oz bytes")]
    columns += [Column(f"effort {effort}", "%", 2) for effort in efforts]
    rows: list[list[Cell]] = []
    for package in measured:
        total = sum(package.plain.values())
        cells: list[Cell] = []
        for effort in efforts:
            pairs = package.pairs(effort)
            cells.append([geometric_mean_saving(pairs), 1 - sum(pair.ours for pair in pairs) / total])
        rows.append([package.package, len(package.plain), total, *cells])
    return Table(columns, rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``savings``."""
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="packages of the validation split")
    parser.add_argument("--efforts", default=DEFAULT_EFFORTS, help="efforts to measure (default: %(default)s)")
    add_common_arguments(parser)


def _efforts(text: str) -> list[int]:
    """Parse ``--efforts``; raises DataError."""
    words = text.split(",")
    if not all(word.isdigit() and 0 < int(word) < len(EFFORT_TABLE) for word in words):
        raise DataError(f"'{text}' is no list of efforts; write numbers from 1 to {len(EFFORT_TABLE) - 1} with commas")
    return sorted({int(word) for word in words})


def _measure_all(
    arguments: argparse.Namespace, place: Workplace, efforts: Sequence[int]
) -> tuple[list[Measured], list[str]]:
    """Measure every package; returns what was measured, and what went wrong in words."""
    measured: list[Measured] = []
    wrong: list[str] = []
    for name in arguments.packages or DEFAULT_PACKAGES:
        try:
            measured.append(measure(name, efforts, place, arguments))
        except ClangLlmError as error:
            wrong.append(f"{name}: {error}")
        finally:
            say("")
    for package in measured:
        for effort in efforts:
            larger = [pair for pair in package.pairs(effort) if pair.ours > pair.plain]
            wrong += [f"{pair.name} is larger than with -Oz: {pair.plain} -> {pair.ours}" for pair in larger]
    return measured, wrong


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and report; returns 0 when every package could be built and no object is larger than -Oz's.

    Raises:
        ClangLlmError: there is no clang, or the plugin does not work.
    """
    efforts = _efforts(arguments.efforts)
    place = Workplace.at(arguments.work, arguments.clang, environ)
    say("building the plugin")
    place.rig.warm_up()
    measured, wrong = _measure_all(arguments, place, efforts)
    if measured:
        tables = {"efforts": table(measured, efforts), "packages": package_table(measured, efforts)}
        objects = sum(len(package.plain) for package in measured)
        names = ", ".join(package.package for package in measured)
        version = inspect(place.rig.clang).version
        text = f"{objects} objects of {names}; each object / all bytes together"
        found = ResultFile(arguments.command, text, version, tables, modules=objects)
        results.tell(arguments, found, environ)
    sys.stderr.write("".join(f"{text}\n" for text in wrong))
    return 1 if wrong else 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.savings``."""
    parser = argparse.ArgumentParser(prog="make savings", description=__doc__)
    add_arguments(parser)
    results.add_argument(parser, "clang_llm.lab.measure.savings", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
