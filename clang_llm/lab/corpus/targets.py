"""The targets of a corpus, and the compiler that captures modules for several of them in one build.

A build runs for the machine it is on. Beside each of its compiles the same command is tried once more for every other
target, up to the point where the module is captured; what does not compile there is left out, and nothing is linked.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from clang_llm.system import layout
from clang_llm.system.errors import DataError

#: The target of the build itself.
NATIVE = "x86_64"
_WASI_EMULATED = ("SIGNAL", "MMAN", "PROCESS_CLOCKS", "GETPID")

#: Options that make clang compile for a target, with the headers of Debian's cross packages (docs/corpus.md).
TARGETS: Mapping[str, tuple[str, ...]] = {
    NATIVE: (),
    # As code for flash is often built, and kernels and boot loaders are.
    "x86_64-bare": ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
    # Debian keeps the kernel's headers where only 64-bit compiles look.
    "i386": ("--target=i386-linux-gnu", "-idirafter", "/usr/include/x86_64-linux-gnu"),
    "aarch64": ("--target=aarch64-linux-gnu",),
    "thumb": ("--target=arm-linux-gnueabihf", "-march=armv7-a", "-mthumb"),
    "armv7m": ("--target=arm-linux-gnueabihf", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard"),
    "riscv64": ("--target=riscv64-linux-gnu",),
    # The headers of riscv64 serve, but for one that lists what a C library lacks.
    "riscv32": ("--target=riscv64-linux-gnu", "-march=rv32imac", "-mabi=ilp32", "-isystem", "{stubs}"),
    # What the system lacks its headers refuse, unless a program says that it links the emulation.
    "wasm32": ("--target=wasm32-wasi", *(f"-D_WASI_EMULATED_{part}" for part in _WASI_EMULATED)),
}

# Every compile is at -Oz and without debug information, whatever the package's makefiles say. Old C, that newer clangs
# refuse by default, is accepted, and nothing is fatal that is no error.
_OPTIONS = (
    "-Oz", "-g0", "-w", "-Wno-error", "-Wno-implicit-function-declaration", "-Wno-implicit-int", "-Wno-int-conversion",
    "-Wno-incompatible-function-pointer-types", "-Wno-return-type", "-Wno-c++11-narrowing", "-Wno-register",
    "-Wno-dynamic-exception-spec", "-Wno-reserved-user-defined-literal", "-fno-lto",
)  # fmt: skip

# During configuration nothing is captured: CLANG_LLM_DISABLE is set then. The native compile comes last, so that files
# with dependencies are its own.
_SCRIPT = """#!/bin/sh
# Made by clang_llm.lab.corpus.collect; see docs/corpus.md.
set -- "$@" {options}
[ -z "$CLANG_LLM_DISABLE" ] || exec {compiler} "$@"
case " $* " in
*" -c "*)
    out=$_CLANG_LLM_CORPUS/out.$$
    for target in $_CLANG_LLM_CORPUS_TARGETS; do
        case $target in
{cases}
        esac
    done
    rm -f "$out".*
    ;;
esac
export _CLANG_LLM_CORPUS="$_CLANG_LLM_CORPUS/{native}"
[ -n "$_CLANG_LLM_CORPUS_NATIVE" ] || export CLANG_LLM_DISABLE=1
exec {compiler} "$@"
"""
_CASE = """        {name}) _CLANG_LLM_CORPUS="$_CLANG_LLM_CORPUS/{name}" \\
            {compiler} "$@" {options} -o "$out.o" >/dev/null 2>&1 ;;"""


def check_targets(names: Sequence[str]) -> None:
    """Refuse unknown names.

    Raises:
        DataError: one of them is unknown.
    """
    for name in names:
        if name not in TARGETS:
            raise DataError(f"there is no target {name}; --targets takes some of {','.join(TARGETS)}")


def write_compilers(place: Path) -> tuple[Path, Path]:
    """Make the CC and CXX of a corpus in a directory; returns their paths."""
    stubs = place / "stubs"
    (stubs / "gnu").mkdir(parents=True, exist_ok=True)
    (stubs / "gnu" / "stubs-ilp32.h").touch()
    made = []
    for name, wrapper in (("corpus-cc", layout.wrapper()), ("corpus-c++", layout.wrapper(cxx=True))):
        path = place / name
        path.write_text(_script(wrapper, stubs), encoding="utf-8")
        path.chmod(0o755)
        made.append(path)
    return made[0], made[1]


def _script(wrapper: Path, stubs: Path) -> str:
    compiler = shlex.quote(str(wrapper))
    cases = (
        _CASE.format(name=name, compiler=compiler, options=shlex.join(option.format(stubs=stubs) for option in options))
        for name, options in TARGETS.items()
        if name != NATIVE
    )
    return _SCRIPT.format(options=" ".join(_OPTIONS), compiler=compiler, native=NATIVE, cases="\n".join(cases))


def capturing(targets: Sequence[str], place: Path) -> dict[str, str]:
    """The environment in which the compilers capture modules for these targets under ``<place>/<target>``."""
    return {
        "CLANG_LLM_MIN_INSTRUCTIONS": "0",
        "_CLANG_LLM_CORPUS": str(place),
        "_CLANG_LLM_CORPUS_TARGETS": " ".join(target for target in targets if target != NATIVE),
        "_CLANG_LLM_CORPUS_NATIVE": "1" if NATIVE in targets else "",
    }
