"""Hazard rows about words and inputs of the command line: 1, 4 to 8, 41, 42."""

from __future__ import annotations

import pytest

from dropin import sources
from dropin.twin import Case, Twin

TWO = {"a.c": sources.C, "b.c": sources.SECOND_C}
#: An input without extension, and names that look like options or compilers.
ODD = {"noext": sources.SECOND_C, "-Oz": sources.SECOND_C, "a.c": sources.C, "b.c": sources.SECOND_C}

CASES = {
    "row01 response file": Case((("@args",),), {**TWO, "args": "-Oz -c a.c -o x.o"}),
    "row01 response file has the level only": Case((("-c", "a.c", "@args"),), {**TWO, "args": "-Oz\n-g\n"}),
    "row01 level before and in response file": Case((("-Oz", "-c", "a.c", "@args"),), {**TWO, "args": "-O2"}),
    "row01 nested response files": Case((("@one",),), {**TWO, "one": "-c @two", "two": "-Oz a.c"}),
    "row01 quotes and backslashes": Case(
        (("-c", "@args"),), {"sp ace.c": sources.C, "args": '-Oz "sp ace.c" -DX=\\"a\\ b\\" -o \'o ut.o\''}
    ),
    "row01 missing response file": Case((("-Oz", "-c", "@nosuch"),), TWO),
    "row01 empty response file": Case((("-Oz", "-c", "a.c", "@empty"),), {**TWO, "empty": ""}),
    "row01 response file that includes itself": Case((("@loop",),), {**TWO, "loop": "-Oz -c a.c @loop"}),
    "row01 response file links": Case((("-Oz", "-c", "a.c"), ("@args",)), {**TWO, "args": "a.o -o prog"}),
    "row04 several inputs with one output": Case((("-Oz", "-c", "a.c", "b.c", "-o", "m.o"),), TWO),
    "row04 several inputs": Case((("-Oz", "-c", "a.c", "b.c"),), TWO),
    "row05 -Xarch": Case((("-Xarch_x86_64", "-DX", "-Oz", "-c", "a.c"),), TWO),
    "row05 -arch": Case((("-arch", "x86_64", "-Oz", "-c", "a.c"),), TWO),
    "row05 -arch as the last word": Case((("-Oz", "-c", "a.c", "-arch"),), TWO),
    "row06 -x before": Case((("-Oz", "-x", "c++", "-c", "b.c"),), TWO),
    "row06 -x behind": Case((("-Oz", "-c", "b.c", "-x", "c++"),), TWO),
    "row06 -xc for a name without extension": Case((("-Oz", "-xc", "-c", "noext"),), ODD),
    "row06 -x none": Case((("-Oz", "-x", "c++", "-x", "none", "-c", "b.c"),), TWO),
    "row06 -x assembler": Case((("-Oz", "-x", "assembler", "-c", "q", "-o", "q.o"),), {"q": sources.ASSEMBLY}),
    "row06 -x assembler-with-cpp": Case((("-Oz", "-c", "q.S"),), {"q.S": "#define N nop\nq: N\n"}),
    "row06 -x ir": Case((("-Oz", "-S", "-emit-llvm", "b.c"), ("-Oz", "-x", "ir", "-c", "b.ll")), TWO),
    "row06 bitcode": Case((("-Oz", "-c", "-emit-llvm", "b.c"), ("-Oz", "-c", "b.bc")), TWO),
    "row06 unknown language": Case((("-Oz", "-x", "klingon", "-c", "b.c"),), TWO),
    "row07 standard input": Case((("-Oz", "-c", "-x", "c", "-"),), stdin=sources.C.encode()),
    "row07 standard input, -o": Case((("-Oz", "-c", "-xc", "-o", "x.o", "-"),), stdin=sources.C.encode()),
    "row07 standard input without language": Case((("-Oz", "-c", "-"),), stdin=b"int x;"),
    "row07 meson asks for macros": Case((("-Oz", "-E", "-dM", "-"),)),
    "row08 kernel probe": Case((("-Werror", "-Oz", "-c", "-x", "c", "/dev/null", "-o", ".178435.tmp"),)),
    "row08 syntax of nothing": Case((("-Oz", "-fsyntax-only", "-x", "c", "/dev/null"),), {"null.o": "mine"}),
    "row41 -- before a file called -Oz": Case((("-Oz", "-xc", "-c", "--", "-Oz"),), ODD),
    "row41 --": Case((("-Oz", "-c", "--", "a.c"),), ODD),
    "row41 level only behind --": Case((("-c", "-O2", "-o", "x.o", "--", "b.c"),), ODD),
    "row42 argument that exists as a file": Case((("-Oz", "-DX=b.c", "-D", "noext", "-c", "a.c"),), ODD),
    "row42 input is a directory": Case((("-Oz", "-c", "."),), TWO),
    "row42 missing input": Case((("-Oz", "-c", "nosuch.c"),)),
    "row42 no input": Case((("-Oz",),)),
    "row42 nothing at all": Case(((),)),
    "row42 empty word": Case((("-Oz", "-c", "a.c", ""),), TWO),
    "row42 unknown option": Case((("-Oz", "--frobnicate", "-c", "a.c"),), TWO),
    "row42 -ObjC is no level": Case((("-ObjC", "-c", "b.c", "-o", "x.o"),), TWO),
    "row42 object without extension": Case((("-Oz", "-c", "a.c", "-o", "object"), ("object", "-o", "prog")), TWO),
}


#: The wrapper does not read response files, so the plugin is loaded and its option gets into the recorded command.
RECORDED = Case((("-Oz", "-c", "a.c", "@args"),), {**TWO, "args": "-g -grecord-command-line"})


@pytest.mark.xfail(
    reason="the recorded command names the plugin when the recording is asked for in a response file", strict=False
)
def test_row01_response_file_records_the_command(twin: Twin) -> None:
    twin.check(RECORDED, "no_plan")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cannot_be_told_from_clang(twin: Twin, case: Case) -> None:
    twin.check(case)
