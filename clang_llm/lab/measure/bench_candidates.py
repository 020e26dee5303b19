"""CPU time of one candidate inside the plugin, beside ``opt`` and ``clang -c`` on the same list and module."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.packages.build import Compilers
from clang_llm.plans.recipe import Recipe
from clang_llm.system import process
from clang_llm.system.errors import ProcessError, ToolchainError
from clang_llm.toolchain.compiler import Compiler

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
    modules: Sequence[tuple[str, ...]],
    recipes: Sequence[Recipe],
    environ: Mapping[str, str],
    place: Path,
) -> Candidates:
    """Measure candidates.

    What all recipes of a module share (reading it, the -Oz variant) is taken out by the difference to a run with the
    first recipe alone, so that recipe is not among those measured.

    Args:
        compiler: The clang.
        stub: Its plugin.
        modules: For each the words that make a clang compile it: an unoptimised bitcode file last.
        recipes: For this LLVM, two at least; neighbours with one head share it.
        environ: The environment.
        place: A directory for files.

    Raises:
        ProcessError: A compile fails.
    """
    plugin_s = separate_s = 0.0
    measured = 0
    for words in modules:
        try:
            all_s = _in_plugin(compiler, stub, words, recipes, environ, place)
            first_s = _in_plugin(compiler, stub, words, recipes[:1], environ, place)
        except ToolchainError:  # a module without functions
            continue
        measured += 1
        plugin_s += all_s - first_s
        separate_s += sum(_separately(compiler, words, recipe.opt_text, environ, place) for recipe in recipes[1:])
    return Candidates(measured, len(recipes) - 1, plugin_s, separate_s)


def _in_plugin(
    compiler: Compiler,
    stub: Path,
    words: Sequence[str],
    recipes: Sequence[Recipe],
    environ: Mapping[str, str],
    place: Path,
) -> float:
    """Return the CPU seconds of one clang that measures recipes."""
    evaluator = Evaluator([str(compiler.path), *words, "-o", "/dev/null"], stub, place / "cache", environ)
    with evaluator:
        evaluator.evaluate(recipes)
    return evaluator.cpu_s


def _separately(
    compiler: Compiler, words: Sequence[str], pipeline: str, environ: Mapping[str, str], place: Path
) -> float:
    optimised = place / "optimised.bc"
    used_s = _cpu_s([compiler.tool("opt"), f"-passes={pipeline}", words[-1], "-o", optimised], environ)
    switch = ["-disable-llvm-passes"] if words[0] == "-cc1" else ["-Xclang", "-disable-llvm-passes"]
    finish: list[str | Path] = [compiler.path, words[0], *switch, *words[1:-1], optimised, "-o", place / "separate.o"]
    return used_s + _cpu_s(finish, environ)


def _cpu_s(command: Sequence[str | Path], environ: Mapping[str, str]) -> float:
    done = process.run(command, env=environ)
    if not done.ok:
        raise ProcessError(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[:300]}")
    return done.cpu_s
