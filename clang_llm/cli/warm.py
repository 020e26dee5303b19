"""``clang-llm-tool warm``: fill the cache for a build, so that the next one costs what clang costs."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clang_llm.cli.output import counted
from clang_llm.cli.project import Build, add_build_arguments, compilers
from clang_llm.cli.scale import CAPTURED, add_worker_arguments, build_and_search, workers_of
from clang_llm.cli.sending import send, tell_waiting
from clang_llm.cli.tune import NOBODY, Summary, entries_of, left_alone, refuse_idle
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log
from clang_llm.system.errors import DataError
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "warm",
        help="fill the cache for a build, or for compile_commands.json without linking",
        description="With compile_commands.json each command at -Oz is compiled, and its object thrown away; nothing "
        "is linked. With a build command, such as: clang-llm-tool warm -- make -j2, the build is run with CC and CXX "
        "set. What the cache has already costs what clang costs, so a stopped run goes on. The settings are those of "
        "any compile. The exit status is the build's.",
    )
    add_worker_arguments(parser)
    add_build_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Fill the cache; returns the exit status of the build."""
    settings = Settings.load(environ)
    build = Build.of(arguments)
    refuse_idle(settings, "warm")
    if settings.candidates == 0:
        raise DataError("effort 0 searches nothing; unset CLANG_LLM_EFFORT or CLANG_LLM_CANDIDATES to warm")
    variables = {**environ, **compilers(settings, environ)}
    store = LocalStore(settings.cache_dir)
    before, events = entries_of(store), log.fold_events(settings.cache_dir)
    with workers_of(arguments) as workers:
        if workers is None:
            status = build.run(variables)
        else:
            status = build_and_search(build, variables, workers, settings.backend, settings.candidates)
    came = log.fold_events(settings.cache_dir) - events
    print(told(Summary.since(before, store, None), came))
    tell_waiting(send(settings, environ))
    if status != 0:
        print(f"the build failed with status {status}; what it compiled before that is in the cache")
    return status


def told(made: Summary, came: Counter[str]) -> str:
    """Return a line about what is new in the cache, what was there, and what was left to clang."""
    fetched = came["remote:hit"]
    # A plan that the team has signed is a hit at once; another one is measured, and is new then.
    there = came["hit"] + came["hit:oz"] - max(0, fetched - came["unsealed"])
    if not made.modules and there <= 0 and not came[CAPTURED]:
        return f"nothing is new: {'; '.join(left_alone(came)) or NOBODY}"
    words = [f"new: {made.text()}" if made.modules else "nothing is new"]
    words += [f"{counted(fetched, 'plan')} of the team's store"] if fetched else []
    words += [f"{counted(there, 'module was', 'modules were')} there"] if there > 0 else []
    return "; ".join([*words, *left_alone(came)])
