"""What a real Redis costs a build, and how much it takes; prints the numbers of docs/remote.md."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path
from types import MappingProxyType

import pytest
from integration import remote_support
from integration.remote.conftest import MakeHost
from integration.remote.test_hosts import key as key
from integration.remote.test_hosts import together
from integration.remote_support import SOURCES, Host, processor_seconds, program

from clang_llm.plans.store.local import LocalStore
from clang_llm.remote.address import parse
from clang_llm.remote.guarded import Guarded
from clang_llm.system import process

COMPILERS = 64


def fill(host: Host) -> list[str]:
    names = [f"many{number}" for number in range(COMPILERS)]
    for number, name in enumerate(names):
        host.add(name, SOURCES["chain"].replace("length", f"length{number}").replace("3 *", f"{number} *"))
    return names


@pytest.mark.projects
@pytest.mark.timeout(1200)
def test_64_compilers_and_one_redis(
    make_host: MakeHost, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with remote_support.redis(tmp_path / "server") as served:
        a = make_host(f"{served.remote}|timeout-ms=600", CLANG_LLM_KEY_FILE=key, CLANG_LLM_EFFORT="1")
        b = make_host(f"{served.reader}|timeout-ms=600", CLANG_LLM_KEY_FILE=key, CLANG_LLM_EFFORT="1")
        names = fill(a)
        fill(b)
        together(a, names)
        a.wait_for("remote:stored", COMPILERS, 120)
        assert a.events()["stored"] == a.events()["miss"] == COMPILERS, a.events()
        together(b, names)
        counted = b.events()
        assert counted["remote:hit"] == counted["hit"] + counted["hit:oz"] == COMPILERS, counted
        (courier,) = b.couriers()
        beside = processor_seconds(courier)
        entry = LocalStore(b.cache).path(next(key for key, _ in LocalStore(b.cache).entries())).stat().st_size
        LocalStore(b.cache).clear()
        fetched = [b.compile(name) for name in names[:32]]
        warm = [b.compile(name) for name in names[:32]]
        rates = asked(served.reader, [key for key, _ in LocalStore(b.cache).entries()])
        benchmark = benchmarked(served.reader)
    added = [statistics.median((one.wall_s - two.wall_s) * 1000 for one, two in zip(fetched, warm, strict=True))]
    added += [statistics.median((one.cpu_s - two.cpu_s) * 1000 for one, two in zip(fetched, warm, strict=True))]
    with capsys.disabled():
        print(
            f"\n{COMPILERS} compilers at once: {counted['remote:hit']} plans fetched, courier {beside:.2f} s of "
            f"processor time; a plan entry has {entry} bytes\n"
            f"added to a compile that fetches: {added[0]:.1f} ms, of these {added[1]:.1f} ms of processor time "
            f"(medians of 32)\n{rates:.0f} plans a second over one connection; "
            f"redis-benchmark with 64: {benchmark:.0f} requests a second"
        )


def asked(remote: str, keys: list[str]) -> float:
    """Return how many plans a second one courier's connection brings."""
    store = Guarded(parse(remote)[0][0], MappingProxyType({}))
    began = time.monotonic()
    for _ in range(20):
        assert all(store.get(key, 20.0) for key in keys)
    return 20 * len(keys) / (time.monotonic() - began)


def benchmarked(remote: str) -> float:
    (address,), _ = parse(remote)
    words = ["--user", str(address.user), "-a", str(address.password({})), "-p", str(address.port)]
    words += ["-c", str(COMPILERS), "-n", "20000", "-q", "GETRANGE", address.name("00" * 32), "0", "524288"]
    done = process.run([program("redis-benchmark"), *words])
    found = re.findall(r"([0-9.]+) requests per second", done.output)
    assert found, (done.output, done.stderr)
    return float(found[-1])
