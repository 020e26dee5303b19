"""CPU time of one candidate inside the plugin, beside ``opt`` and ``clang -c`` on the same list and module."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm import process
from clang_llm.compiler import Compiler
from clang_llm.errors import ProcessError
from clang_llm.evaluation.build import Compilers
from clang_llm.settings import PREFIX

# A compiler that also leaves the unoptimised bitcode of everything it compiles; trials of configure and cmake aside.
_RECORDER = """\
#!/bin/sh
{clang} "$@" || exit
case "$PWD $* " in *conftest* | *CMakeTmp* | *CMakeScratch* | *CompilerId*) exit 0 ;; esac
case " $* " in
*' -c '*) {clang} "$@" -w -Xclang -disable-llvm-passes -emit-llvm -o {modules}/$$.bc >/dev/null 2>&1 ;;
esac
exit 0
"""


@dataclass(frozen=True)
class Candidates:
    """CPU seconds for the same lists on the same modules.

    Attributes:
        modules: Number of modules.
        lists: Lists that were measured on each module.
        plugin_s: In forked children of clang.
        separate_s: By an ``opt`` and a ``clang -c`` for each list.
    """

    modules: int
    lists: int
    plugin_s: float
    separate_s: float

    @property
    def ratio(self) -> float:
        """Cost of a candidate as a fraction of a separate round."""
        return self.plugin_s / self.separate_s if self.separate_s else 0.0


def recorders(plain: Compilers, place: Path) -> Compilers:
    """Return compilers that do what ``plain`` do and leave the bitcode of every module in ``place``.

    Args:
        plain: The real clang.
        place: An empty directory.
    """
    scripts = []
    for name, clang in (("cc", plain.cc), ("c++", plain.cxx)):
        script = place / name
        script.write_text(_RECORDER.format(clang=shlex.quote(clang), modules=shlex.quote(str(place))), encoding="utf-8")
        script.chmod(0o755)
        scripts.append(str(script))
    return Compilers(scripts[0], scripts[1], plain.environ)


def recorded_modules(place: Path, most: int) -> list[Path]:
    """Return at most ``most`` of the recorded modules, evenly over their sizes."""
    modules = sorted(place.glob("*.bc"), key=lambda path: (path.stat().st_size, path.name))
    if len(modules) <= most:
        return modules
    # From the middle of equal parts, so that neither tiny nor huge modules decide alone.
    return [modules[(2 * part + 1) * len(modules) // (2 * most)] for part in range(most)]


def measure(
    compiler: Compiler,
    stub: Path,
    modules: Sequence[Path],
    pipelines: Sequence[str],
    environ: Mapping[str, str],
    place: Path,
) -> Candidates:
    """Measure candidates.

    What all lists of a module share (reading it, the helper, the -Oz variant) is taken out by the difference to a run
    with the first list alone, so that list is not among those measured.

    Args:
        compiler: The clang.
        stub: Its plugin.
        modules: Unoptimised bitcode.
        pipelines: Pass lists for this LLVM, two at least.
        environ: The environment, with a private cache directory.
        place: A directory for files.

    Raises:
        ProcessError: A compile fails, or not every list was measured.
    """
    plugin_s = separate_s = 0.0
    measured = 0
    for module in modules:
        all_s = _in_plugin(compiler, stub, module, pipelines, environ, place)
        if all_s is None:
            continue
        measured += 1
        plugin_s += all_s - (_in_plugin(compiler, stub, module, pipelines[:1], environ, place) or 0.0)
        separate_s += sum(_separately(compiler, module, pipeline, environ, place) for pipeline in pipelines[1:])
    return Candidates(measured, len(pipelines) - 1, plugin_s, separate_s)


def _in_plugin(
    compiler: Compiler, stub: Path, module: Path, pipelines: Sequence[str], environ: Mapping[str, str], place: Path
) -> float | None:
    """Return the CPU seconds of a search over ``pipelines``; None for a module without functions, which has none."""
    script, said = place / "lists.txt", place / "said"
    script.write_text("".join(pipeline + "\n" for pipeline in pipelines), encoding="ascii")
    said.write_bytes(b"")
    # Explaining ends the process after the search, so that neither applying a list nor writing the object is measured.
    chosen = {
        "BACKEND": "scripted",
        "SCRIPT": str(script),
        "CANDIDATES": str(len(pipelines)),
        "READONLY": "1",
        "RECACHE": "1",
    }
    switches = {PREFIX + name: value for name, value in chosen.items()} | {"_CLANG_LLM_EXPLAIN": str(said)}
    command: list[str | Path] = [
        compiler.path,
        f"-fpass-plugin={stub}",
        "-Oz",
        "-w",
        "-c",
        "-x",
        "ir",
        module,
        "-o",
        place / "plugin.o",
    ]
    used_s = _cpu_s(command, {**environ, **switches})
    events = [json.loads(line)["event"] for line in said.read_text(encoding="utf-8").splitlines()]
    if "bypass" in events:
        return None
    if events.count("result") != 1 + len(pipelines):
        measured = max(0, events.count("result") - 1)
        raise ProcessError(f"{measured} of {len(pipelines)} lists were measured; see clang-llm-tool doctor")
    return used_s


def _separately(compiler: Compiler, module: Path, pipeline: str, environ: Mapping[str, str], place: Path) -> float:
    optimised = place / "optimised.bc"
    used_s = _cpu_s([compiler.tool("opt"), f"-passes={pipeline}", module, "-o", optimised], environ)
    finish: list[str | Path] = [
        "-Oz",
        "-Xclang",
        "-disable-llvm-passes",
        "-w",
        "-c",
        "-x",
        "ir",
        optimised,
        "-o",
        place / "separate.o",
    ]
    return used_s + _cpu_s([compiler.path, *finish], environ)


def _cpu_s(command: Sequence[str | Path], environ: Mapping[str, str]) -> float:
    done = process.run(command, env=environ)
    if not done.ok:
        raise ProcessError(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[:300]}")
    return done.cpu_s
