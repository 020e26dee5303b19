"""CPU time of one candidate inside the plugin, beside ``opt`` and ``clang -c`` on the same list and module."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm import process
from clang_llm.compiler import Compiler
from clang_llm.errors import ProcessError
from clang_llm.settings import PREFIX

#: Flags with which every object of a build carries its unoptimised bitcode. Through -Xclang: the driver's own spelling
#: would compile in two steps and change what is built.
EMBED_FLAGS = "-Oz -Xclang -fembed-bitcode=all"
_SECTION = ".llvmbc"


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
        return self.plugin_s / self.separate_s


def embedded_modules(compiler: Compiler, tree: Path, most: int, place: Path) -> list[Path]:
    """Take the bitcode out of objects that were built with `EMBED_FLAGS`, evenly over their sizes.

    Args:
        compiler: The clang that built them.
        tree: The build tree.
        most: Number of modules to take at most.
        place: Where the bitcode files go.
    """
    place.mkdir(parents=True, exist_ok=True)
    objects = sorted(tree.rglob("*.o"), key=lambda path: (path.stat().st_size, str(path)))
    # From the middle of `most` equal parts, so that neither tiny nor huge modules decide alone.
    chosen = (
        objects if len(objects) <= most else [objects[(2 * i + 1) * len(objects) // (2 * most)] for i in range(most)]
    )
    found = []
    for number, path in enumerate(chosen):
        module = place / f"{number}.bc"
        dump: list[str | Path] = [
            compiler.tool("llvm-objcopy"),
            f"--dump-section={_SECTION}={module}",
            path,
            "/dev/null",
        ]
        if process.run(dump).ok and module.is_file():
            found.append(module)
    return found


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
    for module in modules:
        plugin_s += _in_plugin(compiler, stub, module, pipelines, environ, place)
        plugin_s -= _in_plugin(compiler, stub, module, pipelines[:1], environ, place)
        separate_s += sum(_separately(compiler, module, pipeline, environ, place) for pipeline in pipelines[1:])
    return Candidates(len(modules), len(pipelines) - 1, plugin_s, separate_s)


def _in_plugin(
    compiler: Compiler, stub: Path, module: Path, pipelines: Sequence[str], environ: Mapping[str, str], place: Path
) -> float:
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
