"""Functions before and after, and what each element of a recipe earned, on real compiles."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from integration.report.tooling import Tool, tool, work

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Result, Status
from clang_llm.report import functions, why
from clang_llm.report.facts import Function
from clang_llm.report.symbols import symbols
from clang_llm.system.errors import DataError
from clang_llm.system.objects import Parts, parts_of
from clang_llm.toolchain.compiler import Compiler

__all__ = ["tool", "work"]


def test_functions_of_a_build_are_those_of_its_objects(tool: Tool, work: Path, a_compiler: Compiler) -> None:
    status, said = tool("report", "--functions", "--json", "r.json", "--", "make", "-s")
    assert status == 0, said
    found: dict[str, Any] = json.loads((work / "r.json").read_text())
    subprocess.run([a_compiler.path, "-Oz", "-c", "a.c", "-o", "plain.o"], check=True, timeout=60)
    before, after = (symbols((work / name).read_bytes()).sizes for name in ("plain.o", "a.o"))
    mine = {each["name"]: each for each in found["functions"] if each["file"] == "a.o"}
    assert {"length", "sum"} <= set(mine)
    for name, each in mine.items():
        assert (each["before"], each["after"]) == tuple(
            some[name][0] if name in some else None for some in (before, after)
        )
    # With their unwind entries they are nearly all of the object.
    code = parts_of((work / "a.o").read_bytes())
    assert code.code < sum(each["after"] or 0 for each in mine.values()) <= code.total
    # Two reports of objects that are there twice say the same.
    for name in ("old", "new"):
        (work / name).mkdir()
    shutil.copy("plain.o", "old/a.o")
    shutil.copy("a.o", "new/a.o")
    shutil.copy("plain.o", "old/b.o")
    shutil.copy("a.o", "new/b.o")
    both = tool("report", "--objects", "new", "--before", "old", "--functions")[1]
    assert sorted(re.findall(r"^sum .* (\w\.o)$", both, re.MULTILINE)) == ["a.o", "b.o"]
    assert "\n| b.o: sum | " in tool("report", "--objects", "new", "--before", "old", "--functions", "--markdown")[1]
    for name in ("old", "new"):
        (work / name / "b.o").unlink()
    assert tool("report", "--objects", "new", "--before", "old", "--functions", "--json", "again.json")[0] == 0
    again = json.loads((work / "again.json").read_text())["functions"]
    assert {each["name"]: (each["before"], each["after"]) for each in again} == {
        each["name"]: (each["before"], each["after"]) for each in mine.values()
    }


def test_a_build_that_names_its_compiler_by_a_path_is_built_and_said(tool: Tool, work: Path) -> None:
    wrapper = Path(__file__).resolve().parents[3] / "wrappers" / "clang-llm"
    status, said = tool("report", "--functions", "--", "make", "-s", f"CC={wrapper}")
    assert status == 0
    assert (work / "prog").exists()
    assert "functions of 2 objects are not told" in said


def test_what_elements_of_a_recipe_earned_adds_up_with_the_plugin(tool: Tool, work: Path) -> None:
    assert tool("report", "--", "make", "-s")[0] == 0
    made = (work / "a.o").read_bytes()
    command = ("--", "clang-llm", "-Oz", "-c", "a.c", "-o", "a.o")
    status, said = tool("report", "--why", "--json", "why.json", *command)
    assert status == 0, said
    found: dict[str, Any] = json.loads((work / "why.json").read_text())
    (file,) = found["files"]
    assert file["after"]["bytes"] == parts_of(made).total
    assert file["before"]["bytes"] > file["after"]["bytes"]
    earned = {each["name"]: each for each in found["earned"]}
    recipe = Recipe.read(found["recipes"][0])
    assert all(name in recipe.text or each["kind"] in (why.CHOICE, why.STAGE) for name, each in earned.items())
    # What one earned is measured: the recipe without it, by the plugin, is so much larger.
    known = [each for each in earned.values() if each["bytes"]]
    assert known
    assert all(sum(each["parts"].values()) == each["bytes"] for each in known)
    # Nothing of the user's was written.
    assert (work / "a.o").read_bytes() == made


def test_why_says_what_it_needs(tool: Tool, work: Path) -> None:
    for words in (("--why",), ("--why", "--", "clang-llm", "-Oz", "a.c"), ("--why", "--", "gcc", "-c", "a.c")):
        assert tool("report", *words)[0] in (4, 13)
    status, said = tool("report", "--why", "--", "clang-llm", "-Oz", "-c", "a.c")
    assert (status, "compile it with clang-llm first" in said) == (13, True)
    assert not (work / "a.o").exists()


def test_recipes_without_an_element_are_recipes() -> None:
    recipe = Recipe(
        "globalopt,cgscc(inline,function(sroa,simplifycfg)),globaldce",
        ("sroa,loop(licm),codegen<frame-pointer;no-minsize>", "simplifycfg", ""),
        (1, 0, 1, 2),
        "mergefunc",
    )
    found = {name: rest for _, name, rest in why.without_each(recipe)}
    assert list(found) == [
        *("globalopt", "inline", "sroa", "simplifycfg", "globaldce", "licm", "mergefunc"),
        *("frame-pointer", "no-minsize", "each function its own passes", "the closing stage"),
    ]
    assert found["sroa"].module == "globalopt,cgscc(inline,function(simplifycfg)),globaldce"
    assert found["sroa"].functions[0] == "loop(licm),codegen<frame-pointer;no-minsize>"
    assert found["licm"].functions[0] == "sroa,codegen<frame-pointer;no-minsize>"
    assert found["frame-pointer"].functions[0].endswith("codegen<no-minsize>")
    assert found["each function its own passes"].functions == ("simplifycfg",)
    assert (found["mergefunc"].closing, found["simplifycfg"].functions[1]) == ("", "")
    # Of a head with one pass nothing would be left.
    assert why.without_each(Recipe("globaldce")) == []


def test_elements_are_sorted_by_what_they_earned() -> None:
    def measure(recipes: list[Recipe]) -> list[Result]:
        sizes = {"sroa,gvn,dce": 100, "gvn,dce": 150, "sroa,dce": 90}
        return [
            Result(0, Status.OK, sizes[each.module], parts=Parts(sizes[each.module]))
            if each.module in sizes
            else Result(0, Status.INTERFACE, 0)
            for each in recipes
        ]

    recipe = Recipe("sroa,gvn,dce")
    found = why.earned(recipe, lambda recipes: measure(list(recipes)))
    assert [(each.name, each.bytes) for each in found] == [("dce", None), ("sroa", 50), ("gvn", -10)]
    with pytest.raises(DataError, match="does not hold"):
        why.earned(Recipe("dce,gvn"), lambda recipes: measure(list(recipes)))


def test_programs_that_note_commands_become_the_wrapper(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('#!/bin/sh\nprintf "%s|" "$0" "$@"\nexit 7\n')
    (tmp_path / "real").chmod(0o755)
    programs = functions.recorder(tmp_path, {"clang-llm++": tmp_path / "real"})
    words = ["-c", "a b.cc", "-DX=\"'\n", "", "-o", "x/é.o"]
    for _ in range(2):
        done = subprocess.run(
            [programs["clang-llm++"], *words], cwd=tmp_path, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 7
        assert done.stdout.decode() == "|".join([str(tmp_path / "real"), *words, ""])
    ((output, command),) = functions.recorded(tmp_path).items()
    assert output == tmp_path / "x" / "é.o"
    assert command == functions.Recorded(True, str(tmp_path), tuple(words))
    # Without a place for notes the build goes on.
    shutil.rmtree(tmp_path / "notes")
    assert subprocess.run([programs["clang-llm++"]], capture_output=True, timeout=60, check=False).returncode == 7


def test_names_of_cxx_are_told_as_they_are_written(tmp_path: Path) -> None:
    found = [Function("_ZN3one3twoEi", 1, 2), Function("main", 3, 4), Function("_Zx\n", 5, 6)]
    if not any(map(shutil.which, ("llvm-cxxfilt", "llvm-cxxfilt-19", "c++filt"))):
        pytest.skip("there is no c++filt")
    assert [each.name for each in functions.demangled(found[:2], os.environ)] == ["one::two(int)", "main"]
    # What cannot be told stays as it is, and so does all where nobody tells.
    assert list(functions.demangled(found, os.environ)) == found
    assert list(functions.demangled(found[:2], {"PATH": str(tmp_path)})) == found[:2]


@pytest.mark.parametrize(
    ("words", "output", "kept"),
    [
        (["-c", "a.c"], "a.o", ["-c", "a.c"]),
        (["-MD", "-MF", "a.d", "-c", "-o", "b/a.o", "a.c"], "b/a.o", ["-c", "a.c"]),
        (["-c", "a.c", "b.c"], None, ["-c", "a.c", "b.c"]),
        (["a.c", "-o", "a"], None, ["a.c"]),
    ],
)
def test_objects_of_commands(words: list[str], output: str | None, kept: list[str]) -> None:
    command = functions.Recorded(False, os.sep + "d", tuple(words))
    assert command.object == (Path("/d", output) if output else None)
    assert command.harmless(Path("/t.o")) == [*kept, "-o", "/t.o"]
