"""Messages, places and the queue; and what a helper does about a server that is missing, slow, broken or a liar."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clang_llm.backends.transformers import TransformersBackend
from clang_llm.models import Task
from clang_llm.models.asking import Inference, backlog, client, wire
from clang_llm.models.asking.place import MAX_SOCKET, Place
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Choice, Module, Request
from clang_llm.system import log
from clang_llm.system.errors import ServerError, ServerTimeout
from clang_llm.system.settings import Settings, server_environment

KEY = "ab" * 32
TASK = Task(KEY, 19, "x86_64", 4)
RECIPE = Recipe("globalopt", ("sroa", "gvn"), (0, 1), "globaldce")


def soon() -> float:
    return time.monotonic() + 10


def make_settings(root: Path, **variables: str) -> Settings:
    environ = {"HOME": str(root), "CLANG_LLM_CACHE_DIR": str(root / "cache"), "CLANG_LLM_LOG": str(root / "log")}
    return Settings.load({**environ, **{f"CLANG_LLM_{name}": value for name, value in variables.items()}})


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Ends = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize("task", [TASK, TASK._replace(module=Module(b"BC\xc0\xde\0\n" * 1000, ("-Oz", "-fPIC")))])
def test_a_task_survives_the_wire(ends: Ends, task: Task) -> None:
    wire.send(ends[0], wire.question(task, "/cache"), soon())
    message = wire.receive(ends[1], soon())
    assert wire.task_of(message) == task
    assert message.header["cache"] == "/cache"


def test_recipes_survive_the_wire(ends: Ends) -> None:
    recipes = [RECIPE, Recipe("globaldce"), RECIPE.uniform("sroa")]
    wire.send(ends[0], wire.answer(recipes), soon())
    assert wire.recipes_of(wire.receive(ends[1], soon())) == recipes


@pytest.mark.parametrize(
    "said",
    [
        b"\n",
        b"[1]\n",
        b"{\n",
        b'{"lengths": [-1]}\n',
        b'{"lengths": [true]}\n',
        b'{"lengths": 3}\n',
        b'{"lengths": [99999999999]}\n',
        b'{"lengths": []} \nmore',
        b'{"lengths": [5]}\nfour',
        b"[" * 100_000 + b"\n",
        b"x" * (wire.MAX_LINE + 100_000),
    ],
    ids=lambda said: said[:20].decode(),
)
def test_what_is_no_message_is_refused(ends: Ends, said: bytes) -> None:
    def say() -> None:
        with ends[0]:
            try:
                ends[0].sendall(said)
            except OSError:
                return  # it was refused before its end

    speaker = threading.Thread(target=say)
    speaker.start()
    with pytest.raises(ServerError):
        wire.receive(ends[1], soon())
    ends[1].close()
    speaker.join()


def test_silence_has_an_end(ends: Ends) -> None:
    began = time.monotonic()
    with pytest.raises(ServerTimeout):
        wire.receive(ends[0], began + 0.1)
    assert 0.1 <= time.monotonic() - began < 5


def test_a_side_that_does_not_read_is_not_waited_for(ends: Ends) -> None:
    with pytest.raises(ServerTimeout):
        wire.send(ends[0], wire.Message({}, (b"x" * 10_000_000,)), time.monotonic() + 0.1)


def test_a_module_that_is_too_large_is_not_sent(ends: Ends) -> None:
    with pytest.raises(ServerError, match="too large"):
        wire.send(ends[0], wire.Message({}, (bytes(wire.MAX_PARTS + 1),)), soon())


@pytest.mark.parametrize("part", [b"{", b"7", b'[{"module": 3}]', b"[null]", b'[{"module": "x", "functions": 1}]'])
def test_an_answer_without_recipes_is_refused(part: bytes) -> None:
    with pytest.raises(ServerError):
        wire.recipes_of(wire.Message({"protocol": wire.PROTOCOL}, (part,)))


def test_an_answer_of_another_protocol_or_an_error_is_refused() -> None:
    with pytest.raises(ServerError, match="protocol"):
        wire.recipes_of(wire.Message({"protocol": 99}, (b"[]",)))
    with pytest.raises(ServerError, match="no torch"):
        wire.recipes_of(wire.Message({"protocol": wire.PROTOCOL, "error": "no torch"}, (b"[]",)))


# The place.


def test_a_place_is_private_and_short(tmp_path: Path) -> None:
    place = Place.of("model", tmp_path / "m", make_settings(tmp_path))
    assert place.socket.parent == tmp_path / "cache" / "server"
    assert place.socket.parent.stat().st_mode & 0o777 == 0o700
    place.socket.parent.chmod(0o755)
    Place.of("model", tmp_path / "m", make_settings(tmp_path))
    assert place.socket.parent.stat().st_mode & 0o777 == 0o700
    long = make_settings(tmp_path, CACHE_DIR=str(tmp_path / ("x" * 120)))
    elsewhere = Place.of("model", tmp_path / "m", long)
    assert len(os.fsencode(elsewhere.socket)) <= MAX_SOCKET
    assert elsewhere.socket.parent == Path(f"/tmp/clang-llm-{os.geteuid()}")


def test_the_runtime_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(tmp_path)._replace(runtime_dir=tmp_path)
    assert Place.of("model", tmp_path / "m", settings).socket.parent == tmp_path / "clang-llm"
    gone = settings._replace(runtime_dir=tmp_path / "gone")
    assert Place.of("model", tmp_path / "m", gone).socket.parent == tmp_path / "cache" / "server"
    monkeypatch.chdir(tmp_path)
    relative = settings._replace(runtime_dir=Path())
    assert Place.of("model", tmp_path / "m", relative).socket.parent == tmp_path / "cache" / "server"


def test_a_directory_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(tmp_path)
    Place.of("model", tmp_path, settings)
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    # The directory in the cache belongs to another user now; the one in /tmp would, too, once it is made.
    with pytest.raises(ServerError, match="not a directory of this user"):
        Place.of("model", tmp_path, settings)
    (Path("/tmp") / f"clang-llm-{real + 1}").rmdir()


def test_a_server_lies_behind_no_link_and_in_no_shared_directory(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (tmp_path / "cache").mkdir(mode=0o755)
    (tmp_path / "cache" / "server").symlink_to(theirs)
    apart = Path(f"/tmp/clang-llm-{os.geteuid()}")
    assert Place.of("model", tmp_path / "m", settings).socket.parent == apart
    assert theirs.stat().st_mode & 0o777 == 0o755
    assert list(theirs.iterdir()) == []
    (tmp_path / "cache" / "server").unlink()
    (tmp_path / "cache").chmod(0o1777)
    assert Place.of("model", tmp_path / "m", settings).socket.parent == apart
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_read_only_cache_is_not_written(tmp_path: Path) -> None:
    place = Place.of("model", tmp_path / "m", make_settings(tmp_path, READONLY="1"))
    assert not (tmp_path / "cache").exists()
    assert place.socket.parent == Path(f"/tmp/clang-llm-{os.geteuid()}")


def test_another_model_is_another_server(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    model = tmp_path / "m"
    model.mkdir()
    seen = {Place.of("model", model, settings).socket, Place.of("transformers", model, settings).socket}
    seen.add(Place.of("model", tmp_path / "n", settings).socket)
    (model / "config.json").write_text("{}")
    seen.add(Place.of("model", model, settings).socket)
    assert len(seen) == 4


def test_a_failure_is_remembered_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place.of("model", tmp_path, make_settings(tmp_path))
    assert place.failure() is None
    place.remember_failure("no torch")
    place.remember_latency(2500.49)
    assert place.failure() == "no torch"
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + 3600)
        assert place.failure() is None
        assert place.latency_ms() is None
    assert place.latency_ms() == 2500.5
    place.remember_failure(None)
    assert place.failure() is None


def test_a_servers_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAKEFLAGS", "CC", "CFLAGS", "CLANG_LLM_BACKEND", "_CLANG_LLM_GUARD", "LD_PRELOAD", "PYTHONPATH"):
        monkeypatch.setenv(name, "x")
    found = server_environment(2)
    assert found["OMP_NUM_THREADS"] == "2"
    assert found["HOME"] == os.environ["HOME"]
    assert not [name for name, value in found.items() if value == "x"]


# Asking, at a server that is a thread of the test.


class FakeServer:
    """Listens where a place says and gives every connection one answer; None hangs."""

    def __init__(self, place: Place, answer: wire.Message | None) -> None:
        self.heard: list[wire.Message] = []
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(place.socket))
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        held = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            held.append(connection)
            try:
                message = wire.receive(connection, soon())
                self.heard.append(message)
                if self._answer is not None:
                    wire.send(connection, self._answer, soon())
                    connection.close()
            except ServerError:
                connection.close()
        for connection in held:
            connection.close()

    def heard_all(self, count: int) -> list[wire.Message]:
        """Return what was heard once it is so much; nobody waits for what it is only told."""
        latest = soon()
        while len(self.heard) < count:
            assert time.monotonic() < latest
            time.sleep(0.01)
        return self.heard

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


class Reader:
    """The module, as the plugin gives it."""

    def __init__(self) -> None:
        self.read = 0

    def describe(self, head: str) -> list[str]:
        raise AssertionError(head)

    def ask(self, choice: Choice) -> list[tuple[int, ...]]:
        raise AssertionError(choice)

    def module(self) -> Module:
        self.read += 1
        return Module(b"BC\xc0\xde", ("-Oz",))


Serve = Callable[..., FakeServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers for the model in `tmp_path/model`."""
    running: list[FakeServer] = []

    def start(answer: wire.Message | None, **variables: str) -> FakeServer:
        place = Place.of("transformers", tmp_path / "model", make_settings(tmp_path, **variables))
        running.append(FakeServer(place, answer))
        return running[-1]

    yield start
    for each in running:
        each.close()


def propose(
    root: Path, reader: Reader | None = None, explain_to: Path | None = None, **variables: str
) -> tuple[TransformersBackend, list[Recipe], float]:
    """Return the backend, its first round, and the seconds that it took."""
    settings = make_settings(root, MODEL=str(root / "model"), **variables)
    backend = TransformersBackend(settings._replace(explain_to=explain_to))
    request = Request(KEY, "19.1.7", 19, "x86_64", 4, reader=reader or Reader())
    began = time.monotonic()
    proposals = backend.propose(request)
    first = list(next(proposals))
    proposals.close()
    return backend, first, time.monotonic() - began


def counts(root: Path) -> Counter[str]:
    return log.fold_events(root / "cache")


REQUEST = Request(KEY, "19.1.7", 19, "x86_64", 4, reader=Reader())


def test_a_server_that_hangs_is_waited_for_no_longer_than_allowed(tmp_path: Path, serve: Serve) -> None:
    server = serve(None)
    _, first, took_s = propose(tmp_path, INFER_MS="300")
    assert 0.3 <= took_s < 3
    assert first[0] == next(read_coreset(19).for_target("x86_64"))
    assert counts(tmp_path) == Counter({"model:late": 1, "model:queued": 1})
    assert backlog.length(tmp_path / "cache") == 1
    # The next one does not wait at all, and reads the module only to leave it.
    propose(tmp_path, reader := Reader(), INFER_MS="300")
    assert reader.read == 1
    assert counts(tmp_path)["model:slow"] == 1
    assert [message.header["do"] for message in server.heard_all(2)] == ["propose", "work"]
    assert "no answer in time" in (tmp_path / "log").read_text()


def test_a_server_that_is_quick_again_is_asked_again(tmp_path: Path, serve: Serve) -> None:
    serve(wire.answer([next(read_coreset(19).for_target("x86_64"))]))
    place = Place.of("transformers", tmp_path / "model", make_settings(tmp_path))
    place.remember_latency(2500)
    propose(tmp_path, INFER_MS="2000")
    place.remember_latency(1500)
    propose(tmp_path, INFER_MS="2000")
    place.remember_latency(2500)
    propose(tmp_path, INFER="wait")
    assert counts(tmp_path) == Counter({"model:slow": 1, "model:queued": 1, "model:answered": 2})


@pytest.mark.parametrize("part", [b"nonsense", b'[{"functions": []}]'])
def test_a_server_that_talks_nonsense_costs_nothing(tmp_path: Path, serve: Serve, part: bytes) -> None:
    serve(wire.Message({"protocol": wire.PROTOCOL}, (part,)))
    _, first, _ = propose(tmp_path)
    assert first[0] == next(read_coreset(19).for_target("x86_64"))
    assert counts(tmp_path) == Counter({"model:failed": 1})


def test_in_the_background_nobody_waits(tmp_path: Path, serve: Serve) -> None:
    server = serve(None)
    _, first, took_s = propose(tmp_path, reader := Reader(), INFER="background")
    assert took_s < 2
    assert reader.read == 1
    assert first[0] == next(read_coreset(19).for_target("x86_64"))
    (path,) = backlog.waiting(tmp_path / "cache", "transformers", tmp_path / "model")
    entry = backlog.read(path)
    assert (entry.key, entry.budget, entry.options, entry.llvm) == (KEY, 4, ("-Oz",), "19.1.7")
    assert backlog.bitcode_of(path).read_bytes() == b"BC\xc0\xde"
    assert [message.header for message in server.heard_all(1)] == [
        {"protocol": wire.PROTOCOL, "do": "work", "cache": str(tmp_path / "cache")}
    ]


@pytest.mark.parametrize("variable", ["READONLY", "EXPLAIN"])
def test_nothing_is_left_behind_where_nothing_may_be_written(tmp_path: Path, variable: str) -> None:
    extra = {"READONLY": "1"} if variable == "READONLY" else {}
    settings = make_settings(tmp_path, INFER="background", **extra)
    settings = settings if extra else settings._replace(explaining=True)
    inference = Inference("transformers", tmp_path / "model", settings)
    assert inference.ask(REQUEST, lambda: TASK) == []
    assert inference.outcome == "background"
    assert not (tmp_path / "cache" / "queue").exists()
    assert not (tmp_path / "cache" / "events").exists()


def test_a_module_with_debug_information_is_not_left(tmp_path: Path, serve: Serve) -> None:
    class WithDebugInformation(Reader):
        def module(self) -> Module:
            return Module(b"BC", ("-Oz", "-debug-info-kind=constructor"))

    serve(None)
    propose(tmp_path, WithDebugInformation(), INFER="background")
    assert not (tmp_path / "cache" / "queue").exists()
    assert counts(tmp_path) == Counter({"model:background": 1})
    assert "it has debug information" in (tmp_path / "log").read_text()


def test_a_server_that_could_not_start_is_not_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Place.of("transformers", tmp_path / "model", make_settings(tmp_path)).remember_failure("there is no torch")
    monkeypatch.setattr(client, "launch", lambda *_: pytest.fail("it was started"))
    for mode in ("auto", "wait", "background"):
        _, first, _ = propose(tmp_path, reader := Reader(), INFER=mode)
        assert first[0] == next(read_coreset(19).for_target("x86_64"))
        assert reader.read == (mode == "background")
    assert "there is no torch" in (tmp_path / "log").read_text()
    assert counts(tmp_path)["model:failed"] == 2


def test_a_server_that_comes_and_goes_between_two_looks_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place.of("transformers", tmp_path / "model", make_settings(tmp_path))
    monkeypatch.setattr(client, "launch", lambda *_: launch_and_wait(place))
    began = time.monotonic()
    with pytest.raises(ServerError, match=r"^(?!.*(died|does not start))") as raised:
        client.ask_starting(place, wire.Message({}), began + 120, None)
    assert str(raised.value) == place.failure()
    assert f"cannot load the model: {raised.value}" in place.log.read_text()
    assert not isinstance(raised.value, ServerTimeout)


def launch_and_wait(place: Place, launch: Callable[..., None] = client.launch) -> None:
    """Start a real server, and see it leave: there is no such model."""
    launch(place, 60, None)
    latest = time.monotonic() + 60
    while not place.log.exists() or "leaves" not in place.log.read_text() or client.listens(place):
        assert time.monotonic() < latest
        time.sleep(0.05)


def test_a_server_of_another_user_is_not_asked(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(wire.answer([next(read_coreset(19).for_target("x86_64"))]))
    monkeypatch.setattr(wire, "peer", lambda _: (1, os.geteuid() + 1))
    _, first, _ = propose(tmp_path)
    assert first[0] == next(read_coreset(19).for_target("x86_64"))
    assert server.heard == []
    assert "belongs to another user" in (tmp_path / "log").read_text()


def test_a_backend_that_reads_modules_asks_with_one(tmp_path: Path, serve: Serve) -> None:
    server = serve(wire.answer([RECIPE]))
    inference = Inference("transformers", tmp_path / "model", make_settings(tmp_path))
    task = TASK._replace(module=Reader().module())
    assert inference.ask(REQUEST, lambda: task) == [RECIPE]
    assert inference.outcome == "answered"
    assert wire.task_of(server.heard[-1]) == task


def test_all_bounds_are_below_the_plugins_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin waits 60 s for one answer of the helper, and the module is read just before the model is asked."""
    bounds: list[float] = []

    def note(place: Place, message: wire.Message, deadline: float, cache: Path | None) -> wire.Message:
        del place, message, cache
        bounds.append(deadline - time.monotonic())
        raise ServerTimeout("no answer in time")

    monkeypatch.setattr(client, "ask_starting", note)
    monkeypatch.setattr(client, "start_soon", lambda *_: None)
    for mode, expected in (("wait", 40), ("auto", 2)):
        propose(tmp_path, INFER=mode)
        assert bounds[-1] == pytest.approx(expected, abs=1)
    assert max(bounds) < 60


# The queue.


def entry(key: str = KEY, model: str = "/m", backend: str = "model") -> backlog.Entry:
    return backlog.Entry(key, "19.1.7", "x86_64", 4, ("-Oz",), None, backend, model, 1 << 20)


def test_the_queue_keeps_whole_entries_in_order(tmp_path: Path) -> None:
    module = Module(b"bits", ("-Oz",))
    assert all(backlog.leave(tmp_path, entry(key), module) for key in ("b", "a", "b"))
    assert backlog.leave(tmp_path, entry("c", "/other"), module)
    os.utime(tmp_path / "queue" / "b.json", (1, 1))
    (tmp_path / "queue" / "d.json").write_text("{")
    (tmp_path / "queue" / "e.json").write_text(json.dumps({"key": 1}))
    assert [path.stem for path in backlog.waiting(tmp_path, "model", Path("/m"))] == ["b", "a"]
    assert backlog.length(tmp_path) == 3
    first = next(backlog.waiting(tmp_path, "model", Path("/m")))
    claimed = backlog.claim(first)
    assert claimed is not None
    assert backlog.claim(first) is None
    assert backlog.read(claimed) == entry("b")
    assert backlog.abandoned(tmp_path) == [claimed]
    backlog.drop(claimed)
    assert not list((tmp_path / "queue").glob("b*"))


def test_the_queue_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module(b"bits" * 10, ("-Oz",))
    monkeypatch.setattr(backlog, "MAX_BYTES", 100)
    assert [backlog.leave(tmp_path, entry(key), module) for key in ("a", "b", "c")] == [True, True, False]
    monkeypatch.setattr(backlog, "MAX_MODULE", 10)
    assert not backlog.leave(tmp_path, entry("d"), module)
    (tmp_path / "file").touch()
    assert not backlog.leave(tmp_path / "file", entry(), module)
