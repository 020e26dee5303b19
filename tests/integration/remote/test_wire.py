"""What goes to a store is hashes, sizes and names of passes, never source, paths or names; and no secret is shown."""

from __future__ import annotations

import getpass
import json
import os
import select
import socket
import sys
from pathlib import Path

import pytest
from integration.remote import faulty
from integration.remote.conftest import MakeHost
from integration.remote_support import Host, needs, redis

from clang_llm.system import process

#: Words that stand in the source and nowhere else.
SECRET = """
struct zephyr_ledger { int quixote_balance; };
static const char *xylophone_text = "the crown jewels";
int mandrake_total(struct zephyr_ledger *all, int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += all[i].quixote_balance;
  return sum + (n ? xylophone_text[n & 7] : 0);
}
"""
NAMES = ("zephyr", "quixote", "xylophone", "crown jewels", "mandrake", "unmistakable")


def check(heard: bytes, host: Host) -> None:
    """Look for what must not be there."""
    text = heard.decode("utf-8", errors="replace").lower()
    assert "size_oz" in text
    forbidden = [*NAMES, str(host.root), str(Path.home()), os.path.sep + "tmp", '.c"']
    # Short ones stand in pass lists.
    forbidden += [name for name in (getpass.getuser(), socket.gethostname()) if len(name) > 4]
    assert not [word for word in forbidden if word.lower() in text]


@pytest.mark.parametrize("options", [(), ("-g",)], ids=["", "g"])
def test_over_http(make_host: MakeHost, options: tuple[str, ...]) -> None:
    needs("urllib3")
    with faulty.good() as server:
        host = make_host(server.remote)
        host.add("unmistakable", SECRET)
        host.compile("unmistakable", *options)
        host.wait_for("remote:stored", 1)
        check(server.heard, host)
        (path,) = server.entries
        assert path.startswith("/plans/clang-llm/1/")
        assert server.entries[path] == unsealed(host)


def unsealed(host: Host) -> bytes:
    """Return the entry of the local cache without the user's seal."""
    (entry,) = host.cache.glob("plans/??/*")
    header, _, body = entry.read_bytes().partition(b"\n")
    return b" ".join(header.split(b" ")[:3]) + b"\n" + body


def test_over_redis(make_host: MakeHost, tmp_path: Path) -> None:
    """A proxy between the courier and a real Redis writes everything down."""
    with redis(tmp_path / "server") as served, recording(int(served.remote.split(":")[2].partition("|")[0])) as proxy:
        real, rest = served.remote.split(":")[2].partition("|")[0], served.remote
        host = make_host(rest.replace(real, str(proxy.port), 1))
        host.add("unmistakable", SECRET)
        host.compile("unmistakable")
        host.wait_for("remote:stored", 1)
        check(proxy.heard, host)
        assert b"lib-name" not in proxy.heard.lower()


class recording:  # noqa: N801 - used as a context manager
    """Passes bytes on and keeps those of the client."""

    def __init__(self, port: int) -> None:
        self.heard = b""
        self._target = port

    def __enter__(self) -> recording:
        self._server = _Passing(self)
        self.port = self._server.port
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def pass_on(self, client: socket.socket) -> None:
        """Pass on until one side hangs up."""
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for each in ready:
                    data = each.recv(65536)
                    if not data:
                        return
                    if each is client:
                        self.heard += data
                    (server if each is client else client).sendall(data)


class _Passing(faulty.FaultyServer):
    def __init__(self, proxy: recording) -> None:
        self._proxy = proxy
        super().__init__(faulty.nothing)

    def _serve(self, connection: socket.socket) -> None:
        self._proxy.pass_on(connection)


def test_no_secret_is_shown(make_host: MakeHost, builds: Path, tmp_path: Path) -> None:
    needs("redis")
    (tmp_path / "token").write_text("token-in-a-file\n", encoding="utf-8")
    scheme = "http"
    remote = "redis://me:open-sesame@127.0.0.1:1 "
    remote += (
        f"{scheme}://127.0.0.1:1/plans|token-file={tmp_path / 'token'} {scheme}://127.0.0.1:1|token-env=TEAM_TOKEN"
    )
    host = make_host(remote, TEAM_TOKEN="token-of-the-environment", PYTHONPATH=os.environ.get("PYTHONPATH", ""))
    (host.cache / "plugins").symlink_to(builds / "plugins")  # for `doctor`
    host.compile("chain")
    secrets = ("open-sesame", "token-in-a-file", "token-of-the-environment")
    (pid,) = host.couriers()
    said = host.log() + os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    for words in (["config"], ["config", "--json"], ["stats"], ["doctor"], ["explain", *host.command("text")]):
        tool = [sys.executable, "-m", "clang_llm.cli", *(word for word in words if "-fpass-plugin" not in word)]
        done = process.run(
            tool,
            env=host.environment,
            cwd=Path(__file__).parents[3],
            timeout_s=250,
        )
        said += os.fsdecode(done.stdout + done.stderr)
        if words == ["doctor"]:
            assert "127.0.0.1:1 cannot be reached" in said
    assert "redis://me@127.0.0.1:1" in said
    assert "unreachable" in json.dumps(dict(host.events()))
    assert not [each for each in secrets if each in said]
