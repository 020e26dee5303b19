"""Whatever a store or the courier does: the object is made, nothing is printed, the next compile is not held up."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.remote import faulty
from integration.remote.conftest import MakeHost
from integration.remote.faulty import FaultyServer
from integration.remote_support import Host, Served, free_port, needs

from clang_llm.plans.plan import MAX_BYTES, decode, encode
from clang_llm.plans.store.team import SHARED, make

#: Of what a store says in HTTP, and what is counted.
HTTP = {
    "silent": (faulty.nothing, "timeout"),
    "late": (faulty.late, "timeout"),
    "drops": (faulty.drops, "timeout"),
    "garbage": (faulty.say(os.urandom(1000)), "protocol"),
    "refuses": (faulty.answer("401 Unauthorized"), "refused"),
    "fails": (faulty.answer("500 Internal Server Error"), "protocol"),
    "leads away": (faulty.answer("302 Found\r\nLocation: file:///etc/passwd"), "protocol"),
    "hangs up": (faulty.say(b""), "protocol"),
}
REDIS = {
    "silent": (faulty.nothing, "timeout"),
    "garbage": (faulty.say(b"\x00\xff" * 500 + b"\r\n"), "protocol"),
    "huge": (faulty.huge, "timeout"),
    "refuses": (faulty.say(b"-NOAUTH Authentication required.\r\n"), "refused"),
}


@pytest.fixture
def serve() -> Iterator[Callable[[faulty.Fault], FaultyServer]]:
    """Run servers until the test is over."""
    servers: list[FaultyServer] = []

    def start(fault: faulty.Fault) -> FaultyServer:
        servers.append(FaultyServer(fault))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def check_search(host: Host, word: str) -> None:
    """Two compiles: the first meets the fault, the second is spared; both search as if there were no store."""
    began = time.monotonic()
    host.compile("chain")
    host.compile("text")
    assert time.monotonic() - began < 60  # a guard against a hang; what is promised is counted
    counted = host.events()
    assert counted["miss"] == counted["stored"] == 2, (counted, host.log())
    assert counted[f"remote:error:{word}"] == 1, (counted, host.log())
    assert counted["remote:off"] == 1, (counted, host.log())


@pytest.mark.parametrize("fault", HTTP)
def test_a_server(make_host: MakeHost, serve: Callable[[faulty.Fault], FaultyServer], fault: str) -> None:
    needs("urllib3")
    does, word = HTTP[fault]
    server, scheme = serve(does), "http"
    host = make_host(f"{scheme}://127.0.0.1:{server.port}/plans")
    check_search(host, word)
    assert server.connections


def test_a_server_that_sends_without_end(make_host: MakeHost, serve: Callable[[faulty.Fault], FaultyServer]) -> None:
    """That is an entry as large as none is, and no reason to leave the store alone."""
    needs("urllib3")
    server, scheme = serve(faulty.endless), "http"
    host = make_host(f"{scheme}://127.0.0.1:{server.port}/plans|read-only")
    host.compile("chain")
    host.compile("text")
    assert host.events()["stored"] == host.events()["remote:error:oversized"] == 2, (host.events(), host.log())


@pytest.mark.parametrize("fault", REDIS)
def test_a_redis(make_host: MakeHost, serve: Callable[[faulty.Fault], FaultyServer], fault: str) -> None:
    needs("redis")
    does, word = REDIS[fault]
    check_search(make_host(f"redis://127.0.0.1:{serve(does).port}"), word)


@pytest.mark.parametrize("scheme", ["redis", "http"])
def test_nobody_listens(make_host: MakeHost, scheme: str) -> None:
    needs("redis")
    needs("urllib3")
    check_search(make_host(f"{scheme}://127.0.0.1:{free_port()}"), "unreachable")


def test_a_directory_that_is_not_there(make_host: MakeHost, tmp_path: Path) -> None:
    check_search(make_host(f"file:{tmp_path / 'nowhere'}"), "unreachable")


def test_a_store_that_comes_back_is_asked_again(make_host: MakeHost, tmp_path: Path) -> None:
    host = make_host(f"file:{tmp_path / 'later'}")
    host.compile("chain")
    assert host.events()["remote:error:unreachable"] == 1
    (tmp_path / "later").mkdir()
    # What waits is sent as soon as the store gives a sign of life, for which the courier asks every five seconds.
    host.wait_for("remote:stored", 1)
    host.compile("text")
    assert host.events()["remote:miss"] == 1


def stored_entry(store: Served) -> Path:
    """Return the only entry of a directory."""
    (entry,) = (path for path in store.directory.glob("clang-llm/1/??/*") if path.parent.name != "locks")
    return entry


def signed_by_others(data: bytes, key: str) -> bytes:
    return encode(decode(data, key), make(SHARED).sign)


def replayed(data: bytes, key: str) -> bytes:
    return encode(decode(data, key)._replace(key=key[::-1]))


ENTRIES: dict[str, tuple[Callable[[bytes, str], bytes], str]] = {
    "truncated": (lambda data, _: data[: len(data) // 2], "damaged"),
    "changed": (lambda data, _: data.replace(b'"budget": 2', b'"budget": 3'), "damaged"),
    "garbage": (lambda _, __: os.urandom(5000), "damaged"),
    "oversized": (lambda data, _: data + b" " * MAX_BYTES, "oversized"),
    "replayed": (replayed, "damaged"),
    "signed by others": (signed_by_others, "signature"),
}


@pytest.mark.parametrize("fault", ENTRIES)
def test_an_entry(make_host: MakeHost, directory_store: Served, tmp_path: Path, fault: str) -> None:
    """It is dropped, and replaced by what the next search finds; other entries are fetched."""
    key = tmp_path / "team.key"
    make(SHARED).write(key)
    a = make_host(directory_store.remote, CLANG_LLM_KEY_FILE=str(key))
    a.compile("chain")
    a.wait_for("remote:stored", 1)
    entry = stored_entry(directory_store)
    good = entry.read_bytes()
    spoil, word = ENTRIES[fault]
    entry.write_bytes(spoil(good, entry.parent.name + entry.name))
    a.compile("text")
    a.wait_for("remote:stored", 2)

    b = make_host(directory_store.remote, CLANG_LLM_KEY_FILE=str(key))
    b.compile("chain")
    assert b.events()[f"remote:error:{word}"] == 1, (b.events(), b.log())
    assert (b.root / "chain.o").read_bytes() == (a.root / "chain.o").read_bytes()
    b.wait_for("remote:stored", 1)
    assert entry.read_bytes() == good
    b.compile("text")
    assert b.events()["remote:hit"] == b.events()["hit"] + b.events()["hit:oz"] == 1


def test_a_full_store_is_still_read(make_host: MakeHost) -> None:
    needs("urllib3")
    with faulty.good() as server:
        a = make_host(server.remote)
        a.compile("chain")
        a.wait_for("remote:stored", 1)
        server.full = True
        b = make_host(server.remote)
        b.compile("text")
        b.wait_for("remote:error:full", 1)
        b.compile("chain")
        assert b.events()["remote:hit"] == 1
        assert len(server.entries) == 1


def instead_of_the_courier(host: Host, command: str) -> None:
    """Put a Python in the place of the host's that runs the courier in another way."""
    program = host.root / "python"
    program.write_text(
        f'#!/bin/sh\ncase $* in *remote.courier*) {command} ;; *) exec {sys.executable} "$@" ;; esac\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    helper = host.plugin / "helper"
    helper.write_text("\n".join([str(program), *helper.read_text(encoding="utf-8").split("\n")[1:]]), encoding="utf-8")


def test_a_courier_that_cannot_start(make_host: MakeHost, directory_store: Served) -> None:
    host = make_host(directory_store.remote)
    instead_of_the_courier(host, "exit 1")
    check_search(host, "start")
    # What was found goes with the next courier.
    assert len(list(host.cache.glob("outbox-*/*"))) == 2


def test_a_courier_that_never_listens(make_host: MakeHost, directory_store: Served) -> None:
    host = make_host(directory_store.remote)
    instead_of_the_courier(host, f'exec {sys.executable} -c "import time; time.sleep(200)" "$@"')
    check_search(host, "start")
    (pid,) = host.couriers()
    os.kill(pid, signal.SIGKILL)


def test_a_courier_that_hangs(make_host: MakeHost, directory_store: Served) -> None:
    host = make_host(directory_store.remote)
    host.compile("sort")
    (pid,) = host.couriers()
    os.kill(pid, signal.SIGSTOP)
    try:
        host.compile("chain")
        host.compile("text")
        counted = host.events()
        assert counted["stored"] == 3
        # It takes no connection, so it does not begin to speak either.
        assert counted["remote:error:start"] + counted["remote:error:courier"] == 1
        assert counted["remote:off"] == 1
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_courier_that_dies_is_followed_by_another(make_host: MakeHost, directory_store: Served) -> None:
    host = make_host(directory_store.remote)
    host.compile("chain")
    (first,) = host.couriers()
    os.kill(first, signal.SIGKILL)
    while host.couriers():
        time.sleep(0.01)
    host.compile("text")
    (second,) = host.couriers()
    assert first != second
    assert host.events()["remote:miss"] == 2
    host.wait_for("remote:stored", 2)


def foreign(path: Path) -> None:
    path.mkdir(mode=0o777)
    path.chmod(0o777)


@pytest.mark.parametrize("name", ["courier", "outbox"])
@pytest.mark.parametrize(
    "plant",
    [foreign, lambda path: path.symlink_to("/tmp"), os.mkfifo, lambda path: path.write_text("")],
    ids=["writable by all", "link", "fifo", "file"],
)
def test_something_in_the_place_of_our_directories(
    make_host: MakeHost, directory_store: Served, name: str, plant: Callable[[Path], None]
) -> None:
    host = make_host(directory_store.remote)
    plant(host.cache / f"{name}-{os.geteuid()}")
    host.compile("chain")
    counted = host.events()
    assert counted["stored"] == 1
    assert counted["remote:error:start"] == (name == "courier")
    host.close()
    assert not counted["remote:stored"]


def test_the_courier_has_nothing_of_the_build(make_host: MakeHost, directory_store: Served) -> None:
    host = make_host(directory_store.remote, MAKEFLAGS=" -j --jobserver-auth=3,4")
    host.compile("chain")
    (pid,) = host.couriers()
    kinds = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    assert {kind for kind in kinds if not kind.startswith("socket:")} == {
        "/dev/null",
        str(next(host.cache.glob("courier-*/*.lock"))),
    }
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert b"MAKEFLAGS" not in Path(f"/proc/{pid}/environ").read_bytes()
    host.close()
    assert not host.couriers()


def test_a_setting_that_names_no_store_is_said_once(make_host: MakeHost) -> None:
    host = make_host("gopher:somewhere redis:// file:relative|x=y")
    for name in ("chain", "text"):
        host.compile(name)
    counted = host.events()
    assert counted["stored"] == 2
    assert (counted["remote:error:config"], counted["remote:off"]) == (1, 1), (counted, host.log())
    # Nobody waits for questions that nobody asks.
    latest = time.monotonic() + 10
    while host.couriers():
        assert time.monotonic() < latest
        time.sleep(0.05)
