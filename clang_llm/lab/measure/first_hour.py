"""``make first-hour``: from nothing to the first smaller program and the first smaller object, in seconds and bytes.

``python -m clang_llm.lab.measure.first_hour [--way clone|wheel] [--work DIR] [--clang CLANG]``. System packages are
taken as installed. Everything else is made anew in the work directory, with an empty home: what pip needs is fetched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from clang_llm.lab.measure import results
from clang_llm.lab.packages.workplace import markdown, run_command, say
from clang_llm.system import process
from clang_llm.system.errors import DataError
from clang_llm.system.layout import HOME
from clang_llm.system.objects import allocated_size
from clang_llm.system.settings import Settings, process_environment
from clang_llm.toolchain.compiler import find_clang, inspect
from clang_llm.tuning.validate import clean_environment

DEFAULT_WORK = Path("build") / "first-hour"
WAYS = ("clone", "wheel")
#: Seconds; a guard against hangs. The longest steps build the plugin and a package.
_LIMIT_S = 3600.0
#: What is compiled first, below the clone.
_SOURCE = Path("tests", "projects", "jot", "parse.c")
_BLOCK = 512  # bytes, the unit of st_blocks
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Step:
    """One step of a way.

    Attributes:
        way: One of `WAYS`.
        name: What is done.
        seconds: Wall-clock time.
        cpu_s: Processor time, which a busy machine changes least.
        bytes: Disk that the way takes after it.
    """

    way: str
    name: str
    seconds: float
    cpu_s: float
    bytes: int


def disk(root: Path) -> int:
    """Return the bytes of disk that a directory takes, each file once however many names it has."""
    seen: dict[tuple[int, int], int] = {}
    for directory, _, names in os.walk(root):
        for path in (Path(directory), *(Path(directory, name) for name in names)):
            found = path.lstat()
            seen[(found.st_dev, found.st_ino)] = found.st_blocks * _BLOCK
    return sum(seen.values())


@dataclass
class Way:
    """A way from nothing to something smaller, in a directory of its own.

    Attributes:
        name: One of `WAYS`.
        root: The directory; emptied first.
        environ: What the commands see.
        steps: What was done.
        parts: Bytes of disk by what takes them, at the end.
    """

    name: str
    root: Path
    environ: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def fresh(cls, name: str, work: Path, environ: Mapping[str, str]) -> Way:
        """Begin in an empty directory, with an empty home in it."""
        root = work / name
        shutil.rmtree(root, ignore_errors=True)
        (root / "home").mkdir(parents=True)
        kept = {
            key: value for key, value in clean_environment(environ).items() if not key.startswith(("XDG_", "PYTHON"))
        }
        return cls(name, root, {**kept, "HOME": str(root / "home"), "CLANG_LLM_BACKEND": "auto"})

    def step(self, name: str, *words: str | Path, cwd: Path | None = None) -> str:
        """Run a command and note what it took; returns what it said.

        Raises:
            DataError: It failed.
        """
        say(f"{self.name}: {name}")
        done = process.run(words, env=self.environ, cwd=cwd or self.root, timeout_s=_LIMIT_S)
        if not done.ok:
            said = (done.output + os.fsdecode(done.stderr))[-1000:]
            raise DataError(f"{name}: {' '.join(map(str, words))} failed: {said}")
        self.steps.append(Step(self.name, name, done.wall_s, done.cpu_s, disk(self.root)))
        return done.output

    @property
    def cache(self) -> Path:
        """Where clang-llm keeps what it makes here."""
        return self.root / "home" / ".cache" / "clang-llm"


def from_clone(way: Way) -> str:
    """Clone this checkout, set it up and build the program of ``make demo``; returns what the demo said.

    Raises:
        DataError: A step failed.
    """
    clone = way.root / "clone"
    way.step("git clone", "git", "clone", "--quiet", HOME, clone)
    way.step("make demo: environment, packages", "make", ".venv/.setup-demo", cwd=clone)
    said = way.step("make demo: first smaller programs", "make", "demo", cwd=clone)
    way.parts = {
        "checkout": disk(clone) - disk(clone / ".venv") - disk(clone / "build"),
        "environment (.venv)": disk(clone / ".venv"),
        "programs and cache (build)": disk(clone / "build"),
        "pip's cache": disk(way.root / "home" / ".cache" / "pip"),
    }
    return said


def from_wheel(way: Way, clang: Path) -> str:
    """Build a wheel, install it and compile one file; returns the sizes of its object.

    Raises:
        DataError: A step failed, or the object is not smaller.
    """
    venv, source = way.root / "venv", HOME / _SOURCE
    pip: list[str | Path] = [venv / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    way.environ["CLANG_LLM_CLANG"] = str(clang)
    way.step("python -m venv", sys.executable, "-m", "venv", venv)
    shutil.copytree(HOME, way.root / "source", ignore=shutil.ignore_patterns(".git", ".venv", "build", "dist"))
    way.step("pip wheel", *pip, "wheel", "--no-deps", "--wheel-dir", way.root, way.root / "source")
    shutil.rmtree(way.root / "source")
    (wheel,) = way.root.glob("*.whl")
    way.step("pip install of the wheel", *pip, "install", wheel)
    ours: list[str | Path] = [venv / "bin" / "clang-llm", "-Oz", "-c", source, "-o", "ours.o"]
    way.step("first smaller object: builds the plugin", *ours)
    way.step("the same again: from the cache", *ours)
    way.step("clang itself", clang, "-Oz", "-c", source, "-o", "plain.o")
    way.parts = {
        "wheel": wheel.stat().st_size,
        "environment": disk(venv),
        "cache": disk(way.cache),
        "pip's cache": disk(way.root / "home" / ".cache" / "pip"),
    }
    plain, small = (allocated_size((way.root / name).read_bytes()) for name in ("plain.o", "ours.o"))
    if small >= plain:
        raise DataError(f"{source.name}: {small} bytes with clang-llm, {plain} with clang; run clang-llm-tool doctor")
    return f"{source.name}: {plain} bytes at -Oz, {small} with clang-llm\n"


def report(way: Way) -> str:
    """Return the table of a way's steps, and the one of what takes the disk."""
    passed = accumulate(step.seconds for step in way.steps)
    rows = [
        [step.name, f"{step.seconds:.1f} s", f"{step.cpu_s:.1f} s", f"{since:.1f} s", _size(step.bytes)]
        for step, since in zip(way.steps, passed, strict=True)
    ]
    steps = markdown([f"from a {way.name}", "time", "CPU", "since the beginning", "disk so far"], "<>>>>", rows)
    parts = markdown(["what", "disk"], "<>", [[name, _size(size)] for name, size in way.parts.items()])
    return f"{steps}\n{parts}\n"


def table(way: Way) -> results.Table:
    """Return the steps of a way, for the documents."""
    columns = [results.Column(f"from a {way.name}")]
    columns += [results.Column(f"{title}, s", digits=1) for title in ("time", "CPU", "since the beginning")]
    passed = accumulate(step.seconds for step in way.steps)
    rows: list[list[results.Cell]] = [
        [step.name, step.seconds, step.cpu_s, since, step.bytes / _MIB]
        for step, since in zip(way.steps, passed, strict=True)
    ]
    return results.Table([*columns, results.Column("disk so far, MiB", digits=1)], rows)


def _size(count: int) -> str:
    return f"{count / _MIB:,.1f} MiB"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--way", choices=WAYS, action="append", help="only this way (default: both)")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="a directory; a part of it is emptied")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Walk the ways, print the table and leave it as JSON.

    Raises:
        ClangLlmError: There is no clang, or a step failed.
    """
    work = arguments.work.absolute()
    clang = find_clang(arguments.clang or Settings.load(environ).clang, environ)
    ways = []
    for name in arguments.way or WAYS:
        way = Way.fresh(name, work, environ)
        said = from_clone(way) if name == "clone" else from_wheel(way, clang)
        say("")
        sys.stdout.write(f"{said}\n{report(way)}")
        sys.stdout.flush()
        ways.append(way)
    measured = f"{os.cpu_count()} cores, with an empty home"
    tables = {way.name: table(way) for way in ways}
    found = results.ResultFile(arguments.command, measured, inspect(clang).version, tables)
    results.keep(arguments, found, environ)
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.first_hour``."""
    parser = argparse.ArgumentParser(prog="make first-hour", description=__doc__)
    add_arguments(parser)
    results.add_argument(parser, "clang_llm.lab.measure.first_hour", argv)
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
