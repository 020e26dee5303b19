"""`make bench` from end to end, as small as it can be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from clang_llm.lab.measure import bench, bench_efforts, results
from clang_llm.lab.measure.demo import SAMPLES
from clang_llm.lab.packages.build import Project
from clang_llm.lab.packages.workplace import Workplace
from clang_llm.system.errors import DataError
from clang_llm.toolchain.compiler import Compiler


@pytest.mark.projects
def test_bench_on_the_samples(tmp_path: Path, a_compiler: Compiler, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("hyperfine") is None:
        pytest.skip("hyperfine is not installed")
    kept = tmp_path / "bench.json"
    size = ["--json", str(kept), "--samples", "--repeats", "1", "--rounds", "1", "--clang", str(a_compiler.path)]
    assert bench.main([*size, "--work", str(tmp_path / "work"), "--output", str(tmp_path / "out")], os.environ) == 0
    text = capsys.readouterr().out
    assert "## Promises" in text
    assert (tmp_path / "out" / "bench.md").read_text() + "\n" == text
    found = results.read(kept)
    assert found.command.startswith("python -m clang_llm.lab.measure.bench --samples --repeats 1")
    assert str(tmp_path) not in kept.read_text()
    tables = found.tables
    assert [row[0] for row in tables["overhead"].rows] == ["`--version`", "`-O2 -c`", "link", "`-E`"]
    assert [row[0] for row in tables["builds"].rows] == ["jot", "route", "all"]
    ((modules, _, ratio),) = tables["candidates"].rows
    assert isinstance(modules, int)
    assert modules > 5
    assert isinstance(ratio, float)
    assert ratio > 0


def test_cold_builds_are_timed_by_effort(tmp_path: Path, a_compiler: Compiler) -> None:
    place = Workplace.at(tmp_path, str(a_compiler.path), os.environ)
    place.rig.warm_up()
    recipe, source = SAMPLES[0]
    project = Project(recipe, source, place.home(recipe.name))
    project.home.mkdir()
    times = bench_efforts.measure(project, place.rig, (1, 7), ("coreset",), 1)
    assert list(times) == [("clang", 0), ("coreset", 1), ("coreset", 7)]
    # Sixteen candidates are never free.
    assert times["coreset", 7][0] > times["coreset", 1][0] > times["clang", 0][0] > 0
    assert "| 7 | " in bench_efforts.report(times).markdown()
    # A model that is not there must not pass for a fast one.
    place.rig.environ["CLANG_LLM_MODEL"] = str(tmp_path / "none")  # type: ignore[index]
    with pytest.raises(DataError, match="did not answer"):
        bench_efforts.measure(project, place.rig, (1,), ("model",), 1)
