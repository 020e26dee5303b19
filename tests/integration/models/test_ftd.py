"""A large model in a directory: from a module in clang to recipes, by the real loading and generating code."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.tiny_ftd import OWN, PARTS, Taught

from clang_llm import models
from clang_llm.models import Task
from clang_llm.models.flag_tuning import head_of, recipes_of
from clang_llm.models.ftd import FtdModel
from clang_llm.models.ir import function_modules, normalised, text_of
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.plans.types import Module
from clang_llm.system.errors import BackendError
from clang_llm.system.process import run
from clang_llm.toolchain.compiler import Compiler


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def model(taught: Taught, said: list[str]) -> FtdModel:
    return FtdModel(taught.directory, said.append)


def task(taught: Taught, name: str, budget: int = 4) -> Task:
    return Task("ab" * 32, taught.compiler.major, "x86_64", budget, module=taught.modules[name])


def test_a_module_becomes_a_recipe(taught: Taught, model: FtdModel, said: list[str]) -> None:
    ((recipe,),) = model.propose([task(taught, "short")])
    assert recipe.module == "function(sroa,early-cse<memssa>,simplifycfg),cgscc(inline),globaldce"
    assert usable(recipe, taught.compiler.major) == recipe
    assert f"answer for the module: {OWN!r}" in said
    assert "1 passes are left out: made-up" in said


def test_a_module_that_does_not_fit_is_asked_about_by_function(
    taught: Taught, model: FtdModel, said: list[str]
) -> None:
    (recipes,) = model.propose([task(taught, "long")])
    like = head_of(read_coreset(taught.compiler.major).lists)
    assert like is not None
    assert [recipe.head for recipe in recipes] == [like.head] * 2
    assert sorted(recipe.functions for recipe in recipes) == [
        ("mem2reg,early-cse",),
        ("sroa,instcombine<no-verify-fixpoint>",) if taught.compiler.major >= 18 else ("sroa,instcombine",),
    ]
    assert any("3 of 4 functions are asked about; 1 do not fit either, 0 cannot" in line for line in said)
    assert any(line.startswith("answer for the function part2") for line in said)
    assert "plain -Oz is the answer" in said
    assert "2 passes are left out: inline globaldce" in said


def test_the_budget_limits_the_questions(taught: Taught, model: FtdModel, said: list[str]) -> None:
    (recipes,) = model.propose([task(taught, "long", 1)])
    assert len(recipes) <= 1
    assert any("1 of 4 functions" in line and "2 are beyond the budget" in line for line in said)


def test_answers_do_not_depend_on_neighbours(taught: Taught, model: FtdModel) -> None:
    tasks = [task(taught, "short"), task(taught, "long")]
    assert model.propose(tasks) == [*model.propose(tasks[:1]), *model.propose(tasks[1:])]
    assert model.propose(tasks[::-1]) == model.propose(tasks)[::-1]
    for prompt, answer in taught.lessons.items():
        assert model.answer(prompt) == answer


def test_a_module_that_llvmlite_cannot_read_has_no_answer(taught: Taught, model: FtdModel, said: list[str]) -> None:
    broken = Task("ab" * 32, taught.compiler.major, "x86_64", 4, module=Module(b"BC\xc0\xdenonsense", ()))
    assert model.propose([broken, Task("ab" * 32, 19, "x86_64", 4)]) == [[], []]
    assert any("cannot read the bitcode" in line and "newer llvmlite" in line for line in said)


def test_the_table_loads_it(taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLANG_LLM_LOG", str(tmp_path / "log"))
    assert isinstance(models.create("transformers", taught.directory), FtdModel)
    assert f"ftd: model {taught.directory} on " in (tmp_path / "log").read_text()


def test_weights_that_are_pickles_are_refused(taught: Taught, tmp_path: Path) -> None:
    for path in taught.directory.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(BackendError, match="holds no weights"):
        FtdModel(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(BackendError, match=r"pytorch_model\.bin, which can run code .*safetensors"):
        FtdModel(tmp_path)
    with pytest.raises(BackendError, match="CLANG_LLM_MODEL"):
        FtdModel(tmp_path / "facebook" / "llm-compiler-7b-ftd")
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(BackendError, match="no model that can be loaded"):
        FtdModel(tmp_path)


@pytest.mark.parametrize("language", ["c", "c++"])
def test_functions_are_cut_out_whole(each_compiler: Compiler, language: str, tmp_path: Path) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed: pip install clang-llm[model]")
    (tmp_path / "source").write_text(CPP if language == "c++" else C)
    argv: list[str | Path] = [
        each_compiler.path,
        "-x",
        language,
        "-Oz",
        "-Xclang",
        "-disable-llvm-passes",
        "-emit-llvm",
        "-c",
    ]
    # What C++ makes of constructors when they are aliases is worth having here.
    options = ["-Xclang", "-mconstructor-aliases"] if language == "c++" else []
    done = run([*argv, *options, tmp_path / "source", "-o", tmp_path / "module.bc"])
    assert done.ok, done.stderr
    text = text_of((tmp_path / "module.bc").read_bytes())
    modules = dict(function_modules(text))
    defined = [line for line in text.splitlines() if line.startswith("define ")]
    assert len(modules) == len(defined) > 3
    for name, module in modules.items():
        printed = normalised(module)
        assert printed is not None, module
        bodies = [line for line in printed.splitlines() if line.startswith("define ")]
        assert len(bodies) == 1
        assert f"@{name}(" in bodies[0] or f'@"{name}"(' in bodies[0]
        assert " alias " not in printed


C = """
struct node { struct node *left; int key; };
static const char *const names[] = {"a@b (c", "%d"};
static int counter;
_Thread_local int mine[3];
static int used(struct node *t) { return t->key * 3 + counter++; }
int sum(struct node *t) { int a = 0; while (t) { a += used(t); t = t->left; } return a; }
const char *name(int i) { mine[1] = i; return names[i & 1]; }
int (*const table[])(struct node *) = {sum, used};
int call(int i, struct node *t) { __asm__("# %0 @x" : : "r"(i)); return table[i](t); }
"""
CPP = """
struct Base { virtual ~Base(); virtual int f(int) = 0; };
struct D : Base { int k; D(int); int f(int x) override { return x * k; } };
D::D(int x) : k(x) {}
Base::~Base() {}
namespace { struct Local { long a, b; template <class T> T get(T x) { return x + a; } }; }
int use(Base *b) { try { return b->f(2); } catch (int x) { return x; } catch (...) { throw; } }
int make() { Local l{1, 2}; D d(l.get(3)); return use(&d); }
"""


def test_without_a_shipped_head_function_answers_are_of_no_use(said: list[str]) -> None:
    from clang_llm.models.flag_tuning import Question

    answers = [(Question("p", "f"), PARTS["part0"]), (Question("p", None), PARTS["part0"])]
    assert recipes_of(answers, 16, None, said.append) == [Recipe("function(sroa,instcombine)")]
    assert any("no recipe is shipped for LLVM 16" in line for line in said)
