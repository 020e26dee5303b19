"""What the commands of this directory share: their options, the packages' sources, results that survive a stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clang_llm.lab.packages.dependencies import install, missing
from clang_llm.lab.packages.recipes import Recipe
from clang_llm.lab.packages.rig import Rig
from clang_llm.lab.packages.sources import Apt, SourcePackage, fetch
from clang_llm.system.errors import ClangLlmError
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import find_clang
from clang_llm.tuning.validate import clean_environment

# Inside the checkout's ignored directory, so that `make clean` removes it; it grows to a few GiB with all packages.
DEFAULT_WORK = Path("build") / "packages"


@dataclass(frozen=True)
class Workplace:
    """A directory with sources, build trees and results, and the compilers to compare there."""

    root: Path
    rig: Rig
    environ: Mapping[str, str]

    @classmethod
    def at(cls, root: Path, clang: str | None, environ: Mapping[str, str]) -> Workplace:
        """Set up a workplace.

        Args:
            root: Its directory; created.
            clang: The real clang, a path or a name; None for the one that clang-llm would use.
            environ: Our environment; our own settings in it only serve to find clang.

        Raises:
            ToolchainError: there is no clang.
        """
        clean = clean_environment(environ)
        found = find_clang(clang or Settings.load(environ).clang, environ)
        plus = found.with_name(found.name.replace("clang", "clang++", 1))
        root = root.absolute()
        (root / "bin").mkdir(parents=True, exist_ok=True)
        named = _link(root / "bin" / "clang", found), _link(root / "bin" / "clang++", plus)
        return cls(root, Rig(*named, root / "cache", clean), clean)

    def home(self, package: str) -> Path:
        """The directory of one package."""
        return self.root / package

    def source(self, recipe: Recipe) -> SourcePackage:
        """Fetch and unpack a package and install what it needs.

        Raises:
            PackageError: not to be had; the message says what to do.
        """
        install(missing(recipe.needs, self.environ), self.environ)
        apt = Apt(self.root / "apt", self.environ)
        return fetch(apt, recipe.name, self.root, self.environ, patches=recipe.patches)

    def load(self, kind: str, package: str) -> dict[str, Any] | None:
        """A result that an earlier run left, or None."""
        path = self.root / "results" / f"{package}.{kind}.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def keep(self, kind: str, package: str, data: Mapping[str, Any]) -> None:
        """Leave a result for later runs; renamed into place, so that a stop leaves no half of one."""
        path = self.root / "results" / f"{package}.{kind}.json"
        path.parent.mkdir(exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        new.replace(path)


def _link(name: Path, target: Path) -> Path:
    """Give a compiler a name without a version.

    cmake takes the ``-19`` of ``clang-19`` for its search of ar, nm and ld, which clang-llm does not carry; under plain
    names both are asked the same question.
    """
    if not name.is_symlink() or name.readlink() != target:
        name.unlink(missing_ok=True)
        name.symlink_to(target)
    return name


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that builds packages."""
    parser.add_argument(
        "--work", type=Path, default=DEFAULT_WORK, help="directory for sources and builds (default: %(default)s)"
    )
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--jobs", type=int, default=2, help="make jobs (default: 2)")
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")


def run_command(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace, Mapping[str, str]], int],
    argv: Sequence[str],
    environ: Mapping[str, str],
) -> int:
    """Parse, run, and turn an expected error into its message and exit status: the boundary of every command here."""
    try:
        return run(parser.parse_args(argv), environ)
    except ClangLlmError as error:
        say("")
        sys.stderr.write(f"clang-llm: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        say("")
        sys.stderr.write("clang-llm: stopped; results so far are kept where a command keeps them\n")
        # What a shell reports for a program that SIGINT ended.
        return 128 + signal.SIGINT


def say(text: str) -> None:
    """Tell a person at a terminal what goes on; quiet elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def markdown(headers: list[str], align: str, rows: list[list[str]]) -> str:
    """A Markdown table.

    Args:
        headers: Titles of the columns.
        align: ``<`` or ``>`` for each column.
        rows: Cells.
    """
    rule = ["---" if side == "<" else "--:" for side in align]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [headers, rule, *rows])
