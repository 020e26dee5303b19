"""`clang-llm-tool plans`: writing, reading, merging and checking files of plans."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store import plansfile, team
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import ledger, settings
from clang_llm.system.errors import DataError

RECIPES = [recipe for recipe in read_coreset(19).lists if recipe.staged]
Tool = Callable[..., str]


def make_plan(number: int, size: int = 90, llvm: str = "19.1.7") -> Plan:
    provenance = {"backend": "coreset", "tried": 6, "validated": "0" * 16, "version": "0.1.0"}
    key = f"{number:02x}" * 32
    return Plan(key, llvm, "x86_64-pc-linux-gnu", RECIPES[number % len(RECIPES)], 100, size, 6, provenance)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    mine = {"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache")}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    return mine


@pytest.fixture
def store(environ: dict[str, str]) -> LocalStore:
    made = LocalStore(Path(environ["CLANG_LLM_CACHE_DIR"]))
    for number in range(1, 9):
        assert made.put(make_plan(number))
    return made


@pytest.fixture
def tool(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Tool:
    """Run a command, return what it said; settings and the expected status by name."""

    def run(*words: object, status: int = 0, **variables: str) -> str:
        for name, value in variables.items():
            environ[f"CLANG_LLM_{name}"] = value
        assert cli.main([*map(str, words)]) == status
        said = capsys.readouterr()
        return said.out + said.err

    return run


def compiled(store: LocalStore, number: int, source: str) -> None:
    line = f"{make_plan(number).key}\t100\t90\t-\t-\tcoreset\t{source}\t/b/{number}.o\n"
    path = ledger.path(store.root)
    path.write_text((path.read_text() if path.exists() else "") + line)


def test_what_was_measured_here_is_written_twice_the_same(store: LocalStore, tool: Tool, tmp_path: Path) -> None:
    assert store.propose(make_plan(77))
    compiled(store, 1, "/secret/place/one%20and.c")
    said = tool("plans", "export", tmp_path / "a.plans")
    assert "8 plans of this cache, not signed" in said
    assert "they save 10.00 % over -Oz" in said
    tool("plans", "export", tmp_path / "b.plans")
    data = (tmp_path / "a.plans").read_bytes()
    assert data == (tmp_path / "b.plans").read_bytes()
    assert b"# one?and.c" in data
    assert b"secret" not in data
    assert b"/b/" not in data
    rows = plansfile.read(tmp_path / "a.plans").rows
    assert sorted(rows) == [make_plan(number).key for number in range(1, 9)]
    assert all("tried" not in row.plan.provenance for row in rows.values())


def test_less_may_be_asked_for(store: LocalStore, tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "f"
    compiled(store, 3, "/a/b.c")
    tool("plans", "export", "--this-build", file)
    assert list(plansfile.read(file).rows) == [make_plan(3).key]
    (tmp_path / "keys").write_text(f"{make_plan(4).key}\n{make_plan(5).key}\n")
    tool("plans", "export", "--keys-from", tmp_path / "keys", file)
    assert sorted(plansfile.read(file).rows) == [make_plan(4).key, make_plan(5).key]
    tool("plans", "export", "--keys-from", file, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()
    store.put(make_plan(20, llvm="16.0.6")._replace(recipe=Recipe("globaldce")))
    tool("plans", "export", "--llvm", "16", file)
    assert list(plansfile.read(file).rows) == [make_plan(20).key]
    tool("plans", "export", "--llvm", "19.1.7", file)
    assert len(plansfile.read(file).rows) == 8
    before = file.read_bytes()
    assert "no plan to write" in tool("plans", "export", "--llvm", "1", file, status=DataError.exit_code)
    assert "cannot be read" in tool("plans", "export", "--keys-from", "/none", file, status=DataError.exit_code)
    assert file.read_bytes() == before


def test_a_file_may_be_added_to(store: LocalStore, tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "f"
    tool("plans", "export", file)
    store.clear()
    store.put(make_plan(1, size=50))
    store.put(make_plan(2, size=95))
    store.put(make_plan(30))
    tool("plans", "export", "--add", file)
    rows = plansfile.read(file).rows
    assert len(rows) == 9
    assert (rows[make_plan(1).key].plan.size, rows[make_plan(2).key].plan.size) == (50, 90)


@pytest.mark.parametrize("signed", [True, False])
def test_plans_travel_to_another_cache(store: LocalStore, tool: Tool, tmp_path: Path, signed: bool) -> None:
    team.make(team.SHARED).write(tmp_path / "key")
    unknown = make_plan(50)._replace(recipe=Recipe("function(sroa),globaldce"))
    store.put(unknown)
    said = tool("plans", "export", tmp_path / "f", KEY_FILE=str(tmp_path / "key") if signed else "")
    assert ("not signed" in said) == (not signed)
    said = tool("plans", "import", tmp_path / "f", CACHE_DIR=str(tmp_path / "theirs"))
    theirs = LocalStore(tmp_path / "theirs")
    assert theirs.is_sealed(make_plan(1).key) == signed
    assert (theirs.get(unknown.key) is not None) == signed
    assert theirs.get(make_plan(1).key) is not None
    assert ("9  taken over, signed" in said) == signed
    assert ("8  will be measured" in said) == ("1  neither signed nor" in said) == (not signed)
    said = tool("plans", "import", tmp_path / "f")
    assert "not better than what the cache has" in said
    assert "unset it" in tool("plans", "import", tmp_path / "f", READONLY="1", status=7)


def test_a_foreign_signature_is_no_signature(store: LocalStore, tool: Tool, tmp_path: Path) -> None:
    assert store.get(make_plan(1).key)
    for name in ("ours", "theirs"):
        team.make(team.SHARED).write(tmp_path / name)
    tool("plans", "export", tmp_path / "f", KEY_FILE=str(tmp_path / "theirs"))
    said = tool("plans", "verify", tmp_path / "f", KEY_FILE=str(tmp_path / "ours"), status=1)
    assert said.count("not by the key") == 8
    said = tool("plans", "import", tmp_path / "f", CACHE_DIR=str(tmp_path / "new"))
    assert "taken over" not in said
    assert not LocalStore(tmp_path / "new").is_sealed(make_plan(1).key)
    assert "8 signed by this key" in tool("plans", "verify", tmp_path / "f", KEY_FILE=str(tmp_path / "theirs"))
    assert "no signature was verified" in tool("plans", "verify", tmp_path / "f", KEY_FILE="")


def test_a_damaged_file_is_told_and_not_merged(store: LocalStore, tool: Tool, tmp_path: Path) -> None:
    assert store.get(make_plan(1).key)
    file = tmp_path / "f"
    tool("plans", "export", file)
    text = file.read_text()
    file.write_text(text.replace(" 100 90 6 ", " 100 80 6 ", 1))
    assert "line 2: its checksum is wrong" in tool("plans", "verify", file, status=1)
    assert "plans verify" in tool("plans", "merge", file, file, file, status=DataError.exit_code)
    assert "1  problems of the files" in tool("plans", "import", file, CACHE_DIR=str(tmp_path / "new"))
    file.write_text(text + "pipe:zz globaldce\n")
    assert "1 shared line that no module uses" in tool("plans", "verify", file)
    tool("plans", "merge", file, file, file)
    assert file.read_text() == text
    (tmp_path / "none").write_text("something else\n")
    for words in (("verify", tmp_path / "none"), ("import", tmp_path / "none"), ("verify", tmp_path / "missing")):
        tool("plans", *words, status=DataError.exit_code)


def git(directory: Path, *words: str) -> str:
    environ = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "PYTHONPATH": str(Path(cli.__file__).resolve().parents[2]),
        **{f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    done = subprocess.run(["git", *words], cwd=directory, env=environ, capture_output=True, text=True, check=True)
    return done.stdout


def test_git_merges_two_branches(store: LocalStore, tool: Tool, tmp_path: Path) -> None:
    """As `plans merge --help` says: both sides add modules and change one, which no merge of lines could do."""
    project = tmp_path / "project"
    project.mkdir()
    file = project / "p.plans"
    git(project, "init", "-q", "-b", "main")
    git(project, "config", "merge.clang-llm.driver", f"{sys.executable} -m clang_llm.cli plans merge %O %A %B")
    (project / ".gitattributes").write_text("*.plans merge=clang-llm -text\n")
    tool("plans", "export", file)
    git(project, "add", ".")
    git(project, "commit", "-qm", "base")
    for branch, size, number in (("one", 80, 40), ("two", 70, 41)):
        git(project, "checkout", "-qb", branch, "main")
        store.clear()
        store.put(make_plan(5, size=size))
        store.put(make_plan(number))
        tool("plans", "export", "--add", file)
        git(project, "commit", "-qam", branch)
    git(project, "merge", "-q", "--no-edit", "one")
    merged = file.read_bytes()
    rows = plansfile.read(file).rows
    assert len(rows) == 10
    assert rows[make_plan(5).key].plan.size == 70
    git(project, "checkout", "-q", "one")
    git(project, "merge", "-q", "--no-edit", "two~0")
    assert file.read_bytes() == merged
    assert plansfile.read(file).problems == []
