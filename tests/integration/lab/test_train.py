"""``clang-llm-tool train`` on a small real project: its build captures modules, a tiny model goes on from there."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from integration.compile.test_helper import SOURCE
from integration.model_support import MENU, menu, write_model
from integration.wrapper_box import real_environment

from clang_llm import cli
from clang_llm.backends.model import BUNDLED
from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.modules import Bench
from clang_llm.lab.training import evaluate
from clang_llm.lab.training.answers import read_profiles
from clang_llm.lab.training.dataset import ModuleData
from clang_llm.lab.training.network import Answers, ask, load_model, of_like_length
from clang_llm.lab.training.prediction import said_freely
from clang_llm.lab.training.project import modules_in
from clang_llm.lab.training.speed import cost, table
from clang_llm.models.small import known_of, ranked, recipes_of
from clang_llm.plans.coreset import read_coreset, read_menu, write_coreset
from clang_llm.plans.recipe import usable
from clang_llm.plans.types import Choice
from clang_llm.system.errors import BackendError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")

#: Sources of a sample project.
PROJECT = Path(__file__).resolve().parents[2] / "projects" / "jot"
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
    # It is for machines like those that it has seen.
    assert set(read_menu(a_compiler.major, new).orders) == {"x86"}
    assert "# A model of clang-llm" in (new / "README.md").read_text()
    (opinion,) = ask(["global i32\nadd.i32 a1;ret. v;\n"], "x86_64-pc-linux-gnu", answers_of(new), 128, 3)
    assert len(opinion.ranked) == min(3, MENU)
    # A new model never takes an older one's place.
    assert cli.main(argv) != 0
    assert "name another directory" in capsys.readouterr().err


def test_what_a_model_saves_is_measured(project: Path, a_compiler: Compiler) -> None:
    new, place = project.parent / "new", project.parent / "found"
    assert cli.main(["train", "--out", str(new), "--epochs", "0", "--jobs", "2", "--", "make", "-j2"]) == 0
    modules = modules_in(new.with_name("new.work") / "modules", "project")
    bench = Bench.of(str(a_compiler.path), new.with_name("new.work") / "cache", process_environment())
    place.mkdir()
    assert evaluate.measure(modules[0], bench, new, 45, place) == ""
    (found,) = place.iterdir()
    row = json.loads(found.read_text())
    sizes = {way: [row[way][str(count)] for count in evaluate.COUNTS] for way in evaluate.WAYS}
    assert all(size <= row["oz"]["0"] for some in sizes.values() for size in some)
    assert row[evaluate.TUNER]["45"] <= row["oz"]["0"]
    with bench.open(modules[0]) as evaluator:
        first = usable(next(read_coreset(a_compiler.major).for_target("x86_64")), a_compiler.major)
        assert first is not None
        (alone,) = evaluator.evaluate([first])
    assert row[evaluate.CORESET]["1"] == min(alone.size or row["oz"]["0"], row["oz"]["0"])
    assert set(evaluate.tables([row])) >= {"savings", "difference", evaluate.TUNER}


def test_what_asking_costs_is_measured(a_compiler: Compiler, builds: Path, tmp_path: Path) -> None:
    model, source = write_model(tmp_path / "model", a_compiler.major), tmp_path / "a.c"
    source.write_text(SOURCE)
    argv = [str(a_compiler.real), "-Oz", "-c", str(source), "-o", "/dev/null"]
    with Evaluator(argv, build_plugin(a_compiler, builds).stub, tmp_path, process_environment()) as evaluator:
        functions, milliseconds = cost(evaluator, model, 3, 3)
    assert functions >= 1
    assert milliseconds < 10_000
    assert table([(1, 2.0), (3, 4.0)]) == {
        "modules, functions in one": "2, 2.0",
        "median, 95th percentile": "3.0 ms, 4.0 ms",
        "a function": "1.50 ms",
    }


def test_the_plugin_says_what_torch_says(a_compiler: Compiler, builds: Path, tmp_path: Path) -> None:
    """The shipped model, and one with random weights: the same recipes for each function, in the same order."""
    source = tmp_path / "a.c"
    source.write_text("".join(path.read_text() for path in sorted(PROJECT.glob("*.c"))[:1]))
    argv = [str(a_compiler.real), "-Oz", "-c", f"-I{PROJECT}", str(source), "-o", "/dev/null"]
    with Evaluator(argv, build_plugin(a_compiler, builds).stub, tmp_path, process_environment()) as evaluator:
        for model in (write_model(tmp_path / "model", a_compiler.major), BUNDLED):
            if not (model / f"llvm-{a_compiler.major}.txt").exists():
                continue
            lists, major = read_menu(a_compiler.major, model).lists, a_compiler.major
            columns = tuple(known_of(lists, recipes_of(model), major).values())
            choice = Choice(lists[0].module, str(model), "x86", columns, min(6, len(columns)))
            texts, places = evaluator.describe(choice.head), evaluator.ask(choice)
            answers = answers_of(model).among(columns)
            longest = answers.network.config.max_position_embeddings
            opinions = ask(texts, "x86_64", answers, longest, choice.number)
            assert len(texts) == len(places) > 3
            assert [opinion.ranked for opinion in opinions] == places


def answers_of(model: Path) -> Answers:
    tokenizer, network = load_model(model)
    return Answers(network.eval(), tokenizer, read_profiles(model)[0])


def test_functions_are_asked_about_with_others_of_like_length() -> None:
    lengths = [*range(1, 40), 300, 420, 500, *([512] * 40)]
    groups = list(of_like_length([(0,) * length for length in lengths]))
    assert [len(each) for group in groups for each in group] == lengths
    for group, following in pairwise(groups):
        assert len(group) <= 32
        assert len(group[-1]) <= 1.5 * len(group[0]) + 16
        # None is smaller than it has to be.
        assert len(group) == 32 or len(following[0]) > 1.5 * len(group[0]) + 16
    assert list(of_like_length([])) == []


def test_the_answer_for_a_function_does_not_depend_on_its_neighbours(a_compiler: Compiler, tmp_path: Path) -> None:
    answers = answers_of(write_model(tmp_path / "model", a_compiler.major))
    texts = ["global i32\n" + "add.i32 a1;" * number + "ret. v;\n" for number in (60, 1, 3, 1, 25)]
    together = ask(texts, "x86_64", answers, 128, MENU)
    assert together[1] == together[3]
    assert len({opinion.before for opinion in together}) == 4
    for text, opinion in zip(texts, together, strict=True):
        (alone,) = ask([text], "x86_64", answers, 128, MENU)
        assert alone.ranked == opinion.ranked
        assert (alone.before, alone.after) == pytest.approx((opinion.before, opinion.after), rel=1e-3)


def test_what_would_be_said_without_a_constraint_is_counted(a_compiler: Compiler, tmp_path: Path) -> None:
    import torch

    answers = answers_of(write_model(tmp_path / "model", a_compiler.major))
    network, tokenizer = answers.network, answers.tokenizer
    texts = tuple("global i32\n" + "add.i32 a1;" * number + "ret. v;\n" for number in range(4))
    module = ModuleData("p/a.c", "p", texts, ((1,) * 4,), (4,), 4, "x86_64", ())
    # Networks that say one thing, whatever they are asked.
    for token, share in ((int(answers.profiles[1]), 1.0), (answers.pad, 0.0)):
        network.lm_head = torch.nn.Linear(network.config.hidden_size, tokenizer.get_vocab_size())
        network.lm_head.weight.data.zero_()
        network.lm_head.bias.data = torch.eye(tokenizer.get_vocab_size())[token]
        assert said_freely([module], answers, 128) == share


def test_another_llvm_may_have_a_part_of_the_menu(a_compiler: Compiler, tmp_path: Path) -> None:
    model, major = write_model(tmp_path / "model", a_compiler.major), a_compiler.major
    asked: list[Choice] = []

    def answer(choice: Choice) -> list[tuple[int, ...]]:
        asked.append(choice)
        return [tuple(range(choice.number))]

    assert ranked(answer, read_menu(major, model), "x86_64", model, MENU) == menu(major)
    write_coreset(major, menu(major)[:0:-1], ["all programs"], model)
    assert ranked(answer, read_menu(major, model), "x86_64", model, MENU) == menu(major)[:0:-1]
    assert [choice.recipes for choice in asked] == [tuple(range(MENU)), tuple(range(MENU - 1, 0, -1))]
    write_coreset(major, [menu(major)[0]._replace(closing="constmerge")], ["all programs"], model)
    with pytest.raises(BackendError, match="knows no recipe"):
        ranked(answer, read_menu(major, model), "x86_64", model, MENU)


def test_a_project_without_modules_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--out", str(project.parent / "new"), "--", "true"]) != 0
    assert "nothing was compiled at -Oz" in capsys.readouterr().err
