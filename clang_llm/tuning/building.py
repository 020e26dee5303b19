"""Compiles the programs of one batch for one clang: unoptimised -Oz bitcode, and objects at -O0 as the reference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.plugins import Compiler
from clang_llm.tuning.programs import Program, batch_source
from clang_llm.tuning.suite import SuiteProgram

# Bounds against hangs only. The slowest list compiles a batch in under ten seconds; the bound is far from that so that
# a busy machine does not turn into a verdict.
COMPILE_LIMIT_S = 300.0
COMPILE_LIMIT_BYTES = 4 << 30

# Bitcode as clang's own pipeline would receive it at -Oz.
_UNOPTIMISED = ("-Oz", "-w", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c")

# Compilations of the suite's programs at once: two fill a small machine and leave it usable.
_JOBS = 2

_DIAGNOSED = re.compile(r"^(p\d+)\.cpp:\d+", re.MULTILINE)


@dataclass(frozen=True)
class Built:
    """What was compiled for one batch, beside ``<stem>.bc``.

    Attributes:
        stem: Path without suffix of all files of the batch.
        names: The programs that are in it; without any there are no files.
        reference: Objects at -O0 that hold the same programs.
        failed: Program → why it is not in it.
    """

    stem: Path
    names: tuple[str, ...]
    reference: tuple[Path, ...]
    failed: dict[str, str]


def cxx_of(compiler: Compiler) -> Path:
    """The clang++ that stands beside this clang; needed to link C++.

    Raises:
        ToolchainError: there is none.
    """
    name = compiler.path.name
    beside = compiler.path.with_name(name.replace("clang", "clang++", 1) if "clang++" not in name else name)
    if not beside.exists():
        raise ToolchainError(f"{beside} is missing; install it, it links the C++ programs of the validation")
    return beside


def compile_one(argv: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> str | None:
    """Run one compilation; returns None or what the compiler said."""
    done = process.run(argv, env=environ, cwd=cwd, timeout_s=COMPILE_LIMIT_S, memory_bytes=COMPILE_LIMIT_BYTES)
    return None if done.returncode == 0 else done.stderr.decode(errors="replace") or f"exit status {done.returncode}"


def build_published(compiler: Compiler, programs: Sequence[Program], stem: Path, environ: Mapping[str, str]) -> Built:
    """Build a batch of published programs from one joint source; leaves out those that do not compile.

    Raises:
        ToolchainError: the compiler cannot build any.
    """
    left = list(programs)
    failed: dict[str, str] = {}
    source, cxx = stem.with_suffix(".cpp"), str(cxx_of(compiler))
    while left:
        source.write_text(batch_source(left), encoding="utf-8")
        message = compile_one([cxx, *_UNOPTIMISED, source.name, "-o", f"{stem.name}.bc"], stem.parent, environ)
        if message is None:
            break
        bad = set(_DIAGNOSED.findall(message))
        if not bad:
            raise ToolchainError(f"{cxx} cannot compile the validation programs: {message.strip()[:400]}")
        failed.update(dict.fromkeys(bad, "does not compile"))
        left = [program for program in left if program.name not in bad]
    if not left:
        return Built(stem, (), (), failed)
    reference = stem.with_suffix(".reference.o")
    message = compile_one([cxx, "-O0", "-w", "-c", source.name, "-o", reference.name], stem.parent, environ)
    if message is not None:
        raise ToolchainError(f"{cxx} cannot compile the validation programs: {message.strip()[:400]}")
    return Built(stem, tuple(program.name for program in left), (reference,), failed)


def _build_one(compiler: Compiler, program: SuiteProgram, place: Path, environ: Mapping[str, str]) -> str | None:
    """Write ``<name>.bc`` and ``<name>.o`` of one program of the suite; returns None or what the compiler said."""
    driver = str(cxx_of(compiler) if program.path.suffix == ".cpp" else compiler.path)
    (place / f"{program.name}.entry.h").write_text(program.entry_header, encoding="utf-8")
    common = [*program.flags, str(program.path), "-o"]
    return compile_one([driver, *_UNOPTIMISED, *common, f"{program.name}.bc"], place, environ) or compile_one(
        [driver, "-O0", "-w", "-c", *common, f"{program.name}.o"], place, environ
    )


def build_suite(compiler: Compiler, programs: Sequence[SuiteProgram], stem: Path, environ: Mapping[str, str]) -> Built:
    """Build a batch of the suite: every program by itself, then linked into one module.

    Raises:
        ToolchainError: the modules cannot be linked, as when two programs define the same name.
    """
    place = stem.parent
    with ThreadPoolExecutor(max_workers=_JOBS) as pool:
        messages = list(pool.map(lambda program: _build_one(compiler, program, place, environ), programs))
    failed = {
        program.name: f"does not compile: {message.strip().partition(chr(10))[0][-200:]}"
        for program, message in zip(programs, messages, strict=True)
        if message is not None
    }
    names = [program.name for program in programs if program.name not in failed]
    if not names:
        return Built(stem, (), (), failed)
    linker = compiler.tool("llvm-link")
    if not linker.exists():
        raise ToolchainError(f"no llvm-link beside {compiler.path}; install the package llvm-{compiler.major}")
    message = compile_one([str(linker), *(f"{name}.bc" for name in names), "-o", f"{stem.name}.bc"], place, environ)
    if message is not None:
        raise ToolchainError(f"cannot link the programs of the suite: {message.strip()[:400]}")
    for name in names:
        (place / f"{name}.bc").unlink()
    return Built(stem, tuple(names), tuple(place / f"{name}.o" for name in names), failed)
