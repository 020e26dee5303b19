"""How many random pass lists PassListEval rejects, by level of the vocabulary (the published share is 9.85 %).

``python -m clang_llm.lab.shipping.rejections``. Lists of 1 to 50 passes drawn from the whole of a level, applied by
``opt``, since the plugin takes only what may be shipped.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from clang_llm.lab.packages.workplace import markdown, run_command
from clang_llm.plans.vocabulary import Level
from clang_llm.system.settings import Settings, process_environment
from clang_llm.toolchain.compiler import find_clang, inspect
from clang_llm.tuning.acceptance import programs_at
from clang_llm.tuning.space import Space, pipeline_of
from clang_llm.tuning.validate import Options, clean_environment, validate

DEFAULT_WORK = Path("build") / "rejections"
#: Passes of a list, at most, as in the paper.
LONGEST = 50
_PUBLISHED = "9.85 %"


def random_lists(major: int, level: Level, count: int, seed: int) -> list[str]:
    """Draw lists of 1 to 50 passes of a level."""
    rng, space = random.Random(seed), Space(major, level)
    return [pipeline_of(space.module.sequence(rng, rng.randint(1, LONGEST))) for _ in range(count)]


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Try the lists of each level and print the shares."""
    compiler = inspect(find_clang(arguments.clang or Settings.load(environ).clang, environ))
    programs = programs_at(arguments.programs)
    options = Options(arguments.work.absolute(), "opt", arguments.jobs)
    rows = []
    for level in Level:
        lists = random_lists(compiler.major, level, arguments.lists, arguments.seed)
        outcome = validate(lists, compiler, programs, options, clean_environment(environ))
        bad = [verdict for verdict in outcome.verdicts if not verdict.accepted]
        kinds = Counter(verdict.reason.split(":")[0].split("(")[0].strip() for verdict in bad)
        rows.append(
            [
                level.name.lower(),
                f"{len(bad)} of {len(outcome.verdicts)}",
                f"{100 * len(bad) / len(outcome.verdicts):.1f} %",
                ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "none",
            ]
        )
    rows.append(["the paper's 167 arguments", "167,971 of 1,704,443", _PUBLISHED, "published"])
    sys.stdout.write(markdown(["level", "rejected", "share", "why"], "<>><", rows))
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.shipping.rejections``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.shipping.rejections", description=__doc__)
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="verdicts are kept here (%(default)s)")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--lists", type=int, default=100, help="lists of each level (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="batches at once (default: 2)")
    parser.add_argument("--programs", type=Path, help="HumanEval-X file (default: the one beside the checkout)")
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
