"""Compiles at -Os: clang's own without the setting, searched with it; other levels stay as they are in any case."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clang_llm.system.objects import allocated_size
from dropin import sources
from dropin.conftest import make_twin
from dropin.helpers import events
from dropin.twin import ROOT, Case, Twin, Word, assert_same

FILES = {"a.c": sources.C, "b.c": sources.SECOND_C, "a.cpp": sources.CXX, "os": "-Os", "o2": "-O2"}
BOTH = {"CLANG_LLM_LEVELS": "Oz,Os"}
OBJECT = ("-Os", "-c", "a.c", "-o", "x.o")
# What a command line means: the last level counts, wherever it comes from.
LEFT_ALONE: dict[str, tuple[Word, ...]] = {
    "-Os, then -O2": ("-Os", "-O2", "-c", "a.c"),
    "-O2": ("-O2", "-c", "a.c"),
    "-O": ("-O", "-c", "a.c"),
    "-Og": ("-Og", "-c", "a.c"),
    "-O2 in a response file": ("-Os", "@o2", "-c", "a.c"),
    "-Xclang takes the level away": ("-Os", "-Xclang", "-O2", "-c", "a.c"),
    "-Os of assembly": ("-Os", "-S", "a.c"),
}
TAKEN: dict[str, tuple[Word, ...]] = {
    "-O2, then -Os": ("-O2", "-Os", "-c", "a.c"),
    "-Os in a response file": ("-O2", "@os", "-c", "a.c"),
    "-Xclang brings the level": ("-O2", "-Xclang", "-Os", "-c", "a.c"),
    "--optimize": ("--optimize=s", "-c", "a.c"),
    "compile and link": ("-Os", "-Werror", "a.c", "-o", "prog"),
}


def objects_of(twin: Twin, *words: Word, **variables: str) -> bytes:
    case = Case((words,), FILES, {**BOTH, **variables})
    return twin.ours(case, "plan").files[b"x.o"].content


@pytest.mark.parametrize(
    "words", [OBJECT, ("-Oz", *OBJECT), ("@os", "-c", "a.c"), ("-Os", "a.c", "-o", "prog")], ids=str
)
def test_without_the_setting_every_byte_is_clangs(twin: Twin, words: tuple[Word, ...]) -> None:
    case = Case((words,), FILES)
    assert_same(twin.plain(case), twin.ours(case, "plan"), case, "-Os")
    assert events(twin) == ["bypass:level_os"]


@pytest.mark.parametrize("row", LEFT_ALONE)
def test_other_levels_stay_clangs(twin: Twin, row: str) -> None:
    case = Case((LEFT_ALONE[row],), FILES, BOTH)
    assert_same(twin.plain(case), twin.ours(case, "plan"), case, row)
    assert not {"miss", "level_os"} & set(events(twin))


@pytest.mark.parametrize("row", TAKEN)
def test_is_taken_on_with_the_setting(twin: Twin, row: str) -> None:
    twin.check(Case((TAKEN[row],), FILES, BOTH), "plan")
    assert {"miss", "stored", "applied"} <= set(events(twin))


@pytest.mark.parametrize("name", ["clang-14", "clang-19", "clang-22"])
def test_objects_at_os_are_smaller_and_the_same_again(builds: Path, tmp_path: Path, name: str) -> None:
    twin = make_twin(builds, tmp_path, name)
    case = Case((OBJECT, ("-Os", "-g", "-c", "b.c")), FILES, BOTH)
    plain = twin.plain(case)
    twin.check(case)  # without a plan nothing may differ; with one, no object may be larger
    first, again = twin.ours(case, "plan"), twin.ours(case, "plan")
    assert first.files == again.files
    assert allocated_size(first.files[b"x.o"].content) < allocated_size(plain.files[b"x.o"].content)
    assert {"hit", "applied", "stored"} <= set(events(twin))
    assert not [event for event in events(twin) if event.startswith("error:")]


def test_cxx_is_taken_on(twin: Twin) -> None:
    twin.check(Case((("c++", "-Os", "-Werror", "a.cpp", "-o", "prog"),), FILES, BOTH), "plan")
    assert {"miss", "stored"} <= set(events(twin))


def test_the_last_level_has_the_plan(twin: Twin) -> None:
    """Both levels in one cache: each has a plan of its own, and -Oz's is the one that it has without the setting."""
    at_oz = objects_of(twin, "-Oz", "-c", "a.c", "-o", "x.o", CLANG_LLM_LEVELS="Oz")
    at_os = objects_of(twin, *OBJECT)
    assert at_os != at_oz
    assert events(twin).count("miss") == 2
    assert objects_of(twin, "-Os", "-Oz", "-c", "a.c", "-o", "x.o") == at_oz
    assert objects_of(twin, "-Oz", "-Os", "-c", "a.c", "-o", "x.o") == at_os
    assert events(twin).count("miss") == 2


def test_only_os_leaves_oz_to_clang(twin: Twin) -> None:
    only = {"CLANG_LLM_LEVELS": " os "}
    case = Case((("-Oz", "-c", "a.c"),), FILES, only)
    assert_same(twin.plain(case), twin.ours(case, "plan"), case, "only -Os")
    assert events(twin) == ["bypass:not_oz"]
    twin.check(Case((OBJECT,), FILES, only), "plan")
    assert "applied" in events(twin)


@pytest.mark.parametrize("value", ["Oz,Os,O2", "s", "Os;Oz", "-Os", "Oz,Os,"])
def test_a_wrong_value_is_as_good_as_none(twin: Twin, value: str) -> None:
    case = Case((OBJECT,), FILES, {"CLANG_LLM_LEVELS": value})
    assert_same(twin.plain(case), twin.ours(case, "plan"), case, value)
    assert events(twin) == ["bypass:level_os"]


def test_the_config_file_may_set_it(twin: Twin) -> None:
    config = twin.root / "conf"
    config.write_text("Levels = oz , OS  # both\n")
    case = Case((OBJECT,), FILES, {"CLANG_LLM_CONFIG": str(config)})
    twin.check(case, "plan")
    assert "applied" in events(twin)


def test_committed_plans_and_frozen_builds_know_the_level(twin: Twin) -> None:
    found = {level: objects_of(twin, level, "-c", "a.c", "-o", "x.o") for level in ("-Oz", "-Os")}
    committed = twin.root / "team.plans"
    tool = [sys.executable, "-m", "clang_llm.cli", "plans"]
    environ = {**twin.our_env("plan"), "PYTHONPATH": str(ROOT)}
    for words in (("export", str(committed)), ("verify", str(committed))):
        subprocess.run([*tool, *words], env=environ, check=True, capture_output=True)
    (twin.cache / "plans").rename(twin.root / "elsewhere")
    frozen = {"CLANG_LLM_FROZEN": "1", "CLANG_LLM_PLANS": str(committed)}
    os.truncate(twin.cache / "events", 0)
    for level, content in found.items():
        assert objects_of(twin, level, "-c", "a.c", "-o", "x.o", **frozen) == content
    assert events(twin).count("applied") == 2
