"""Reports on what is run here and now: a build, or one compile whose recipe is taken apart."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clang_llm.cli import saved, trial
from clang_llm.cli.output import progress, repeat, working
from clang_llm.cli.project import compilers
from clang_llm.compile.evaluator import Evaluator
from clang_llm.plans.store.local import LocalStore
from clang_llm.report import build, functions, why
from clang_llm.report.facts import GONE, Report
from clang_llm.system import layout, ledger, log, process
from clang_llm.system.errors import DataError
from clang_llm.system.settings import PREFIX, Settings
from clang_llm.toolchain.compiler import find_clang, inspect
from clang_llm.toolchain.plugins import build_plugin

#: Bytes of a log that are read: a recipe has thousands, and a browser's build 60,000 lines.
_MAX_LOG = 1 << 30


def report(
    title: str, objects: saved.Objects, settings: Settings, events: Mapping[str, int], reasons: Mapping[str, str]
) -> Report:
    """Return the report on objects of the ledger, with what keeps the ledger from being written."""
    store = LocalStore(settings.cache_dir, read_only=True)
    found = build.report(title, objects.counted, objects.changed, store.get, events, reasons)
    unusable, remedy = ledger.unusable(settings.cache_dir)
    noted = (f"{unusable}, so what is saved is not recorded; {remedy}",) if unusable else ()
    return replace(found, notes=(*found.notes, *noted))


def of_build(
    command: Sequence[str], settings: Settings, environ: Mapping[str, str], *, functions: bool, apart: bool
) -> tuple[int, Report]:
    """Run a build, and report on what it compiled, which its log tells, and the ledger from a mark on.

    Args:
        command: The build.
        settings: Those in effect.
        environ: The environment.
        functions: Compare functions, too.
        apart: What the build says goes to standard error.

    Raises:
        ClangLlmError: Nothing would be recorded, or the build cannot be started.
    """
    if settings.readonly or settings.disable:
        raise DataError(f"{PREFIX}READONLY or {PREFIX}DISABLE is set, so nothing would be recorded; unset it")
    with tempfile.TemporaryDirectory(prefix="clang-llm-report-") as name:
        place = Path(name)
        own = place / "log"
        told = settings.log if settings.log is not None and settings.log.is_file() else own
        begin = told.stat().st_size if told.is_file() else 0
        variables = {**environ, **compilers(settings, environ), PREFIX + "LOG": str(told)}
        begun, events = ledger.mark(settings.cache_dir), log.fold_events(settings.cache_dir)
        done = process.run(command, env={**variables, **(_noting(place, environ) if functions else {})})
        status = repeat(done, apart=apart)
        reasons = build.reasons_in(_tail(told, begin))
        compiles = ledger.since(settings.cache_dir, begun).compiles.values()
        # Another build may have used the same cache meanwhile.
        objects = saved.Objects.of(each for each in compiles if each.key in reasons)
        came = log.fold_events(settings.cache_dir)
        came.subtract(events)
        found = report(f"build {' '.join(command)}", objects, settings, +came, reasons)
        if functions:
            found = _with_functions(found, place, settings, environ)
    if status:
        failed = f"the build failed with status {status}; this is what it compiled before that"
        found = replace(found, notes=(*found.notes, failed))
    return status, found


def _tail(path: Path, begin: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(begin)
            return os.fsdecode(file.read(_MAX_LOG))
    except OSError:
        return ""


def _noting(place: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which a build names programs that note its compiles, by CC or by the wrappers' names."""
    wrappers = {"clang-llm": layout.wrapper(), "clang-llm++": layout.wrapper(cxx=True)}
    programs = functions.recorder(place, wrappers)
    path = os.pathsep.join([str(place), environ.get("PATH", os.defpath)])
    return {"CC": str(programs["clang-llm"]), "CXX": str(programs["clang-llm++"]), "PATH": path}


def _with_functions(found: Report, place: Path, settings: Settings, environ: Mapping[str, str]) -> Report:
    commands = functions.recorded(place)
    there = [(each.name, Path(found.root, each.name).resolve()) for each in found.known if each.state != GONE]
    wanted = [(name, path, commands[path]) for name, path in there if path in commands]
    compared, failed = functions.recompiled(
        progress(wanted, "compiling with clang"), lambda cxx: find_clang(settings.clang, environ, cxx), place, environ
    )
    unknown = len(there) - len(wanted)
    by_path = "the build names its compiler by a path, so its command was not seen; let it use $CC, or `clang-llm`"
    notes = [f"functions of {unknown} objects are not told: {by_path}"] if unknown else []
    notes += [f"functions of {len(failed)} objects are not told; {failed[0]} was not compiled again"] if failed else []
    return replace(found, functions=tuple(compared), notes=(*found.notes, *notes))


def of_command(command: Sequence[str], settings: Settings, environ: Mapping[str, str]) -> Report:
    """Report on one compile: its sizes, its functions, and what each element of its recipe earned.

    Raises:
        ClangLlmError: It is no compile, or there is no plan for it.
    """
    request = trial.understand(command, settings, environ)
    compile_ = functions.Recorded(request.cxx, str(Path.cwd()), request.arguments)
    if compile_.object is None:
        raise DataError("--why needs a compile of one file, with -c, such as: report --why -- clang-llm -Oz -c a.c")
    with tempfile.TemporaryDirectory(prefix="clang-llm-report-") as name:
        place = Path(name)
        argv = [str(request.clang), *compile_.harmless(place / "never.o")]
        stub = build_plugin(inspect(request.clang), settings.cache_dir, settings.python).stub
        variables = {**environ, PREFIX + "MIN_INSTRUCTIONS": "0"}
        with Evaluator(argv, stub, settings.cache_dir, variables) as evaluator:
            plan = LocalStore(settings.cache_dir, read_only=True).get(evaluator.request.key)
            if plan is None:
                raise DataError("there is no plan for this module; compile it with clang-llm first")
            if plan.recipe is None:
                raise DataError(
                    f"-Oz is best for this module, of {plan.budget} candidates; there is nothing to explain"
                )
            with working("measuring the recipe without each of its elements…"):
                earned = why.earned(plan.recipe, evaluator.evaluate)
        ours = place / "ours.o"
        wrapped = {**environ, PREFIX + "CLANG": str(request.clang), PREFIX + "READONLY": "1"}
        functions.plain([layout.wrapper(cxx=request.cxx), *compile_.harmless(ours)], compile_.directory, wrapped)
        compared, _ = functions.recompiled([("", ours, compile_)], lambda _: request.clang, place, environ)
        made = os.path.relpath(compile_.object)
        found = build.of_plan(f"why {made} has its size", made, plan, ours)
        return replace(found, functions=tuple(compared), earned=tuple(earned))
