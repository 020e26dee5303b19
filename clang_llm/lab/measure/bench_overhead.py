"""What a command with nothing to gain costs more through the wrapper, measured by hyperfine."""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import ProcessError

# The two commands take turns in batches this long, so that what else happens on the machine meets both.
RUNS_A_ROUND = 10

_SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) { return argc > 1 ? (int)strlen(argv[1]) : printf("%d\\n", abs(argc)); }
"""


@dataclass(frozen=True)
class Overhead:
    """One command, run by clang and by clang-llm.

    Attributes:
        name: What the command is.
        clang_ms: Mean wall-clock milliseconds with clang.
        ours_ms: The same with clang-llm.
        median_difference_ms: Difference of the medians, which a few disturbed runs do not move.
        runs: Runs of each.
    """

    name: str
    clang_ms: float
    ours_ms: float
    median_difference_ms: float
    runs: int

    @property
    def difference_ms(self) -> float:
        """Difference of the means."""
        return self.ours_ms - self.clang_ms


def measure(clang: Path, ours: Path, environ: Mapping[str, str], place: Path, rounds: int) -> list[Overhead]:
    """Measure ``--version``, ``-O2 -c``, a link and ``-E``.

    Args:
        clang: The real clang.
        ours: The wrapper.
        environ: The environment of both, with a cache directory that has the plugin.
        place: A directory for files.
        rounds: Turns of `RUNS_A_ROUND` runs each.

    Raises:
        ProcessError: hyperfine is missing, or one of the commands fails.
    """
    if shutil.which("hyperfine") is None:
        raise ProcessError("hyperfine is missing; install it (sudo apt-get install hyperfine)")
    source, objects = place / "main.c", place / "main.o"
    source.write_text(_SOURCE, encoding="ascii")
    made = process.run([clang, "-O2", "-c", source, "-o", objects], env=environ)
    if not made.ok:
        raise ProcessError(f"{clang} cannot compile a small program; mend that first (clang-llm-tool doctor)")
    commands: dict[str, Sequence[str | Path]] = {
        "`--version`": ["--version"],
        "`-O2 -c`": ["-O2", "-c", source, "-o", place / "out.o"],
        "link": [objects, "-o", place / "out"],
        "`-E`": ["-E", source, "-o", place / "out.i"],
    }
    return [
        _compare(name, [(clang, *words), (ours, *words)], environ, place, rounds) for name, words in commands.items()
    ]


def _compare(
    name: str, commands: Sequence[Sequence[str | Path]], environ: Mapping[str, str], place: Path, rounds: int
) -> Overhead:
    times: list[list[float]] = [[], []]
    lines = [shlex.join(map(str, command)) for command in commands]
    for turn in range(rounds):
        order = [0, 1] if turn % 2 == 0 else [1, 0]
        for index, measured in zip(order, _hyperfine([lines[i] for i in order], environ, place), strict=True):
            times[index] += measured
    means = [1000 * statistics.fmean(each) for each in times]
    medians = [1000 * statistics.median(each) for each in times]
    return Overhead(name, means[0], means[1], medians[1] - medians[0], len(times[0]))


def _hyperfine(lines: Sequence[str], environ: Mapping[str, str], place: Path) -> list[list[float]]:
    """Return the seconds of each run of each command."""
    report = place / "hyperfine.json"
    options = ["-N", "--style", "none", "--warmup", "2", "--runs", str(RUNS_A_ROUND), "--export-json", str(report)]
    done = process.run(["hyperfine", *options, *lines], env=environ)
    if not done.ok:
        raise ProcessError(f"hyperfine failed: {done.stderr.decode(errors='replace').strip()}")
    return [result["times"] for result in json.loads(report.read_text(encoding="utf-8"))["results"]]
