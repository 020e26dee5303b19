"""``make corpus``: unoptimised modules of Debian packages, captured while our wrapper builds them (docs/corpus.md).

``python -m clang_llm.lab.corpus.collect --work DIR``. Packages of the train and validation split, or with ``--report``
of the test split alone, in a directory of their own. A package that does not build is counted and named, never fatal; a
stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from clang_llm.lab.corpus.build import Listed, Outcome, PackageBuilder
from clang_llm.lab.corpus.store import Corpus, Entry, Stamp
from clang_llm.lab.corpus.targets import NATIVE, check_targets, write_compilers
from clang_llm.lab.packages.split import Split, require
from clang_llm.lab.packages.workplace import Workplace, markdown, run_command
from clang_llm.system.errors import ClangLlmError, DataError
from clang_llm.system.locks import locked
from clang_llm.system.settings import process_environment

PACKAGES = Path(__file__).with_name("packages.txt")
TEST_PACKAGES = Path(__file__).with_name("test_packages.txt")
DEFAULT_WORK = Path("build") / "corpus"
DEFAULT_REPORT_WORK = Path("build") / "corpus-test"
# Most small packages build in seconds; this bounds the large ones, whose modules up to then are kept.
DEFAULT_LIMIT_S = 240.0


class Builder(Protocol):
    """Who builds packages; `PackageBuilder` in earnest."""

    def tree(self, package: str) -> Path:
        """Where a package is built."""

    def build(self, listed: Listed, targets: Sequence[str], captures: Path) -> Outcome:
        """Build a package, leaving its modules in ``<captures>/<target>``."""


def read_list(text: str) -> list[Listed]:
    """Read a package list: a name, ``C`` or ``C++``, and binary packages that the build needs; ``#`` comments.

    Raises:
        DataError: a line is not of that form.
    """
    found = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 1 or (words and words[1] not in ("C", "C++")):
            raise DataError(f"'{line}' is not a name, C or C++, and packages that are needed; mend the package list")
        if words:
            found.append(Listed(words[0], words[1], tuple(words[2:])))
    return found


def choose(words: Sequence[str], *, report: bool = False) -> list[Listed]:
    """The packages that a user asked for: names, or a file with a list; all of our own list when nothing is said.

    Args:
        words: What was asked for.
        report: Take packages of the test split, and no others.

    Raises:
        SplitError: one of them may not be used.
        DataError: a list is malformed.
    """
    ours = TEST_PACKAGES if report else PACKAGES
    known = {listed.name: listed for listed in read_list(ours.read_text(encoding="utf-8"))}
    chosen: list[Listed] = []
    for word in words or [str(ours)]:
        path = Path(word)
        chosen += read_list(path.read_text(encoding="utf-8")) if path.is_file() else [known.get(word, Listed(word))]
    for listed in chosen:
        require(listed.name, *((Split.TEST,) if report else (Split.TRAIN, Split.VALIDATION)))
    return chosen


def collect(listed: Listed, targets: Sequence[str], corpus: Corpus, builder: Builder, *, retry: bool = False) -> bool:
    """Bring one package into the corpus, for the targets that are not done; returns whether there was anything to do.

    Raises:
        ClangLlmError: the package cannot be had; nothing is remembered, and the next run tries again.
    """
    stamps = {target: corpus.stamp(listed.name, target) for target in targets}
    left = [target for target, stamp in stamps.items() if stamp is None or (retry and stamp.problem)]
    if not left:
        return False
    captures = corpus.root / "captures" / listed.name
    shutil.rmtree(captures, ignore_errors=True)
    for target in left:
        (captures / target).mkdir(parents=True)
    try:
        outcome = builder.build(listed, left, captures)
        for target in left:
            done = Stamp(listed.name, outcome.version, target, outcome.problem, ())
            corpus.adopt(captures / target, builder.tree(listed.name), done)
    finally:
        shutil.rmtree(captures, ignore_errors=True)
    return True


def summary(entries: Sequence[Entry]) -> str:
    """Packages, modules, functions and instructions by split, target and language, as a Markdown table."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.split, entry.target, entry.language), []).append(entry)
    rows = []
    for names, group in sorted(groups.items()):
        numbers = [len({entry.package for entry in group}), len(group)]
        numbers += [sum(entry.functions for entry in group), sum(entry.instructions for entry in group)]
        numbers += [sum(entry.size for entry in group), sum(entry.bytes for entry in group)]
        rows.append([*names, *(f"{number:,}" for number in numbers)])
    headers = ["split", "target", "", "packages", "modules", "functions", "instructions", "-Oz bytes", "bitcode bytes"]
    return markdown(headers, "<<<>>>>>>", rows)


def failures(stamps: Sequence[Stamp], absent: Mapping[str, str]) -> str:
    """The packages that are not complete, with what went wrong: not to be had, without any module, built in part."""
    named: dict[str, set[str]] = {"not to be had": {f"{name} ({why})" for name, why in absent.items()}}
    for stamp in stamps:
        if stamp.problem:
            what = "built in part" if stamp.entries else "without any module"
            named.setdefault(what, set()).add(f"{stamp.package} ({stamp.problem})")
    lines = (f"\n{len(names)} {what}: {'; '.join(sorted(names))}\n" for what, names in named.items() if names)
    return "".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``corpus``."""
    parser.add_argument(
        "--work", type=Path, help=f"where it goes (default: {DEFAULT_WORK}, with --report {DEFAULT_REPORT_WORK})"
    )
    parser.add_argument("--report", action="store_true", help="packages of the test split, to report on and no more")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--targets", default=NATIVE, help="comma-separated names (default: %(default)s)")
    parser.add_argument("--packages", nargs="*", default=[], metavar="FILE|NAME", help="default: the list that we ship")
    parser.add_argument("--jobs", type=int, default=2, help="make jobs (default: 2)")
    parser.add_argument(
        "--limit-seconds", type=float, default=DEFAULT_LIMIT_S, help="for one package (default: %(default)g)"
    )
    parser.add_argument("--retry", action="store_true", help="build again what did not build completely")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Collect, and print the summary.

    Raises:
        ClangLlmError: a package may not be used, or clang or the plugin does not work.
    """
    from tqdm import tqdm

    chosen, targets = choose(arguments.packages, report=arguments.report), arguments.targets.split(",")
    check_targets(targets)
    root = (arguments.work or (DEFAULT_REPORT_WORK if arguments.report else DEFAULT_WORK)).absolute()
    corpus = Corpus(root)
    with locked(root / "lock", 0) as mine:
        if not mine:
            raise DataError(f"another run works in {root}; wait for it, or choose another directory")
        place = Workplace.at(root / "packages", arguments.clang, environ)
        place.rig.warm_up()
        compilers = write_compilers(place.root / "bin")
        builder = PackageBuilder(place, *compilers, arguments.jobs, arguments.limit_seconds)
        absent: dict[str, str] = {}
        bar = tqdm(chosen, unit="package", file=sys.stderr)
        for listed in bar:
            bar.set_postfix_str(listed.name)
            try:
                if collect(listed, targets, corpus, builder, retry=arguments.retry):
                    corpus.write_manifest()
            except ClangLlmError as error:
                absent[listed.name] = str(error)
        entries = corpus.write_manifest()
    conflicts = sum(entry.conflict for entry in entries)
    sys.stdout.write(summary(entries) + failures(list(corpus.stamps()), absent))
    sys.stdout.write(f"\n{conflicts} modules of both splits are kept in train only\n")
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.corpus.collect``."""
    parser = argparse.ArgumentParser(prog="clang_llm.lab.corpus.collect", description=__doc__)
    add_arguments(parser)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
