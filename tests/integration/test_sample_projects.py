"""The sample programs built whole, with clang and with clang-llm: the promises, on something that needs no network."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from clang_llm.lab.measure import demo, packages, savings
from clang_llm.lab.measure.check import PackageCheck
from clang_llm.lab.measure.demo import SAMPLES
from clang_llm.lab.measure.results import read
from clang_llm.lab.packages.build import Project
from clang_llm.lab.packages.recipes import Recipe
from clang_llm.lab.packages.rig import Rig
from clang_llm.lab.packages.workplace import Workplace
from clang_llm.toolchain.compiler import Compiler


@pytest.fixture
def place(a_compiler: Compiler, shared_plugins: Path) -> Workplace:
    """A workplace whose builds take the default backend: the model."""
    return Workplace.at(shared_plugins, str(a_compiler.path), dict(os.environ))


@pytest.mark.parametrize(("recipe", "source"), SAMPLES, ids=[recipe.name for recipe, _ in SAMPLES])
def test_every_promise_holds_on_the_samples(place: Workplace, recipe: Recipe, source: Path) -> None:
    place.rig.warm_up()
    place.home(recipe.name).mkdir()
    check = PackageCheck(Project(recipe, source, place.home(recipe.name)), place.rig)
    identity = dict(check.identity())
    assert set(identity) == {"disabled", "effort0", "disabled-g", "effort0-g"}
    report = check.report("0", "none", identity)
    assert report.problems == []
    assert report.tests_plain is True
    assert report.tests_ours is True
    assert report.objects >= 5
    assert report.our_bytes < report.plain_bytes
    assert report.counts["miss"] == report.objects


def test_the_demo_shows_both_samples(
    place: Workplace, capsys: pytest.CaptureFixture[str], a_compiler: Compiler
) -> None:
    arguments = ["--samples", "--work", str(place.root), "--clang", str(a_compiler.path)]
    arguments += ["--json", str(place.root / "demo.json")]
    assert demo.main(arguments, dict(os.environ)) == 0
    said = capsys.readouterr()
    assert said.err == f"the result is in {place.root / 'demo.json'}\n"
    origin = r"((?:coreset|model) (?:list \d+|mix) of \d+|-Oz is best of \d+ lists)"
    row = rf"^  parse\.o +[\d,]+ +[\d,]+ +\d+\.\d\d%  {origin}$"
    assert re.search(row, said.out, re.MULTILINE)
    assert said.out.count("tests with clang-llm: pass") == 2
    kinds = read(place.root / "demo.json").tables["kinds"].rows
    assert {(row[0], row[1]) for row in kinds} >= {("jot", "7 objects"), ("jot", "jot"), ("route", "route")}
    for _, _, before, after, _, *pairs in kinds:
        assert isinstance(before, int)
        assert isinstance(after, int)
        sizes = [each for each in pairs if isinstance(each, list)]
        assert [sum(column) for column in zip(*sizes, strict=True)] == [before, before - after]
        assert after < before
    assert said.out.count("byte for byte those of the cold one, 0 searches") == 2


def test_a_rig_without_a_plugin_says_so(a_compiler: Compiler, tmp_path: Path) -> None:
    from clang_llm.system.errors import DataError

    environ = {**os.environ, "CLANG_LLM_DISABLE": "1"}
    with pytest.raises(DataError, match="does nothing here"):
        Rig(a_compiler.path, a_compiler.path, tmp_path / "cache", environ).warm_up()


@pytest.mark.parametrize("command", [packages, demo])
def test_benchmark_programs_are_refused_before_anything_is_fetched(
    command: object, place: Workplace, a_compiler: Compiler, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command in (packages, demo)
    main = packages.main if command is packages else demo.main
    status = main(["zlib", "--work", str(place.root), "--clang", str(a_compiler.path)], dict(os.environ))
    assert status == 15
    assert "benchmark" in capsys.readouterr().err
    assert not (place.root / "apt").exists()


def test_savings_refuse_packages_of_another_split(
    place: Workplace, a_compiler: Compiler, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["lua5.4", "--efforts", "1", "--work", str(place.root), "--clang", str(a_compiler.path)]
    assert savings.main(arguments, dict(os.environ)) == 1
    assert "validation" in capsys.readouterr().err


@pytest.mark.projects
@pytest.mark.timeout(3600)  # seconds: three packages, each built nine times
def test_every_promise_holds_on_packages(
    a_compiler: Compiler, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["bzip2", "tinyxml2", "libogg"]
    status = packages.main([*names, "--work", str(tmp_path), "--clang", str(a_compiler.path)], dict(os.environ))
    said = capsys.readouterr().out
    assert status == 0, said
    assert said.count("all promises held") == len(names)
