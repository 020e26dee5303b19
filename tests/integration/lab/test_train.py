"""``clang-llm-tool train`` on a small real project: its build captures modules, a tiny model goes on from there."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from integration.compile.test_helper import SOURCE
from integration.model_support import MENU, menu, write_model
from integration.wrapper_box import real_environment

from clang_llm import cli
from clang_llm.lab.corpus.modules import Bench
from clang_llm.lab.training import evaluate
from clang_llm.lab.training.dataset import ModuleData
from clang_llm.lab.training.prediction import said_freely
from clang_llm.lab.training.project import modules_in
from clang_llm.lab.training.serving import Serving, measure
from clang_llm.models import Task, create
from clang_llm.models.asking import client
from clang_llm.models.profiles import read_profiles
from clang_llm.models.small import Answers, SmallModel, ask, load_model, of_like_length
from clang_llm.plans.coreset import read_coreset, read_menu, write_coreset
from clang_llm.plans.recipe import usable
from clang_llm.system.errors import BackendError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import Compiler

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
    # It is for machines like those that it has seen.
    assert set(read_menu(a_compiler.major, new).orders) == {"x86"}
    assert "# A model of clang-llm" in (new / "README.md").read_text()
    task = Task("00", a_compiler.major, "x86_64-pc-linux-gnu", 3, ("global i32\nadd.i32 a1;ret. v;\n",))
    (recipes,) = create("model", new).propose([task])
    assert len(recipes) == min(3, MENU)
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


def test_what_asking_costs_is_measured(a_compiler: Compiler, tmp_path: Path) -> None:
    serving = Serving(write_model(tmp_path / "model", a_compiler.major), tmp_path)
    task = Task("00", a_compiler.major, "x86_64", 3, ("global i32\nadd.i32 a1;ret. v;\n",) * 4)
    try:
        rows = measure(serving, [task] * 9, 3)
    finally:
        client.stop(serving.place)
    assert rows["modules, functions in one"] == "9, 4.0"
    assert rows["resident memory"].endswith(" MB")
    assert float(rows["3 at once: modules in a second"]) > 0
    assert client.status(serving.place) is None


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
    model, major, texts = write_model(tmp_path / "model", a_compiler.major), a_compiler.major, ["global i32\nret. v;\n"]
    all_of_it = SmallModel(model).ranked(major, "x86_64", texts, MENU)
    assert set(all_of_it) == set(menu(major))
    write_coreset(major, menu(major)[:0:-1], ["all programs"], model)
    assert SmallModel(model).ranked(major, "x86_64", texts, MENU) == [
        recipe for recipe in all_of_it if recipe != menu(major)[0]
    ]
    write_coreset(major, [replace(menu(major)[0], closing="constmerge")], ["all programs"], model)
    with pytest.raises(BackendError, match="knows no recipe"):
        SmallModel(model).ranked(major, "x86_64", texts, MENU)


def test_a_project_without_modules_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--out", str(project.parent / "new"), "--", "true"]) != 0
    assert "nothing was compiled at -Oz" in capsys.readouterr().err
