"""How the first hour is measured: steps, disk, and what is told about them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clang_llm.lab.measure.first_hour import Step, Way, disk, report, table
from clang_llm.system.errors import DataError


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way.fresh("wheel", tmp_path, {"PATH": os.environ["PATH"], "CLANG_LLM_EFFORT": "9", "XDG_CACHE_HOME": "/x"})


def test_disk_is_what_the_file_system_takes(tmp_path: Path) -> None:
    empty = disk(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(range(256)) * 256)
    full = disk(tmp_path)
    assert full - empty >= 65536
    (tmp_path / "twice").hardlink_to(tmp_path / "deep" / "file")
    assert disk(tmp_path) == full


def test_a_way_begins_with_nothing(way: Way) -> None:
    (way.root / "left").touch()
    again = Way.fresh("wheel", way.root.parent, way.environ)
    assert [path.name for path in again.root.iterdir()] == ["home"]
    assert list((again.root / "home").iterdir()) == []
    assert {name for name in again.environ if name.startswith(("CLANG_LLM_", "XDG_"))} == {"CLANG_LLM_BACKEND"}
    assert again.environ["HOME"] == str(again.root / "home")


def test_a_step_is_timed_and_weighed(way: Way) -> None:
    assert way.step("write", "sh", "-c", "head -c 100000 /dev/urandom >big; sleep 0.2; echo done") == "done\n"
    (step,) = way.steps
    assert (step.way, step.name) == ("wheel", "write")
    assert 0.2 <= step.seconds < 60
    assert 0 <= step.cpu_s < step.seconds
    assert step.bytes == disk(way.root) >= 100000


def test_a_step_that_fails_says_why(way: Way) -> None:
    with pytest.raises(DataError, match=r"break: sh -c .* failed: (?s:.*)out of luck"):
        way.step("break", "sh", "-c", "echo out of luck >&2; exit 3")
    assert way.steps == []


def test_the_report_adds_up(way: Way) -> None:
    way.steps = [Step("wheel", "one", 1.25, 0.5, 1 << 20), Step("wheel", "two", 2.5, 1.5, 3 << 20)]
    way.parts = {"cache": 512 << 10}
    lines = report(way).splitlines()
    assert "| one | 1.2 s | 0.5 s | 1.2 s | 1.0 MiB |" in lines
    assert "| two | 2.5 s | 1.5 s | 3.8 s | 3.0 MiB |" in lines
    assert "| cache | 0.5 MiB |" in lines


def test_the_table_for_the_documents_adds_up(way: Way) -> None:
    way.steps[:] = [Step("wheel", "fetch", 10.0, 2.5, 1024 * 1024), Step("wheel", "build", 5.0, 4.0, 3 * 1024 * 1024)]
    assert table(way).markdown().splitlines()[2:] == [
        "| fetch | 10.0 | 2.5 | 10.0 | 1.0 |",
        "| build | 5.0 | 4.0 | 15.0 | 3.0 |",
    ]
