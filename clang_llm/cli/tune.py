"""``clang-llm-tool tune``: search on every module of a project; later builds take what was found from the cache."""

from __future__ import annotations

import argparse
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clang_llm.backends.tune import SMALLEST_BUDGET
from clang_llm.cli.output import counted, human_count, percent
from clang_llm.cli.project import Build, add_build_arguments, compilers
from clang_llm.cli.reasons import describe
from clang_llm.cli.scale import CAPTURED, add_worker_arguments, build_and_search, workers_of
from clang_llm.cli.sending import send, tell_waiting
from clang_llm.compile.evaluator import PATIENT
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log
from clang_llm.system.errors import DataError
from clang_llm.system.settings import MAX_CANDIDATES, PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: Compilations for each module: where the curve of savings over candidates has flattened on validation modules.
DEFAULT_CANDIDATES = 300
#: Said where no compile went through us.
NOBODY = (
    "no compile went through clang-llm. Either the build compiled nothing (clean the project first), or it does not "
    "use CC and CXX of its environment; name clang-llm and clang-llm++ to it then"
)
#: Seconds between looks at what is done.
_LOOK_S = 2.0


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "tune",
        help="search on every module of a project, for hours if you like; later builds take it from the cache",
        description="Give a build command, such as: clang-llm-tool tune -- make -j2. CC and CXX are set in "
        "its environment; where the build does not look there, name clang-llm and clang-llm++ to it. Clean the project "
        "first, since only what is compiled is tuned. A stopped run goes on. The exit status is the build's.",
    )
    parser.add_argument("--candidates", type=int, default=DEFAULT_CANDIDATES, help="for each module (%(default)s)")
    add_worker_arguments(parser)
    add_build_arguments(parser)
    parser.set_defaults(run=run)


def entries_of(store: LocalStore) -> frozenset[tuple[str, int]]:
    """Return what tells an entry from one that took its place: an entry is never changed, it is replaced."""
    found = set()
    for key, path in store.entries():
        with suppress(OSError):
            found.add((key, path.stat().st_ino))
    return frozenset(found)


@dataclass(frozen=True)
class Summary:
    """Plans that a search made."""

    modules: int
    size_oz: int
    size: int

    @classmethod
    def since(cls, before: frozenset[tuple[str, int]], store: LocalStore, backend: str | None = "tune") -> Summary:
        """Add up those that were not there before: those of one backend, or all."""
        found = (store.get(key) for key, _ in entries_of(store) - before)
        plans = [plan for plan in found if plan is not None and backend in (None, plan.provenance.get("backend"))]
        return cls(len(plans), sum(plan.size_oz for plan in plans), sum(plan.size for plan in plans))

    @property
    def saved(self) -> str:
        """In percent."""
        return percent(self.size_oz - self.size, self.size_oz)

    def text(self) -> str:
        """In one line."""
        return f"{counted(self.modules, 'module')}, {human_count(self.size_oz)} bytes at -Oz, {self.saved} less"


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Tune a project; returns the exit status of its build."""
    settings = Settings.load(environ)
    build = Build.of(arguments)
    if not SMALLEST_BUDGET <= arguments.candidates <= MAX_CANDIDATES:
        bounds = f"{SMALLEST_BUDGET} (below which there is nothing to search with) to {MAX_CANDIDATES}"
        raise DataError(f"--candidates {arguments.candidates}: give a number from {bounds}")
    refuse_idle(settings, "tune")
    variables = _environment(arguments.candidates, settings, environ)
    store = LocalStore(settings.cache_dir)
    before, events = entries_of(store), log.fold_events(settings.cache_dir)
    with workers_of(arguments) as workers:
        if workers is not None:
            status = build_and_search(build, variables, workers, "tune", arguments.candidates)
        else:
            with _Progress(store, before):
                status = build.run(variables)
    made = Summary.since(before, store)
    came = log.fold_events(settings.cache_dir) - events
    tell_waiting(send(settings, environ))
    if made.modules:
        hits = came["hit"] + came["hit:oz"]
        print(f"tuned: {made.text()}" + (f"; {_tuned_before(hits)}" if hits else ""))
    if status != 0:
        print(
            f"the build failed with status {status}; what it compiled before that is tuned. Mend it, and run this again"
        )
    if not made.modules:
        print(f"nothing new was tuned: {what_came(came)}")
    return status


def refuse_idle(settings: Settings, what: str) -> None:
    """See that a search has an effect.

    Raises:
        DataError: A setting turns it off; with what to do.
    """
    set_ = [name for name in ("READONLY", "DISABLE", "FROZEN") if getattr(settings, name.lower())]
    if set_:
        raise DataError(f"{' and '.join(PREFIX + name for name in set_)} is set; unset it to {what}")


def _tuned_before(hits: int) -> str:
    return f"{counted(hits, 'module was', 'modules were')} tuned before, with no fewer candidates"


def what_came(events: Counter[str]) -> str:
    """Return what became of the compiles of a build that tuned nothing, by what was counted meanwhile."""
    hits = events["hit"] + events["hit:oz"]
    told = [*([_tuned_before(hits)] if hits else []), *left_alone(events)]
    if not told:
        return NOBODY
    return "; ".join(told)


def left_alone(events: Counter[str]) -> list[str]:
    """Return what kept compiles from a search, each in a sentence."""
    return [
        f"{counted(count, f'compile {one}', f'compiles {several}')}: {describe(name.partition(':')[2])} ({name})"
        for kind, one, several in (
            ("error:", "failed, plain -Oz", "failed, plain -Oz"),
            ("bypass:", "was left to clang", "were left to clang"),
        )
        for name, count in events.most_common()
        if name.startswith(kind) and name not in (CAPTURED, "bypass:link")
    ]


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

    def __init__(self, store: LocalStore, before: frozenset[tuple[str, int]]) -> None:
        self._store, self._before = store, before
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
                summary = Summary.since(self._before, self._store)
                bar.n = summary.modules
                bar.set_postfix_str(f"{summary.saved} saved")
                bar.refresh()
