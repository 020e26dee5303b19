"""``clang-llm-tool tune``: search on every module of a project; later builds take what was found from the cache."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm import process
from clang_llm.backends.tune import SMALLEST_BUDGET
from clang_llm.cli.output import human_count, percent
from clang_llm.compiler import find_clang
from clang_llm.errors import DataError, ProcessError
from clang_llm.settings import Settings
from clang_llm.store.local import LocalStore
from clang_llm.tuning.evaluator import PATIENT

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: Compilations for each module: where the curve of savings over candidates has flattened on validation modules.
DEFAULT_CANDIDATES = 300
#: Seconds between looks at what is done.
_LOOK_S = 2.0

WRAPPERS = Path(__file__).resolve().parents[2] / "wrappers"


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "tune",
        help="search on every module of a project, for hours if you like; later builds take it from the cache",
        description="Give a build command, such as: clang-llm-tool tune -- make -j2. CC and CXX are set in "
        "its environment. Clean the project first, since only what is compiled is tuned. A stopped run goes on.",
    )
    parser.add_argument("--candidates", type=int, default=DEFAULT_CANDIDATES, help="for each module (%(default)s)")
    parser.add_argument("--compile-commands", type=Path, metavar="FILE", help="compile_commands.json, not a build")
    parser.add_argument("--jobs", type=int, default=1, help="commands of FILE at once (%(default)s)")
    parser.add_argument("build", nargs=argparse.REMAINDER, metavar="CMD", help="such as: -- make -j2")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Summary:
    """Plans that a search made."""

    modules: int
    size_oz: int
    size: int

    @classmethod
    def of(cls, store: LocalStore) -> _Summary:
        found = (store.get(key) for key, _ in store.entries())
        plans = [plan for plan in found if plan is not None and plan.provenance.get("backend") == "tune"]
        return cls(len(plans), sum(plan.size_oz for plan in plans), sum(plan.size for plan in plans))

    def text(self) -> str:
        """In one line."""
        saving = percent(self.size_oz - self.size, self.size_oz)
        return f"{self.modules} modules, {human_count(self.size_oz)} bytes at -Oz, {saving} less"


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Tune a project; returns the exit status of its build."""
    settings = Settings.load(environ)
    build = list(arguments.build[1:] if arguments.build[:1] == ["--"] else arguments.build)
    if bool(build) == (arguments.compile_commands is not None):
        raise DataError("give a build command after --, or --compile-commands FILE")
    if arguments.candidates < SMALLEST_BUDGET:
        raise DataError(f"--candidates {arguments.candidates} is too few to search with; at least {SMALLEST_BUDGET}")
    if settings.readonly or settings.disable:
        raise DataError("CLANG_LLM_READONLY or CLANG_LLM_DISABLE is set; unset it to tune")
    variables = _environment(arguments.candidates, settings, environ)
    store = LocalStore(settings.cache_dir)
    before = _Summary.of(store)
    with _Progress(store):
        if build:
            status = _build(build, variables)
        else:
            status = _commands(arguments.compile_commands, variables, arguments.jobs)
    after = _Summary.of(store)
    print(f"tuned: {after.text()}")
    if after.modules == before.modules:
        print("nothing new was tuned: was all of it built, or tuned, before? Clean the project to build it again")
    return status


def _environment(candidates: int, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    return {
        **environ,
        "CC": str(WRAPPERS / "clang-llm"),
        "CXX": str(WRAPPERS / "clang-llm++"),
        "CLANG_LLM_CLANG": str(find_clang(settings.clang, environ)),
        "CLANG_LLM_BACKEND": "tune",
        "CLANG_LLM_CANDIDATES": str(candidates),
        **PATIENT,
    }


def _build(command: Sequence[str], environ: Mapping[str, str]) -> int:
    done = process.run(command, env=environ)
    sys.stdout.write(done.output)
    sys.stderr.write(os.fsdecode(done.stderr))
    return done.returncode


@dataclass(frozen=True)
class _Command:
    """One entry of compile_commands.json, as it is run: by the wrapper, with no object."""

    argv: tuple[str, ...]
    directory: Path


def read_commands(path: Path) -> list[_Command]:
    """Read compile_commands.json.

    Raises:
        DataError: It cannot be read.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [_command(entry, path.parent) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path} is no compile_commands.json ({error}); cmake and meson write one") from error


def _command(entry: Mapping[str, object], home: Path) -> _Command:
    arguments = entry.get("arguments")
    words = [str(word) for word in arguments] if isinstance(arguments, list) else shlex.split(str(entry["command"]))
    wrapper = WRAPPERS / ("clang-llm++" if "++" in Path(words[0]).name else "clang-llm")
    kept = []
    rest = iter(words[1:])
    for word in rest:
        # No object and no dependency file: the project's own stay as they are.
        if word in ("-o", "-MF", "-MT", "-MQ"):
            next(rest, None)
        elif word not in ("-MD", "-MMD", "-MP"):
            kept.append(word)
    return _Command((str(wrapper), *kept, "-o", os.devnull), home / str(entry["directory"]))


def _commands(path: Path, environ: Mapping[str, str], jobs: int) -> int:
    def compile_one(command: _Command) -> int:
        try:
            return process.run(command.argv, env=environ, cwd=command.directory).returncode
        except ProcessError as error:
            sys.stderr.write(f"clang-llm-tool: {error}\n")
            return 1

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        failed = sum(status != 0 for status in pool.map(compile_one, read_commands(path)))
    if failed:
        sys.stderr.write(f"{failed} commands failed; see them with clang itself\n")
    return 1 if failed else 0


class _Progress:
    """Tells a person at a terminal how far the tuning is; quiet elsewhere."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._done = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> None:
        if sys.stderr.isatty():
            self._teller.start()

    def __exit__(self, *problem: object) -> None:
        self._done.set()
        if self._teller.is_alive():
            self._teller.join()

    def _tell(self) -> None:
        from tqdm import tqdm

        with tqdm(desc="tune", unit="module", file=sys.stderr) as bar:
            while not self._done.wait(_LOOK_S):
                summary = _Summary.of(self._store)
                bar.n = summary.modules
                bar.set_postfix_str(f"{percent(summary.size_oz - summary.size, summary.size_oz)} saved")
                bar.refresh()
