"""PassListEval's judgement and memory, without a compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.errors import DataError, ToolchainError
from clang_llm.tuning.engines import make_engine
from clang_llm.tuning.validate import clean_environment, first_difference, read_lists
from clang_llm.tuning.verdicts import Verdict, VerdictStore

RIGHT = {"p1": "exit 0 aa", "p2": "exit 0 bb"}
VERDICT = Verdict("globaldce", "19.1.7", False, "exit 1 instead of exit 0", "p7", 161)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"p1": "exit 0 aa", "p2": "exit 0 bb", "p3": "exit 9 cc"}, None),
        ({"p1": "exit 0 aa"}, ("p2", "was not run")),
        ({"p1": "exit 0 aa", "p2": "exit 0 cc"}, ("p2", "different output")),
        ({"p1": "signal 6 aa", "p2": "exit 0 cc"}, ("p1", "signal 6 instead of exit 0")),
        ({}, ("p1", "was not run")),
    ],
)
def test_the_first_difference_is_found(said: dict[str, str], wanted: tuple[str, str] | None) -> None:
    assert first_difference(RIGHT, said) == wanted


def test_lists_are_read_without_comments(tmp_path: Path) -> None:
    path = tmp_path / "lists.txt"
    path.write_text("# a comment\n\n globaldce \nfunction(mem2reg)\n")
    assert read_lists(path) == ("globaldce", "function(mem2reg)")


@pytest.mark.parametrize("content", [b"# nothing\n", b"", b"\xff\xfe\n"])
def test_a_file_without_a_list_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lists.txt"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_lists(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_lists(tmp_path / "none")


def test_verdicts_are_remembered(tmp_path: Path) -> None:
    store = VerdictStore(tmp_path)
    assert store.get("globaldce", "d", "plugin") is None
    store.put(VERDICT, "d", "plugin")
    assert store.get("globaldce", "d", "plugin") == VERDICT


@pytest.mark.parametrize("key", [("other", "d", "plugin"), ("globaldce", "e", "plugin"), ("globaldce", "d", "opt")])
def test_a_verdict_belongs_to_one_list_compiler_and_engine(tmp_path: Path, key: tuple[str, str, str]) -> None:
    store = VerdictStore(tmp_path)
    store.put(VERDICT, "d", "plugin")
    assert store.get(*key) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pipeline": "globaldce"}', '{"unknown": 1}'])
def test_a_damaged_verdict_counts_as_none(tmp_path: Path, content: str) -> None:
    store = VerdictStore(tmp_path)
    store.put(VERDICT, "d", "plugin")
    (path,) = (tmp_path / "verdicts").iterdir()
    path.write_text(content)
    assert store.get("globaldce", "d", "plugin") is None


def test_nothing_in_the_environment_changes_a_verdict() -> None:
    environ = {"PATH": "/bin", "CLANG_LLM_EFFORT": "9", "_CLANG_LLM_APPLY": "x", "CCC_OVERRIDE_OPTIONS": "+-O0"}
    assert clean_environment(environ) == {"PATH": "/bin"}


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    from clang_llm.compiler import Compiler

    compiler = Compiler(Path("clang"), Path("clang"), "19.1.7", None)
    with pytest.raises(ToolchainError, match="plugin or opt"):
        make_engine("magic", compiler, tmp_path)
