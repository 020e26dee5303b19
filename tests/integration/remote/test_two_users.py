"""Two users of one directory, a cache or a store: what each may do, and that locks which do not work cost a search."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from integration.remote_support import SOURCES, Host, program

from clang_llm.plans.store.local import LocalStore
from clang_llm.system import process
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import PluginBuild, build_plugin

ALICE, BOB, GROUP = 61_001, 61_002, 61_000


class Shared(NamedTuple):
    """A directory that both users may enter, and what their compiles are made of."""

    root: Path
    compiler: Compiler
    build: PluginBuild
    python: str

    def directory(self, name: str, mode: int) -> Path:
        """Make a directory of somebody else's, with a mode."""
        path = self.root / name
        path.mkdir()
        os.chown(path, 0, GROUP)
        path.chmod(mode)
        return path

    def user(self, uid: int, umask: str, **environment: str) -> Host:
        """Return the host of a user, who owns all of it."""
        # Without a file of settings nobody asks for the packages that this Python may lack.
        environment |= {"CLANG_LLM_CONFIG": str(self.root / "none")}
        host = Host(self.root / f"user-{uid}", self.compiler, self.build, environment.pop("remote", ""), **environment)
        helper = (host.plugin / "helper").read_text(encoding="utf-8").split("\n")
        (host.plugin / "helper").write_text("\n".join([self.python, *helper[1:]]), encoding="utf-8")
        for path in (host.root, *host.root.rglob("*")):
            if not path.is_relative_to(host.plugin):
                os.chown(path, uid, uid, follow_symlinks=False)
        as_user = [program("setpriv"), "--reuid", str(uid), "--regid", str(GROUP), "--clear-groups", "--no-new-privs"]
        host.by = [*as_user, "sh", "-c", f'umask {umask}; exec "$@"', "sh"]
        return host


@pytest.fixture
def shared(a_compiler: Compiler, builds: Path) -> Iterator[Shared]:
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    build = build_plugin(a_compiler, builds)
    root = Path(tempfile.mkdtemp(prefix="two-users-"))
    root.chmod(0o755)
    try:
        yield Shared(root, a_compiler, build, python_for_others(build))
    finally:
        shutil.rmtree(root)


def python_for_others(build: PluginBuild) -> str:
    """Return a Python that other users may run, and that finds this checkout."""
    checkout = (build.directory / "helper").read_text(encoding="utf-8").split("\n")[1]
    for python in ("/usr/bin/python3", os.path.realpath(sys.executable)):
        tried = process.run(
            [
                program("setpriv"),
                "--reuid",
                str(ALICE),
                "--clear-groups",
                python,
                "-c",
                "import clang_llm.compile.helper",
            ],
            env={"PYTHONPATH": checkout},
        )
        if tried.ok:
            return python
    pytest.skip("no Python that other users may run finds this checkout")


@pytest.mark.projects
@pytest.mark.parametrize(("mode", "umask", "both"), [(0o2775, "002", True), (0o1777, "022", False)])
def test_plans_of_a_cache_are_shared(shared: Shared, mode: int, umask: str, both: bool) -> None:
    cache = shared.directory("cache", mode)
    alice = shared.user(ALICE, umask, CLANG_LLM_CACHE_DIR=str(cache))
    alice.compile("chain")
    store = LocalStore(cache)
    (key,) = (key for key, _ in store.entries())
    assert store.path(key).stat().st_uid == ALICE
    bob = shared.user(BOB, umask, CLANG_LLM_CACHE_DIR=str(cache))
    alice.cache = bob.cache = cache
    before = bob.events()
    bob.compile("chain")
    assert (bob.root / "chain.o").read_bytes() == (alice.root / "chain.o").read_bytes()
    # Somebody else's plan is measured first: two compilations, and no search.
    counted = bob.events() - before
    if both:
        assert (counted["unsealed"], counted["stored"], counted["applied"]) == (1, 1, 1), (counted, bob.log())
    assert " sizes " in bob.log()
    assert len(bob.log().split(" sizes ")[1].splitlines()[0].split()) == 2
    assert store.path(key).stat().st_uid == (BOB if both else ALICE)
    bob.compile("text")
    assert len(list(store.entries())) == 1 + both
    # Code is nobody's but one's own, and so is the key by which a user knows his plans.
    assert not (cache / "plugins").exists()
    seals = {path.name: (path.stat().st_uid, path.stat().st_mode & 0o777) for path in cache.glob("seal-*")}
    assert seals[f"seal-{ALICE}"] == (ALICE, 0o600)
    assert all(name == f"seal-{uid}" and bits == 0o600 for name, (uid, bits) in seals.items())


@pytest.mark.parametrize(
    ("mode", "umask", "replaces"),
    [pytest.param(0o2775, "022", True, marks=pytest.mark.projects), (0o1777, "022", False)],
)
def test_a_store_in_a_directory(shared: Shared, mode: int, umask: str, replaces: bool) -> None:
    """The directories in it have the permissions that the owner gave to the store, whatever the umask is."""
    remote = f"file:{shared.directory('store', mode)}"
    alice = shared.user(ALICE, umask, remote=remote)
    bob = shared.user(BOB, umask, remote=remote, CLANG_LLM_EFFORT="4")
    try:
        alice.compile("chain")
        alice.wait_for("remote:stored", 1)
        (entry,) = (shared.root / "store" / "clang-llm" / "1").glob("??/" + "?" * 62)
        assert entry.stat().st_uid == ALICE
        assert {path.stat().st_mode & 0o7777 for path in (entry.parent, entry.parent.parent)} == {mode}
        # Bob searches longer, and what he finds takes the place of what Alice found, where he may remove that.
        bob.compile("chain")
        bob.compile("text")
        bob.wait_for("remote:stored", 1 + replaces)
        assert entry.stat().st_uid == (BOB if replaces else ALICE)
        assert not [name for name in bob.events() if name.startswith("remote:error")], bob.log()
        # He may write there still: what he cannot replace is one entry.
        assert len(list((shared.root / "store" / "clang-llm" / "1").glob("??/" + "?" * 62))) == 2
        alice.compile("text")
        assert alice.events()["remote:hit"] == 1
        assert not list(alice.cache.glob("outbox-*/*"))
    finally:
        alice.close()
        bob.close()


@pytest.mark.projects
def test_locks_that_do_not_work_cost_a_search(shared: Shared) -> None:
    """Such as on a network file system: here a file is in the place of the directory with the locks."""
    store = shared.directory("store", 0o1777)
    (store / "clang-llm" / "1").mkdir(parents=True)
    for path in (store / "clang-llm", store / "clang-llm" / "1"):
        path.chmod(0o1777)
    (store / "clang-llm" / "1" / "locks").write_text("no directory")
    alice = shared.user(ALICE, "022", remote=f"file:{store}")
    (alice.cache / "locks").write_text("no directory")
    try:
        for name in SOURCES:
            alice.compile(name)
        alice.wait_for("remote:stored", len(SOURCES))
        assert alice.events()["stored"] == len(SOURCES)
        entries = list((store / "clang-llm" / "1").glob("??/" + "?" * 62))
        assert len(entries) == len(SOURCES)
        for entry in entries:
            assert LocalStore(alice.cache).get(entry.parent.name + entry.name) is not None
    finally:
        alice.close()
