"""Other machines whose programs can be built and run here, where the necessary packages are installed.

That is found out by trying: a small program of each language is compiled, linked and run.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import ProcessError, ProcessTimeout, ToolchainError
from clang_llm.system.process import Completed
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning.building import cxx_of

#: The languages of our programs, by the suffix of their files.
LANGUAGES = {".c": "C", ".cpp": "C++"}

# Bounds against hangs only: all of this takes seconds.
_COMPILE_LIMIT_S, _LINK_LIMIT_S, _RUN_LIMIT_S = 120.0, 60.0, 60.0
_WASM_RUNNER = Path(__file__).with_name("wasm_runner.py")
_WASM = "wasmtime"


@dataclass(frozen=True)
class Target:
    """How programs for a target are compiled, linked and run.

    Attributes:
        name: For people and files.
        triple: As LLVM calls the target.
        options: Options of every command of clang's driver.
        linking: Options of the link alone.
        emulator: What runs its programs: a program on PATH, ``wasmtime`` for the Python package of that name, or
            nothing where this machine itself runs them.
        packages: Debian's packages that programs of each language need, for messages; NN is clang's major version.
    """

    name: str
    triple: str
    options: tuple[str, ...]
    linking: tuple[str, ...]
    emulator: str
    packages: Mapping[str, str]

    def missing_emulator(self) -> str:
        """Return what is not installed that its programs need to run, and how to get it; empty when all is there."""
        if self.emulator == _WASM:
            return "" if find_spec(_WASM) else "wasmtime is not installed: pip install wasmtime"
        if self.emulator and shutil.which(self.emulator) is None:
            return f"{self.emulator} is not installed: apt-get install qemu-user"
        return ""

    def run(self, program: Path, environ: Mapping[str, str], timeout_s: float = _RUN_LIMIT_S) -> Completed:
        """Run a linked program; a WebAssembly program that traps has the status -1.

        Raises:
            ProcessTimeout: It ran too long.
            ProcessError: It cannot be started.
        """
        if self.emulator != _WASM:
            return process.run([*filter(None, [self.emulator]), program], env=environ, timeout_s=timeout_s)
        done = process.run(
            [sys.executable, _WASM_RUNNER, str(timeout_s), program], env=environ, timeout_s=2 * timeout_s
        )
        if not done.ok:
            return done
        told = json.loads(done.output)
        if told["status"] is None:
            raise ProcessTimeout(f"{program} ran longer than {timeout_s:g} s and was ended")
        output = bytes.fromhex(told["output"])
        return Completed(done.argv, told["status"], output, done.stderr, done.wall_s, done.cpu_s)


def _debian(architecture: str) -> dict[str, str]:
    return {
        "C": f"libc6-dev-{architecture}-cross libgcc-12-dev-{architecture}-cross",
        "C++": f"libstdc++-12-dev-{architecture}-cross",
    }


# lld links for every target; the linkers of other targets need not be installed.
_STATIC = ("-static", "-fuse-ld=lld")
_ALL = (
    Target(
        "arm",
        "arm-linux-gnueabihf",
        ("--target=arm-linux-gnueabihf", "-march=armv7-a", "-mthumb"),
        _STATIC,
        "qemu-arm",
        _debian("armhf"),
    ),
    Target(
        "aarch64",
        "aarch64-linux-gnu",
        ("--target=aarch64-linux-gnu",),
        _STATIC,
        "qemu-aarch64",
        _debian("arm64"),
    ),
    Target(
        "riscv64",
        "riscv64-linux-gnu",
        ("--target=riscv64-linux-gnu",),
        _STATIC,
        "qemu-riscv64",
        _debian("riscv64"),
    ),
    Target(
        "wasm32",
        "wasm32-wasi",
        ("--target=wasm32-wasi", "-fno-exceptions"),
        (),
        _WASM,
        {"C": "wasi-libc libclang-rt-NN-dev-wasm32", "C++": "libc++-NN-dev-wasm32 libc++abi-NN-dev-wasm32"},
    ),
    # Debian keeps the C library's headers where only -m32 looks, and the kernel's where only 64-bit compiles look.
    Target(
        "i386",
        "i386-pc-linux-gnu",
        ("-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"),
        (),
        "",
        {"C": "libc6-dev-i386", "C++": "lib32stdc++-12-dev"},
    ),
)
#: All of them by name.
TARGETS: Mapping[str, Target] = {target.name: target for target in _ALL}

# What the programs of a language take at least. What they print and their exit status are looked at.
_TRIES = {
    ".c": """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
  char *text = malloc(8);
  (void)argv;
  strcpy(text, "tried");
  printf("%s %.1f\\n", text, floor(argc + 1.5));
  free(text);
  return 7;
}
""",
    ".cpp": """
#include <cstdio>
#include <map>
#include <string>
#include <vector>
int main(int argc, char **) {
  std::map<std::string, std::vector<int>> texts;
  texts["tried"].push_back(argc);
  std::printf("%s %.1f\\n", texts.begin()->first.c_str(), 1.0 + texts["tried"].front());
  return 7;
}
""",
}
_WANTED = (7, b"tried 2.0\n")


@dataclass(frozen=True)
class Builder:
    """Builds programs for a target with one clang.

    Attributes:
        environ: The whole environment of the commands.
    """

    target: Target
    compiler: Compiler
    environ: Mapping[str, str]

    def driver(self, source: Path) -> Path:
        """Return the clang for the language of a source; raises ToolchainError."""
        return self.compiler.path if source.suffix == ".c" else cxx_of(self.compiler)

    def compile(self, source: Path, item: Path, options: Sequence[str], **variables: str) -> Completed:
        """Compile a source to an object.

        Args:
            source: Its suffix says the language.
            item: The object to write.
            options: Beside the target's.
            variables: Environment variables of this command.

        Raises:
            ProcessError, ToolchainError: The compiler cannot be started, or does not end.
        """
        argv: list[str | Path] = [self.driver(source), *self.target.options, *options]
        argv += ["-c", source, "-o", item]
        return process.run(argv, env={**self.environ, **variables}, timeout_s=_COMPILE_LIMIT_S)

    def link(self, source: Path, item: Path, program: Path) -> Completed:
        """Link the object of a source; raises as `compile` does."""
        argv: list[str | Path] = [self.driver(source), *self.target.options, *self.target.linking]
        argv += [item, "-o", program, "-lm"]
        return process.run(argv, env=self.environ, timeout_s=_LINK_LIMIT_S)

    def why_not(self, suffix: str) -> str:
        """Try a small program of a language; return why such programs cannot be built and run, or nothing if they can.

        Args:
            suffix: Names the language: a key of `LANGUAGES`.
        """
        missing = self.target.missing_emulator()
        if missing:
            return missing
        subject = f"{LANGUAGES[suffix]} programs for {self.target.triple}"
        with tempfile.TemporaryDirectory(prefix="clang-llm-target-") as place:
            try:
                problem = self._try(Path(place) / f"try{suffix}")
            except (ProcessError, ToolchainError) as error:
                problem = str(error)
        if not problem:
            return ""
        needed = self.target.packages["C"] if suffix == ".c" else " ".join(self.target.packages.values())
        return f"{subject} {problem}; apt-get install {needed.replace('NN', str(self.compiler.major))}"

    def _try(self, source: Path) -> str:
        """Return what fails, and how."""
        source.write_text(_TRIES[source.suffix], encoding="ascii")
        item, program = source.with_suffix(".o"), source.with_suffix(".program")
        compiled = self.compile(source, item, ("-O0",))
        if not compiled.ok:
            return f"do not compile: {_complaint(compiled)}"
        linked = self.link(source, item, program)
        if not linked.ok:
            return f"do not link: {_complaint(linked)}"
        done = self.target.run(program, self.environ)
        if (done.returncode, done.stdout) != _WANTED:
            return f"do not run: exit status {done.returncode}, {(done.stdout + done.stderr)[:200]!r}"
        return ""


def runnable(target: Target, compiler: Compiler, environ: Mapping[str, str]) -> dict[str, str]:
    """Say which languages can be built and run for a target, by really trying.

    Args:
        target: One of `TARGETS`.
        compiler: The clang to try.
        environ: The whole environment of the commands; PATH tells where emulators and linkers are.

    Returns:
        Suffix of a language (a key of `LANGUAGES`) to the reason why it cannot; the empty text means that it can.
    """
    builder = Builder(target, compiler, environ)
    return {suffix: builder.why_not(suffix) for suffix in LANGUAGES}


def _complaint(done: Completed) -> str:
    """Return the line that says most."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return next((line.strip() for line in lines if "error" in line), lines[-1] if lines else f"exit {done.returncode}")
