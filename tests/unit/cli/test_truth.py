"""What commands promise and what they say went wrong, where that used to be another matter than the truth."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.cli import checks, serve
from clang_llm.cli.checks import OK, WRONG
from clang_llm.cli.database import check_database
from clang_llm.cli.tune import Summary, entries_of, what_came
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import errors
from clang_llm.system.errors import BackendError, ClangLlmError, DataError
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import Compiler

ROOT = Path(__file__).resolve().parents[3]


def load(root: Path, **variables: str) -> Settings:
    environ = {"HOME": str(root), "CLANG_LLM_CACHE_DIR": str(root / "cache")}
    return Settings.load({**environ, **{f"CLANG_LLM_{name}": value for name, value in variables.items()}})


def test_a_clang_that_is_too_old_is_told_once_and_no_headers_are_asked_for(tmp_path: Path) -> None:
    old = Compiler(Path("/usr/bin/clang-13"), Path("/usr/bin/clang-13"), "13.0.1", None)
    version, wrong = checks.check_compiler(old, load(tmp_path), {})
    assert (version.level, wrong.level) == (OK, WRONG)
    assert "too old" in wrong.text
    assert "llvm-13-dev" not in wrong.text + wrong.remedy


@pytest.mark.parametrize("place", ["/proc/nope", "/dev/null", "/dev/null/cache", "x" * 300])
def test_a_cache_that_cannot_be_made_is_not_ok(tmp_path: Path, place: str) -> None:
    (finding,) = checks.check_cache(load(tmp_path, CACHE_DIR=str(tmp_path / place)))
    assert finding.level == WRONG
    assert "cannot be written" in finding.text


def test_trying_the_cache_leaves_nothing(tmp_path: Path) -> None:
    (finding,) = checks.check_cache(load(tmp_path))
    assert finding.level == OK
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, ""),
        ({"MODEL": "/nonexistent"}, "not a directory"),
        ({"DISABLE": "1"}, "DISABLE"),
        ({"EFFORT": "0"}, "effort 0"),
        ({"CANDIDATES": "0"}, "effort 0"),
        ({"READONLY": "1"}, ""),
        ({"READONLY": "1", "INFER": "background"}, "READONLY"),
        ({"INFER": "background"}, ""),
    ],
    ids=str,
)
def test_a_server_is_promised_only_where_one_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    settings = load(tmp_path, **{"BACKEND": "transformers", "MODEL": str(tmp_path), **variables})
    place = serve.place_of(settings)
    text = "\n".join(serve.describe(place, settings, None))
    assert ("the next miss starts one" in text) is (says == "")
    assert says in text
    assert bool(serve.document(place, settings, None)["not_started"]) is bool(says)


@pytest.mark.parametrize("backend", ["auto", "coreset", "model", "modle"])
def test_backends_without_a_server_have_no_place_for_one(tmp_path: Path, backend: str) -> None:
    with pytest.raises(BackendError, match=f"backend '{backend}' has no server"):
        serve.place_of(load(tmp_path, BACKEND=backend))


def test_no_server_is_promised_without_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else name)
    settings = load(tmp_path, BACKEND="transformers", MODEL=str(tmp_path))
    text = "\n".join(serve.describe(serve.place_of(settings), settings, None))
    assert "it needs torch" in text


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from commands(one)


def test_no_help_shows_a_path_of_this_machine() -> None:
    helps = [each.format_help() for each in commands(cli.build_parser())]
    assert len(helps) > 10
    for text in helps:
        assert str(ROOT) not in text
        assert str(ROOT.parent) not in text
        assert "(default: None)" not in text


@pytest.mark.parametrize(
    "text",
    [
        "[5]",
        '{"a": 1}',
        "5",
        '"text"',
        "null",
        "",
        "[" * 100_000,
        "[[]]",
        '[{"directory": "/tmp"}]',
        '[{"command": "cc"}]',
        '[{"directory": 1, "command": "cc"}]',
        '[{"directory": "/tmp", "command": 7}]',
        '[{"directory": "/tmp", "command": ""}]',
        '[{"directory": "/tmp", "command": "cc \'"}]',
        '[{"directory": "/tmp", "arguments": []}]',
        '[{"directory": "/tmp", "arguments": [1]}]',
        '[{"directory": "/tmp", "arguments": ["cc", "\\u0000"]}]',
        '[{"directory": "/tmp", "arguments": ["\\ud800"]}]',
        "9" * 5000,
    ],
    ids=lambda text: str(text)[:40],
)
def test_a_file_that_is_no_compilation_database_is_one_clear_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "commands.json"
    file.write_text(text)
    with pytest.raises(DataError, match=r"is no compile_commands\.json: .*; cmake and meson write one") as error:
        check_database(file)
    assert "\n" not in str(error.value)


def test_what_cannot_be_read_is_no_compilation_database(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(DataError):
            check_database(path)


def test_a_compilation_database_is_one(tmp_path: Path) -> None:
    file = tmp_path / "commands.json"
    file.write_text(
        json.dumps([{"directory": "/tmp", "arguments": ["cc"]}, {"directory": ".", "command": "cc -c 'a b.c'"}])
    )
    check_database(file)
    check_database(None)


def test_a_build_that_tuned_nothing_is_explained_by_what_was_counted() -> None:
    assert "no compile went through clang-llm" in what_came(Counter())
    assert what_came(Counter({"hit": 2, "hit:oz": 1})).startswith("3 modules were tuned before")
    text = what_came(Counter({"bypass:not_oz": 4, "error:backend": 1, "hit": 1, "stored": 0}))
    assert "4 compiles were left to clang: the optimisation level is not -Oz (bypass:not_oz)" in text
    assert "1 compile failed, plain -Oz: " in text
    assert "no compile went through" not in text
    assert what_came(Counter({"hit": 1})).startswith("1 module was tuned before")
    assert "1 compile was left to clang: " in what_came(Counter({"bypass:not_oz": 1}))


def test_what_was_tuned_is_told_of_this_run_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def tuned(number: int, size: int, backend: str = "tune") -> None:
        recipe = Recipe("globaldce")
        assert store.put(Plan(f"{number:064x}", "19.1.7", "x86_64", recipe, 100, size, 40, {"backend": backend}))

    assert Summary.since(entries_of(store), store).modules == 0
    tuned(1, 90)
    tuned(2, 80)
    before = entries_of(store)
    assert store.get(f"{1:064x}") is not None
    os.utime(store.path(f"{1:064x}"))
    assert Summary.since(before, store).modules == 0
    tuned(3, 70)
    tuned(4, 60, "coreset")
    assert Summary.since(before, store) == Summary(1, 100, 70)
    assert Summary.since(before, store).text() == "1 module, 100 bytes at -Oz, 30.00 % less"
    tuned(2, 60)
    assert Summary.since(before, store) == Summary(2, 200, 130)


def test_a_memo_is_of_the_clang_behind_the_wrapper(tmp_path: Path) -> None:
    real = tmp_path / "clang-llm" / "gcc"
    real.parent.mkdir()
    real.touch()
    for wrapper in ("/usr/bin/clang-llm", "/opt/clang-llm/wrappers/clang-llm++"):
        for clang in ("/usr/bin/gcc", str(real)):
            memo = tmp_path / "cache" / "toolchains" / "Linux" / f".{wrapper}{clang}"
            memo.mkdir(parents=True)
            (memo / "failed").write_text(f"+{clang}\n{clang} is not an LLVM clang\n")
            (finding,) = checks.check_memory(load(tmp_path), {"HOME": str(tmp_path)})
            assert finding.text == f"remembered failure of {clang}: {clang} is not an LLVM clang"
            assert finding.remedy.endswith(f"to forget it: rm {memo}/failed")
            (memo / "failed").unlink()


def test_every_exit_status_is_written_down() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    found = dict(re.findall(r"^\| (\d+) \| .* \(`(\w+)`\) \|$", text, re.MULTILINE))
    inner = (errors.EndOfConversation, errors.Abandoned, errors.NoAnswer)  # which reach no command
    tree = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ClangLlmError)]
    told = [each for each in tree if each not in (ClangLlmError, *inner)]
    assert found == {str(each.exit_code): each.__name__ for each in told}
