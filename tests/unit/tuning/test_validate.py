"""PassListEval's judgement and memory, without a compiler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from clang_llm.system.errors import DataError, ToolchainError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning.batches import Batch, Prepared
from clang_llm.tuning.engines import OptEngine, PluginEngine, make_engine
from clang_llm.tuning.validate import Trial, clean_environment, first_difference, read_lists, try_list
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


@pytest.mark.parametrize(
    "key",
    [
        ("other", "d", "plugin"),
        ("globaldce", "e", "plugin"),
        ("globaldce", "d", "opt"),
        ("globaldce", "d", "plugin 2"),
        ("globaldce | sroa |", "d", "plugin"),
    ],
)
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


def test_another_build_of_the_plugin_is_another_engine() -> None:
    compiler = Compiler(Path("clang"), Path("clang"), "19.1.7", None)
    built = [PluginEngine(compiler, Path(name) / "stub.so").identity for name in ("aa", "bb")]
    assert len({*built, OptEngine(compiler, Path("opt")).identity}) == 3


class Recorder:
    """An engine that compiles nothing and notes what it was asked for."""

    identity = "recorder"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, environ: Mapping[str, str]) -> None:
        """Nothing to check."""

    def compile(self, bitcode: Path, pipeline: str, output: Path, environ: Mapping[str, str]) -> str | None:  # noqa: ARG002
        self.asked.append(bitcode.stem)
        return f"no {bitcode.stem}"


def batches_of(tmp_path: Path, *names: str) -> Prepared:
    (tmp_path / "clang++").touch()
    compiler = Compiler(tmp_path / "clang", tmp_path / "clang", "19.1.7", None)
    return Prepared(compiler, tuple(Batch(Path(f"{name}.bc"), Path(f"{name}.o"), {}) for name in names), {}, "digest")


def test_a_list_is_tried_up_to_its_first_failure(tmp_path: Path) -> None:
    engine = Recorder()
    verdict = try_list(batches_of(tmp_path, "a", "b"), "globaldce", engine, {})
    assert (verdict.accepted, verdict.program, verdict.reason) == (False, "batch a", "no a")
    assert engine.asked == ["a"]


def test_the_first_batch_is_told_whichever_ends_first(tmp_path: Path) -> None:
    trial = Trial(batches_of(tmp_path, "a", "b", "c"), "globaldce", Recorder(), {})
    for number in (1, 0, 2):
        trial.run(number)
    assert trial.verdict().program == "batch a"


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    compiler = Compiler(Path("clang"), Path("clang"), "19.1.7", None)
    with pytest.raises(ToolchainError, match="plugin or opt"):
        make_engine("magic", compiler, tmp_path)
