"""``clang-llm-tool train`` on a small real project: its build captures modules, a tiny model goes on from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.compiler import Compiler
from clang_llm.models import Task, create
from integration.model_support import MENU, write_model
from integration.test_helper import SOURCE
from integration.wrapper_box import real_environment

pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")

#: Modules: enough for some to be held out, whatever their keys are.
MODULES = 30


@pytest.fixture
def project(a_compiler: Compiler, builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    model = write_model(tmp_path / "model", a_compiler.major)
    for name, value in real_environment(builds, a_compiler.path, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLANG_LLM_MODEL", str(model))
    # The work directory's cache shares the plugins that other tests built.
    (tmp_path / "new.work" / "cache").mkdir(parents=True)
    (tmp_path / "new.work" / "cache" / "plugins").symlink_to(builds / "plugins")
    root = tmp_path / "project"
    root.mkdir()
    for number in range(MODULES):
        (root / f"m{number}.c").write_text(SOURCE.replace("s += 7", f"s += {number}"))
    (root / "Makefile").write_text("all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\t$(CC) -Oz -c $< -o $@\n")
    monkeypatch.chdir(root)
    return root


def test_a_model_goes_on_from_a_project(
    project: Path, a_compiler: Compiler, capsys: pytest.CaptureFixture[str]
) -> None:
    new = project.parent / "new"
    argv = ["train", "--out", str(new), "--epochs", "1", "--jobs", "2", "--", "make", "-j2"]
    status = cli.main(argv)
    said = capsys.readouterr()
    assert status == 0, said.err
    assert f"{MODULES} modules; " in said.out
    assert len(list(project.glob("*.o"))) == MODULES
    history = json.loads((new / "history.json").read_text())
    assert history[0]["epoch"] == 0
    assert "# A model of clang-llm" in (new / "README.md").read_text()
    task = Task("00", a_compiler.major, "x86_64-pc-linux-gnu", 3, ("global i32\nadd.i32 a1;ret. v;\n",))
    (recipes,) = create("model", new).propose([task])
    assert len(recipes) == min(3, MENU)
    # A new model never takes an older one's place.
    assert cli.main(argv) != 0
    assert "name another directory" in capsys.readouterr().err


def test_a_project_without_modules_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--out", str(project.parent / "new"), "--", "true"]) != 0
    assert "nothing was compiled at -Oz" in capsys.readouterr().err
