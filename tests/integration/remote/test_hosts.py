"""What one host has searched, another one fetches: no search, the same objects, at about clang's cost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from integration.remote.conftest import MakeHost
from integration.remote_support import SOURCES, Host, Served, processor_seconds

from clang_llm.plans.store.team import SHARED, make


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A key of the team."""
    path = tmp_path / "team.key"
    make(SHARED).write(path)
    return str(path)


@pytest.mark.parametrize("options", [(), ("-g", "-fdebug-prefix-map={root}=.")], ids=["", "g"])
def test_a_signed_plan_is_a_hit(make_host: MakeHost, served: Served, key: str, options: tuple[str, ...]) -> None:
    a = make_host(served.remote, CLANG_LLM_KEY_FILE=key)
    made = a.objects(*options)
    a.wait_for("remote:stored", len(SOURCES))
    assert a.events()["stored"] == a.events()["miss"] == a.events()["remote:miss"] == len(SOURCES)

    b = make_host(served.reader, CLANG_LLM_KEY_FILE=key)
    assert b.objects(*options) == made
    counted = b.events()
    assert counted["hit"] + counted["hit:oz"] == len(SOURCES)
    assert counted["remote:hit"] == len(SOURCES)
    assert not {"miss", "stored", "unsealed", "remote:stored"} & set(counted), counted
    assert "helper:" not in b.log()


def test_an_unsigned_plan_is_measured_first(make_host: MakeHost, served: Served) -> None:
    a = make_host(served.remote)
    made = a.objects()
    a.wait_for("remote:stored", len(SOURCES))
    b = make_host(served.remote)
    assert b.objects() == made
    counted = b.events()
    assert counted["remote:hit"] == len(SOURCES)
    assert counted["unsealed"] + counted["hit:oz"] == len(SOURCES)
    assert counted["unsealed"]
    assert not counted["miss"]
    # Two compilations each, and nothing that the store does not know yet.
    sizes = [line.split(" sizes ")[1].split() for line in b.log().splitlines() if " sizes " in line]
    assert [len(each) for each in sizes] == [2] * counted["unsealed"]
    assert not counted["remote:stored"]


def test_a_build_of_64_jobs_starts_one_courier(make_host: MakeHost, directory_store: Served, key: str) -> None:
    a = make_host(directory_store.remote, CLANG_LLM_KEY_FILE=key, CLANG_LLM_EFFORT="1")
    names = [f"many{number}" for number in range(64)]
    for host in (a, b := make_host(directory_store.reader, CLANG_LLM_KEY_FILE=key, CLANG_LLM_EFFORT="1")):
        for number, name in enumerate(names):
            host.add(name, SOURCES["chain"].replace("length", f"length{number}").replace("3 *", f"{number} *"))
    together(a, names)
    a.wait_for("remote:stored", 64, 60)
    assert len(a.couriers()) == 1
    together(b, names)
    counted = b.events()
    assert counted["remote:hit"] == counted["hit"] + counted["hit:oz"] == 64, counted
    assert not counted["miss"]
    assert len(b.couriers()) == 1
    for name in names:
        assert (a.root / f"{name}.o").read_bytes() == (b.root / f"{name}.o").read_bytes()


def together(host: Host, names: list[str]) -> None:
    """Compile all at once, as `make -j64` does."""
    started = [
        subprocess.Popen(
            host.command(name),
            cwd=host.root / "src",
            env=host.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in names
    ]
    for each in started:
        said, _ = each.communicate(timeout=280)
        assert (each.returncode, said) == (0, b"")


def test_what_it_costs(
    make_host: MakeHost, directory_store: Served, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a = make_host(directory_store.remote, CLANG_LLM_KEY_FILE=key)
    names = [f"large{number}" for number in range(8)]
    b = make_host(directory_store.reader, CLANG_LLM_KEY_FILE=key)
    for host in (a, b):
        for number, name in enumerate(names):
            host.add(name, large(number))
    for name in names:
        a.compile(name)
    a.wait_for("remote:stored", len(names))
    plain = ours = 0.0
    for name in names:
        plain += b.plain(name).cpu_s
        ours += b.compile(name).cpu_s
    (courier,) = b.couriers()
    beside = processor_seconds(courier)
    with capsys.disabled():
        print(
            f"\nclang {plain:.2f} s, fetched {ours:.2f} s ({ours / plain:.2f} x), courier {beside:.2f} s for the build"
        )
    # Time depends on the machine; what must not happen is counted: no helper was started and nothing was searched.
    assert b.events()["hit"] + b.events()["hit:oz"] == len(names)
    assert "helper:" not in b.log()


def large(number: int) -> str:
    """Return a module that takes clang a while."""
    functions = SOURCES["chain"] + SOURCES["text"] + SOURCES["sort"]
    parts = []
    for copy in range(40):
        text = functions
        for name in ("step", "length", "longest", "blank", "words", "number", "sort", "median"):
            text = text.replace(f"{name}(", f"{name}_{number}_{copy}(")
        parts.append(text)
    return "".join(parts)


def test_a_change_that_is_proposed_sends_nothing(make_host: MakeHost, directory_store: Served) -> None:
    a = make_host(directory_store.remote, CI="true", GITHUB_EVENT_NAME="pull_request")
    a.objects()
    a.close()
    assert a.events()["stored"] == len(SOURCES)
    assert not a.events()["remote:stored"]
    assert not [path for path in directory_store.directory.rglob("*") if path.is_file()]


def test_readonly_and_a_hit_do_not_touch_the_store(make_host: MakeHost, directory_store: Served) -> None:
    host = make_host(directory_store.remote, CLANG_LLM_READONLY="1")
    host.objects()
    assert not list(host.cache.iterdir())
    host.compile("chain", CLANG_LLM_READONLY="0")
    host.wait_for("remote:stored", 1)
    host.close()
    before = host.events()
    host.compile("chain", CLANG_LLM_READONLY="0")
    assert host.events() - before == {"hit": 1, "applied": 1}
    assert not host.couriers()


def test_a_search_with_more_candidates_replaces_a_plan(make_host: MakeHost, served: Served) -> None:
    a = make_host(served.remote)
    a.compile("chain")
    a.wait_for("remote:stored", 1)
    b = make_host(served.remote, CLANG_LLM_EFFORT="4")
    b.compile("chain")
    b.wait_for("remote:stored", 1)
    c = make_host(served.remote, CLANG_LLM_EFFORT="4")
    c.compile("chain")
    assert (c.root / "chain.o").read_bytes() == (b.root / "chain.o").read_bytes()
    assert c.events()["unsealed"] == 1
    c.close()
    assert not c.events()["remote:stored"]
