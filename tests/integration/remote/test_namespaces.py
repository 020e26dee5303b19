"""Two build hosts with network stacks of their own, and a real server in a third one between them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from integration import remote_support
from integration.remote.conftest import MakeHost
from integration.remote_support import SERVER, SOURCES, program

from clang_llm.plans.store.team import SHARED, make
from clang_llm.system import process

SERVES, BUILDS, BUILDS_TOO = (f"clang-llm-{os.getpid()}-{name}" for name in ("store", "a", "b"))
#: Where the store is found from each host.
FROM = {BUILDS: "10.77.1.1", BUILDS_TOO: "10.77.2.1"}


def ip(*words: str) -> None:
    done = process.run([program("ip"), *words])
    assert done.ok, done.stderr


@pytest.fixture
def network() -> Iterator[None]:
    """Make three namespaces: each host sees the store, and nothing else."""
    if os.geteuid() != 0 or not process.run([program("ip"), "netns", "add", SERVES]).ok:
        pytest.skip("no network namespaces can be made here")
    with ExitStack() as undo:
        undo.callback(ip, "netns", "del", SERVES)
        for number, name in enumerate(FROM, 1):
            ip("netns", "add", name)
            undo.callback(ip, "netns", "del", name)
            near, far = f"cl{os.getpid()}s{number}", f"cl{os.getpid()}h{number}"
            ip("link", "add", near, "netns", SERVES, "type", "veth", "peer", "name", far, "netns", name)
            for space, link, address in ((SERVES, near, 1), (name, far, 2)):
                ip("-n", space, "address", "add", f"10.77.{number}.{address}/24", "dev", link)
                ip("-n", space, "link", "set", link, "up")
        ip("-n", SERVES, "link", "set", "lo", "up")
        yield


def inside(space: str, *words: str) -> list[str]:
    return [program("ip"), "netns", "exec", space, *words]


@pytest.fixture(params=["redis", "nginx"])
def addresses(request: pytest.FixtureRequest, network: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run a server as its compose file says, with the configuration's port; yield the setting of each host."""
    del network
    kind, place = request.param, tmp_path / "server"
    server = remote_support.program(f"{kind}-server" if kind == "redis" else kind)
    shutil.copytree(SERVER / kind, place)
    (place / "password").write_text("secret-of-the-team\n", encoding="utf-8")
    if kind == "redis":
        remote_support.needs("redis")
        users = (place / "users.acl").read_text(encoding="utf-8")
        users = users.replace("CHANGE-ME-TOO", "reading-only").replace("CHANGE-ME", "secret-of-the-team")
        (place / "users.acl").write_text(users, encoding="utf-8")
        found = {host: f"redis://clang-llm@{address}" for host, address in FROM.items()}
    else:
        remote_support.needs("urllib3")
        (place / "store").mkdir()
        remote_support.certify(program("openssl"), place, ",".join(f"IP:{address}" for address in FROM.values()))
        line = f"clang-llm:{process.run([program('openssl'), 'passwd', '-6', 'secret-of-the-team']).output}"
        for name in ("readers", "writers"):
            (place / name).write_text(line, encoding="utf-8")
        scheme = "https"
        found = {host: f"{scheme}://clang-llm@{address}:8443|ca={place}/ca.crt" for host, address in FROM.items()}
    command = inside(SERVES, server, *remote_support.composed(kind, place)[1:])
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            yield {host: f"{text}|password-file={place}/password|timeout-ms=600" for host, text in found.items()}
        finally:
            running.terminate()


@pytest.mark.projects
def test_the_second_host_searches_nothing(
    make_host: MakeHost, addresses: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "team.key"
    make(SHARED).write(key)
    options = ("-g", "-fdebug-prefix-map={root}=.")
    hosts = []
    for space in (BUILDS, BUILDS_TOO):
        hosts.append(make_host(addresses[space], CLANG_LLM_KEY_FILE=str(key)))
        hosts[-1].by = inside(space)
    first, second = hosts
    with_g, without = first.objects(*options), first.objects()
    first.wait_for("remote:stored", 2 * len(SOURCES))
    assert (second.objects(*options), second.objects()) == (with_g, without)
    counted = second.events()
    assert counted["remote:hit"] == counted["hit"] + counted["hit:oz"] == 2 * len(SOURCES), (counted, second.log())
    assert not {"miss", "stored", "unsealed"} & set(counted), counted
    assert "helper:" not in second.log()
    with capsys.disabled():
        print(f"\n{addresses[BUILDS].partition(':')[0]}: {dict(counted)}")
