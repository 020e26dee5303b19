"""The backend ``tune`` on a made-up cost and made-up verdicts, and the compile commands that ``tune`` runs."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from clang_llm.backends.tune import REMIXES, TuneBackend
from clang_llm.cli import main
from clang_llm.cli.project import read_commands
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request, Result, Status
from clang_llm.system.errors import BackendError, DataError
from clang_llm.system.settings import Settings
from clang_llm.tuning.space import elements_of

REQUEST = Request("ab" * 32, "19.1.7", 19, "x86_64-pc-linux-gnu", 400)


@cache
def sinks(recipe: Recipe) -> bool:
    """Whether a recipe does what is forbidden here; what is shipped was validated, whatever it does."""
    return recipe not in read_coreset(19).lists and "sink" in elements_of(recipe.functions[0])


def cost(recipe: Recipe) -> Result:
    """Two functions; the first wants gvn, the second dse; forbidden sink is best for both."""
    if not recipe.staged:
        return Result(0, Status.OK, 400)
    sizes = []
    for place, want in zip(recipe.use or (0, 0), ("gvn", "dse"), strict=True):
        elements = elements_of(recipe.functions[place])
        sizes.append(100 - 30 * (want in elements) - 60 * sinks(recipe.uniform(recipe.functions[place])))
    return Result(0, Status.OK, 50 + sum(sizes), tuple(sizes))


class Judge:
    """Stands for PassListEval: rejects whatever sinks, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Recipe] = []

    def rejected(self, recipes: Sequence[Recipe]) -> dict[Recipe, str]:
        self.asked += recipes
        return {recipe: "wrong output" for recipe in recipes if sinks(recipe)}


def run(backend: TuneBackend, request: Request = REQUEST) -> list[Recipe]:
    proposals = backend.propose(request)
    tried: list[Recipe] = []
    proposed = next(proposals)
    while True:
        tried += proposed
        try:
            proposed = proposals.send([(recipe, cost(recipe)) for recipe in proposed])
        except StopIteration:
            return tried


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    found = Judge()
    monkeypatch.setattr(TuneBackend, "_tries", lambda _: found)
    return found


def test_what_is_rejected_is_mixed_out(judge: Judge) -> None:
    backend = TuneBackend(Settings.load({"HOME": "/nowhere"}))
    tried = run(backend)
    assert len(tried) <= REQUEST.budget
    assert any(sinks(recipe.uniform(function)) for recipe in tried for function in recipe.functions)
    accepted = [recipe for recipe in sorted(tried, key=lambda each: cost(each).size) if backend.accepts(recipe)]
    best = accepted[0]
    assert cost(best).size <= 50 + 70 + 70
    assert not any(sinks(best.uniform(function)) for function in best.functions)
    assert all(recipe.staged and not recipe.use for recipe in judge.asked)
    assert len(judge.asked) == len(set(judge.asked))


def test_shipped_recipes_are_not_validated_again(judge: Judge) -> None:
    run(TuneBackend(Settings.load({"HOME": "/nowhere"})))
    assert not set(judge.asked) & set(read_coreset(19).lists)


def test_a_plan_names_the_shipped_set_when_nothing_had_to_be_validated() -> None:
    backend = TuneBackend(Settings.load({"HOME": "/nowhere"}))
    assert backend.vetted(REQUEST) is None
    next(backend.propose(REQUEST))
    assert backend.vetted(REQUEST) == read_coreset(19).identity


def test_a_search_is_the_same_every_time(judge: Judge) -> None:
    del judge
    settings = Settings.load({"HOME": "/nowhere"})
    assert run(TuneBackend(settings)) == run(TuneBackend(settings))


def test_too_small_a_budget_is_told() -> None:
    small = Request("ab" * 32, "19.1.7", 19, "x86_64", REMIXES)
    with pytest.raises(BackendError, match="CLANG_LLM_CANDIDATES"):
        next(TuneBackend(Settings.load({"HOME": "/nowhere"})).propose(small))


def test_compile_commands_run_without_touching_the_project(tmp_path: Path) -> None:
    entries = [
        {"directory": "/p", "file": "a.c", "command": "cc -Oz -MD -MF a.d -c a.c -o 'out dir/a.o' -DX=\"a b\""},
        {"directory": "sub", "file": "b.cc", "arguments": ["/usr/bin/clang++-19", "-Oz", "-c", "b.cc", "-o", "b.o"]},
    ]
    (tmp_path / "compile_commands.json").write_text(json.dumps(entries))
    first, second = read_commands(tmp_path / "compile_commands.json")
    assert first.argv[1:] == ("-Oz", "-c", "a.c", "-DX=a b", "-o", "/dev/null")
    assert first.argv[0].endswith("/wrappers/clang-llm")
    assert first.directory == Path("/p")
    assert second.argv[0].endswith("/wrappers/clang-llm++")
    assert second.directory == tmp_path / "sub"
    (tmp_path / "compile_commands.json").write_text('[{"file": "a.c"}]')
    with pytest.raises(DataError, match="cmake and meson"):
        read_commands(tmp_path / "compile_commands.json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "build command"),
        (["--candidates", "3", "--", "make"], "give a number from 16"),
        (["--candidates", "9" * 12, "--", "make"], "to 1000000"),
        (["--compile-commands", "x.json", "--", "make"], "build command"),
    ],
)
def test_senseless_command_lines_are_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", *words]) != 0
    assert said in capsys.readouterr().err
