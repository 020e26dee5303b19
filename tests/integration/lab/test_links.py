"""The bundled programs, merged by one link with LTO, under forced plans: each says what it says under the linker's."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from clang_llm.lab.differential.plans import Plans
from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.linker import takes_plugin
from clang_llm.toolchain.plugins import build_plugin
from clang_llm.tuning.suite import SuiteProgram, load_suite

#: lld 19 itself ends with a signal when it is to resolve an ifunc with LTO.
LEFT_OUT = {"ifunc_resolver"}
#: For the gate, a program of each kind of linkage, and few plans.
FEW = {"weak_alias", "static_init", "section_data", "tls_models", "twin_copies", "virtual_inherit"}


def driver(programs: list[SuiteProgram]) -> str:
    """Return a main function that runs the program that is named."""
    called = "\n".join(f'  if (!strcmp(v[1], "{each.name}")) return run_{each.name}();' for each in programs)
    declared = "\n".join(f"int run_{each.name}(void);" for each in programs)
    return f"#include <string.h>\n{declared}\nint main(int c, char **v) {{\n{called}\n  return 99;\n}}\n"


def compiled(programs: list[SuiteProgram], clang: Compiler, place: Path) -> list[Path]:
    (place / "driver.c").write_text(driver(programs))
    objects = [place / "driver.o"]
    argv = [str(clang.path), "-Oz", "-flto", "-w", f"-I{place}", "-c"]
    assert process.run([*argv, place / "driver.c", "-o", objects[0]]).ok
    for each in programs:
        objects.append(place / f"{each.name}.o")
        (place / f"{each.name}.entry.h").write_text(each.entry_header)
        done = process.run([*argv, *each.flags, each.path, "-o", objects[-1]])
        assert done.ok, done.stderr
    return objects


def said(program: Path, names: list[str]) -> dict[str, tuple[int, bytes]]:
    runs = {name: process.run([program, name], timeout_s=60) for name in names}
    return {name: (done.returncode, done.stdout) for name, done in runs.items()}


def try_plans(programs: list[SuiteProgram], clang: Compiler, builds: Path, place: Path, count: int, seed: int) -> int:
    """Force plans on the merged programs; returns how many objects were linked and run."""
    try:
        build = build_plugin(clang, builds)
    except ToolchainError as error:
        pytest.skip(str(error))
    if takes_plugin(clang, build) is None:
        pytest.skip("there is no lld beside clang")
    objects = compiled(programs, clang, place)
    drawn = Plans(clang.major, "x86_64-pc-linux-gnu").draw(random.Random(seed), count, seed)
    messages = [each.recipe.message() if each.recipe.staged else each.recipe.module for each in drawn]
    (place / "recipes").write_text("".join(json.dumps(each) + "\n" for each in messages))
    link: list[str | Path] = [clang.path, "--driver-mode=g++", "-Oz", "-fuse-ld=lld", "-pthread"]
    words: list[str | Path] = ["-flto", f"-Wl,--load-pass-plugin={build.stub}", *objects, "-o", place / "plain", "-lm"]
    environ = {**os.environ, "CLANG_LLM_CACHE_DIR": str(place / "cache"), "_CLANG_LLM_EMIT": str(place)}
    done = process.run([*link, *words], env=environ)
    assert done.ok, done.stderr
    names = [each.name for each in programs]
    expected = said(place / "plain", names)
    assert {name for name, (status, _) in expected.items() if status} == set()
    results = [json.loads(line) for line in (place / "results").read_text().splitlines()]
    sound = [each["id"] for each in results if each["id"] >= 0 and each["status"] == "ok"]
    for number in sound:
        output = place / "forced"
        done = process.run([*link, place / f"{number}.o", "-o", output, "-lm"])
        assert done.ok, (messages[number], done.stderr)
        assert said(output, names) == expected, messages[number]
    return len(sound)


def test_few_programs_say_the_same_under_plans(a_compiler: Compiler, builds: Path, tmp_path: Path) -> None:
    programs = [each for each in load_suite().programs if each.name in FEW]
    assert len(programs) == len(FEW)
    assert try_plans(programs, a_compiler, builds, tmp_path, 4, 3) > 0


@pytest.mark.projects
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2])
def test_all_programs_say_the_same_under_plans(a_compiler: Compiler, builds: Path, tmp_path: Path, seed: int) -> None:
    """Coroutines are left out: for their sake the plugin would lower every function before it runs a list."""
    kept = [each for each in load_suite().programs if each.batch != "coroutines" and each.name not in LEFT_OUT]
    assert try_plans(kept, a_compiler, builds, tmp_path, 12, seed) >= 4
