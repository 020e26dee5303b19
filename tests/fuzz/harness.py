"""Builds the plugin's fuzz targets from the plugin's own sources, with sanitizers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.system.locks import locked
from clang_llm.toolchain.builder import SOURCES, generated_header
from clang_llm.toolchain.compiler import Compiler

HERE = Path(__file__).resolve().parent
#: What the targets in C++ are called.
TARGETS = ("entry", "recipe", "protocol", "model")
#: They measure, in forked children; the harness has answers of its own in their place.
_LEFT_OUT = (
    "blame.cpp", "contract.cpp", "credit.cpp", "describe.cpp", "diagnostics.cpp", "evaluate.cpp", "object.cpp"
)  # fmt: skip
#: Without the checks that need type information, which LLVM is built without.
SANITIZERS = "address,undefined"
_OPTIONS = (
    "-std=c++17", "-O1", "-g1", "-fno-rtti", "-fno-exceptions", "-fno-omit-frame-pointer",
    "-fno-sanitize=vptr,function", "-fno-sanitize-recover=undefined",
    "-D__STDC_CONSTANT_MACROS", "-D__STDC_FORMAT_MACROS", "-D__STDC_LIMIT_MACROS",
)  # fmt: skip
_BUILD_S = 900.0


def sources() -> list[Path]:
    """Return the plugin's sources that the targets are made of."""
    return sorted(path for path in SOURCES.rglob("*.cpp") if path.name not in _LEFT_OUT)


def build(compiler: Compiler, place: Path, *, fuzzer: bool) -> Path:
    """Return the fuzz program (a directory of one name for each target) or the replaying program, built if need be.

    Args:
        compiler: Its LLVM is what the plugin would run in.
        place: Directory that keeps builds.
        fuzzer: Whether libFuzzer is to be in it.

    Raises:
        ToolchainError: It does not build, with the reason.
    """
    kind = "fuzz" if fuzzer else "replay"

    def make(directory: Path, header: str) -> None:
        _build(compiler, directory, header, fuzzer=fuzzer)

    directory = _once(compiler, place, kind, make)
    return directory if fuzzer else directory / "replay"


def _once(compiler: Compiler, place: Path, kind: str, make: Callable[[Path, str], None]) -> Path:
    """Return the directory of what `make` makes of the plugin's sources as they are now, made once."""
    header = generated_header(compiler.major)
    texts = [
        path.read_bytes()
        for path in [*sorted(SOURCES.rglob("*.h")), *sorted(SOURCES.rglob("*.cpp")), HERE / "plugin_fuzz.cpp"]
    ]
    named = hashlib.sha256(
        b"\0".join([header.encode(), compiler.version.encode(), " ".join(_OPTIONS).encode(), *texts])
    )
    directory = place / f"{kind}-{named.hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / f"{kind}.lock", _BUILD_S) as held:
        if not held:
            raise ToolchainError(f"somebody has been building in {place} for {_BUILD_S:g} s; try again")
        if not (directory / "done").exists():
            directory.mkdir(exist_ok=True)
            make(directory, header)
            (directory / "done").touch()
    return directory


def _command(compiler: Compiler, directory: Path, header: str, included: Sequence[Path]) -> list[str | Path]:
    """Return the begin of a compiler's command line, and write what it includes."""
    if compiler.llvm_config is None:
        raise ToolchainError(f"no llvm-config of version {compiler.version}: apt-get install llvm-{compiler.major}-dev")
    include = process.run([compiler.llvm_config, "--includedir"]).output.strip()
    (directory / "generated.h").write_text(header, encoding="utf-8")
    lines = "".join(f'#include "{path}"\n' for path in included)
    (directory / "sources.inc").write_text(lines, encoding="utf-8")
    return [compiler.path, "--driver-mode=g++", *_OPTIONS, *(f"-I{each}" for each in (directory, include, SOURCES))]


def _compile(argv: Sequence[str | Path]) -> None:
    done = process.run(argv, timeout_s=_BUILD_S)
    if not done.ok:
        said = os.fsdecode(done.stderr).splitlines()
        why = next((line for line in said if "error" in line), said[-1] if said else "no message")
        raise ToolchainError(f"the plugin does not build with sanitizers: {why}")


def _build(compiler: Compiler, directory: Path, header: str, *, fuzzer: bool) -> None:
    argv = _command(compiler, directory, header, sources())
    libraries = process.run([compiler.llvm_config or "", "--libdir"]).output.strip()
    program = directory / ("fuzz-entry" if fuzzer else "replay")
    argv += [f"-fsanitize={'fuzzer,' if fuzzer else ''}{SANITIZERS}", *([] if fuzzer else ["-DREPLAY"])]
    argv += [HERE / "plugin_fuzz.cpp", "-o", program, f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
    _compile([*argv, f"-lLLVM-{compiler.major}", "-lpthread"])
    for name in TARGETS[1:] if fuzzer else ():
        link = directory / f"fuzz-{name}"
        link.unlink(missing_ok=True)
        os.link(program, link)


def runtime(compiler: Compiler) -> Path:
    """Return the runtime of the sanitizers that is loaded into programs without them.

    Raises:
        ToolchainError: It is not installed.
    """
    found = Path(
        process.run([compiler.path, f"-print-file-name=libclang_rt.asan-{os.uname().machine}.so"]).output.strip()
    )
    if not found.is_absolute():
        raise ToolchainError(f"no runtime of the sanitizers: apt-get install libclang-rt-{compiler.major}-dev")
    return found


def build_plugin(compiler: Compiler, place: Path) -> Path:
    """Return the whole plugin with sanitizers, built if need be; it goes into a process that has `runtime` loaded.

    Raises:
        ToolchainError: It does not build, with the reason.
    """

    def make(directory: Path, header: str) -> None:
        program = directory / "plugin.so"
        included = sorted(SOURCES.rglob("*.cpp"))
        argv = _command(compiler, directory, header, included)
        argv += [f"-fsanitize={SANITIZERS}", "-shared-libasan", "-shared", "-fPIC", "-fvisibility=hidden"]
        _compile([*argv, HERE / "plugin_fault.cpp", "-o", program])

    return _once(compiler, place, "plugin", make) / "plugin.so"


def environment(cache: Path) -> dict[str, str]:
    """Return the environment of the programs; `cache` is the cache directory that they read."""
    return {
        "PATH": os.environ["PATH"],
        "FUZZ_CACHE_DIR": str(cache),
        # The plugin frees nothing before clang ends.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
