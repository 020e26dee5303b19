"""Linking and running the programs of one machine, fast: the linker is called without clang's driver."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from clang_llm import process
from clang_llm.compiler import Compiler
from clang_llm.errors import ProcessTimeout, ToolchainError
from clang_llm.tuning.building import cxx_of

#: Bounds of one run: programs take milliseconds, so these are for plans that made one run wild.
RUN_LIMIT_S = 10.0
_LINK_LIMIT_S = 60.0
_ASK_LIMIT_S = 60.0
#: KiB of memory, 512-byte blocks of output, KiB of stack.
_LIMITS = "ulimit -c 0; ulimit -f 20000; ulimit -s 8192"
_MEMORY_LIMIT = "ulimit -v 4000000"
#: A placeholder in the linker's command line.
_OBJECT, _OUTPUT = "differential-object.o", "differential-output"
_WASM_RUNNER = Path(__file__).with_name("wasm_runner.py")


@dataclass(frozen=True)
class Machine:
    """How programs for a target are compiled, linked and run.

    Attributes:
        name: For people and the results.
        triple: As clang's ``--target``; empty for the machine of the build.
        options: Options of every compilation and link.
        linking: Options of the link alone.
        emulator: What runs its programs; empty for the machine itself, ``wasm`` for WebAssembly.
    """

    name: str
    triple: str = ""
    options: tuple[str, ...] = ()
    linking: tuple[str, ...] = ()
    emulator: str = ""

    @property
    def common(self) -> tuple[str, ...]:
        """Options of every command of the driver."""
        return (*((f"--target={self.triple}",) if self.triple else ()), *self.options)

    @property
    def native(self) -> bool:
        """Whether programs run without an emulator, and sanitizers with them."""
        return not self.emulator


def _fast_linker() -> str:
    """The quickest linker that is installed: 11 ms a program with gold, 15 with GNU ld, 23 with lld."""
    return next((f"-fuse-ld={name}" for name in ("gold", "lld") if shutil.which(f"ld.{name}")), "")


def machines() -> dict[str, Machine]:
    """Return all machines by name."""
    quick = tuple(filter(None, (_fast_linker(),)))
    static = ("-static", "-fuse-ld=lld")
    arm = ("-march=armv7-a", "-mthumb")
    return {
        each.name: each
        for each in (
            Machine("x86-64", "", (), quick),
            Machine("i386", "", ("-m32",), quick),
            Machine("aarch64", "aarch64-linux-gnu", (), static, "qemu-aarch64"),
            Machine("thumb2", "arm-linux-gnueabihf", arm, static, "qemu-arm"),
            Machine("riscv64", "riscv64-linux-gnu", (), static, "qemu-riscv64"),
            Machine("wasm32", "wasm32-wasi", ("-fno-exceptions",), (), "wasm"),
        )
    }


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
            words: list[str | Path] = [driver, *self._machine.common, *self._machine.linking, _OBJECT]
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
        if self._machine.emulator == "wasm":
            return self._in_wasmtime(programs, limit_s)
        return [self._one(program, limit_s) for program in programs]

    def _one(self, program: Path, limit_s: float) -> Outcome:
        limits = _LIMITS if self._machine.emulator else f"{_LIMITS}; {_MEMORY_LIMIT}"
        words = [*filter(None, (self._machine.emulator,)), f"./{program.name}"]
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


@cache
def missing_for(machine: Machine) -> str:
    """Return what is not installed that a machine's programs need to run; empty when all is there."""
    if machine.emulator == "wasm":
        return "" if find_spec("wasmtime") else "the Python package wasmtime"
    return "" if machine.native or shutil.which(machine.emulator) else machine.emulator


def is_x86_64() -> bool:
    """Whether this machine runs the native programs that are meant."""
    return os.uname().machine == "x86_64"
