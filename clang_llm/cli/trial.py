"""Finding out what would happen to a compile command, without doing it.

Three questions, each put to the one who decides. The wrapper: does it add the plugin? (It is run with a program that
does nothing in the place of clang.) Clang: which compiles at -Oz, or a level that LEVELS names, does the command mean?
(``-###``.) The plugin: what does it find for them? (It is run for real, tells what it does, and ends clang before an
object is written.)
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clang_llm.cli import sandbox
from clang_llm.plans.store import vouched
from clang_llm.system import layout, process
from clang_llm.system.errors import ProcessError, ToolchainError
from clang_llm.system.settings import PREFIX, Settings
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler, find_clang, inspect, jobs_of
from clang_llm.toolchain.linker import takes_plugin

#: The wrapper's decisions to add the plugin, to clang or to clang's linker; any other word is its reason not to.
PLUGIN, LINKER = "plugin", "linker"

# Guards against a hang only; a search at the highest effort over a large module takes a few minutes.
LIMIT_S = 3600.0

# Names under which a real clang is called: clang, clang++-19, arm-linux-gnueabihf-clang-16.
_CLANG = re.compile(r"(?:.*-)?clang(\+\+)?(?:-\d+(?:\.\d+)*)?")

_EXPLAIN = "_CLANG_LLM_EXPLAIN"


@dataclass(frozen=True)
class Request:
    """A compile command, taken apart.

    Attributes:
        cxx: Whether it is clang++'s command.
        clang: The real clang.
        arguments: What comes after the compiler.
    """

    cxx: bool
    clang: Path
    arguments: tuple[str, ...]


@dataclass
class Explanation:
    """What was found out.

    Attributes:
        clang: The real clang.
        version: Its version.
        wrapper: `PLUGIN`, `LINKER`, or the wrapper's reason for plain clang.
        compiles: Number of objects that the command writes at a level of LEVELS, or 1 for a link; None when that was
            not asked.
        modules: For each module that the plugin saw, its explain lines (docs/protocol.md).
        message: What went wrong with the trial itself.
    """

    clang: str
    version: str
    wrapper: str
    compiles: int | None = None
    modules: list[list[dict[str, Any]]] = field(default_factory=list)
    message: str = ""


def understand(command: Sequence[str], settings: Settings, environ: Mapping[str, str]) -> Request:
    """Take a compile command apart; the compiler may be the wrapper, a clang, or the wrapper before a clang.

    Raises:
        ToolchainError: It is not a command of clang.
    """
    words = list(command[1:] if command[:1] == ["--"] else command)
    if not words:
        raise ToolchainError("no command to explain; try: clang-llm-tool explain clang-llm -Oz -c a.c")
    named, cxx = settings.clang, False
    wrapped = Path(words[0]).name in {"clang-llm", "clang-llm++"}
    if wrapped:
        cxx = words.pop(0).endswith("++")
    # Instead of the wrapper or after it: a clang by its own name.
    match = _CLANG.fullmatch(Path(words[0]).name) if words and not words[0].startswith("-") else None
    if match:
        cxx = bool(match.group(1))
        named = words.pop(0)
    elif not wrapped:
        raise ToolchainError(f"'{words[0]}' is not clang or clang-llm; begin with the compiler of your build")
    return Request(cxx, find_clang(named, environ, cxx), tuple(words))


def explain(request: Request, settings: Settings, environ: Mapping[str, str]) -> Explanation:
    """Find out what would happen to a command.

    Raises:
        ToolchainError: The wrapper or clang cannot be found.
        ProcessError: One of them cannot be run, or clang does not accept the command.
    """
    compiler = inspect(request.clang)
    found = Explanation(str(request.clang), compiler.version, "")
    with sandbox.private(environ, settings.cache_dir) as place:
        vouched.bring(settings.cache_dir, place.cache)
        found.wrapper = _ask_wrapper(request, place, environ)
        if found.wrapper == PLUGIN:
            found.compiles = _count_compiles(request, settings, environ)
        elif found.wrapper == LINKER:
            found.compiles = 1
        if found.compiles:
            _ask_plugin(request, compiler, settings, place, found)
    return found


def _ask_wrapper(request: Request, place: sandbox.Sandbox, environ: Mapping[str, str]) -> str:
    """Ask the wrapper what it would do; it does nothing else then. The stand-in for clang has the name of one.

    It is asked in the user's own environment, since where the cache is may be the reason.
    """
    stand_in, said = place.root / ("clang++" if request.cxx else "clang"), place.root / "reason"
    stand_in.write_text("#!/bin/sh\n", encoding="utf-8")
    stand_in.chmod(0o755)
    said.touch()
    environ = {**environ, PREFIX + "CLANG": str(stand_in), _EXPLAIN: str(said)}
    process.run([layout.wrapper(cxx=request.cxx), *request.arguments], env=environ, timeout_s=LIMIT_S)
    for event in _events(said):
        return str(event["reason"])
    return "unknown"


def _count_compiles(request: Request, settings: Settings, environ: Mapping[str, str]) -> int:
    """Ask clang how many objects the command writes at a level whose modules are searched."""
    done = process.run([request.clang, "-###", *request.arguments], env=environ, timeout_s=LIMIT_S)
    if not done.ok:
        raise ProcessError(f"clang does not accept this command: {_complaint(done.stderr)}")
    ours = {f"-{level}" for level in settings.levels}
    return sum("-emit-obj" in job and not ours.isdisjoint(job) for job in jobs_of(done.stderr))


def _ask_plugin(
    request: Request, compiler: Compiler, settings: Settings, place: sandbox.Sandbox, found: Explanation
) -> None:
    try:
        build = toolchain.build_plugin(compiler, place.cache, settings.python)
    except ToolchainError as error:
        found.message = f"no plugin for this clang: {error}"
        return
    if found.wrapper == LINKER and takes_plugin(compiler, build) is None:
        found.message = "plain clang: the linker beside it takes no plugin, or there is none"
        return
    option = "-Wl,--load-pass-plugin" if found.wrapper == LINKER else "-fpass-plugin"
    command = [str(request.clang), f"{option}={build.stub}", *_harmless(request, found, place)]
    # First for the keys alone, so that the plans for them can be brought here; then as the user's settings have it.
    for module in _told(command, {**place.environ, PREFIX + "CANDIDATES": "0"}, place, found):
        for event in module:
            if event["event"] == "key":
                _bring_plan(str(event["key"]), settings.cache_dir, place.cache)
    found.modules = _told(command, place.environ, place, found)


def _harmless(request: Request, found: Explanation, place: sandbox.Sandbox) -> list[str]:
    """Return the arguments, the output in a private place: should the plugin not end clang, nothing is overwritten."""
    arguments = list(request.arguments)
    if found.compiles == 1:  # several objects cannot be named
        end = arguments.index("--") if "--" in arguments else len(arguments)
        arguments[end:end] = ["-o", str(place.root / "object")]
    return arguments


def _told(
    command: Sequence[str], environ: Mapping[str, str], place: sandbox.Sandbox, found: Explanation
) -> list[list[dict[str, Any]]]:
    """Run clang with the plugin explaining itself; return what it said, one list for each module."""
    said = place.root / "said"
    said.write_bytes(b"")
    done = process.run(command, env={**environ, _EXPLAIN: str(said)}, timeout_s=LIMIT_S)
    modules: list[list[dict[str, Any]]] = []
    for event in _events(said):
        if event["event"] in {"key", "bypass"}:
            modules.append([])
        modules[-1].append(event)
    found.message = "" if modules else _complaint(done.stderr) or "the plugin was not run; see clang-llm-tool doctor"
    return modules


def _bring_plan(key: str, real_cache: Path, cache: Path) -> None:
    entry = Path("plans") / key[:2] / key[2:]
    if (real_cache / entry).is_file():
        (cache / entry).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(real_cache / entry, cache / entry)


def _events(said: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.read_text(encoding="utf-8", errors="replace").splitlines()]


def _complaint(text: bytes) -> str:
    """Return the first line that speaks of an error, else the first line."""
    lines = os.fsdecode(text).strip().split("\n")
    return next((line for line in lines if "error:" in line), lines[0])
