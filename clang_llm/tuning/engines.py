"""How a pass list is applied to a batch: by the plugin inside clang (what users get), or by ``opt`` (to compare with).

Only the plugin refuses lists outside the vocabulary, so tests that need a list which is known to be wrong use ``opt``.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clang_llm.plans.recipe import Recipe
from clang_llm.system import process
from clang_llm.system.errors import ProcessTimeout, ToolchainError
from clang_llm.toolchain.plugins import Compiler, build_plugin
from clang_llm.tuning.building import COMPILE_LIMIT_BYTES, COMPILE_LIMIT_S

# A name that no version of LLVM has a pass for.
_NO_PASS = "no-such-pass"
# One that every version has, and every vocabulary.
_ANY_PASS = "globaldce"
# A compiler may be as slow as this beside an idle machine; what its processor time limits cannot end is ended then.
_BUSY = 12
# One question to a compiler takes milliseconds; this is for a machine that is short of everything.
_ASK_LIMIT_S = 60.0


class Engine(Protocol):
    """Compiles bitcode with a pass list."""

    @property
    def identity(self) -> str:
        """Words for the key under which verdicts are remembered: what applies lists, and in which build."""
        ...

    def check(self, environ: Mapping[str, str]) -> None:
        """Make sure that lists are really applied; raises ToolchainError when they are not.

        The stub of the plugin steps aside without a word when something has changed since it was built, and every list
        would then look perfect.
        """
        ...

    def compile(self, bitcode: Path, pipeline: str, output: Path, environ: Mapping[str, str]) -> str | None:
        """Write the object ``output``; returns None, or in a few words why there is none."""
        ...


def _run(argv: list[str], environ: Mapping[str, str]) -> str | None:
    """Run one compiler process; returns None or the reason of its failure."""
    patience_s, processor_s = _BUSY * COMPILE_LIMIT_S, int(COMPILE_LIMIT_S)
    try:
        done = process.run(
            argv, env=environ, timeout_s=patience_s, memory_bytes=COMPILE_LIMIT_BYTES, processor_s=processor_s
        )
    except ProcessTimeout:
        return f"compiler timeout ({patience_s:.0f} s)"
    if done.returncode == -signal.SIGXCPU:
        return f"compiler timeout ({processor_s} s of a processor)"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    telling = [
        line for line in lines if "error" in line.lower() or "Assertion" in line or "Instruction does not" in line
    ]
    return f"compiler failed ({done.returncode}): {(telling or lines or ['no message'])[0][:300]}"


@dataclass(frozen=True)
class PluginEngine:
    """``clang -Oz -x ir`` with the plugin applying the list."""

    compiler: Compiler
    stub: Path

    @property
    def identity(self) -> str:
        """See `Engine.identity`: the directory is named by the fingerprint of the plugin and the clang it is for."""
        return f"plugin {self.stub.parent.name}"

    @classmethod
    def build(cls, compiler: Compiler, cache_dir: Path) -> PluginEngine:
        """Build the plugin for this clang where needed; raises ToolchainError."""
        return cls(compiler, build_plugin(compiler, cache_dir).stub)

    def check(self, environ: Mapping[str, str]) -> None:
        """See `Engine.check`: a list that nobody could accept has to fail the compile, and a plain one must not.

        A stub that steps aside fails every compile with a list.
        """
        argv = [str(self.compiler.path), f"-fpass-plugin={self.stub}", "-Oz", "-w", "-x", "c", "-", "-c"]
        for pipeline, expected in ((_NO_PASS, False), (_ANY_PASS, True)):
            done = process.run(
                [*argv, "-o", "/dev/null"],
                env={**environ, "_CLANG_LLM_APPLY": pipeline},
                stdin=b"int f(void) { return 1; }",
                timeout_s=_ASK_LIMIT_S,
            )
            if done.ok is not expected:
                raise ToolchainError(
                    f"the plugin {self.stub} does nothing; was clang or the plugin's source changed? try again"
                )

    def compile(self, bitcode: Path, pipeline: str, output: Path, environ: Mapping[str, str]) -> str | None:
        """See `Engine.compile`."""
        argv = [str(self.compiler.path), f"-fpass-plugin={self.stub}", "-Oz", "-w", "-fno-crash-diagnostics"]
        argv += ["-x", "ir", str(bitcode), "-c", "-o", str(output)]
        recipe = Recipe.parse(pipeline).in_turn()
        told = json.dumps(recipe.message()) if recipe.staged else recipe.module
        return _run(argv, {**environ, "_CLANG_LLM_APPLY": told})


@dataclass(frozen=True)
class OptEngine:
    """``opt -passes=LIST`` after the mandatory lowerings, then code generation by clang."""

    compiler: Compiler
    opt: Path

    @property
    def identity(self) -> str:
        """See `Engine.identity`: it has no build of its own, and the clang is part of the key anyway."""
        return "opt"

    @classmethod
    def find(cls, compiler: Compiler) -> OptEngine:
        """Take the ``opt`` that belongs to this clang.

        Raises:
            ToolchainError: there is none beside it.
        """
        opt = compiler.tool("opt")
        if opt.exists():
            return cls(compiler, opt)
        raise ToolchainError(f"no opt beside {compiler.path}; install the package llvm-{compiler.major}")

    def check(self, environ: Mapping[str, str]) -> None:
        """See `Engine.check`: opt either runs a list or fails."""
        if not process.run([str(self.opt), "--version"], env=environ, timeout_s=_ASK_LIMIT_S).ok:
            raise ToolchainError(f"{self.opt} does not run; install the package llvm-{self.compiler.major} again")

    def compile(self, bitcode: Path, pipeline: str, output: Path, environ: Mapping[str, str]) -> str | None:
        """See `Engine.compile`."""
        optimised = output.with_suffix(".opt.bc")
        # As in the plugin: no list has to know about coroutines, whose intrinsics are named in the string table, or
        # about functions that clang emits for inlining only.
        lowering = "default<O0>" if b"llvm.coro." in bitcode.read_bytes() else "always-inline"
        passes = ",".join(filter(None, (lowering, Recipe.parse(pipeline).opt_text)))
        argv = [str(self.opt), f"-passes={passes}", str(bitcode), "-o", str(optimised)]
        failed = _run(argv, environ)
        if failed is None:
            argv = [str(self.compiler.path), "-Oz", "-w", "-fno-crash-diagnostics", "-Xclang", "-disable-llvm-passes"]
            failed = _run([*argv, "-x", "ir", str(optimised), "-c", "-o", str(output)], environ)
        optimised.unlink(missing_ok=True)
        return failed


def make_engine(name: str, compiler: Compiler, cache_dir: Path) -> Engine:
    """Return the engine of this name for one clang; raises ToolchainError."""
    if name == "plugin":
        return PluginEngine.build(compiler, cache_dir)
    if name == "opt":
        return OptEngine.find(compiler)
    raise ToolchainError(f"no engine '{name}'; use plugin or opt")
