"""Hosts and servers for the tests of a team's store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration import remote_support
from integration.remote_support import Host, Served

from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

MakeHost = Callable[..., Host]


@pytest.fixture
def make_host(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Iterator[MakeHost]:
    """Make hosts; their couriers are gone after the test."""
    try:
        build = build_plugin(a_compiler, builds)
    except ToolchainError as error:
        pytest.skip(str(error))
    hosts: list[Host] = []

    def make(remote: str, **environment: str) -> Host:
        # Paths of different lengths: nothing may depend on them.
        root = tmp_path / ("host" + "-of-somebody-else" * len(hosts))
        hosts.append(Host(root, a_compiler, build, remote, **environment))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def directory_store(tmp_path: Path) -> Served:
    """A store in a directory."""
    (tmp_path / "store").mkdir()
    remote = f"file:{tmp_path / 'store'}"
    return Served(remote, f"{remote}|read-only", tmp_path / "store")


@pytest.fixture(params=["redis", "nginx", "directory"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """Each kind of store in turn, by a real server."""
    if request.param == "directory":
        yield request.getfixturevalue("directory_store")
        return
    serve = {"redis": remote_support.redis, "nginx": remote_support.nginx}[request.param]
    with serve(tmp_path / "server") as one:
        yield one
