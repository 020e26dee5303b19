"""What the bytes of objects are: the plugin's division beside that of `clang_llm.system.objects`, on real objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.plugin_support import Bench

from clang_llm.system.objects import Parts, allocated_size, parts_of
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

C = """\
int counter = 7;
static const int table[] = {3, 1, 4, 1, 5};
const char *const names[] = {"one", "two", "three"};
int pick(unsigned i) { return table[i % 5] + counter++; }
const char *name(unsigned i) { return names[i % 3]; }
int choose(int i) { switch (i) { case 0: return 5; case 1: return 9; case 2: return 1; case 3: return 8; } return i; }
extern int outside(int);
int calls(int n) { int s = 0; for (int i = 0; i < n; ++i) s += outside(s ^ i) * outside(n); return s; }
"""
CXX = """\
struct Guard { int *where; ~Guard() { ++*where; } };
extern void may_throw(int);
struct Base { virtual int get() const { return 1; } virtual ~Base() {} };
struct Derived : Base { int get() const override { return 2; } };
Base *make(bool which) { return which ? new Derived : new Base; }
int guarded(int n) {
  int count = 0;
  try { Guard guard{&count}; may_throw(n); } catch (int code) { return code + count; } catch (...) { return -1; }
  return count;
}
"""
TARGETS = {
    "x86_64": ("--target=x86_64-linux-gnu",),
    "sections": ("--target=x86_64-linux-gnu", "-ffunction-sections", "-fdata-sections", "-fPIC", "-g"),
    "aarch64": ("--target=aarch64-linux-gnu",),
    "thumb": ("--target=thumbv7m-none-eabi", "-funwind-tables"),
    "riscv64": ("--target=riscv64-linux-gnu", "-funwind-tables"),
    "wasm32": ("--target=wasm32-unknown-unknown",),
}
SOURCES = {"a.c": C, "a.cpp": CXX}


def divided(bench: Bench, name: str, *options: str) -> tuple[Parts, int, Parts, int]:
    """Return the parts and the size of -Oz's object, by the plugin and by Python."""
    source = bench.root / name
    source.write_text(SOURCES[name])
    options = ("-Oz", *options, *(("-fexceptions", "-fcxx-exceptions") if name == "a.cpp" else ()))
    results = [line for line in bench.explain(source, *options) if line["event"] == "result"]
    assert results[0]["id"] == -1
    assert results[0]["status"] == "ok"
    data = bench.plain(source, *options)
    return Parts(*results[0]["parts"]), results[0]["size"], parts_of(data), allocated_size(data)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SOURCES)
def test_plugin_and_python_divide_alike(
    each_compiler: Compiler, builds: Path, tmp_path: Path, target: str, name: str
) -> None:
    bench = Bench(each_compiler, build_plugin(each_compiler, builds), tmp_path)
    bench.helper(["globaldce"], 'say({"do": "evaluate", "lists": []})\nhear()\nsay({"do": "oz", "reason": "best"})')
    ours, our_size, theirs, their_size = divided(bench, name, *TARGETS[target])
    assert ours == theirs
    assert ours.total == our_size == their_size
    assert ours.code > 0
    if target != "wasm32":  # its tables are data, which has one section
        assert ours.unwind > 0
    if name == "a.c":
        assert min(ours.data, ours.rodata) > 0


FOREIGN = {
    "coff": ("--target=x86_64-pc-windows-msvc",),
    "mingw": ("--target=x86_64-w64-mingw32",),
    "macho": ("--target=x86_64-apple-darwin",),
    "macho-arm64": ("--target=arm64-apple-darwin",),
}


@pytest.mark.parametrize("target", FOREIGN)
def test_formats_that_only_the_plugin_reads(each_compiler: Compiler, builds: Path, tmp_path: Path, target: str) -> None:
    bench = Bench(each_compiler, build_plugin(each_compiler, builds), tmp_path)
    bench.helper(["globaldce"], 'say({"do": "evaluate", "lists": []})\nhear()\nsay({"do": "oz", "reason": "best"})')
    (tmp_path / "a.c").write_text(C)
    (line,) = (
        each
        for each in bench.explain(tmp_path / "a.c", "-Oz", "-funwind-tables", *FOREIGN[target])
        if each["event"] == "result"
    )
    parts = Parts(*line["parts"])
    assert parts.total == line["size"]
    assert min(parts.listed()) > 0, parts
