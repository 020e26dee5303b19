"""Linked files of real linkers: with symbols, stripped, without section headers, firmware, WebAssembly."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from clang_llm.report import binary, wasm
from clang_llm.report.symbols import symbols
from clang_llm.system.errors import ClangLlmError
from clang_llm.system.objects import Parts
from clang_llm.toolchain.compiler import Compiler

SOURCE = """\
const char table[100] = {1};
int counter = 5, zeroed[40];
__attribute__((noinline)) int twice(int x) { return x * x + MORE; }
__attribute__((noinline)) static int thrice(int x) { return x * 3 + table[x & 63] + counter + zeroed[x & 7]; }
int again(int x) __attribute__((alias("twice")));
void _start(void) { counter = twice(counter) + thrice(counter); zeroed[1] = counter; for (;;) {} }
"""
#: How each is linked, without a C library.
TARGETS = {
    "x86-64": ("--target=x86_64-linux-gnu", "-fuse-ld=lld", "-static"),
    "Cortex-M4": ("--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-fuse-ld=lld"),
    "wasm": ("--target=wasm32", "-DWASM"),
}


def linked(compiler: Compiler, place: Path, target: str, more: str) -> Path:
    words = [str(compiler.path), *TARGETS[target], "-Oz", f"-DMORE={more}", "-nostdlib"]
    source, output = place / "a.c", place / f"{target}-{len(more)}"
    # WebAssembly's linker knows no aliases of functions as ELF does.
    source.write_text(
        SOURCE.replace('int again(int x) __attribute__((alias("twice")));\n', "") if target == "wasm" else SOURCE
    )
    done = subprocess.run([*words, source, "-o", output], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode and re.search("unable to execute command|invalid linker", done.stderr):
        pytest.skip(f"lld is not installed: {done.stderr.splitlines()[0]}")
    assert not done.returncode, done.stderr
    return output


@pytest.mark.parametrize("target", TARGETS)
def test_symbols_and_sections_of_two_files(tmp_path: Path, a_compiler: Compiler, target: str) -> None:
    before, after = (linked(a_compiler, tmp_path, target, more) for more in ("123456789", "7"))
    found = binary.report(before, after)
    functions = {each.name: each for each in found.functions}
    # A function with two names counts once, under the first of them.
    twice = functions["twice" if target == "wasm" else "again"]
    assert twice.saved > 0
    assert functions["_start"].saved == 0
    text = sum(each.before - each.after for each in found.sections if each.name in (".text", "code", "CODE"))
    # Between functions there may be padding.
    assert abs(sum(each.saved for each in found.functions if each.part == "code") - text) < 16
    if target != "wasm":
        # What is in .bss has no bytes.
        assert {"twice", "zeroed"} & set(functions) == set()
        assert functions["table"][1:3] == (100, 100)
        assert functions["table"].part == "rodata"
        assert functions["counter"].part == "data"


def test_stripped_files_are_told_by_sections_and_without_them_by_segments(tmp_path: Path, a_compiler: Compiler) -> None:
    file = linked(a_compiler, tmp_path, "x86-64", "7")
    whole = binary.report(file, file)
    stripped = tmp_path / "stripped"
    subprocess.run(
        [shutil.which("strip") or a_compiler.tool("llvm-strip"), "-o", stripped, file], check=True, timeout=60
    )
    found = binary.report(file, stripped)
    assert found.after == found.before == whole.before
    assert found.functions == ()
    assert found.notes == (f"{stripped} is stripped: there are no symbols to compare",)
    # As sstrip leaves it: no section headers at all.
    data = bytearray(stripped.read_bytes())
    struct.pack_into("<Q", data, 0x28, 0)
    struct.pack_into("<HHH", data, 0x3A, 0, 0, 0)
    bare = tmp_path / "bare"
    bare.write_bytes(data)
    without = binary.report(bare, bare)
    assert {each.name.split()[0] for each in without.sections} == {"segment"}
    code = without.after.parts
    assert code is not None
    assert whole.after.parts is not None
    assert code.code == whole.after.parts.code
    assert without.after.total >= whole.after.total


def test_objects_of_webassembly_have_names_too(tmp_path: Path, a_compiler: Compiler) -> None:
    (tmp_path / "a.c").write_text(
        "extern int e(int); static int x; int f(int a) { return e(a) + x++; }\nint g(void) { return 1; }\n"
    )
    subprocess.run(
        [a_compiler.path, "--target=wasm32", "-Oz", "-c", tmp_path / "a.c", "-o", tmp_path / "a.o"],
        check=True,
        timeout=60,
    )
    data = (tmp_path / "a.o").read_bytes()
    assert {name for name, size in wasm.functions(data) if size} == {"f", "g"}
    assert symbols(data).sizes["f"][1] == "code"


def test_damaged_files_are_one_error(tmp_path: Path, a_compiler: Compiler) -> None:
    """Cut at every place, and with bytes turned: an error that says what to do, or an answer, and nothing else."""
    for target in ("x86-64", "wasm"):
        data = linked(a_compiler, tmp_path, target, "7").read_bytes()
        outcomes = set()
        steps = [data[:end] for end in range(0, len(data), max(1, len(data) // 12))]
        steps += [
            data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] for at in range(0, len(data), max(1, len(data) // 40))
        ]
        for damaged in steps:
            (tmp_path / "damaged").write_bytes(damaged)
            try:
                binary.report(tmp_path / "damaged", tmp_path / "damaged")
            except ClangLlmError as error:
                outcomes.add("; " in str(error) and "damaged" in str(error).partition(":")[0])
        assert outcomes == {True}


def test_what_objects_saved_is_found_again_in_the_linked_file(tmp_path: Path, a_compiler: Compiler) -> None:
    from clang_llm.system.ledger import Compiled

    before, after = (linked(a_compiler, tmp_path, "x86-64", more) for more in ("123456789", "7"))
    grew = binary.report(before, after)

    def compiled(source: Path, saved: int) -> Compiled:
        parts = Parts(100), Parts(100 - saved)
        return Compiled("0" * 64, 100, 100 - saved, *parts, "coreset", str(source), str(source.with_suffix(".o")))

    # Another project's a.c, further away, is not what was linked.
    mine, other = compiled(tmp_path / "a.c", 10), compiled(Path("/elsewhere/a.c"), 50)
    found = binary.report(before, after, [other, mine, compiled(tmp_path / "never.c", 50)])
    assert found.survival is not None
    assert (found.survival.objects, found.survival.before - found.survival.after) == (1, Parts(10))
    assert grew.survival is None
