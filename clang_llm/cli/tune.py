"""``clang-llm-tool tune``: search on every module of a project; later builds take what was found from the cache."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clang_llm.backends.tune import SMALLEST_BUDGET
from clang_llm.cli.output import human_count, percent
from clang_llm.cli.project import Build, add_build_arguments, compilers
from clang_llm.compile.evaluator import PATIENT
from clang_llm.plans.store.local import LocalStore
from clang_llm.system.errors import DataError
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: Compilations for each module: where the curve of savings over candidates has flattened on validation modules.
DEFAULT_CANDIDATES = 300
#: Seconds between looks at what is done.
_LOOK_S = 2.0


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "tune",
        help="search on every module of a project, for hours if you like; later builds take it from the cache",
        description="Give a build command, such as: clang-llm-tool tune -- make -j2. CC and CXX are set in "
        "its environment. Clean the project first, since only what is compiled is tuned. A stopped run goes on.",
    )
    parser.add_argument("--candidates", type=int, default=DEFAULT_CANDIDATES, help="for each module (%(default)s)")
    add_build_arguments(parser)
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
    build = Build.of(arguments)
    if arguments.candidates < SMALLEST_BUDGET:
        raise DataError(f"--candidates {arguments.candidates} is too few to search with; at least {SMALLEST_BUDGET}")
    if settings.readonly or settings.disable:
        raise DataError("CLANG_LLM_READONLY or CLANG_LLM_DISABLE is set; unset it to tune")
    variables = _environment(arguments.candidates, settings, environ)
    store = LocalStore(settings.cache_dir)
    before = _Summary.of(store)
    with _Progress(store):
        status = build.run(variables)
    after = _Summary.of(store)
    print(f"tuned: {after.text()}")
    if after.modules == before.modules:
        print("nothing new was tuned: was all of it built, or tuned, before? Clean the project to build it again")
    return status


def _environment(candidates: int, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    return {
        **environ,
        **compilers(settings, environ),
        "CLANG_LLM_BACKEND": "tune",
        "CLANG_LLM_CANDIDATES": str(candidates),
        **PATIENT,
    }


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
