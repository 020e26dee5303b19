"""What the tool says about a team's stores."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.cli import explain, stats
from clang_llm.cli.remote import check_remote, describe, shown
from clang_llm.remote import outbox
from clang_llm.system import log, settings
from clang_llm.system.settings import Settings


def test_stats_tell_what_became_of_asking() -> None:
    counted = Counter(
        {"remote:hit": 3, "remote:miss": 1, "remote:off": 4, "remote:error:timeout": 2, "remote:stored": 1}
    )
    rows = stats._describe_remote(counted)
    assert rows == [
        ("Team's stores asked", "8", "37.50 % fetched"),
        ("  plan fetched", "3", ""),
        ("  no plan there", "1", ""),
        ("  not asked, failed a short while ago", "4", ""),
        ("  plans sent", "1", ""),
        ("  the store says nothing", "2", ""),
    ]
    assert stats._describe_remote(Counter({"hit": 1})) == []


def test_a_word_of_a_newer_version_speaks_for_itself() -> None:
    assert describe("haunted") == "haunted"


def test_explain_says_that_no_store_is_asked() -> None:
    (line,) = explain._tell_module([{"event": "remote", "outcome": "not asked"}])
    assert line.startswith("remote    not asked")


def test_config_shows_addresses_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "redis://me:hidden@host|read-only nonsense"
    mine = {"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(tmp_path), "CLANG_LLM_REMOTE": text}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    assert cli.main(["config", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["remote"]["value"]
    assert said == shown(text)
    assert said.startswith("redis://me@host|read-only (store 2: ")
    assert "hidden" not in said


def test_doctor_names_each_problem(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (tmp_path / "store").mkdir()
    environ = {"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(cache)}
    environ["CLANG_LLM_REMOTE"] = f"nonsense file:{tmp_path / 'store'} file:{tmp_path / 'none'}"
    chosen = Settings.load(environ)
    log.append_event(cache, "remote:error:tls", "remote:error:tls")
    assert outbox.leave(chosen, {}, "ab" * 32)
    found = list(check_remote(chosen, environ))
    assert [each.level for each in found] == ["wrong", "ok", "wrong", "note", "note"]
    assert "plans are fetched and sent" in found[1].text
    assert found[2].remedy
    assert found[3].text == "1 plan waits to be sent by a build"
    assert found[4].text == "2 times: the store's certificate is not believed"
    proposed = {**environ, "CI": "true", "CI_MERGE_REQUEST_ID": "1"}
    assert "nothing is sent" in " ".join(each.text for each in check_remote(chosen, proposed))
    assert not list(check_remote(Settings.load({"HOME": str(tmp_path)}), {}))
