"""``make bench``: what clang-llm costs beside clang, both measured in one run, by turns.

Four questions. What does a command with nothing to gain cost more (hyperfine)? What CPU time does a warm build take? A
cold one? What does a candidate cost, beside ``opt`` and ``clang -c`` on the same list and module? Only differences and
ratios of one run mean anything; the times are those of this machine on that day.

``python -m clang_llm.lab.measure.bench [PACKAGE...]`` writes ``bench.md``, and the result for `numbers`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm import __version__
from clang_llm.lab.measure import bench_builds, bench_candidates, bench_overhead, results
from clang_llm.lab.measure.demo import SAMPLES
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.lab.packages.build import Project, build
from clang_llm.lab.packages.recipes import recipe_for
from clang_llm.lab.packages.workplace import Workplace, say
from clang_llm.plans.coreset import read_coreset
from clang_llm.system import settings
from clang_llm.system.errors import ClangLlmError, PackageError
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler, inspect

# A C and a C++ program that build in seconds without more packages; any other can be named.
DEFAULT_PACKAGES = ("lua5.4", "double-conversion")
DEFAULT_WORK = Path("build") / "bench"

# What must not be exceeded (issue "the drop-in compiler"): milliseconds, and ratios of CPU time.
MOST_OVERHEAD_MS = 3.0
MOST_WARM = 1.03
MOST_COLD = 6.0
MOST_CANDIDATE = 0.35

# Lists that are measured as candidates, and modules of each program they are measured on: enough that no odd pair
# decides, few enough to take about a minute.
_LISTS = 9
_MODULES = 8

# One job: with more, which processes meet on a core decides how much CPU time caches and clock rates cost.
_JOBS = 1


@dataclass(frozen=True)
class Bench:
    """All results of one run."""

    version: str
    clang: str
    effort: int
    overhead: tuple[bench_overhead.Overhead, ...]
    builds: tuple[bench_builds.Builds, ...]
    candidates: bench_candidates.Candidates

    @property
    def overhead_ms(self) -> float:
        """The worst difference of means."""
        return max(each.difference_ms for each in self.overhead)

    @property
    def warm(self) -> float:
        """CPU time of all warm builds beside that of all plain ones."""
        return sum(each.warm for each in self.builds) / sum(each.plain for each in self.builds)

    @property
    def cold(self) -> float:
        """The same for cold builds."""
        return sum(each.cold for each in self.builds) / sum(each.plain for each in self.builds)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``bench``."""
    parser.add_argument(
        "packages", nargs="*", metavar="PACKAGE", help=f"Debian source packages (default: {' '.join(DEFAULT_PACKAGES)})"
    )
    parser.add_argument(
        "--samples", action="store_true", help="build the sample programs of the checkout, fetch nothing"
    )
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="directory for builds (default: %(default)s)")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--repeats", type=int, default=5, help="counted builds in each way (default: 5)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of ten runs of each short command (default: 10)")
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_WORK, help="directory of the report (default: %(default)s)"
    )


def _programs(arguments: argparse.Namespace, place: Workplace) -> list[Project]:
    """Return the programs to build: those asked for, else two packages, else the samples of the checkout."""
    projects = []
    try:
        for name in arguments.packages or ([] if arguments.samples else DEFAULT_PACKAGES):
            say(f"fetching {name}")
            recipe = recipe_for(name)
            projects.append(Project(recipe, place.source(recipe).tree, place.home(name), _JOBS))
    except PackageError:
        if arguments.packages:
            raise
        projects = []
    if not projects:
        projects = [Project(recipe, source, place.home(recipe.name), _JOBS) for recipe, source in SAMPLES]
    for project in projects:
        project.home.mkdir(exist_ok=True)
    return projects


def _candidates(compiler: Compiler, place: Workplace, projects: Sequence[Project]) -> bench_candidates.Candidates:
    """Measure the first vetted lists on modules of every program."""
    modules: list[Path] = []
    for project in projects:
        recorded = place.root / "modules" / project.recipe.name
        shutil.rmtree(recorded, ignore_errors=True)
        recorded.mkdir(parents=True)
        compilers = bench_candidates.recorders(place.rig.plain(), recorded)
        build(project, "recorded", compilers, "-Oz")
        modules += bench_candidates.recorded_modules(recorded, _MODULES)
    stub = toolchain.build_plugin(compiler, place.rig.cache_dir).stub
    recipes = [each for each in read_coreset(compiler.major).lists if each.staged][:_LISTS]
    words = [("-Oz", "-w", "-c", "-x", "ir", str(module)) for module in modules]
    trials = place.root / "candidates"
    trials.mkdir(exist_ok=True)
    return bench_candidates.measure(compiler, stub, words, recipes, place.rig.plain().environ, trials)


def measure(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Bench:
    """Run everything.

    Raises:
        ClangLlmError: Something that is needed is missing, or a build fails.
    """
    place = Workplace.at(arguments.work, arguments.clang, environ)
    compiler = inspect(place.rig.clang)
    projects = _programs(arguments, place)
    say("building the plugin")
    place.rig.warm_up()
    # CPU time is of the build's processes, and the server of a model is none of them: see `bench_efforts`.
    ours, plain = place.rig.ours(backend="coreset"), place.rig.plain()
    say("short commands")
    trials = place.root / "commands"
    trials.mkdir(exist_ok=True)
    overhead = bench_overhead.measure(place.rig.clang, Path(ours.cc), ours.environ, trials, arguments.rounds)
    builds = []
    for project in projects:
        say(f"building {project.recipe.name}")
        builds.append(bench_builds.measure(project, plain, ours, arguments.repeats))
    say("candidates")
    candidates = _candidates(compiler, place, projects)
    say("")
    effort = settings.Settings.load(ours.environ).effort
    return Bench(__version__, compiler.version, effort, tuple(overhead), tuple(builds), candidates)


def tables(bench: Bench) -> dict[str, Table]:
    """Return the results as tables."""
    tried = bench.candidates
    return {
        "overhead": _overhead(bench),
        "builds": _builds(bench),
        "candidates": Table(
            [Column("modules"), Column("lists"), Column("one candidate beside one `opt` + `clang -c`", "×", 3)],
            [[tried.modules, tried.lists, tried.ratio]],
        ),
        "promises": _promises(bench),
    }


def _overhead(bench: Bench) -> Table:
    columns = [Column("command"), Column("clang, ms", digits=1), Column("clang-llm, ms", digits=1)]
    columns += [Column("difference of means", "±", 1), Column("of medians", "±", 1), Column("runs")]
    rows: list[list[Cell]] = [
        [each.name, each.clang_ms, each.ours_ms, each.difference_ms, each.median_difference_ms, each.runs]
        for each in bench.overhead
    ]
    return Table(columns, rows)


def _builds(bench: Bench) -> Table:
    columns = [Column("program"), Column("clang, CPU s", digits=2), Column("warm", "×", 3), Column("cold", "×", 2)]
    columns += [Column("spread", "%", 1), Column("builds")]
    rows: list[list[Cell]] = [
        [each.name, each.plain, each.warm / each.plain, each.cold / each.plain, each.spread, len(each.plain_s)]
        for each in bench.builds
    ]
    return Table(columns, [*rows, ["all", None, bench.warm, bench.cold, None, None]])


def _promises(bench: Bench) -> Table:
    promises = [
        ("short command", bench.overhead_ms, MOST_OVERHEAD_MS, "+.1f", " ms"),
        ("warm build", bench.warm, MOST_WARM, ".3f", " ×"),
        ("cold build", bench.cold, MOST_COLD, ".2f", " ×"),
        ("candidate", bench.candidates.ratio, MOST_CANDIDATE, ".3f", " ×"),
    ]
    rows = [
        [what, f"{got:{form}}{unit}", f"{most:g}{unit}", "held" if got <= most else "NOT HELD"]
        for what, got, most, form, unit in promises
    ]
    return Table([Column("what"), Column("measured"), Column("at most"), Column("held")], rows)


def render(bench: Bench) -> str:
    """Return the report as Markdown."""
    headings = {
        "overhead": "A command with nothing to gain",
        "builds": "An -Oz build (CPU time, make and linker included; medians)",
        "candidates": "One candidate beside one `opt` + `clang -c` (CPU time)",
        "promises": "Promises",
    }
    head = f"# clang-llm {bench.version} beside clang {bench.clang}, effort {bench.effort}\n"
    return "\n".join([head, *(f"## {headings[name]}\n\n{table.markdown()}" for name, table in tables(bench).items())])


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and report."""
    bench = measure(arguments, environ)
    text = render(bench)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "bench.md").write_text(text, encoding="utf-8")
    print(text)
    measured = f"effort {bench.effort} without the model, everything side by side in one run"
    results.keep(arguments, ResultFile(arguments.command, measured, bench.clang, tables(bench)), environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.bench``."""
    parser = argparse.ArgumentParser(prog="clang_llm.lab.measure.bench", description=__doc__)
    add_arguments(parser)
    results.add_argument(parser, "clang_llm.lab.measure.bench", argv)
    try:
        return run(parser.parse_args(argv), environ)
    except ClangLlmError as error:
        print(f"clang-llm: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], settings.process_environment()))
