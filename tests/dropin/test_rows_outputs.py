"""Hazard rows about what a command writes, and where: 2, 3, 9, 11, 16 to 18, 25, 33 to 35."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dropin import sources
from dropin.twin import Case, Twin

TWO = {"a.c": sources.C, "b.c": sources.SECOND_C, "h.h": "int h;\n", "i.c": '#include "h.h"\n' + sources.SECOND_C}


def link_to_elsewhere(work: Path) -> None:
    (work / "elsewhere").write_bytes(b"kept")
    (work / "a.o").symlink_to("elsewhere")


def hard_link(work: Path) -> None:
    (work / "first").write_bytes(b"kept")
    (work / "a.o").hardlink_to(work / "first")


def tight_mode(work: Path) -> None:
    (work / "a.o").write_bytes(b"old")
    (work / "a.o").chmod(0o600)


CASES = {
    "row02 last -o wins": Case((("-Oz", "-c", "a.c", "-o", "1.o", "-o", "2.o"),), TWO),
    "row02 last joined -o wins": Case((("-Oz", "-c", "a.c", "-o3.o", "-o", "4.o"),), TWO),
    "row03 no -o": Case((("-Oz", "-c", "a.c"),), TWO),
    "row03 no -o, source elsewhere": Case((("-Oz", "-c", "d/a.c"),), {"d/a.c": sources.C}),
    "row03 no -o, program": Case((("-Oz", "a.c"),), TWO),
    "row09 standard output": Case((("-Oz", "-c", "b.c", "-o", "-"),), TWO),
    "row09 /dev/stdout": Case((("-Oz", "-c", "b.c", "-o", "/dev/stdout"),), TWO),
    "row09 /dev/null": Case((("-Oz", "-c", "b.c", "-o", "/dev/null"),), TWO),
    "row09 /dev/null, dependencies": Case((("-Oz", "-MD", "-MF", "d", "-c", "i.c", "-o", "/dev/null"),), TWO),
    "row11 -MD": Case((("-Oz", "-MD", "-c", "i.c", "-o", "x.o"),), TWO),
    "row11 -MMD -MP -MF": Case((("-Oz", "-MMD", "-MP", "-MF", "i.dep", "-c", "i.c"),), TWO),
    "row11 joined -MF": Case((("-Oz", "-MD", "-MFi.dep", "-c", "i.c"),), TWO),
    "row11 -MT -MQ": Case((("-Oz", "-MD", "-MT", "t 1", "-MQ", "$q", "-c", "i.c"),), TWO),
    "row11 -MF /dev/null": Case((("-Oz", "-MD", "-MF", "/dev/null", "-c", "i.c"),), TWO),
    "row11 -Wp,-MD": Case((("-Oz", "-Wp,-MD,i.dep", "-c", "i.c"),), TWO),
    "row11 -Wp,-MMD with -MF": Case((("-Oz", "-Wp,-MMD,one.d", "-MF", "two.d", "-c", "i.c"),), TWO),
    "row11 -MJ": Case((("-Oz", "-MJ", "i.json", "-c", "i.c"),), TWO),
    "row11 dependencies of assembly": Case(
        (("-Oz", "-MD", "-c", "q.S"),), {"q.S": '#include "h.inc"\n', "h.inc": "nop\n"}
    ),
    "row11 -MD and link": Case((("-Oz", "-MD", "a.c", "-o", "prog"),), TWO),
    "row16 -save-temps": Case((("-Oz", "-save-temps", "-c", "b.c", "-o", "d.o"),), TWO),
    "row16 -save-temps=obj": Case((("-Oz", "-save-temps=obj", "-c", "b.c", "-o", "out/d.o"),), {**TWO, "out/keep": ""}),
    "row16 --save-temps": Case((("-Oz", "--save-temps", "a.c", "b.c", "-o", "prog"),), TWO),
    "row17 -g": Case((("-Oz", "-g", "-c", "a.c"),), TWO),
    "row17 -g, link": Case((("-Oz", "-g3", "a.c", "b.c", "-o", "prog"),), TWO),
    "row17 -gsplit-dwarf": Case((("-Oz", "-g", "-gsplit-dwarf", "-c", "a.c", "-o", "o.1.o"),), TWO),
    "row17 -gsplit-dwarf=single": Case((("-Oz", "-g", "-gsplit-dwarf=single", "-c", "a.c"),), TWO),
    "row17 -g0 wins": Case((("-Oz", "-g", "-g0", "-c", "a.c"),), TWO),
    "row17 -gdwarf-4 -gz": Case((("-Oz", "-gdwarf-4", "-gz", "-c", "a.c"),), TWO),
    "row17 prefix map": Case((("-Oz", "-g", "-ffile-prefix-map=/=/x/", "-c", "a.c"),), TWO),
    "row18 --coverage": Case((("-Oz", "--coverage", "-c", "a.c", "-o", "c.o"),), TWO),
    "row18 -ftest-coverage -fprofile-arcs": Case((("-Oz", "-ftest-coverage", "-fprofile-arcs", "-c", "a.c"),), TWO),
    "row18 coverage mapping": Case((("-Oz", "-fprofile-instr-generate", "-fcoverage-mapping", "-c", "a.c"),), TWO),
    "row18 coverage in a response file": Case((("-Oz", "-c", "a.c", "@f"),), {**TWO, "f": "--coverage"}),
    "row25 -ftime-trace": Case((("-Oz", "-ftime-trace", "-c", "a.c"),), TWO, unstable=r"\.json$"),
    "row25 --serialize-diagnostics": Case(
        (("-Oz", "-Wall", "--serialize-diagnostics", "w.dia", "-c", "w.c"),), {"w.c": sources.WARNS_C}
    ),
    "row25 -fstack-usage": Case((("-Oz", "-fstack-usage", "-c", "a.c"),), TWO, differ=r"\.su$"),
    "row25 optimisation record": Case((("-Oz", "-fsave-optimization-record", "-c", "a.c"),), TWO),
    "row25 compilation database fragment": Case(
        (("-Oz", "-gen-cdb-fragment-path", "cdb", "-c", "a.c"),), {**TWO, "cdb/keep": ""}
    ),
    "row25 process statistics": Case((("-Oz", "-fproc-stat-report=stat", "-c", "a.c"),), TWO, unstable="stat"),
    "row25 assembler listing": Case((("-Oz", "-Wa,-a", "-c", "b.c"),), TWO),
    "row25 map of the linker": Case((("-Oz", "a.c", "-Wl,-Map=prog.map", "-o", "prog"),), TWO, unstable=r"\.map$"),
    "row34 output is a link": Case((("-Oz", "-c", "a.c"),), TWO, prepare=link_to_elsewhere),
    "row34 output has two names": Case((("-Oz", "-c", "a.c"),), TWO, prepare=hard_link),
    "row34 output has a tight mode": Case((("-Oz", "-c", "a.c"),), TWO, prepare=tight_mode),
    "row34 output is a directory": Case((("-Oz", "-c", "a.c"),), {**TWO, "a.o/keep": ""}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cannot_be_told_from_clang(twin: Twin, case: Case) -> None:
    twin.check(case)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lose a device")
def test_row09_device_is_left_alone_by_root(twin: Twin) -> None:
    before = os.lstat("/dev/null")
    twin.ours(Case((("-Oz", "-c", "a.c", "-o", "/dev/null"),), TWO), "plan")
    after = os.lstat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (after.st_ino, after.st_rdev, after.st_mode) == (before.st_ino, before.st_rdev, before.st_mode)


def test_row33_no_temporary_is_left_beside_the_output(twin: Twin) -> None:
    found = twin.ours(Case((("-Oz", "-c", "a.c", "-o", "x.o"),), TWO), "plan")
    assert sorted(found.files) == sorted([*(name.encode() for name in TWO), b"x.o"])


@pytest.mark.parametrize("mask", [0o077, 0o002, 0o022])
def test_row34_umask(twin: Twin, mask: int) -> None:
    old = os.umask(mask)
    try:
        found = twin.check(Case((("-Oz", "-MD", "-c", "a.c"),), TWO))
    finally:
        os.umask(old)
    assert stat.S_IMODE(found.files[b"a.o"].mode) == 0o666 & ~mask


@pytest.mark.parametrize("options", [(), ("-g",)])
def test_row35_same_input_same_object(twin: Twin, options: tuple[str, ...]) -> None:
    cold = twin.ours(Case((("-Oz", *options, "-c", "a.c", "-o", "1.o"),), TWO), "plan").files[b"1.o"]
    warm = twin.ours(Case((("-Oz", *options, "-c", "a.c", "-o", "another.o"),), TWO), "plan").files[b"another.o"]
    assert warm.content == cold.content
