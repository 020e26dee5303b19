"""Builds that search nothing: without a plan, nothing can be told from clang, and no helper is ever started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dropin import sources
from dropin.helpers import events, use_helper
from dropin.twin import Case, Twin, assert_same

FILES = {"a.c": sources.C, "b.c": sources.SECOND_C, "w.c": sources.WARNS_C}
STEPS = {
    "object": (("-Oz", "-c", "a.c"),),
    "debug": (("-Oz", "-g", "-c", "a.c", "-o", "named.o"),),
    "dependencies": (("-Oz", "-MD", "-MF", "deps", "-c", "a.c"),),
    "warnings": (("-Oz", "-Wall", "-c", "w.c"),),
    "several": (("-Oz", "-c", "a.c", "b.c"),),
    "standard output": (("-Oz", "-c", "a.c", "-o", "-"),),
    "an error": (("-Oz", "-c", "missing.c"),),
    "another level": (("-O2", "-c", "a.c"),),
}
PLANS = {
    "none": "",
    "missing": "/nonexistent/p.plans",
    "endless": "/dev/zero",
    "null": os.devnull,
    "pipe": "pipe",
    "several": "::/nonexistent:.:/dev/zero:",
    "long": "/" + "x" * 5000,
    "empty": "empty.plans",
}


def case(steps: str, plans: str) -> Case:
    def prepare(work: Path) -> None:
        os.mkfifo(work / "pipe")

    files = {**FILES, "empty.plans": "clang-llm-plans 1\n"}
    return Case(STEPS[steps], files, {"CLANG_LLM_FROZEN": "1", "CLANG_LLM_PLANS": PLANS[plans]}, prepare=prepare)


def check(twin: Twin, row: Case) -> None:
    """No plan is there, so every byte has to be clang's, and the helper has to leave no mark."""
    use_helper(twin, f"touch {twin.root / 'started'}")
    assert_same(twin.plain(row), twin.ours(row, "plan"), row, "frozen")
    assert not (twin.root / "started").exists()


@pytest.mark.parametrize("steps", STEPS)
def test_whatever_is_compiled(twin: Twin, steps: str) -> None:
    check(twin, case(steps, "empty"))
    compiles = steps not in ("an error", "another level")
    assert set(events(twin)) <= {"miss", "bypass:frozen", "bypass:not_oz"}
    assert ("bypass:frozen" in events(twin)) == compiles


@pytest.mark.parametrize("plans", PLANS)
def test_whatever_the_setting_names(twin: Twin, plans: str) -> None:
    check(twin, case("object", plans))
    assert events(twin) == ["miss", "bypass:frozen"]
