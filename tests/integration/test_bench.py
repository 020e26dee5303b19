"""`make bench` from end to end, as small as it can be."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from clang_llm.compiler import Compiler
from clang_llm.evaluation import bench


@pytest.mark.projects
def test_bench_on_the_samples(tmp_path: Path, a_compiler: Compiler, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("hyperfine") is None:
        pytest.skip("hyperfine is not installed")
    size = ["--samples", "--repeats", "1", "--rounds", "1", "--clang", str(a_compiler.path)]
    assert bench.main([*size, "--work", str(tmp_path / "work"), "--output", str(tmp_path / "out")], os.environ) == 0
    text = capsys.readouterr().out
    assert "## Promises" in text
    assert (tmp_path / "out" / "bench.md").read_text() + "\n" == text
    found = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert [each["name"] for each in found["overhead"]] == ["`--version`", "`-O2 -c`", "link", "`-E`"]
    assert [each["name"] for each in found["builds"]] == ["jot", "route"]
    assert found["candidates"]["modules"] > 5
    assert found["candidates"]["plugin_s"] > 0
