"""What is said about settings that are not used, in `config`, `doctor` and the first line of `stats`."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.completions_server import models, serving

from clang_llm import cli
from clang_llm.cli.checks import NOTE, OK, WRONG, Finding, check_memory
from clang_llm.cli.frozen import check_plans
from clang_llm.cli.key import check_key
from clang_llm.cli.meant import attention
from clang_llm.cli.values import check_server, check_settings
from clang_llm.plans.store.committed import render
from clang_llm.plans.store.team import SHARED, make
from clang_llm.system import log, settings
from clang_llm.system.errors import StoreError
from clang_llm.system.settings import Settings

HTTP = "http:/" + "/"
Tool = Callable[..., str]


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    mine = {"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache")}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    return mine


@pytest.fixture
def tool(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Tool:
    """Run a command that works, with some settings; returns what it said."""

    def run(*words: str, **variables: str) -> str:
        environ.update({f"CLANG_LLM_{name}": value for name, value in variables.items()})
        assert cli.main(words) == 0
        return capsys.readouterr().out

    return run


def found(environ: dict[str, str], **variables: str) -> list[Finding]:
    mine = Settings.load({**environ, **{f"CLANG_LLM_{name}": value for name, value in variables.items()}})
    return [
        finding
        for finding in (*check_settings(mine), *check_key(mine), *check_plans(mine), *check_server(mine))
        if finding.level != OK
    ]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("BACKEND", "modle", "model"),
        ("BACKEND", "Openai", "openai"),
        ("INFER", "backgroud", "background"),
        ("UNVETTED", "valdate", "validate"),
        ("READONLY", "ture", "true"),
        ("EFFORT", "high", ""),
        ("JOBS", "1000", ""),
        ("MAX_SIZE", "256MB", ""),
    ],
)
def test_a_rejected_value_is_told_everywhere(
    tool: Tool, environ: dict[str, str], tmp_path: Path, name: str, value: str, meant: str
) -> None:
    (finding,) = found(environ, **{name: value})
    assert finding.level == WRONG
    assert f"CLANG_LLM_{name} is '{value}" in finding.text.replace(value.lower(), value)
    assert (f"did you mean '{meant}'?" in finding.remedy) is bool(meant)
    (line,) = [line for line in tool("config", **{name: value}).splitlines() if line.split()[0] == f"CLANG_LLM_{name}"]
    assert "rejected" in line
    assert (f"did you mean '{meant}'?" in line) is bool(meant)
    shown = json.loads(tool("config", "--json"))[name.lower()]
    assert "rejected" in shown
    assert shown.get("meant", "") == meant
    first = tool("stats").splitlines()[0]
    assert first.startswith(f"Attention: CLANG_LLM_{name} is '")
    del environ[f"CLANG_LLM_{name}"]
    (tmp_path / "config").write_text(f"{name.lower()} = {value}\n")
    (finding,) = found(environ, CONFIG=str(tmp_path / "config"))
    assert f"{name.lower()} in {tmp_path / 'config'} is" in finding.text


def test_a_number_below_the_bounds_is_told_with_them(environ: dict[str, str]) -> None:
    (finding,) = found(environ, EFFORT="-1")
    assert finding.text == "CLANG_LLM_EFFORT is '-1', expected a whole number from 0 to 9; it is ignored"


def test_a_read_only_cache_is_not_zeroed(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    log.append_event(Path(environ["CLANG_LLM_CACHE_DIR"]), "hit")
    environ["CLANG_LLM_READONLY"] = "1"
    assert cli.main(["stats", "--zero"]) == StoreError.exit_code
    assert "CLANG_LLM_READONLY is set; unset it" in capsys.readouterr().err


def test_without_a_home_stats_say_that_every_compile_is_plain(
    tool: Tool, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ.clear()
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for words in (("stats",), ("stats", "--files")):
        first, *rest = tool(*words).splitlines()
        assert first.startswith("Attention: every compile is plain clang: HOME")
        assert "Nothing was compiled." not in rest
    assert tool("stats").splitlines()[1] == "Cache: none"


def test_nothing_is_said_where_nothing_is_wrong(tool: Tool) -> None:
    assert tool("stats", EFFORT="5").startswith("Cache: ")
    assert "rejected" not in tool("config")


def test_a_name_that_is_none_is_told_everywhere(tool: Tool, environ: dict[str, str]) -> None:
    assert tool("stats", EFORT="5").startswith(
        "Attention: CLANG_LLM_EFORT is not a setting; did you mean CLANG_LLM_EFFORT?"
    )
    assert "CLANG_LLM_EFORT" in tool("config").splitlines()[-1]
    (finding,) = found(environ)
    assert (finding.level, finding.remedy) == (NOTE, "did you mean CLANG_LLM_EFFORT?")


@pytest.mark.parametrize(("backend", "lacks"), [("openai", "URL"), ("scripted", "SCRIPT"), ("transformers", "MODEL")])
def test_a_backend_that_lacks_something_is_told(tool: Tool, environ: dict[str, str], backend: str, lacks: str) -> None:
    (finding,) = found(environ, BACKEND=backend)
    assert finding.level == WRONG
    assert f"needs CLANG_LLM_{lacks}" in finding.text
    assert f"needs CLANG_LLM_{lacks}" in tool("stats", BACKEND=backend).splitlines()[0]


def test_the_key_of_a_server_is_not_shown(tool: Tool) -> None:
    for words in (("config",), ("config", "--json")):
        assert "hush" not in tool(*words, API_KEY="hush-hush")
    assert "set, not shown" in tool("config")


def test_errors_that_were_counted_are_the_first_line(tool: Tool, environ: dict[str, str]) -> None:
    cache = Path(environ["CLANG_LLM_CACHE_DIR"])
    cache.mkdir()
    log.append_event(cache, *["error:backend"] * 3, "error:timeout", "model:failed")
    first, second, *_ = tool("stats").splitlines()
    assert first.startswith("Attention: 3 modules were plain -Oz: the backend that is set could not propose anything")
    assert "1 more" in first
    assert second.startswith("Cache: ")
    mine = Settings.load(environ)
    assert attention(mine, Counter({"model:failed": 2, "model:answered": 2, "error:timeout": 5})) == []
    assert "validate --shipped" in attention(mine, Counter({"error:unvalidated": 2}))[0]


def test_files_that_settings_name_are_looked_at(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "script").write_text("function(sroa)\n")
    assert found(environ, BACKEND="scripted", SCRIPT=str(tmp_path / "script"), LOG=str(tmp_path / "log")) == []
    (tmp_path / "script").write_text("function(sroa\n")
    for variables, part in (
        ({"BACKEND": "scripted", "SCRIPT": str(tmp_path / "script")}, "SCRIPT"),
        ({"BACKEND": "scripted", "SCRIPT": str(tmp_path)}, "SCRIPT"),
        ({"SEED_DIR": "/nonexistent"}, "SEED_DIR"),
        ({"LOG": "/nonexistent/log"}, "LOG"),
        ({"LOG": str(tmp_path)}, "LOG"),
    ):
        (finding,) = found(environ, **variables)
        assert finding.level == WRONG
        assert f"CLANG_LLM_{part}: " in finding.text
    for variables, part in (
        ({"CONFIG": "/nonexistent"}, "CONFIG"),
        ({"CACHE_DIR": "relative"}, "CACHE_DIR"),
        ({"URL": f"{HTTP}localhost"}, "URL"),
        ({"SCRIPT": "x"}, "SCRIPT"),
    ):
        (finding,) = found(environ, **variables)
        assert finding.level == NOTE
        assert f"CLANG_LLM_{part} " in finding.text
    assert not (tmp_path / "log").exists()


def test_the_server_is_asked(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"{HTTP}127.0.0.1:{port}", "nonsense"):
        (finding,) = found(environ, BACKEND="openai", URL=url)
        assert (finding.level, finding.subject) == (WRONG, "server")
        assert "the shipped recipes serve alone" in finding.remedy
    with serving(lambda path, _: models("vllm") if path == "/v1/models" else (404, {})) as peer:
        assert found(environ, BACKEND="openai", URL=peer.url) == []
        assert found(environ, BACKEND="openai", URL=peer.url, MODEL="tiny") == []
        (finding,) = found(environ, BACKEND="openai", URL=peer.url, MODEL="tinny")
        assert (finding.level, finding.remedy) == (WRONG, "did you mean tiny?")
    for status, part in ((401, "API_KEY"), (500, "URL")):
        with serving(lambda *_, status=status: (status, {"error": "no"})) as peer:
            (finding,) = found(environ, BACKEND="openai", URL=peer.url)
            assert finding.level == WRONG
            assert f"CLANG_LLM_{part}" in finding.remedy


def test_compiles_at_os_are_told_with_what_takes_them_on(environ: dict[str, str], tmp_path: Path, tool: Tool) -> None:
    (tmp_path / "cache").mkdir()
    log.append_event(tmp_path / "cache", *["bypass:level_os"] * 3, "bypass:not_oz")
    assert "\n3 compiles were -Os: CLANG_LLM_LEVELS=Oz,Os would take them on\n" in tool("stats")
    (finding,) = check_memory(Settings.load(environ), environ)
    assert (finding.level, finding.text) == (NOTE, "3 compiles were -Os")
    assert finding.remedy == "CLANG_LLM_LEVELS=Oz,Os would take them on"
    assert "would take" not in tool("stats", LEVELS="Oz,Os")
    assert not list(check_memory(Settings.load(environ), environ))
    assert "CLANG_LLM_LEVELS            Oz,Os" in tool("config")


def test_the_team_key_is_looked_at(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "team.key"
    (finding,) = found(environ, KEY_FILE=str(file))
    assert (finding.level, finding.subject) == (WRONG, "key")
    assert "CLANG_LLM_KEY_FILE: " in finding.text
    assert "key new FILE" in finding.remedy
    key = make(SHARED)
    key.write(file)
    assert found(environ, KEY_FILE=str(file)) == []
    file.chmod(0o644)
    (finding,) = found(environ, KEY_FILE=str(file))
    assert "chmod 600" in finding.remedy
    assert key.fingerprint not in finding.text


def test_committed_plans_are_looked_at(environ: dict[str, str], tmp_path: Path, tool: Tool) -> None:
    file = tmp_path / "f.plans"
    file.write_bytes(render([]))
    assert found(environ, PLANS=str(file)) == []
    (finding,) = found(environ, PLANS=f"{file}:{tmp_path / 'none'}")
    assert (finding.level, finding.subject) == (WRONG, "plans")
    assert "plans export" in finding.remedy
    file.write_text(file.read_text() + "nonsense\n")
    (finding,) = found(environ, PLANS=str(file))
    assert finding.level == WRONG
    assert "plans verify" in finding.remedy
    file.write_text("nonsense\n")
    (finding,) = found(environ, PLANS=str(file))
    assert "is no file of plans" in finding.text
    (finding,) = found(environ, FROZEN="1")
    assert (finding.level, "in the cache is plain -Oz" in finding.text) == (NOTE, True)
    assert found(environ, PLANS="relative.plans")[0].level == NOTE
    assert f"{file}:/other" in tool("config", PLANS=f"{file}:/other")
