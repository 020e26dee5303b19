"""The configurations of `cache/server`, in real servers: who may do what, TLS, secrets, and writers at one moment."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration import remote_support
from integration.remote import faulty
from integration.remote_support import Served, needs

from clang_llm.plans.plan import MAX_BYTES, Plan, decode, encode
from clang_llm.remote.address import parse
from clang_llm.remote.guarded import Guarded
from clang_llm.remote.stores import Choose
from clang_llm.system import process
from clang_llm.system.errors import RemoteError

KEY = "ab" * 32
PLAN = Plan(KEY, "19.1.7", "x86_64-pc-linux-gnu", None, 100, 100, 4)
DATA = encode(PLAN)
#: Servers are on this machine, which is busy.
PATIENCE_S = 20.0


def store_of(remote: str, **environ: str) -> Guarded:
    (address,), problems = parse(remote)
    assert not problems
    return Guarded(address, environ)


def always(data: bytes) -> Choose:
    return lambda _: data


def word(work: object, *arguments: object) -> str:
    """Return the word with which something fails."""
    assert callable(work)
    with pytest.raises(RemoteError) as raised:
        work(*arguments, PATIENCE_S)
    return raised.value.word


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Served]:
    with remote_support.redis(tmp_path / "server") as served:
        yield served


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Served]:
    with remote_support.nginx(tmp_path / "server") as served:
        yield served


def test_who_may_write_and_who_may_read(served: Served) -> None:
    writer, reader = store_of(served.remote), store_of(served.reader.removesuffix("|read-only"))
    assert reader.get(KEY, PATIENCE_S) is None
    assert writer.update(KEY, always(DATA), PATIENCE_S)
    assert reader.get(KEY, PATIENCE_S) == writer.get(KEY, PATIENCE_S) == DATA
    if not served.remote.startswith("file:"):
        assert word(reader.update, KEY, always(DATA)) == "refused"
        assert (reader.down, reader.writable) == ("", False)
        assert reader.get(KEY, PATIENCE_S) == DATA


def test_an_entry_that_is_too_long(served: Served) -> None:
    store = store_of(served.remote)
    assert store.update(KEY, always(b"x" * (MAX_BYTES + 1)), PATIENCE_S)
    assert word(store.get, KEY) == "oversized"
    assert not store.down
    assert store.update(KEY, always(DATA), PATIENCE_S)
    assert store.get(KEY, PATIENCE_S) == DATA


@pytest.mark.parametrize("kind", ["redis", "nginx"])
def test_who_is_not_known(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    served: Served = request.getfixturevalue(kind)
    (tmp_path / "wrong").write_text("guessed\n")
    where = served.remote.partition("password-file=")[0]
    for remote in (f"{where}password-file={tmp_path / 'wrong'}", where.rstrip("|").replace("clang-llm@", "")):
        store = store_of(remote)
        assert word(store.get, KEY) == "refused"
        assert store.down == "refused"


def test_redis_is_limited_to_the_namespace(redis: Served) -> None:
    store = store_of(f"{redis.remote}|namespace=somebody")
    assert word(store.get, KEY) == "refused"
    text = (redis.directory / "redis.conf").read_text()
    assert "maxmemory-policy allkeys-lru" in text


def test_nginx_is_believed_by_its_own_authority_only(nginx: Served) -> None:
    other = nginx.remote.replace(f"|ca={nginx.directory}/ca.crt", "")
    assert word(store_of(other).get, KEY) == "tls"
    assert store_of(nginx.remote).get(KEY, PATIENCE_S) is None


def test_redis_over_tls(tmp_path: Path) -> None:
    """As the comment in the configuration says."""
    needs("redis")
    server, openssl = remote_support.program("redis-server"), remote_support.program("openssl")
    shutil.copytree(remote_support.SERVER / "redis", tmp_path / "server")
    port, config = remote_support.free_port(), tmp_path / "server" / "redis.conf"
    text = config.read_text().replace("port 6379", "port 0", 1).replace("6379", str(port))
    config.write_text(re.sub(r"^#   (tls-)", r"\1", text, flags=re.MULTILINE))
    assert config.read_text().count("\ntls-") == 4
    remote_support.certify(openssl, tmp_path / "server")
    with remote_support.running([server, "redis.conf"], tmp_path / "server", port):
        where = f"rediss://clang-llm:CHANGE-ME@localhost:{port}"
        assert word(store_of(where).get, KEY) == "tls"
        store = store_of(f"{where}|ca={tmp_path / 'server' / 'ca.crt'}")
        assert store.update(KEY, always(DATA), PATIENCE_S)
        assert store.get(KEY, PATIENCE_S) == DATA


def test_netrc_and_variables(nginx: Served, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine localhost login clang-llm password secret-of-the-team\n")
    (tmp_path / ".netrc").chmod(0o600)
    where = nginx.remote.partition("|password-file=")[0]
    store = store_of(f"{where.replace('clang-llm@', '')}|netrc", HOME=str(tmp_path))
    assert store.update(KEY, always(DATA), PATIENCE_S)
    store = store_of(f"{where}|password-env=TEAM", TEAM="secret-of-the-team")
    assert store.get(KEY, PATIENCE_S) == DATA


def test_a_bearer_token() -> None:
    needs("urllib3")
    with faulty.good() as server:
        store = store_of(f"{server.remote}|token-env=TEAM", TEAM="a-token")
        assert store.get(KEY, PATIENCE_S) is None
        assert b"Authorization: Bearer a-token\n" in server.heard


@pytest.mark.parametrize("kind", ["redis", "entity tags"])
def test_writers_at_one_moment_leave_the_best(kind: str, request: pytest.FixtureRequest) -> None:
    needs("urllib3")
    if kind == "redis":
        race(request.getfixturevalue("redis").remote)
    else:
        with faulty.good() as server:
            race(server.remote)


def race(remote: str) -> None:
    """Let eight writers, each with a store of its own, write plans that get better; the best is there afterwards."""
    plans = [PLAN._replace(budget=budget) for budget in range(8)]
    start = threading.Barrier(len(plans))

    def send(plan: Plan) -> None:
        store = store_of(remote)

        def choose(old: bytes | None) -> bytes | None:
            return encode(plan) if old is None or plan.beats(decode(old, KEY)) else None

        start.wait(20)
        # Who was not quick enough three times leaves its plan in the outbox of the next build.
        for _ in range(20):
            data = store.get(KEY, PATIENCE_S)
            if data is not None and not plan.beats(decode(data, KEY)):
                return
            store.update(KEY, choose, PATIENCE_S)

    threads = [threading.Thread(target=send, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = store_of(remote).get(KEY, PATIENCE_S)
    assert data is not None
    assert decode(data, KEY) == plans[-1]


def test_doctor_asks_the_store(served: Served, tmp_path: Path) -> None:
    code = (
        "import json, sys; from dataclasses import asdict; from clang_llm.cli.remote import check_remote;"
        "from clang_llm.system.settings import Settings, process_environment as of;"
        "print(json.dumps([asdict(each) for each in check_remote(Settings.load(of()), of())]))"
    )
    environ = {"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}

    def findings(remote: str) -> list[dict[str, str]]:
        done = process.run(
            [sys.executable, "-c", code],
            env={**environ, "CLANG_LLM_REMOTE": remote, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert done.ok, done.stderr
        found: list[dict[str, str]] = json.loads(done.output)
        return found

    good = findings(served.remote)
    assert good[0]["level"] == "ok"
    assert good[0]["text"].endswith("plans are fetched and sent")
    unencrypted = served.remote.startswith("redis:")
    assert len(good) == 1 + unencrypted
    if not served.remote.startswith("file:"):
        bad = findings(served.reader)
        assert bad[0]["level"] == "wrong"
        assert bad[0]["remedy"]
