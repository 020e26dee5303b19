"""Builds whose backend is the small model, which the plugin computes: no server, nothing installed but the package."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.model_support import write_model
from integration.models.test_serving import Project
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm import cli
from clang_llm.backends.model import BUNDLED
from clang_llm.models.small import columns_of, known_of, recipes_of
from clang_llm.plans.coreset import majors_in, read_menu
from clang_llm.system import process
from clang_llm.system.objects import allocated_size
from clang_llm.toolchain.compiler import Compiler

Make = Callable[..., Project]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, a_compiler: Compiler) -> Path:
    pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    return write_model(tmp_path_factory.mktemp("models") / "tiny", a_compiler.major)


@pytest.fixture
def make_project(tmp_path_factory: pytest.TempPathFactory, a_compiler: Compiler, builds: Path) -> Make:
    """Makes projects, each with a cache of its own."""
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")

    def make(directory: Path = BUNDLED) -> Project:
        root = tmp_path_factory.mktemp("p")
        environ = real_environment(builds, a_compiler.path, root)
        return Project(root, environ | {"CLANG_LLM_BACKEND": "model", "CLANG_LLM_MODEL": str(directory)})

    return make


def test_the_model_proposes_and_nothing_becomes_larger(make_project: Make, model: Path) -> None:
    project = make_project(model)
    for number in range(3):
        source = project.write(f"x{number}", number)
        assert allocated_size(project.compile(source)) <= project.plain(source)
    counts = project.serving.counts()
    assert (counts["model:answered"], counts["stored"], counts["error:backend"]) == (3, 3, 0)
    for plan in project.serving.plans():
        assert plan["provenance"]["backend"] == "model"
        assert plan["provenance"]["tried"] == 6
        assert plan["provenance"]["validated"].count("+") == 1
        if plan["module"] is not None:
            assert plan["provenance"]["origin"] in {"model", "mix"}


def test_a_model_comes_with_the_package(make_project: Make, a_compiler: Compiler) -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= 20_000_000
    if not (BUNDLED / f"llvm-{a_compiler.major}.txt").exists():
        pytest.skip(f"the bundled model has no menu for LLVM {a_compiler.major}")
    menu = read_menu(a_compiler.major, BUNDLED)
    project = make_project()
    # As it is by default.
    for name in ("MODEL", "BACKEND"):
        del project.environ[f"CLANG_LLM_{name}"]
    source = project.write()
    assert allocated_size(project.compile(source)) <= project.plain(source)
    (plan,) = project.serving.plans()
    assert plan["provenance"]["validated"].startswith(menu.identity)
    assert project.serving.counts()["model:answered"] == 1


def test_the_model_that_comes_with_the_package_knows_its_menus() -> None:
    recipes = recipes_of(BUNDLED)
    majors = majors_in(BUNDLED)
    assert set(majors) >= {19, 22}
    for major in majors:
        menu = read_menu(major, BUNDLED)
        assert menu.evidence
        assert set(menu.orders) == {"x86"}
        assert len(known_of(menu.lists, recipes, major)) == len(menu.lists) > len(recipes) / 2
        assert columns_of(menu, BUNDLED) == known_of(menu.lists, recipes, major)
        assert len(menu.columns) == len(menu.lists)
        assert columns_of(menu._replace(columns=()), BUNDLED) == columns_of(menu, BUNDLED)


def test_the_same_input_gives_the_same_object(make_project: Make) -> None:
    objects, plans = set(), []
    for _ in range(2):
        project = make_project()
        objects.add(project.compile(project.write()))
        plans.append(project.serving.plans())
    assert len(objects) == 1
    assert plans[0] == plans[1]


def test_explain_tells_what_the_model_proposed(
    make_project: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project()
    # With fewer compilations the model's recipes are all there is.
    project.environ["CLANG_LLM_EFFORT"] = "7"
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    command = [str(WRAPPERS / "clang-llm"), "-Oz", "-c", str(project.write())]
    assert cli.main(["explain", *command]) == 0
    told = capsys.readouterr().out
    assert "model     answered: " in told
    assert "  from " in told
    rows = [line.split() for line in told.splitlines() if " ok " in line and "-Oz" not in line]
    assert {"model", "coreset"} <= {word for row in rows for word in row}
    assert not (project.root / "cache" / "plans").exists()


def test_what_does_not_fit_is_refused_with_a_reason(make_project: Make, tmp_path: Path, a_compiler: Compiler) -> None:
    """Each file damaged in some ways: the coreset serves, nothing is said, and the log has the reason."""
    damages: dict[str, Callable[[bytes], bytes]] = {
        "config.json: No such file": lambda data: data,
        "model_type": lambda data: data.replace(b'"llama"', b'"lama"'),
        "no count": lambda data: data.replace(b'"hidden_size": 128', b'"hidden_size": -128'),
        "too large": lambda data: data.replace(b'"num_hidden_layers": 4', b'"num_hidden_layers": 400'),
        "no tensor model.layers.4": lambda data: data.replace(b'"num_hidden_layers": 4', b'"num_hidden_layers": 5'),
        "tokenizer.json is no JSON": lambda data: data[:-5],
        "merges what is no token": lambda data: data.replace(b'"merges": [', b'"merges": [["no", "token"],', 1),
        "no token <cut>": lambda data: data.replace(b'"<cut>"', b'"<Cut>"'),
        "header that does not end": lambda data: b"\xff" * 8 + data[8:],
        "model.safetensors is not where the file says": lambda data: data[:-8],
        "is none of 32-bit floats": lambda data: data.replace(b'"F32"', b'"F16"', 1),
        "profiles.safetensors has a header": lambda data: data[:100],
        "fewer recipes than its menu": lambda data: data.replace(b"# columns: 0,", b"# columns: 99,"),
    }
    names = ["config.json"] * 5 + ["tokenizer.json"] * 3 + ["model.safetensors"] * 3
    names += ["profiles.safetensors", f"llvm-{a_compiler.major}.txt"]
    for number, (name, (reason, damage)) in enumerate(zip(names, damages.items(), strict=True)):
        directory = tmp_path / str(number)
        shutil.copytree(BUNDLED, directory)
        damaged = directory / name
        data = damage(damaged.read_bytes())
        damaged.unlink()
        if number > 0:
            damaged.write_bytes(data)
        project = make_project(directory)
        source = project.write()
        assert allocated_size(project.compile(source, CANDIDATES="1")) <= project.plain(source)
        said = [line for line in project.said().splitlines() if " model failed: " in line]
        expected = "tensor " if reason.startswith("model.safetensors") else reason
        assert len(said) == 1, (reason, project.said())
        assert expected in said[0]
        assert project.serving.counts()["model:failed"] == 1


def test_doctor_says_what_is_wrong_with_the_model(make_project: Make, tmp_path: Path) -> None:
    project = make_project()

    def findings(**variables: str) -> list[tuple[str, str]]:
        environ = project.environ | {f"CLANG_LLM_{name}": value for name, value in variables.items()}
        command = [sys.executable, "-m", "clang_llm.cli", "doctor", "--json"]
        done = process.run(command, env=environ, cwd=WRAPPERS.parent, timeout_s=250)
        return [(each["level"], each["text"]) for each in json.loads(done.output) if each["subject"] == "model"]

    assert [level for level, _ in findings()] == ["ok"]
    ((level, text),) = findings(MODEL=str(tmp_path / "nowhere"))
    assert (level, text) == ("wrong", f"{tmp_path / 'nowhere'} is not a directory")
    broken = shutil.copytree(BUNDLED, tmp_path / "broken")
    (broken / "profiles.safetensors").unlink()
    ((level, text),) = findings(MODEL=str(broken))
    assert level == "wrong"
    assert "holds no profiles" in text
