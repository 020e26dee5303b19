"""``python -m clang_llm.lab.measure.links``: whole programs linked with LTO, by clang and by clang-llm (docs/lto.md).

Each program is built four ways: clang without and with LTO, clang-llm without and with LTO. Every link drops sections
that nobody refers to and is stripped, so what is compared is what a user ships.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table, add_argument, tell
from clang_llm.lab.packages.build import Compilers
from clang_llm.lab.packages.sources import Apt, fetch
from clang_llm.lab.packages.workplace import Workplace, add_common_arguments, run_command, say
from clang_llm.system import process
from clang_llm.system.errors import DataError
from clang_llm.system.objects import Parts, parts_of
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import inspect

#: Seconds for one compile or link; a search of a large module takes a minute.
LIMIT_S = 1800.0


@dataclass(frozen=True)
class Program:
    """A program of a Debian source package that is a handful of C files and no configure script.

    Attributes:
        sources: Patterns of its files.
        without: Names of files that are other programs.
        options: What each compile needs.
        link: What the link needs.
    """

    sources: tuple[str, ...]
    without: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    link: tuple[str, ...] = ()


PROGRAMS = {
    "lua5.4": Program(
        ("src/*.c",),
        ("luac.c",),
        ("-std=gnu99", "-DLUA_COMPAT_5_3", "-DLUA_USE_LINUX"),
        ("-Wl,-E", "-lm", "-ldl"),
    ),
    "bzip2": Program(("[b-h]*.c", "randtable.c"), ("bzip2recover.c", "dlltest.c"), ("-D_FILE_OFFSET_BITS=64",)),
    "mujs": Program(("js*.c", "regexp.c", "utf.c", "main.c"), (), (), ("-lm",)),
    "zopfli": Program(("src/zopfli/*.c",), (), (), ("-lm",)),
    "cjson": Program(("cJSON.c", "cJSON_Utils.c", "test.c"), (), (), ("-lm",)),
}
#: Options of every build; the second set is what people use who count bytes.
VARIANTS = {"yes": (), "no": ("-fno-asynchronous-unwind-tables",)}
COLUMNS = (
    *(Column("program"), Column("unwind tables")),
    *(Column("clang"), Column("clang-llm"), Column("clang, LTO"), Column("clang-llm, LTO")),
    *(Column("saved over clang's LTO", "%", 2), Column("of code", "%", 2), Column("warm link", "×", 2)),
)
_SECTIONS = ("-ffunction-sections", "-fdata-sections")
_LTO = ("-flto", "-fuse-ld=lld")


@dataclass(frozen=True)
class Built:
    """A linked file, and the processor seconds of its last link."""

    parts: Parts
    seconds: float


def build(program: Program, tree: Path, place: Path, compilers: Compilers, options: Sequence[str], lto: bool) -> Built:
    """Compile and link; linked once more, so that a plan is there.

    Raises:
        DataError: The program does not build.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    common = ("-Oz", *options, *(_LTO if lto else _SECTIONS))
    objects = []
    for source in _files(program, tree):
        objects.append(place / f"{source.stem}.o")
        compiled = (*common, *program.options, "-w", "-c", str(source), "-o", str(objects[-1]))
        _run([compilers.cc, *compiled], compilers)
    output = place / "linked"
    words = [*common, *map(str, objects), "-o", str(output), "-fuse-ld=lld", "-Wl,--gc-sections", "-s", *program.link]
    done = [_run([compilers.cc, *words], compilers) for _ in range(2)]
    return Built(parts_of(output.read_bytes()), done[-1].cpu_s)


def _files(program: Program, tree: Path) -> Iterator[Path]:
    found = {path for pattern in program.sources for path in tree.glob(pattern) if path.name not in program.without}
    if not found:
        raise DataError(f"{tree} has none of {', '.join(program.sources)}; is it the right package?")
    return iter(sorted(found))


def _run(argv: Sequence[str], compilers: Compilers) -> process.Completed:
    done = process.run(argv, env=compilers.environ, timeout_s=LIMIT_S)
    if not done.ok or done.stderr:
        raise DataError(f"{argv[0]} fails: {done.stderr.decode(errors='replace')[:300]}")
    return done


def relink(place: Path, program: Program, compilers: Compilers, options: Sequence[str]) -> float:
    """Link once more what `build` left with LTO; returns processor seconds."""
    objects = map(str, sorted(place.glob("*.o")))
    words = ["-Oz", *options, *_LTO, *objects, "-o", str(place / "again"), "-Wl,--gc-sections", "-s", *program.link]
    return _run([compilers.cc, *words], compilers).cpu_s


def measure(name: str, place: Workplace, effort: str, rounds: int) -> Iterator[list[Cell]]:
    """Yield a row for each variant of one program."""
    apt = Apt(place.root / "apt", place.environ)
    tree = fetch(apt, name, place.root, place.environ, patches=False).tree
    program = PROGRAMS[name]
    for variant, options in VARIANTS.items():
        plain, ours = place.rig.plain(), place.rig.ours(effort=effort, lto="1")
        built = []
        for lto in (False, True):
            for compilers in (plain, ours):
                say(f"{name}, unwind tables: {variant}{', LTO' * lto}")
                home = place.home(name) / f"{'ours' if compilers is ours else 'plain'}{'-lto' * lto}"
                built.append(build(program, tree, home, compilers, options, lto))
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(rounds):
            for mine in (False, True):
                home = place.home(name) / ("ours-lto" if mine else "plain-lto")
                times[mine].append(relink(home, program, ours if mine else plain, options))
        yield row_of(name, variant, built, statistics.median(times[True]) / statistics.median(times[False]))


def row_of(name: str, variant: str, built: Sequence[Built], ratio: float) -> list[Cell]:
    """Return the row of `COLUMNS` for four builds, in their order there."""
    lto, mine = built[2].parts, built[3].parts
    sizes: list[Cell] = [each.parts.total for each in built]
    return [name, variant, *sizes, 1 - mine.total / lto.total, 1 - mine.code / lto.code, ratio]


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and report; returns 1 when a file of ours is larger than clang's LTO."""
    place = Workplace.at(arguments.work, arguments.clang, environ)
    place.rig.warm_up()
    wanted = arguments.programs or list(PROGRAMS)
    if unknown := [name for name in wanted if name not in PROGRAMS]:
        raise DataError(f"there is no program {unknown[0]}; choose among {', '.join(PROGRAMS)}")
    rows = [row for name in wanted for row in measure(name, place, arguments.effort, arguments.rounds)]
    say("")
    text = f"{len(wanted)} programs, each with and without unwind tables, linked with --gc-sections and stripped"
    tables = {"programs": Table(COLUMNS, rows)}
    version = inspect(place.rig.clang).version
    tell(arguments, ResultFile(arguments.command, text, version, tables, modules=len(wanted)), environ)
    return int(any(float(str(row[6])) < 0 for row in rows))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.measure.links", description="links with LTO")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"some of {', '.join(PROGRAMS)}")
    parser.add_argument("--effort", default="4", help="effort of clang-llm (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="warm links that are timed (default: %(default)s)")
    add_common_arguments(parser)
    add_argument(parser, "clang_llm.lab.measure.links", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
