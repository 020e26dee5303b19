"""Our reading of object files against LLVM's own `size`."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.system import process
from clang_llm.system.objects import allocated_size, sections
from clang_llm.toolchain.compiler import Compiler

SOURCE = """
#include <stddef.h>
static int zeroed[1000];
int initialised = 7;
const char text[] = "some read-only text";
int *place(size_t i) { return &zeroed[i]; }
int choose(int i) {
  switch (i) { case 0: return 5; case 1: return 9; case 2: return 1; case 3: return 8; case 4: return 2; }
  return i;
}
"""


@pytest.mark.parametrize(
    "options", [["-Oz"], ["-Oz", "-g"], ["-Oz", "-ffunction-sections", "-fPIC"], ["-O0"]], ids=" ".join
)
def test_sizes_are_those_of_llvm(each_compiler: Compiler, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "x.c").write_text(SOURCE)
    done = process.run([each_compiler.path, *options, "-c", "x.c", "-o", "x.o"], cwd=tmp_path)
    assert done.ok, done.stderr
    data = (tmp_path / "x.o").read_bytes()
    answer = process.run([each_compiler.tool("llvm-size"), "--format=berkeley", "x.o"], cwd=tmp_path).output
    text, initialised, bss = map(int, answer.splitlines()[1].split()[:3])
    assert bss >= 4000
    assert allocated_size(data) == text + initialised
    assert sum(section.size for section in sections(data) if section.writable) == initialised
