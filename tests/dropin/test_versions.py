"""A choice of rows for each supported clang; the rest is tried with the default one only."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropin import sources
from dropin.conftest import make_twin
from dropin.helpers import events
from dropin.twin import Case

FILES = {
    "a.c": sources.C,
    "b.c": sources.SECOND_C,
    "w.c": sources.WARNS_C,
    "e.c": sources.ERROR_C,
    "a.cpp": sources.CXX,
}
CASES = (
    Case(
        (
            ("-Oz", "-Werror", "-g", "-MD", "-c", "a.c"),
            ("-Oz", "-c", "b.c"),
            ("-Werror", "-Oz", "a.o", "b.o", "-o", "p"),
        ),
        FILES,
    ),
    Case((("c++", "-Oz", "-Werror", "-c", "a.cpp"), ("c++", "-Oz", "a.cpp", "-o", "p")), FILES),
    Case((("-Oz", "-Wall", "-c", "w.c"), ("-Oz", "-c", "e.c"), ("-Oz", "-c", "nosuch.c")), FILES),
    Case(
        (("-Oz", "-Werror", "-E", "b.c"), ("-Oz", "-S", "b.c"), ("-Oz", "-fsyntax-only", "b.c"), ("-Oz", "-M", "b.c")),
        FILES,
    ),
    Case((("-Werror", "-Oz", "-c", "q.s"), ("-Werror", "-Oz", "-c", "@q")), {"q.s": sources.ASSEMBLY, "q": "q.s"}),
    Case(
        (
            ("-Oz", "-flto", "-c", "a.c"),
            ("-Oz", "-emit-llvm", "-c", "a.c", "-o", "a.bc"),
            ("-Oz", "--coverage", "-c", "b.c"),
        ),
        FILES,
    ),
    Case(
        (("-Werror", "-Oz", "-c", "a.c", "@f"), ("-Werror", "-c", "b.c"), ("-Werror", "-O2", "-c", "b.c")),
        {**FILES, "f": "-flto"},
    ),
    Case(
        (("-Oz", "-###", "-c", "a.c"), ("--version",), ("-v",), ("-print-search-dirs",), ("-Oz", "-v", "-c", "a.c")),
        FILES,
    ),
    Case(
        (
            ("-Oz", "-gsplit-dwarf", "-g", "-c", "a.c"),
            ("-Oz", "-save-temps", "-c", "b.c"),
            ("-Oz", "-c", "-o", "-", "b.c"),
        ),
        FILES,
    ),
)


@pytest.mark.parametrize("name", ["clang-14", "clang-15", "clang-16", "clang-22"])
def test_cannot_be_told_from_clang(builds: Path, tmp_path: Path, name: str) -> None:
    twin = make_twin(builds, tmp_path, name)
    for case in CASES:
        twin.check(case)
    assert {"applied", "stored"} <= set(events(twin))
    assert not [event for event in events(twin) if event.startswith("error:")]
