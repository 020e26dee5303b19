"""Hazard rows about what is said and returned: 29 to 32, 43, 44; and the six command lines that wllvm misreads."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from dropin import sources
from dropin.twin import MODES, TIMEOUT_S, WRAPPERS, Case, Twin

TWO = {"a.c": sources.C, "b.c": sources.SECOND_C, "w.c": sources.WARNS_C, "e.c": sources.ERROR_C}
BIG_FRAME = {"a.c": "void use(char *); void f(void) { char room[512]; use(room); }\n"}
CRASH = {"a.c": "int f(int x) { return x; }\n#pragma clang __debug crash\n"}


def old_object(work: Path) -> None:
    (work / "e.o").write_bytes(b"from the last build")


CASES = {
    "row29 error": Case((("-Oz", "-c", "e.c"),), TWO),
    "row29 error removes the old object": Case((("-Oz", "-c", "e.c"),), TWO, prepare=old_object),
    "row29 second of two fails": Case((("-Oz", "-c", "a.c", "e.c"),), TWO),
    "row29 error of the linker": Case((("-Oz", "b.c", "-o", "prog"),), TWO),
    "row29 error in the back end": Case((("-Oz", "-c", "a.c"),), {"a.c": 'void f(void) { asm("frobnicate"); }\n'}),
    "row29 impossible constraint": Case(
        (("-Oz", "-c", "a.c"),), {"a.c": 'void f(int x) { asm volatile("# %0" : : "i"(x)); }\n'}
    ),
    "row30 forced colours": Case((("-Oz", "-fcolor-diagnostics", "-Wall", "-c", "w.c"),), TWO),
    "row30 -fansi-escape-codes": Case((("-Oz", "-fdiagnostics-color=always", "-c", "e.c"),), TWO),
    "row31 warnings": Case((("-Oz", "-Wall", "-Wextra", "-c", "w.c"),), TWO),
    "row31 everything": Case((("-Oz", "-Weverything", "-c", "a.c", "w.c"),), TWO),
    "row31 -Werror": Case((("-Oz", "-Wall", "-Werror", "-c", "w.c"),), TWO),
    "row31 -Werror, nothing to say": Case(
        (("-Oz", "-Wall", "-Werror", "-c", "b.c"), ("-Werror", "-Oz", "-c", "a.c")), TWO
    ),
    "row31 unused argument": Case((("-Oz", "-Wl,-s", "-Werror", "-c", "a.c"), ("-Oz", "-lm", "-c", "a.c")), TWO),
    "row31 unused argument of a link": Case((("-Oz", "-c", "a.c"), ("-Werror", "-Oz", "-include", "x.h", "a.o")), TWO),
    "row31 frame size": Case((("-Oz", "-Wframe-larger-than=64", "-c", "a.c"),), BIG_FRAME),
    "row31 frame size, -Werror": Case((("-Oz", "-Wframe-larger-than=64", "-Werror", "-c", "a.c"),), BIG_FRAME),
    "row31 remarks": Case((("-Oz", "-Rpass=inline", "-Rpass-missed=.*", "-c", "a.c"),), TWO),
    "row31 unrolling that does not happen": Case(
        (("-Oz", "-c", "a.c"),),
        {"a.c": "void g(int); void f(int n) {\n#pragma unroll 4\nfor (int i = 0; i < n; i++) g(i); }\n"},
    ),
    "row44 nothing is said": Case(
        (("-Oz", "-c", "a.c"), ("-Oz", "a.o", "-o", "p"), ("-Oz", "b.c", "a.c", "-o", "q")), TWO
    ),
    # What wllvm loses: -MD read as -M, joined output, dropped pair, response file, C++ suffix, two modes.
    "wllvm -MD before the source": Case((("-Oz", "-MD", "a.c", "-o", "a"),), TWO),
    "wllvm joined -o": Case((("-Oz", "-ofoo.o", "-c", "a.c"),), TWO),
    "wllvm -Xlinker": Case((("-Oz", "-Xlinker", "--gc-sections", "a.c", "-o", "a"),), TWO),
    "wllvm response file": Case((("@args.rsp", "-c", "a.c"),), {**TWO, "args.rsp": "-Oz"}),
    "wllvm suffix c++": Case((("-Oz", "-c", "foo.c++"),), {"foo.c++": sources.CXX}),
    "wllvm -S -emit-llvm": Case((("-Oz", "-S", "-emit-llvm", "a.c", "-o", "a.ll"),), TWO),
}
#: What configure scripts ask a compiler, in the words of autoconf's and CMake's tests.
PROBES = {
    "conftest.c": "int main(void) { return 0; }\n",
    "nofunc.c": "char frobnicate(void); int main(void) { return frobnicate(); }\n",
    "noheader.c": "#include <frobnicate.h>\nint main(void) { return 0; }\n",
    "size.c": "int array[1 - 2 * !(sizeof(long) == 4)];\n",
}
PROBE_STEPS = (
    ("conftest.c",),
    ("-Oz", "conftest.c", "-o", "conftest"),
    ("-c", "-Oz", "conftest.c"),
    ("-Oz", "nofunc.c", "-o", "conftest"),
    ("-E", "noheader.c"),
    ("-c", "-Oz", "size.c"),
    ("-Werror", "-Oz", "-fno-such-option", "-c", "conftest.c"),
    ("-Werror", "-Oz", "-Wno-such-warning", "-c", "conftest.c"),
    ("-V",),
    ("-qversion",),
    ("-Oz", "-o", "conftest", "conftest.c", "-lno-such-library"),
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cannot_be_told_from_clang(twin: Twin, case: Case) -> None:
    twin.check(case)


def test_row43_configure_probes(twin: Twin) -> None:
    twin.check(Case(PROBE_STEPS, PROBES))


@pytest.mark.parametrize("mode", MODES)
def test_row30_colours_on_a_terminal(twin: Twin, mode: str) -> None:
    case = Case((), TWO)
    seen = []
    for compiler, env in ((twin.clang, twin.env), (WRAPPERS / "clang-llm", twin.our_env(mode))):
        twin.fresh(case)
        ours, theirs = pty.openpty()
        command = [str(compiler), "-Oz", "-Wall", "-c", "w.c"]
        colour = {**env, "TERM": "xterm-256color"}
        subprocess.run(command, cwd=twin.work, env=colour, stderr=theirs, check=True, timeout=TIMEOUT_S)
        os.close(theirs)
        seen.append(_read_all(ours))
    assert b"\x1b[" in seen[0]
    assert seen[1] == seen[0]


def test_row32_crash_reproducer(twin: Twin) -> None:
    """A crash of clang itself: the same code, report and files; only the words of the command name the plugin."""
    case = Case((("-Oz", "-c", "a.c"),), CRASH)
    expected, found = twin.plain(case), twin.ours(case, "no_plan")
    assert found.codes == expected.codes
    assert sorted(found.files) == sorted(expected.files)
    assert any(name.endswith(b".sh") for name in found.files)
    assert _without_addresses(found.stderr[0]) == _without_addresses(expected.stderr[0])


def _without_addresses(report: bytes) -> bytes:
    """Return a crash report without addresses, the plugin's words, and the frames, which depend on what is loaded."""
    report = re.sub(rb" --start-no-unused-arguments -fpass-plugin=\S+ --end-no-unused-arguments", b"", report)
    report = re.sub(rb" -fpass-plugin=\S+", b"", report)
    return re.sub(rb"(?m)^ *#?\d*:? .*0x[0-9a-f]+.*$", b"", report)


def _read_all(terminal: int) -> bytes:
    """Read what was written to the other side of a terminal, which then ends with an error on Linux."""
    chunks: list[bytes] = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            os.close(terminal)
            return b"".join(chunks)
        chunks.append(chunk)
