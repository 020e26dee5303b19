"""The server that holds a model, with a model of the test in the place of the real one."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from clang_llm.compile.spare import SpareTime
from clang_llm.models import Model, Task
from clang_llm.models.asking import backlog, client, wire
from clang_llm.models.asking.place import Place
from clang_llm.models.serving.computing import MAX_BATCH, Computing
from clang_llm.models.serving.listening import Listener, Service
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Module
from clang_llm.system.errors import ServerError
from clang_llm.system.settings import Settings

TASK = Task("ab" * 32, 19, "x86_64", 4)
RECIPE = Recipe("globalopt", ("sroa",), (), "globaldce")


def soon() -> float:
    return time.monotonic() + 20


class ModelOfTest:
    """Proposes one recipe, waits when it is told to, and fails on tasks for LLVM 13."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.targets: list[str] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def propose(self, tasks: Sequence[Task]) -> list[list[Recipe]]:
        self.batches.append(len(tasks))
        self.targets += [task.target for task in tasks]
        assert self.may_go.wait(20)
        if any(task.major == 13 for task in tasks):
            raise ValueError("13 brings bad luck")
        return [[RECIPE] * task.budget for task in tasks]


class Server:
    """All of it but the process."""

    def __init__(self, place: Place, model: ModelOfTest | Exception) -> None:
        self.place, self.model = place, model
        self.stopped = threading.Event()
        self.caches: list[Path] = []
        self.computing = Computing(self._load, place, self.stopped.set)
        service = Service(self.computing, lambda: {"state": "test"}, self.stopped.set, self.caches.append)
        self.listener = Listener(place, service)
        threading.Thread(target=self.listener.serve_forever, args=[0.05], daemon=True).start()
        self.computing.start()

    def _load(self) -> Model:
        if isinstance(self.model, Exception):
            raise self.model
        return self.model

    def ask(self, task: Task = TASK) -> list[Recipe]:
        answer = client.ask(self.place, wire.question(task, None), soon())
        assert answer is not None
        return wire.recipes_of(answer)

    def close(self) -> None:
        self.listener.shutdown()
        self.listener.server_close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    settings = Settings.load({"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache")})
    return Place.of("model", tmp_path / "model", settings)


@pytest.fixture
def model() -> ModelOfTest:
    return ModelOfTest()


@pytest.fixture
def server(place: Place, model: ModelOfTest) -> Iterator[Server]:
    server = Server(place, model)
    yield server
    server.close()


def test_a_question_is_answered(server: Server) -> None:
    assert server.ask() == [RECIPE] * 4
    figures = server.computing.figures()
    assert (figures.state, figures.answered, figures.failed, figures.waiting) == ("ready", 1, 0, 0)
    assert figures.median_ms is not None
    assert server.place.latency_ms() == pytest.approx(figures.median_ms, abs=0.1)
    assert server.place.failure() is None


def test_what_waits_is_answered_together(server: Server, model: ModelOfTest) -> None:
    model.may_go.clear()
    answers: list[int] = []
    budgets = range(1, MAX_BATCH + 4)
    askers = [
        threading.Thread(target=lambda n=budget: answers.append(len(server.ask(TASK._replace(budget=n)))))
        for budget in budgets
    ]
    for asker in askers:
        asker.start()
    while server.computing.figures().waiting < len(askers):
        time.sleep(0.01)
    model.may_go.set()
    for asker in askers:
        asker.join()
    assert sorted(answers) == list(budgets)
    assert sum(model.batches) == len(askers)
    assert 2 <= len(model.batches) <= 4
    assert max(model.batches) <= MAX_BATCH


def test_a_task_on_which_the_model_fails_takes_no_other_along(server: Server, model: ModelOfTest) -> None:
    model.may_go.clear()
    blocker = threading.Thread(target=server.ask)
    blocker.start()
    while not model.batches:
        time.sleep(0.01)
    good: list[list[Recipe]] = []
    bad: list[str] = []

    def ask_badly() -> None:
        with pytest.raises(ServerError) as caught:
            server.ask(TASK._replace(major=13))
        bad.append(str(caught.value))

    askers = [threading.Thread(target=lambda: good.append(server.ask())), threading.Thread(target=ask_badly)]
    for asker in askers:
        asker.start()
    while server.computing.figures().waiting < 3:
        time.sleep(0.01)
    model.may_go.set()
    for asker in (blocker, *askers):
        asker.join()
    assert good == [[RECIPE] * 4]
    assert "13 brings bad luck" in bad[0]
    assert model.batches[:2] == [1, 2]
    assert (server.computing.figures().answered, server.computing.figures().failed) == (2, 1)
    assert "bad luck" in server.computing.figures().last_failure
    assert server.ask() == [RECIPE] * 4


def test_who_has_gone_costs_no_computing(server: Server, model: ModelOfTest) -> None:
    model.may_go.clear()
    blocker = threading.Thread(target=server.ask)
    blocker.start()
    while not model.batches:
        time.sleep(0.01)
    with pytest.raises(ServerError):
        client.ask(server.place, wire.question(TASK, None), time.monotonic() + 0.2)
    model.may_go.set()
    blocker.join()
    assert server.ask() == [RECIPE] * 4
    assert model.batches == [1, 1]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 5000,
        b"[]\n",
        b'{"protocol": 1}\n',
        b'{"protocol": 1, "do": "propose"}\n',
        b'{"protocol": 1, "do": "propose", "key": 1, "target": "", "major": "x", "budget": -1}\n',
        b'{"protocol": 1, "do": "propose", "options": [1], "lengths": []}\n',
        b'{"protocol": 1, "do": ["stop"], "cache": 7}\n',
        b'{"protocol": 1, "do": "work", "cache": "not/absolute"}\n',
        b'{"protocol": 2, "do": "stop"}\n',
        b'{"protocol": 1, "lengths": [10]}\nhalf',
        b"{" * 2_000_000,
    ],
    ids=lambda said: repr(said[:40]),
)
def test_no_message_ends_the_server(server: Server, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(server.place.socket))
        try:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except ConnectionError:
            answer = b""  # it was refused before it was read
    assert b"error" in answer or not answer or b'"work"' in said
    assert server.ask() == [RECIPE] * 4
    assert not server.stopped.is_set()
    assert server.caches == []


def test_another_user_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.geteuid()
    monkeypatch.setattr(wire, "peer", lambda _: (1, ours + 1))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(server.place.socket))
        assert connection.recv(10) == b""
    monkeypatch.undo()
    assert server.ask() == [RECIPE] * 4
    assert "another user" in server.place.log.read_text()


def test_the_kernel_tells_who_asks() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert wire.peer(ours) == (os.getpid(), os.geteuid())


def test_a_socket_that_a_dead_server_left_is_replaced(place: Place, model: ModelOfTest) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(place.socket))
    left.close()
    assert place.socket.exists()
    assert client.connect(place, soon()) is None
    server = Server(place, model)
    try:
        assert server.ask() == [RECIPE] * 4
        assert place.socket.stat().st_mode & 0o777 == 0o600
        assert server.listener.reachable()
        place.socket.unlink()
        assert not server.listener.reachable()
    finally:
        server.close()


def test_a_model_that_cannot_be_loaded_is_told_and_remembered(place: Place) -> None:
    server = Server(place, ImportError("there is no torch"))
    try:
        assert server.stopped.wait(20)
        with pytest.raises(ServerError, match="there is no torch"):
            server.ask()
        assert place.failure() == "there is no torch"
        assert "there is no torch" in place.log.read_text()
    finally:
        server.close()


def test_a_death_at_work_is_remembered(server: Server, model: ModelOfTest) -> None:
    model.may_go.clear()
    asker = threading.Thread(target=server.ask)
    asker.start()
    while not model.batches:
        time.sleep(0.01)
    # What others would find if the process ended now.
    assert "died at work" in (server.place.failure() or "")
    model.may_go.set()
    asker.join()
    server.ask()
    assert server.place.failure() is None


def test_idle_begins_after_the_last_answer(server: Server, model: ModelOfTest) -> None:
    server.ask()
    time.sleep(0.1)
    assert server.computing.idle_s() >= 0.1
    model.may_go.clear()
    asker = threading.Thread(target=server.ask)
    asker.start()
    while len(model.batches) < 2:
        time.sleep(0.01)
    assert server.computing.idle_s() == 0
    model.may_go.set()
    asker.join()


def test_what_a_compile_waits_for_comes_before_spare_time(server: Server, model: ModelOfTest) -> None:
    server.ask()
    model.may_go.clear()
    askers = []
    for place, (name, spare) in enumerate((("first", True), ("spare", True), ("compile", False)), 1):
        message = wire.question(TASK._replace(target=name), None, spare=spare)
        askers.append(threading.Thread(target=client.ask, args=(server.place, message, soon())))
        askers[-1].start()
        while server.computing.figures().waiting < place:
            time.sleep(0.01)
    assert server.computing.quiet_s() == 0
    model.may_go.set()
    for asker in askers:
        asker.join()
    assert model.targets[1:] == ["first", "compile", "spare"]
    # Spare time does not end the quiet that it began in.
    time.sleep(0.2)
    client.ask(server.place, wire.question(TASK, None, spare=True), soon())
    assert server.computing.quiet_s() >= 0.2 > server.computing.idle_s()


def test_modules_that_cannot_be_worked_off_leave_the_queue(place: Place, tmp_path: Path) -> None:
    """One has no clang, one was begun by a server that died over it; the other model's waits on."""
    cache = tmp_path / "cache"
    for key, model in (("a", place.model), ("b", place.model), ("c", tmp_path / "other")):
        entry = backlog.Entry(key, "3.4.5", "x86_64", 4, ("-Oz",), None, "model", str(model), 1 << 20)
        assert backlog.leave(cache, entry, Module(b"bits", ("-Oz",)))
    died = backlog.claim(cache / "queue" / "b.json")
    assert died is not None
    spare = SpareTime(place, Settings.load({"CLANG_LLM_CACHE_DIR": str(tmp_path)}), lambda: 60.0)
    spare.visit(cache)
    spare.start()
    latest = soon()
    while spare.dropped < 2:
        assert time.monotonic() < latest
        time.sleep(0.05)
    assert sorted(path.name for path in (cache / "queue").iterdir()) == ["c.bc", "c.json"]
    said = place.log.read_text()
    assert "there is no clang 3.4.5" in said
    assert "a server died over it" in said
