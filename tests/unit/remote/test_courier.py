"""The courier without a plugin: what it answers, and when it leaves."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.store.local import LocalStore
from clang_llm.remote import courier as program
from clang_llm.remote.courier import Courier
from clang_llm.system.settings import Settings

KEY = "ab" * 32
PLAN = Plan(KEY, "19.1.7", "x86_64-pc-linux-gnu", None, 100, 100, 4)
ASK = {"protocol": 1, "do": "fetch", "key": KEY, "major": 19}


@dataclass
class Desk:
    """A courier that works in a thread of this process."""

    root: Path
    path: Path
    thread: threading.Thread

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(20)
        made.connect(str(self.path))
        return made

    def talk(self, *messages: object) -> list[dict[str, object]]:
        """Send messages over one connection; return what is said until it closes or all are answered."""
        with self.connect() as connection, connection.makefile("rwb", 0) as stream:
            said = [json.loads(stream.readline())]
            for message in messages:
                stream.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
                line = stream.readline()
                if not line:
                    break
                said.append(json.loads(line))
            return said


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (tmp_path / "store").mkdir()
    monkeypatch.setattr(program, "IDLE_S", 1.0)
    settings = Settings.load({"HOME": str(tmp_path), "CLANG_LLM_REMOTE": f"file:{tmp_path / 'store'}"})
    path = tmp_path / "c.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(16)
    one = Courier(settings, tmp_path / "cache", path, {})
    listener = program._Listener(listening, one)
    threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    thread = threading.Thread(target=one.work, daemon=True)
    thread.start()
    yield Desk(tmp_path, path, thread)
    path.unlink(missing_ok=True)
    thread.join(20)
    listener.shutdown()
    listener.server_close()
    assert not thread.is_alive()


def give(desk: Desk) -> None:
    entry = desk.root / "store" / "clang-llm" / "1" / KEY[:2] / KEY[2:]
    entry.parent.mkdir(parents=True)
    entry.write_bytes(encode(PLAN))


def test_a_plan_is_fetched(desk: Desk) -> None:
    assert desk.talk(ASK) == [{"protocol": 1}, {"found": False}]
    give(desk)
    assert desk.talk(ASK, ASK) == [{"protocol": 1}, {"found": True}, {"found": True}]
    assert LocalStore(desk.root / "cache").get(KEY) == PLAN


@pytest.mark.parametrize(
    "message",
    [
        [],
        7,
        {},
        {**ASK, "do": "store"},
        {**ASK, "key": "../" * 21 + "x"},
        {**ASK, "key": KEY.upper()},
        {**ASK, "major": "19"},
        {**ASK, "major": True},
    ],
)
def test_what_is_no_question(desk: Desk, message: object) -> None:
    assert desk.talk(message, ASK) == [{"protocol": 1}, {"found": False, "error": "question"}, {"found": False}]


@pytest.mark.parametrize("message", [b"\xff\n", b"{" * 5000 + b"\n", b"[" * 100_000])
def test_what_is_no_json_ends_the_connection(desk: Desk, message: bytes) -> None:
    with desk.connect() as connection, connection.makefile("rb") as stream:
        assert stream.readline()
        connection.sendall(message)
        # What it has not read is why the system may call the end a reset.
        with suppress(ConnectionResetError):
            assert stream.readline() == b""
    assert desk.talk(ASK)[1:] == [{"found": False}]


def test_it_leaves_when_nobody_asks_any_more(desk: Desk) -> None:
    began = time.monotonic()
    with desk.connect():
        # A compile that searches keeps it here.
        time.sleep(1.5)
        assert desk.thread.is_alive()
    desk.thread.join(20)
    assert not desk.thread.is_alive()
    assert time.monotonic() - began > 2.4
    assert not desk.path.exists()


def test_it_leaves_when_its_socket_is_gone(desk: Desk) -> None:
    desk.path.unlink()
    desk.thread.join(5)
    assert not desk.thread.is_alive()


def test_others_are_told_to_leave_a_failed_store_alone(desk: Desk) -> None:
    desk.talk(ASK)
    assert not desk.path.with_suffix(".off").exists()
    (desk.root / "store").rmdir()
    assert desk.talk(ASK, ASK)[1:] == [{"found": False, "error": "unreachable"}, {"found": False, "error": "off"}]
    until = desk.path.with_suffix(".off").stat().st_mtime
    assert 20 < until - time.time() <= program.OFF_S


def test_a_connection_for_which_no_thread_can_be_started_is_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the courier would wait for its end for ever."""

    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(socketserver.ThreadingMixIn, "process_request", no_thread)
        with desk.connect() as connection:
            assert connection.recv(1) == b""
    assert desk.talk(ASK)[1] == {"found": False}
    desk.thread.join(20)
    assert not desk.thread.is_alive()
