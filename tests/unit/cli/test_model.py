"""What the tool says about a model and its server, without one."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clang_llm import cli
from clang_llm.backends.model import BUNDLED
from clang_llm.cli import explain, serve, stats, trial
from clang_llm.cli.checks import OK, WRONG
from clang_llm.cli.model import check_model
from clang_llm.models.asking.place import Place
from clang_llm.plans.coreset import write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.system.settings import Settings

FIGURES: dict[str, Any] = {
    "state": "ready",
    "pid": 77,
    "uptime_s": 12.3,
    "resident_bytes": 300 << 20,
    "answered": 1234,
    "failed": 1,
    "waiting": 2,
    "median_ms": 31.4,
    "p95_ms": 77.7,
    "worked_off": 5,
    "improved": 4,
    "dropped": 0,
    "last_failure": "the model failed on abc",
}


def make_settings(root: Path, **variables: str) -> Settings:
    environ = {"HOME": str(root), "CLANG_LLM_CACHE_DIR": str(root / "cache"), "CLANG_LLM_BACKEND": "model"}
    return Settings.load({**environ, **{f"CLANG_LLM_{name}": value for name, value in variables.items()}})


def test_a_server_that_runs_is_described(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, MODEL=str(tmp_path / "m"), BACKEND="transformers")
    told = "\n".join(serve.describe(serve.place_of(settings), settings, FIGURES))
    for part in (
        f"{tmp_path / 'm'} (transformers)",
        "ready, process 77, up 12 s",
        "300.0 MiB",
        "1,234 answered, 1 failed, 2 waiting",
        "31 ms median, 78 ms for 95 in 100",
        "5 modules, 4 smaller plans",
        "the model failed on abc",
    ):
        assert part in told


def test_a_server_that_is_not_there_is_described_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m"
    model.mkdir()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    for name, value in (("BACKEND", "transformers"), ("MODEL", str(model)), ("CACHE_DIR", str(tmp_path / "cache"))):
        monkeypatch.setenv(f"CLANG_LLM_{name}", value)
    assert cli.main(["serve", "--status"]) == 1
    assert "the next miss starts one" in capsys.readouterr().out
    Place.of("transformers", model, make_settings(tmp_path)).remember_failure("there is no torch")
    assert cli.main(["serve", "--status"]) == 1
    assert "none runs; there is no torch" in capsys.readouterr().out
    assert cli.main(["serve", "--status", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["running"], document["failure"]) == (False, "there is no torch")
    monkeypatch.delenv("CLANG_LLM_MODEL")
    assert cli.main(["serve", "--status"]) == 11
    assert "set CLANG_LLM_MODEL" in capsys.readouterr().err
    monkeypatch.setenv("CLANG_LLM_BACKEND", "model")
    assert cli.main(["serve", "--status"]) == 11
    assert "backend 'model' has no server" in capsys.readouterr().err


def test_doctor_says_what_a_model_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check_model(make_settings(tmp_path, BACKEND="coreset"))) == []
    (finding,) = check_model(make_settings(tmp_path, BACKEND="transformers"))
    assert (finding.level, finding.remedy) == (WRONG, "set CLANG_LLM_MODEL to the directory of a model")
    model = tmp_path / "m"
    model.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
        (finding,) = check_model(make_settings(tmp_path, MODEL=str(model), BACKEND="transformers"))
        (harmless,) = check_model(make_settings(tmp_path, BACKEND="auto"))
    assert (finding.level, finding.text) == (WRONG, "not installed: torch")
    # The small model takes nothing but the package.
    assert harmless.level == OK
    settings = make_settings(tmp_path, MODEL=str(model))
    (finding,) = check_model(settings)
    assert "holds no profiles" in finding.text
    shutil.copy(BUNDLED / "profiles.safetensors", model)
    (finding,) = check_model(settings)
    assert "has no menu" in finding.text
    recipes = [Recipe("globalopt", (each,), (), "globaldce") for each in ("sroa", "gvn")]
    write_coreset(16, recipes, ["all programs"], model)
    write_coreset(19, recipes, [], model)
    good, bad = sorted(check_model(settings), key=lambda each: each.level)
    assert (good.level, good.text) == (OK, f"{model}, for LLVM 16")
    assert "never validated" in bad.text
    assert good in check_model(make_settings(tmp_path, BACKEND="auto", MODEL=str(model)))


def test_stats_tell_what_became_of_asking() -> None:
    counters = Counter({"model:answered": 5, "model:late": 2, "model:queued": 2, "model:improved": 1})
    told = "\n".join(stats._describe(counters))
    rows = {line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in told.splitlines() if line.strip()}
    assert (rows["Model"], rows["answered"], rows["no answer in time"], rows["left in the queue"]) == (
        "7",
        "5",
        "2",
        "2",
    )
    assert "Model" not in "\n".join(stats._describe(Counter({"hit": 1})))


def test_explain_tells_who_proposed_what() -> None:
    events: list[dict[str, Any]] = [
        {"event": "key", "key": "k"},
        {"event": "model", "outcome": "answered", "why": "1 recipes"},
        {"event": "result", "id": -1, "status": "ok", "size": 100, "parts": [70, 0, 0, 30], "pipeline": ""},
        {"event": "result", "id": 0, "status": "ok", "size": 90, "parts": [60, 0, 0, 30], "pipeline": "globalopt"},
        {"event": "result", "id": 1, "status": "crashed", "size": 0, "pipeline": "globaldce"},
        {"event": "origins", "origins": ["model", "coreset"]},
        {"event": "decision", "do": "apply", "id": 0, "pipeline": "globalopt", "reason": ""},
    ]
    told = explain.tell(trial.Explanation("clang", "19.1.7", trial.PLUGIN, 1, [events]))
    assert "model     answered: 1 recipes" in told
    rows = [line.split() for line in told]
    assert ["*", "ok", "90", "10.00", "%", "60", "0", "0", "30", "model", "globalopt"] in rows
    assert ["crashed", "-", "-", "-", "-", "-", "-", "coreset", "globaldce"] in rows
    without = explain.tell(trial.Explanation("clang", "19.1.7", trial.PLUGIN, 1, [events[:5] + events[6:]]))
    assert ["*", "ok", "90", "10.00", "%", "60", "0", "0", "30", "globalopt"] in [line.split() for line in without]
