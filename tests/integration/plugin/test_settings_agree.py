"""The plugin and Python read the same numbers from the same values, and reject the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.plugin_support import Bench

from clang_llm.system.settings import Settings
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler

TELL = """
open({told!r}, "w").write(str(request["budget"]))
say({"do": "oz", "reason": "best"})
"""
VALUES = (
    "7",
    "007",
    "0" * 40 + "3",
    "+5",
    "-1",
    " 5",
    "5 ",
    "5.0",
    "0x10",
    "1e3",
    "٣",
    "9" * 30,
    "4294967295",
    "4294967296",
    "",
)
LINES = (
    "effort = 2",
    "EFFORT=2",
    "\v EfFoRt\t=\f2 \r",
    "effort\x1f= 2",
    "eﬀort = 2",
    "effort = 2 # two",
    "effort 2",
    "effort = 1\neffort = 3",
    "effort = 2\0",
    "\0effort = 2\ncandidates = 9",
    "effort = 99",
    "effort = = 2",
    "candidates =\u00a05",
)


@pytest.fixture
def bench(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Bench:
    one = Bench(a_compiler, toolchain.build_plugin(a_compiler, builds), tmp_path)
    one.helper([], TELL.replace("{told!r}", repr(str(tmp_path / "told"))))
    del one.environment["CLANG_LLM_CANDIDATES"]
    (tmp_path / "a.c").write_text("int f(int x) { return x * 3; }\n")
    return one


def told(bench: Bench, **environment: str) -> int:
    """Return the budget with which the plugin starts a search; 0 when it starts none."""
    (bench.root / "told").unlink(missing_ok=True)
    bench.compile(bench.root / "a.c", **environment)
    return int((bench.root / "told").read_text()) if (bench.root / "told").exists() else 0


@pytest.mark.parametrize("name", ["EFFORT", "CANDIDATES"])
def test_values_of_the_environment(bench: Bench, name: str) -> None:
    for value in VALUES:
        environ = {f"CLANG_LLM_{name}": value}
        assert told(bench, **environ) == Settings.load({**bench.environment, **environ}).candidates, value


def test_lines_of_the_config_file(bench: Bench) -> None:
    config = bench.root / "config"
    environ = {"CLANG_LLM_CONFIG": str(config)}
    for line in LINES:
        config.write_text(line + "\n", encoding="utf-8")
        assert told(bench, **environ) == Settings.load({**bench.environment, **environ}).candidates, line
