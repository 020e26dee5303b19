"""The shipped recipes of other targets, run on them: our own suite under qemu and in a WebAssembly runtime.

Every recipe that a family of targets takes first compiles programs for that target, and what they do is compared with
what they do without it at -O0. PassListEval itself runs on the machine of the build.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from clang_llm import process
from clang_llm.backends.coreset import read_coreset
from clang_llm.compiler import Compiler
from clang_llm.errors import ToolchainError
from clang_llm.process import Completed
from clang_llm.recipe import Recipe, usable
from clang_llm.toolchain import build_plugin
from clang_llm.tuning.suite import DIRECTORY

#: Recipes of a family's order that are tried without --run-projects, on one program.
FEW = 3
#: Programs that need neither exceptions, threads nor signals, which not every target has: C, and the C++ library.
PROGRAMS = (
    "bitfield_pack.c", "checksums.c", "containers.cpp", "fixed_dsp.c", "goto_computed.c", "hash_table.c", "int_wrap.c",
    "lambda_capture.cpp", "recursion_tail.c", "sort_callbacks.c", "struct_value.c", "switch_dense.c", "switch_sparse.c",
    "union_pun.c", "utf8_decode.c", "varargs_sum.c", "virtual_inherit.cpp", "vm_stack.c",
)  # fmt: skip
#: Runs a WebAssembly program: what it prints and its exit status become ours.
WASM = """
import sys, wasmtime
engine = wasmtime.Engine()
linker = wasmtime.Linker(engine)
linker.define_wasi()
store, wasi = wasmtime.Store(engine), wasmtime.WasiConfig()
wasi.inherit_stdout()
wasi.inherit_stderr()
store.set_wasi(wasi)
program = linker.instantiate(store, wasmtime.Module.from_file(engine, sys.argv[1]))
try:
    program.exports(store)["_start"](store)
except wasmtime.ExitTrap as ended:
    sys.exit(ended.code)
"""


@dataclass(frozen=True)
class Target:
    """How programs for a target are compiled, linked and run."""

    triple: str
    options: tuple[str, ...]
    linking: tuple[str, ...]
    emulator: str


TARGETS = {
    "arm": Target(
        "arm-linux-gnueabihf", ("-march=armv7-a", "-mthumb"), ("-static", "-fuse-ld=lld", "-mthumb"), "qemu-arm"
    ),
    "aarch64": Target("aarch64-linux-gnu", (), ("-static", "-fuse-ld=lld"), "qemu-aarch64"),
    "riscv": Target("riscv64-linux-gnu", (), ("-static", "-fuse-ld=lld"), "qemu-riscv64"),
    "wasm": Target("wasm32-wasi", ("-fno-exceptions",), (), ""),
}


class Emulated:
    """One target, with the plugin of one clang."""

    def __init__(self, target: Target, compiler: Compiler, builds: Path, root: Path) -> None:
        self.target, self.compiler, self.root = target, compiler, root
        self.stub = build_plugin(compiler, builds).stub
        (root / "wasm.py").write_text(WASM, encoding="utf-8")

    def run(self, program: str, recipe: Recipe | None, name: str) -> Completed | None:
        """Compile a program with a recipe (at -O0 without one), link and run it; None when it cannot be built."""
        source, output = DIRECTORY / program, self.root / f"{name}.o"
        clang = (
            f"{self.compiler.path}" if source.suffix == ".c" else f"{self.compiler.path}".replace("clang", "clang++")
        )
        common = [f"--target={self.target.triple}", *self.target.options]
        words = [clang, *common, "-std=gnu11" if source.suffix == ".c" else "-std=c++17", "-w"]
        environ = {"PATH": os.environ["PATH"], "CLANG_LLM_CACHE_DIR": str(self.root)}
        if recipe is None:
            words += ["-O0"]
        else:
            words += ["-Oz", f"-fpass-plugin={self.stub}"]
            environ["_CLANG_LLM_APPLY"] = json.dumps(recipe.message()) if recipe.staged else recipe.module
        compiled = process.run([*words, "-c", source, "-o", output], env=environ, timeout_s=120)
        assert recipe is None or compiled.ok, compiled.stderr
        linked = process.run([clang, *common, *self.target.linking, output, "-o", output.with_suffix(""), "-lm"])
        assert recipe is None or linked.ok, linked.stderr
        if not (compiled.ok and linked.ok):
            return None
        runner = [self.target.emulator] if self.target.emulator else [sys.executable, self.root / "wasm.py"]
        return process.run([*runner, output.with_suffix("")], timeout_s=60)


@pytest.fixture(params=sorted(TARGETS))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def emulated(family: str, a_compiler: Compiler, builds: Path, tmp_path: Path) -> Emulated:
    target = TARGETS[family]
    if target.emulator and shutil.which(target.emulator) is None:
        pytest.skip(f"{target.emulator} is not installed: apt-get install qemu-user")
    if not target.emulator:
        pytest.importorskip("wasmtime", reason="wasmtime is not installed: pip install wasmtime")
    try:
        found = Emulated(target, a_compiler, builds, tmp_path)
    except ToolchainError as error:
        pytest.skip(str(error))
    if found.run("hash_table.c", None, "first") is None:
        pytest.skip(f"nothing can be linked for {target.triple}: see docs/corpus.md for its headers; lld")
    return found


def differences(emulated: Emulated, programs: Sequence[str], recipes: Sequence[Recipe]) -> list[str]:
    """Which programs do other things with which recipes."""

    def look(job: tuple[int, str]) -> list[str]:
        number, program = job
        wanted = emulated.run(program, None, f"{number}.wanted")
        # Some targets lack what a program needs.
        if wanted is None or not wanted.ok:
            return []
        found = []
        for place, recipe in enumerate(recipes):
            got = emulated.run(program, recipe, f"{number}.{place}")
            if got is None or (got.returncode, got.stdout) != (wanted.returncode, wanted.stdout):
                found.append(f"{program}: {recipe.text}")
        return [*found, ""]

    with ThreadPoolExecutor(2) as pool:
        told = [line for lines in pool.map(look, enumerate(programs)) for line in lines]
    # Every program that could be run leaves an empty line.
    assert told.count("") > len(programs) // 2
    return [line for line in told if line]


def order_of(family: str, compiler: Compiler) -> list[Recipe]:
    coreset = read_coreset(compiler.major)
    found = [usable(recipe, compiler.major) for recipe in coreset.for_target(TARGETS[family].triple)]
    return [recipe for recipe in found if recipe is not None][: len(coreset.orders.get(family, ())) or FEW]


def test_the_first_recipes_do_no_harm_on_their_target(emulated: Emulated, family: str) -> None:
    assert differences(emulated, ["containers.cpp"], order_of(family, emulated.compiler)[:FEW]) == []


@pytest.mark.projects
def test_no_recipe_of_an_order_does_harm_on_its_target(emulated: Emulated, family: str) -> None:
    assert differences(emulated, PROGRAMS, order_of(family, emulated.compiler)) == []
