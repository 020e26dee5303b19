"""The shipped recipes of other targets, run on them: our own suite under qemu and in a WebAssembly runtime.

Every recipe that a family of targets takes first compiles programs for that target, and what they do is compared with
what they do without it at -O0. PassListEval itself runs on the machine of the build. What cannot be built or run here
is skipped, by target and language, with the reason that trying it gave.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clang_llm.plans.coreset import family_of, read_coreset
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.system.errors import ToolchainError
from clang_llm.system.process import Completed
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin
from clang_llm.tuning.suite import DIRECTORY
from clang_llm.tuning.targets import LANGUAGES, TARGETS, Builder, Target

#: Recipes of a family's order that are tried without --run-projects, on one program.
FEW = 3
#: Programs that need neither exceptions, threads nor signals, which not every target has: C, and the C++ library.
PROGRAMS = (
    "bitfield_pack.c", "checksums.c", "containers.cpp", "fixed_dsp.c", "goto_computed.c", "hash_table.c", "int_wrap.c",
    "lambda_capture.cpp", "recursion_tail.c", "sort_callbacks.c", "struct_value.c", "switch_dense.c", "switch_sparse.c",
    "union_pun.c", "utf8_decode.c", "varargs_sum.c", "virtual_inherit.cpp", "vm_stack.c",
)  # fmt: skip
#: The one program of each language that is always tried.
FIRST = {".c": "hash_table.c", ".cpp": "containers.cpp"}


class Emulated:
    """One target, with the plugin of one clang."""

    def __init__(self, builder: Builder, plugins: Path, root: Path) -> None:
        self.builder, self.root = builder, root
        self.stub = build_plugin(builder.compiler, plugins).stub

    def run(self, program: str, recipe: Recipe | None, name: str) -> Completed | None:
        """Compile a program with a recipe (at -O0 without one), link and run it; None when it cannot be built."""
        source, item = DIRECTORY / program, self.root / f"{name}.o"
        options = ["-std=gnu11" if source.suffix == ".c" else "-std=c++17", "-w"]
        variables = {"CLANG_LLM_CACHE_DIR": str(self.root)}
        if recipe is None:
            options += ["-O0"]
        else:
            options += ["-Oz", f"-fpass-plugin={self.stub}"]
            variables["_CLANG_LLM_APPLY"] = json.dumps(recipe.message()) if recipe.staged else recipe.module
        compiled = self.builder.compile(source, item, options, **variables)
        assert recipe is None or compiled.ok, compiled.stderr
        linked = self.builder.link(source, item, item.with_suffix(""))
        assert recipe is None or linked.ok, linked.stderr
        if not (compiled.ok and linked.ok):
            return None
        return self.builder.target.run(item.with_suffix(""), self.builder.environ)


@pytest.fixture(params=sorted(TARGETS))
def target(request: pytest.FixtureRequest) -> Target:
    return TARGETS[request.param]


@pytest.fixture(params=sorted(LANGUAGES), ids=lambda suffix: LANGUAGES[suffix])
def language(request: pytest.FixtureRequest) -> str:
    """The suffix of its files."""
    return str(request.param)


@pytest.fixture
def emulated(target: Target, language: str, a_compiler: Compiler, builds: Path, tmp_path: Path) -> Emulated:
    builder = Builder(target, a_compiler, {"PATH": os.environ["PATH"]})
    missing = builder.why_not(language)
    if missing:
        pytest.skip(missing)
    try:
        return Emulated(builder, builds, tmp_path)
    except ToolchainError as error:
        pytest.skip(str(error))


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


def order_of(target: Target, compiler: Compiler) -> list[Recipe]:
    coreset = read_coreset(compiler.major)
    found = [usable(recipe, compiler.major) for recipe in coreset.for_target(target.triple)]
    in_order = len(coreset.in_order(family_of(target.triple))) or FEW
    return [recipe for recipe in found if recipe is not None][:in_order]


def test_the_first_recipes_do_no_harm_on_their_target(emulated: Emulated, target: Target, language: str) -> None:
    recipes = order_of(target, emulated.builder.compiler)[:FEW]
    assert recipes
    assert differences(emulated, [FIRST[language]], recipes) == []


@pytest.mark.projects
def test_no_recipe_of_an_order_does_harm_on_its_target(emulated: Emulated, target: Target, language: str) -> None:
    programs = [program for program in PROGRAMS if program.endswith(language)]
    assert differences(emulated, programs, order_of(target, emulated.builder.compiler)) == []
