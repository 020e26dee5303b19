"""How long a cold build takes by effort, with and without the model: wall time beside plain clang, by turns.

``python -m clang_llm.lab.measure.bench_efforts [PACKAGE]``. Wall time, not CPU time: the model's server is no child of
the build. Every build has two jobs; a first round, not counted, starts the server and warms the file caches.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from clang_llm.lab.measure import results
from clang_llm.lab.measure.results import Column, ResultFile, Table
from clang_llm.lab.packages.build import Compilers, Project, build
from clang_llm.lab.packages.recipes import recipe_for
from clang_llm.lab.packages.rig import Rig
from clang_llm.lab.packages.workplace import Workplace, run_command, say
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import inspect

DEFAULT_WORK = Path("build") / "bench-efforts"
EFFORTS = (1, 2, 4, 7, 9)
BACKENDS = ("coreset", "model")

#: Seconds of every counted build; of plain clang under `_PLAIN`.
Times = Mapping[tuple[str, int], Sequence[float]]
_PLAIN = ("clang", 0)


def measure(project: Project, rig: Rig, efforts: Sequence[int], backends: Sequence[str], repeats: int) -> Times:
    """Build a program in every way, ``repeats`` times and one more.

    Raises:
        PackageError: A build fails.
        DataError: The model did not answer: its column would be the coreset's.
    """
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    for number in range(repeats + 1):
        for way in [_PLAIN, *((backend, effort) for effort in efforts for backend in backends)]:
            say(f"round {number}: {way[0]} {way[1]}")
            seconds = _build(project, rig, *way)
            if number:
                times[way].append(seconds)
    say("")
    return times


def _build(project: Project, rig: Rig, backend: str, effort: int) -> float:
    plain = (backend, effort) == _PLAIN
    rig.cold()
    # Everything is waited for: what a busy machine cuts would make the build look faster.
    ours: Compilers = rig.ours(backend=backend, effort=str(effort), infer="wait")
    seconds = build(project, "timed", rig.plain() if plain else ours, "-Oz").wall_s("build")
    counts = rig.counts()
    if backend == "model" and not counts["model:answered"]:
        raise DataError(f"the model did not answer ({dict(counts)}); see clang-llm-tool doctor")
    return seconds


def report(times: Times) -> Table:
    """Return the table: medians, as multiples of plain clang's."""
    plain = statistics.median(times[_PLAIN])
    backends = list(dict.fromkeys(backend for backend, _ in times if backend != _PLAIN[0]))
    efforts = sorted({effort for backend, effort in times if backend != _PLAIN[0]})
    rows = [
        [effort, *(statistics.median(times[backend, effort]) / plain for backend in backends)] for effort in efforts
    ]
    return Table([Column("effort"), *(Column(backend, "×", 1) for backend in backends)], rows)


def told(times: Times) -> str:
    """Say what plain clang took, and how much there was to measure."""
    plain = statistics.median(times[_PLAIN])
    spread = (max(times[_PLAIN]) - min(times[_PLAIN])) / plain
    builds = f"{len(times[_PLAIN])} builds in each way"
    return f"wall time with two jobs beside clang's {plain:.2f} s (spread {spread:.0%}), {builds}"


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and print the table."""
    place = Workplace.at(arguments.work, arguments.clang, environ)
    recipe = recipe_for(arguments.package)
    project = Project(recipe, place.source(recipe).tree, place.home(recipe.name))
    project.home.mkdir(exist_ok=True)
    place.rig.warm_up()
    times = measure(project, place.rig, arguments.efforts, arguments.backends, arguments.repeats)
    version = inspect(place.rig.clang).version
    found = ResultFile(arguments.command, f"{recipe.name}, {told(times)}", version, {"efforts": report(times)})
    results.tell(arguments, found, environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.bench_efforts``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.measure.bench_efforts", description=__doc__)
    parser.add_argument("package", nargs="?", default="lua5.4", help="Debian source package (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="directory for builds (default: %(default)s)")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--efforts", type=int, nargs="+", default=EFFORTS, help="(default: %(default)s)")
    parser.add_argument("--backends", nargs="+", default=BACKENDS, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="counted builds in each way (default: %(default)s)")
    results.add_argument(parser, "clang_llm.lab.measure.bench_efforts", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
