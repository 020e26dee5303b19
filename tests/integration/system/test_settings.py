"""The plugin reads the settings in C++, everything else in Python; both must understand the same."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from integration.plugin_support import Bench
from integration.wrapper_box import WRAPPERS

from clang_llm.system.settings import Settings
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler

#: Tells the budget that the plugin has understood, and gives up.
TELL_BUDGET = """
open({file!r}, "w").write(str(request["budget"]))
say({{"do": "oz", "reason": "best"}})
"""


@pytest.fixture
def bench(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Bench:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    bench = Bench(a_compiler, toolchain.build_plugin(a_compiler, builds), tmp_path)
    bench.helper([], TELL_BUDGET.format(file=str(tmp_path / "budget")))
    del bench.environment["CLANG_LLM_CANDIDATES"]
    (tmp_path / "x.c").write_text("int twice(int x) { return 2 * x; }\n")
    return bench


def budget_of_the_plugin(bench: Bench) -> int:
    """Return what the plugin asks the helper for; it asks nobody when that is 0."""
    bench.compile(bench.root / "x.c")
    file = bench.root / "budget"
    return int(file.read_text()) if file.exists() else 0


@pytest.mark.parametrize(
    ("variables", "config"),
    [
        ({}, ""),
        ({"EFFORT": "0"}, ""),
        ({"EFFORT": "7"}, "effort = 1"),
        ({"EFFORT": "12"}, ""),
        ({"EFFORT": "-1"}, "effort = 5"),
        ({"EFFORT": "03"}, ""),
        ({"EFFORT": " 3"}, "effort = 6"),
        ({"EFFORT": ""}, "effort = 6"),
        ({"EFFORT": "99999999999"}, ""),
        ({"CANDIDATES": "5"}, "effort = 1"),
        ({"CANDIDATES": "0"}, ""),
        ({"CANDIDATES": "5000000"}, ""),
        ({"CANDIDATES": "4294967296"}, ""),
        ({"CANDIDATES": "five"}, "candidates = 9"),
        ({}, "effort = 5 # a comment\n"),
        ({}, "# effort = 5\n  EFFORT=6  \neffort2 = 7"),
        ({}, "effort = 1\neffort = 2\n"),
        ({}, "candidates =\neffort = 4"),
        ({"DISABLE": "1"}, ""),
        ({"DISABLE": "off"}, "disable = yes"),
        ({"DISABLE": "False"}, ""),
        ({"DISABLE": "maybe"}, ""),
        ({"DISABLE": ""}, "disable = on"),
    ],
    ids=str,
)
def test_plugin_and_python_agree(bench: Bench, variables: dict[str, str], config: str) -> None:
    (bench.root / "config").write_text(config)
    bench.environment |= {f"CLANG_LLM_{name}": value for name, value in variables.items()}
    bench.environment["CLANG_LLM_CONFIG"] = str(bench.root / "config")
    settings = Settings.load(bench.environment)
    assert budget_of_the_plugin(bench) == (0 if settings.disable else settings.candidates)


@pytest.mark.parametrize("value", ["", "0", "1", "3", "100", "-1", "many", "99999999999"])
@pytest.mark.parametrize("place", ["environment", "config"])
def test_plugin_and_python_agree_on_what_is_searched(bench: Bench, value: str, place: str) -> None:
    config = bench.root / "config"
    config.write_text(f"min_instructions = {value}\n" if place == "config" else "")
    bench.environment["CLANG_LLM_CONFIG"] = str(config)
    del bench.environment["CLANG_LLM_MIN_INSTRUCTIONS"]
    if place == "environment":
        bench.environment["CLANG_LLM_MIN_INSTRUCTIONS"] = value
    instructions = 5  # alloca, store, load, mul, ret
    (bench.root / "x.c").write_text("int twice(int x) { return 2 * x; }\n")
    searched = instructions >= Settings.load(bench.environment).min_instructions
    assert (budget_of_the_plugin(bench) > 0) == searched


PLACES = [
    {},
    {"HOME": "{root}/"},
    {"HOME": "{root}/gone"},
    {"HOME": ""},
    {"HOME": "home"},
    {"XDG_CACHE_HOME": "{root}/xdg"},
    {"XDG_CACHE_HOME": "{root}/xdg/", "HOME": "{root}/gone"},
    {"XDG_CACHE_HOME": "{root}/gone/xdg"},
    {"XDG_CACHE_HOME": "xdg"},
    {"XDG_CACHE_HOME": "xdg", "HOME": "{root}/gone"},
    {"CLANG_LLM_CACHE_DIR": "{root}/own/cache", "HOME": "{root}/gone"},
]


@pytest.mark.parametrize("variables", PLACES, ids=str)
def test_wrapper_plugin_and_python_agree_on_the_cache(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Where it is, and that it has no place."""
    bench.environment.pop("CLANG_LLM_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME")
    for name, value in {"HOME": "{root}", **variables}.items():
        bench.environment[name] = value.format(root=bench.root)
        monkeypatch.setenv(name, bench.environment[name])
    settings = Settings.load(os.environ)
    if not settings.homeless:
        settings.cache_dir.mkdir(parents=True)
    bench.compile(bench.root / "x.c")
    found = [path.parent for path in bench.root.rglob("events")]
    assert found == ([] if settings.homeless else [settings.cache_dir])
    assert not (bench.root / "gone").exists()
    said = bench.root / "said"
    said.touch()
    wrapper: list[str | Path] = [WRAPPERS / "clang-llm", "-Oz", "-c", bench.root / "x.c"]
    environ = {**bench.environment, "CLANG_LLM_CLANG": str(bench.compiler.path)}
    subprocess.run(wrapper, env={**environ, "_CLANG_LLM_EXPLAIN": str(said)}, check=True, timeout=60)
    assert json.loads(said.read_text())["reason"] == ("no_home" if settings.homeless else "plugin")
