"""Linking and running the programs of one machine, fast: the linker is called without clang's driver."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import ProcessTimeout, ToolchainError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning import targets
from clang_llm.tuning.building import cxx_of
from clang_llm.tuning.targets import TARGETS, Target

#: Bounds of one run: programs take milliseconds, so these are for plans that made one run wild.
RUN_LIMIT_S = 10.0
_LINK_LIMIT_S = 60.0
_ASK_LIMIT_S = 60.0
#: KiB of memory, 512-byte blocks of output, KiB of stack.
_LIMITS = "ulimit -c 0; ulimit -f 20000; ulimit -s 8192"
_MEMORY_LIMIT = "ulimit -v 4000000"
#: A placeholder in the linker's command line.
_OBJECT, _OUTPUT = "differential-object.o", "differential-output"
_WASM = "wasmtime"
_WASM_RUNNER = Path(targets.__file__).with_name("wasm_runner.py")


_EVERYWHERE = frozenset({"ieee", "complex"})
_UNIX = _EVERYWHERE | {"elf", "setjmp", "signals", "threads", "frames", "fortify", "exceptions", "fenv", "c++"}


@dataclass(frozen=True)
class Machine:
    """How programs for a target are compiled, linked and run.

    Attributes:
        target: The target.
        has: What it has that programs may need.
        linking: Options of the link alone.
    """

    target: Target
    has: frozenset[str]
    linking: tuple[str, ...]

    @property
    def name(self) -> str:
        """For people and the results."""
        return self.target.name

    @property
    def options(self) -> tuple[str, ...]:
        """Options of every command of the driver."""
        return self.target.options

    @property
    def native(self) -> bool:
        """Whether programs run without an emulator, and sanitizers with them."""
        return not self.target.emulator

    @property
    def elf(self) -> bool:
        """Whether its objects are ELF."""
        return "elf" in self.has


_NATIVE = Target("x86-64", "x86_64-pc-linux-gnu", (), (), "", {"C": "libc6-dev", "C++": "libstdc++-12-dev"})
#: What the machines have. i386 computes with more digits than it stores, so that a plan may change the last one.
_HAS: Mapping[str, frozenset[str]] = {
    "x86-64": _UNIX | {"x86", "int128", "ifunc"},
    "i386": (_UNIX | {"x86", "ifunc"}) - {"ieee", "complex", "fenv"},
    "aarch64": _UNIX | {"int128", "ifunc"},
    "arm": _UNIX,
    "riscv64": _UNIX | {"int128"},
    "wasm32": _EVERYWHERE | {"int128", "c++"},
}


def machines() -> dict[str, Machine]:
    """Return all machines by name."""
    # The quickest linker that is installed: 11 ms a program with gold, 15 with GNU ld, 23 with lld.
    quick = tuple(f"-fuse-ld={name}" for name in ("gold", "lld") if shutil.which(f"ld.{name}"))[:1]
    targets = {_NATIVE.name: _NATIVE, **TARGETS}
    found = {name: Machine(targets[name], has, targets[name].linking) for name, has in _HAS.items()}
    return {name: replace(each, linking=quick) if each.native else each for name, each in found.items()}


@dataclass(frozen=True)
class Outcome:
    """What a program did: exit status (minus the signal; None for a timeout) and what it said."""

    status: int | None
    output: bytes

    def text(self) -> str:
        """For people."""
        how = "timeout" if self.status is None else f"exit {self.status}"
        return f"{how}: {self.output[-200:].decode(errors='replace')}"


class Linker:
    """The linker's command lines for C and C++ programs of one machine, asked of clang's driver once."""

    def __init__(self, machine: Machine, compiler: Compiler, environ: Mapping[str, str]) -> None:
        self._machine, self._compiler, self._environ = machine, compiler, environ
        self._lines: dict[bool, list[str]] = {}

    def line(self, is_cxx: bool) -> list[str]:
        """Return the words of the command, with placeholders; raises ToolchainError."""
        if is_cxx not in self._lines:
            driver = cxx_of(self._compiler) if is_cxx else self._compiler.path
            words: list[str | Path] = [driver, *self._machine.options, *self._machine.linking, _OBJECT]
            with tempfile.TemporaryDirectory(prefix="clang-llm-differential-") as place:
                # The driver leaves out what is not there.
                (Path(place) / _OBJECT).touch()
                words += ["-o", _OUTPUT, "-lm", "-###"]
                done = process.run(words, env=self._environ, cwd=place, timeout_s=_ASK_LIMIT_S)
            said = done.stderr.decode(errors="replace").splitlines()
            found = [line for line in said if _OBJECT in line and line.startswith(' "')]
            if not done.ok or not found:
                raise ToolchainError(f"clang links nothing for {self._machine.name}: {(said or ['no message'])[-1]}")
            self._lines[is_cxx] = [word for word in shlex.split(found[0]) if not word.startswith("--build-id")]
        return self._lines[is_cxx]

    def link(self, item: Path, output: Path, is_cxx: bool) -> str | None:
        """Link one object; returns None or what the linker said; raises ToolchainError."""
        named = {_OBJECT: str(item), _OUTPUT: str(output)}
        words = [named.get(word, word) for word in self.line(is_cxx)]
        done = process.run(words, env=self._environ, timeout_s=_LINK_LIMIT_S)
        return None if done.ok else done.stderr.decode(errors="replace")[-600:] or f"exit status {done.returncode}"


class Runner:
    """Runs linked programs of one machine with limits."""

    def __init__(self, machine: Machine, environ: Mapping[str, str]) -> None:
        self._machine, self._environ = machine, environ

    def run_all(self, programs: Sequence[Path], limit_s: float = RUN_LIMIT_S) -> list[Outcome]:
        """Run programs one after the other."""
        if self._machine.target.emulator == _WASM:
            return self._in_wasmtime(programs, limit_s)
        return [self._one(program, limit_s) for program in programs]

    def _one(self, program: Path, limit_s: float) -> Outcome:
        limits = _LIMITS if self._machine.target.emulator else f"{_LIMITS}; {_MEMORY_LIMIT}"
        words = [*filter(None, (self._machine.target.emulator,)), f"./{program.name}"]
        argv = ["/bin/sh", "-c", f'{limits}; exec "$@"', "sh", *words]
        return run_once(argv, program.parent, self._environ, limit_s)

    def _in_wasmtime(self, programs: Sequence[Path], limit_s: float) -> list[Outcome]:
        argv: list[str | Path] = [sys.executable, _WASM_RUNNER, str(limit_s), *programs]
        done = process.run(argv, env=self._environ, timeout_s=60 + 2 * limit_s * len(programs))
        lines = [json.loads(line) for line in done.output.splitlines()]
        if len(lines) != len(programs):
            raise ToolchainError(f"wasmtime ran {len(lines)} of {len(programs)}: {done.stderr[-300:].decode()}")
        return [Outcome(line["status"], bytes.fromhex(line["output"])) for line in lines]


def run_once(argv: Sequence[str], cwd: Path, environ: Mapping[str, str], limit_s: float = RUN_LIMIT_S) -> Outcome:
    """Run a command and return what it did; standard error is part of what it says."""
    try:
        done = process.run(argv, env=environ, cwd=cwd, timeout_s=limit_s)
    except ProcessTimeout:
        return Outcome(None, b"")
    # qemu tells which signal it died of in words that hold a process id.
    said = re.sub(rb"(?m)^qemu: uncaught target signal.*\n", b"", done.stderr)
    return Outcome(done.returncode, done.stdout + said)
