"""Reading CLANG_LLM_REMOTE."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.remote.address import Address, is_proposed_change, parse
from clang_llm.system.errors import RemoteError

HTTP = "http"  # no web address stands in this tree


def one(text: str) -> Address:
    found, problems = parse(text)
    assert not problems
    (address,) = found
    return address


def test_several_in_order() -> None:
    found, problems = parse(f"redis://a:1/2  {HTTP}s://b/c/|read-only\nfile:/d|namespace=team|timeout-ms=50")
    assert not problems
    assert [each.shown for each in found] == ["redis://a:1/2", f"{HTTP}s://b/c", "file:/d"]
    assert [each.read_only for each in found] == [False, True, False]
    assert [each.timeout_ms for each in found] == [300, 300, 50]
    assert found[0].name("k") == "clang-llm/1/k"
    assert found[2].name("k") == "team/1/k"


def test_nothing_is_no_store() -> None:
    assert parse(None) == parse(" ") == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "plans.example",
        "redis://",
        "redis://host/name",
        "redis://host:port",
        f"{HTTP}://host/a?b",
        "file:relative",
        "file:/",
        "file://host/a",
        "ftp://host",
        "redis://host|timeout-ms=0",
        "redis://host|timeout-ms=601",
        "redis://host|timeout-ms=1e2",
        "redis://host|namespace=../x",
        "redis://host|namespace=",
        "redis://host|readonly",
        "redis://host|read-only=1",
        "redis://[::1",
    ],
)
def test_what_is_no_address(text: str) -> None:
    found, problems = parse(f"file:/good {text}")
    assert [each.scheme for each in found] == ["file"]
    (problem,) = problems
    assert problem.startswith("store 2: ")


@pytest.mark.parametrize(
    "text", ["redis://me:hidden@host/x", f"{HTTP}://me:hidden@host?x", "redis://me:hidden@host|x=1"]
)
def test_a_password_is_in_no_message(text: str) -> None:
    assert "hidden" not in "".join(parse(text)[1])
    assert "hidden" not in repr(parse("redis://me:hidden@host"))
    assert "hidden" not in one("redis://me:hidden@host").shown


def test_where_secrets_come_from(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    assert one("redis://me:a%20b@h").password({}) == "a b"
    assert one(f"redis://me@h|password-file={tmp_path / 'secret'}").password({}) == "from a file"
    assert one("redis://me@h|password-env=P").password({"P": "from there"}) == "from there"
    assert one(f"{HTTP}://h|token-env=T").token({"T": "from there"}) == "from there"
    assert one(f"{HTTP}://h").token({"T": "from there"}) is None
    for text in (
        "redis://h|password-env=P",
        f"redis://h|password-file={tmp_path / 'none'}",
        "redis://h|password-file=/dev/zero",
    ):
        with pytest.raises(RemoteError) as raised:
            one(text).password({})
        assert raised.value.word == "refused"


def test_encrypted() -> None:
    assert [one(text).encrypted for text in ("redis://h", f"{HTTP}://h", "rediss://h", f"{HTTP}s://h", "file:/d")] == [
        False,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("environ", "proposed"),
    [
        ({}, False),
        ({"CI": "true"}, False),
        ({"CI": "true", "GITHUB_EVENT_NAME": "push"}, False),
        ({"CI": "true", "GITHUB_EVENT_NAME": "pull_request"}, True),
        ({"GITHUB_EVENT_NAME": "pull_request"}, False),
        ({"CI": "true", "CI_MERGE_REQUEST_ID": "17"}, True),
        ({"CI": "1", "BUILDKITE_PULL_REQUEST": "false"}, False),
        ({"CI": "1", "BUILDKITE_PULL_REQUEST": "12"}, True),
        ({"CI": "true", "CHANGE_ID": ""}, False),
    ],
)
def test_builds_of_proposed_changes(environ: dict[str, str], proposed: bool) -> None:
    assert is_proposed_change(environ) is proposed
