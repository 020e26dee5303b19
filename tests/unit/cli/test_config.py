import json
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.system import settings


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment of our own, which the tool takes for the process's."""
    config = tmp_path / "config"
    config.write_text("effort = 5\nmax_size = 1G  # plenty\n")
    mine = {"HOME": str(tmp_path), "CLANG_LLM_CONFIG": str(config), "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache")}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    return mine


def test_every_setting_is_shown_with_its_origin(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    environ["CLANG_LLM_JOBS"] = "4"
    assert cli.main(["config", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == {name.lower() for name in settings.NAMES}
    assert shown["effort"] == {"value": 5, "origin": "config file"}
    assert shown["candidates"] == {"value": settings.EFFORT_TABLE[5], "origin": "default"}
    assert shown["max_size"] == {"value": 1024**3, "origin": "config file"}
    assert shown["jobs"] == {"value": 4, "origin": "environment"}
    assert shown["backend"]["origin"] == "default"


def test_text_form_says_yes_and_no(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    environ["CLANG_LLM_RECACHE"] = "1"
    assert cli.main(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "RECACHE" in line] == [["CLANG_LLM_RECACHE", "yes", "(environment)"]]
    assert [line.split() for line in lines if "MAX_SIZE" in line] == [
        ["CLANG_LLM_MAX_SIZE", "1.0", "GiB", "(config", "file)"]
    ]
    assert [line.split() for line in lines if "LLM_LOG" in line] == [["CLANG_LLM_LOG", "-", "(default)"]]
