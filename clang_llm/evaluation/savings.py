"""``make savings``: bytes saved over -Oz at each effort, on packages of the validation split.

``python -m clang_llm.evaluation.savings``. A package is built once with clang and once at each effort; results are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clang_llm.errors import ClangLlmError
from clang_llm.evaluation.build import Project, build
from clang_llm.evaluation.compare import Pair, geometric_mean_saving, object_files
from clang_llm.evaluation.recipes import recipe_for
from clang_llm.evaluation.split import Split, require
from clang_llm.evaluation.workplace import Workplace, add_common_arguments, markdown, say
from clang_llm.settings import DEFAULT_EFFORT, EFFORT_TABLE, process_environment

# All of the validation split: lists and defaults are chosen by what they do here, so none may be of the test split.
DEFAULT_PACKAGES = ("dash", "giflib", "hunspell", "leveldb", "libb2", "libogg", "mawk", "patch", "snappy")


@dataclass(frozen=True)
class Measured:
    """One package, measured with clang (key ``plain``) and at each effort (its number).

    Attributes:
        sizes: Key → object → bytes.
        cpu_s: Key → CPU seconds of configure and build.
    """

    package: str
    sizes: dict[str, dict[str, int]]
    cpu_s: dict[str, float]

    def pairs(self, effort: int) -> list[Pair]:
        """Every object with its size at -Oz and at this effort."""
        ours = self.sizes[str(effort)]
        return [Pair(f"{self.package}/{name}", size, ours[name], False) for name, size in self.sizes["plain"].items()]


def _build(project: Project, place: Workplace, key: str) -> tuple[dict[str, int], float]:
    """Build one variant; returns the sizes of its objects and the CPU seconds."""
    compilers = place.rig.plain() if key == "plain" else place.rig.ours(effort=key)
    built = build(project, f"savings-{key}", compilers, "-Oz")
    sizes = {name: file.size for name, file in object_files(built.tree).items()}
    return sizes, built.cpu_s("configure", "build")


def measure(name: str, efforts: Sequence[int], place: Workplace, arguments: argparse.Namespace) -> Measured:
    """Measure one package, or take up what an earlier run measured.

    Raises:
        ClangLlmError: the package cannot be built, or is not of the validation split.
    """
    require(name, Split.VALIDATION)
    recipe = recipe_for(name)
    kept: dict[str, Any] = {} if arguments.fresh else place.load("savings", name) or {}
    sizes: dict[str, dict[str, int]] = kept.get("sizes", {})
    cpu_s: dict[str, float] = kept.get("cpu_s", {})
    for key in ("plain", *map(str, efforts)):
        if key in sizes:
            continue
        say(f"{name}: {'-Oz' if key == 'plain' else 'effort ' + key}")
        place.rig.cold()
        project = Project(recipe, place.source(recipe).tree, place.home(name), arguments.jobs)
        sizes[key], cpu_s[key] = _build(project, place, key)
        place.keep("savings", name, {"package": name, "sizes": sizes, "cpu_s": cpu_s})
    return Measured(name, sizes, cpu_s)


def table(measured: Sequence[Measured], efforts: Sequence[int]) -> str:
    """Effort by effort: geometric mean over all objects, total over all bytes, and the cost of a cold build."""
    headers = [
        "effort",
        "candidates",
        "saved, geometric mean per object",
        "saved, total",
        "objects smaller",
        "cold build, CPU",
    ]
    rows = []
    for effort in efforts:
        pairs = [pair for package in measured for pair in package.pairs(effort)]
        plain, ours = sum(pair.plain for pair in pairs), sum(pair.ours for pair in pairs)
        smaller = sum(pair.ours < pair.plain for pair in pairs)
        cost = sum(package.cpu_s[str(effort)] for package in measured) / sum(
            package.cpu_s["plain"] for package in measured
        )
        label = f"{effort} (default)" if effort == DEFAULT_EFFORT else str(effort)
        mean = f"{geometric_mean_saving(pairs):.2%}"
        rows.append(
            [
                label,
                str(EFFORT_TABLE[effort]),
                mean,
                f"{1 - ours / plain:.2%}",
                f"{smaller} of {len(pairs)}",
                f"{cost:.1f} ×",
            ]
        )
    return markdown(headers, ">>>>>>", rows)


def package_table(measured: Sequence[Measured], efforts: Sequence[int]) -> str:
    """Package by package: geometric mean and total saving at each effort."""
    headers = ["package", "objects", "-Oz bytes", *(f"effort {effort}" for effort in efforts)]
    rows = []
    for package in measured:
        plain = package.sizes["plain"]
        cells = []
        for effort in efforts:
            pairs = package.pairs(effort)
            total = 1 - sum(pair.ours for pair in pairs) / sum(plain.values())
            cells.append(f"{geometric_mean_saving(pairs):.2%} / {total:.2%}")
        rows.append([package.package, str(len(plain)), f"{sum(plain.values()):,}", *cells])
    return markdown(headers, "<" + ">" * (len(headers) - 1), rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``savings``."""
    parser.add_argument(
        "packages", nargs="*", metavar="PACKAGE", help="packages of the validation split (default: a table)"
    )
    parser.add_argument("--efforts", default="1,2,3,4,5,6,7,8,9", help="efforts to measure (default: %(default)s)")
    add_common_arguments(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Measure and report; returns 0 when every package could be built and no object is larger than -Oz's.

    Raises:
        ClangLlmError: there is no clang, or the plugin does not work.
    """
    efforts = [int(word) for word in arguments.efforts.split(",")]
    place = Workplace.at(arguments.work, arguments.clang, environ)
    say("building the plugin")
    place.rig.warm_up()
    measured: list[Measured] = []
    failed: dict[str, str] = {}
    for name in arguments.packages or DEFAULT_PACKAGES:
        try:
            measured.append(measure(name, efforts, place, arguments))
        except ClangLlmError as error:
            failed[name] = str(error)
        finally:
            say("")
    if not measured:
        sys.stderr.write("".join(f"{name}: {reason}\n" for name, reason in failed.items()))
        return 1
    text = f"{table(measured, efforts)}\n{package_table(measured, efforts)}"
    sys.stdout.write(text + "".join(f"\n{name}: {reason}" for name, reason in failed.items()) + "\n")
    if arguments.json is not None:
        rows = [{"package": m.package, "sizes": m.sizes, "cpu_s": m.cpu_s} for m in measured]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.markdown is not None:
        arguments.markdown.write_text(text, encoding="utf-8")
    larger = [pair for m in measured for effort in efforts for pair in m.pairs(effort) if pair.ours > pair.plain]
    for pair in larger:
        sys.stderr.write(f"larger than -Oz: {pair.name} ({pair.plain} -> {pair.ours})\n")
    return 1 if failed or larger else 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.evaluation.savings``."""
    parser = argparse.ArgumentParser(prog="clang_llm.evaluation.savings", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv), environ)
    except ClangLlmError as error:
        sys.stderr.write(f"clang-llm: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
