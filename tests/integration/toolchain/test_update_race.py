"""Builds that go on while clang-llm is updated, or while its cache is removed: every compile succeeds, without a word.

Each round is a real `make -j4`. A dozen rounds are for every day; `--run-projects` makes them two hundred.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from integration.wrapper_box import ROOT, memo_of

from clang_llm.toolchain.compiler import Compiler

#: Declarations in front of each source: the front end has to read them, and the plugin is opened only after that.
DECLARATIONS = 20_000
FILES = 4
MAKEFILE = """\
all: $(patsubst %.c,%.o,$(wildcard s*.c))
%.o: %.c
\t$(CC) -Oz -c $< -o $@
"""
TIMEOUT_S = 300


class Checkout:
    """A copy of clang-llm that a test may change, with a cache of its own."""

    def __init__(self, root: Path, clang: Path) -> None:
        self.root = root
        self.clang = clang
        self.cache = root / "cache"
        self.log = root / "log"
        self.work = root / "work"
        self.work.mkdir()
        for part in ("clang_llm", "wrappers"):
            large = shutil.ignore_patterns("*.safetensors", "__pycache__")
            shutil.copytree(ROOT / part, root / part, symlinks=True, ignore=large)
        for number in range(FILES):
            lines = [f"int declared_{number}_{each}(int, const char *);" for each in range(DECLARATIONS)]
            lines.append(f"int f{number}(int x) {{ int s = {number}; while (x--) s += x * s; return s; }}\n")
            (self.work / f"s{number}.c").write_text("\n".join(lines))
        (self.work / "Makefile").write_text(MAKEFILE)
        self.env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(root / "home"),
            "CLANG_LLM_CLANG": str(clang),
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_PYTHON": sys.executable,
            "CLANG_LLM_BACKEND": "coreset",
            "CLANG_LLM_EFFORT": "1",
            "CLANG_LLM_MIN_INSTRUCTIONS": "0",
            "CLANG_LLM_LOG": str(self.log),
        }

    @property
    def wrapper(self) -> Path:
        return self.root / "wrappers" / "clang-llm"

    @property
    def memo(self) -> Path:
        return memo_of(self.cache, self.clang, self.wrapper)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a build of everything."""
        command = ["make", "-s", "-B", "-j4", f"CC={self.wrapper}"]
        return subprocess.Popen(command, cwd=self.work, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self, build: subprocess.Popen[bytes]) -> None:
        """Demand that the build succeeded, said nothing, and made every object; then remove them."""
        said, _ = build.communicate(timeout=TIMEOUT_S)
        assert (build.returncode, said) == (0, b"")
        objects = sorted(self.work.glob("*.o"))
        assert len(objects) == FILES
        for path in objects:
            assert path.read_bytes()[:4] == b"\x7fELF"
            path.unlink()

    def twice(self) -> Counter[str]:
        """Compile two sources at once; return what was counted."""
        before = self.events()
        running = [
            subprocess.Popen(
                [self.wrapper, "-Oz", "-c", f"s{number}.c", "-o", f"twice{number}.o"],
                cwd=self.work, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            for number in range(2)
        ]  # fmt: skip
        said = [each.communicate(timeout=TIMEOUT_S)[0] for each in running]
        assert (said, [each.returncode for each in running]) == ([b"", b""], [0, 0])
        for number in range(2):
            (self.work / f"twice{number}.o").unlink()
        return self.events() - before

    def touch(self) -> None:
        """What a checkout of another version does, or an upgrade: a source of the plugin has another time."""
        moment = time.time() - random.uniform(0, 1e6)
        os.utime(self.root / "clang_llm" / "plugin" / "child.h", (moment, moment))

    def events(self) -> Counter[str]:
        file = self.cache / "events"
        return Counter(file.read_text().split()) if file.exists() else Counter()

    def preparations(self) -> int:
        return self.log.read_text().count(f": prepare {self.clang}:") if self.log.exists() else 0


@pytest.fixture(scope="module")
def checkout(a_compiler: Compiler, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    made = Checkout(tmp_path_factory.mktemp("checkout").resolve(), a_compiler.path)
    made.finish(made.start())
    made.finish(made.start())
    assert made.events()["applied"] + made.events()["hit:oz"] >= FILES
    return made


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    return 200 if pytestconfig.getoption("--run-projects") else 12


@pytest.mark.timeout(7200)
def test_an_update_during_a_build(checkout: Checkout, rounds: int) -> None:
    """At any moment: before the wrapper looks, between its look and clang's, and after."""
    chance = random.Random(13)
    before = checkout.preparations()
    for number in range(rounds):
        if number % 2:
            checkout.touch()
        build = checkout.start()
        time.sleep(chance.uniform(0, 0.4))
        checkout.touch()
        checkout.finish(build)
    assert checkout.preparations() - before >= rounds // 2
    # And then all is as it was: one compile may notice the last change, the next prepares, and the plugin works.
    checkout.finish(checkout.start())
    checkout.finish(checkout.start())
    healthy = checkout.events()
    checkout.finish(checkout.start())
    found = checkout.events() - healthy
    assert found["hit"] + found["hit:oz"] == FILES, found
    assert not [event for event in checkout.events() if event.startswith("error:")]
    assert not (checkout.memo / "stale").exists()


def test_two_compiles_after_an_update(checkout: Checkout, rounds: int) -> None:
    """Both notice, and are plain; of the next two one prepares while the other waits; then both have the plugin."""
    for _ in range(max(3, rounds // 20)):
        checkout.touch()
        assert Counter(checkout.twice()) == {"bypass:stale": 2}
        assert (checkout.memo / "stale").exists()
        prepared = checkout.preparations()
        checkout.twice()
        assert 1 <= checkout.preparations() - prepared <= 2
        assert not (checkout.memo / "stale").exists()
        found = checkout.twice()
        assert found["hit"] + found["hit:oz"] == 2, found
        assert checkout.preparations() - prepared <= 2
    builds = [path for path in (checkout.cache / "plugins").iterdir() if (path / "stub.so").exists()]
    assert len(builds) == 1


def test_the_first_build_after_an_installation_has_the_plugin(checkout: Checkout) -> None:
    """An installation replaces the wrapper, too, so that is noticed in time, by all that compile at once."""
    for changed in (True, False):
        if changed:
            checkout.touch()
        moment = time.time() + 2  # times are compared by seconds
        os.utime(checkout.wrapper, (moment, moment))
        prepared, before = checkout.preparations(), checkout.events()
        checkout.finish(checkout.start())
        found = checkout.events() - before
        assert found["hit"] + found["hit:oz"] == FILES, found
        assert 1 <= checkout.preparations() - prepared <= FILES
        # Once, although the wrapper's time was in the future.
        prepared = checkout.preparations()
        checkout.finish(checkout.start())
        assert checkout.preparations() == prepared


@pytest.mark.timeout(7200)
def test_the_cache_is_removed_during_a_build(checkout: Checkout, rounds: int) -> None:
    """`rm -rf` at any moment: plain clang, or the plugin if it was there in time."""
    chance = random.Random(31)
    kept = checkout.root / "kept"
    shutil.copytree(checkout.cache, kept, symlinks=True)
    applied = missed = 0
    for _ in range(rounds):
        build = checkout.start()
        # All four wrappers are done by then, mostly, and no clang is; who comes later prepares, which takes its time.
        time.sleep(chance.uniform(0.05, 0.5))
        events = checkout.cache / "events"
        applied += len(events.read_text()) if events.exists() else 0
        shutil.rmtree(checkout.cache, ignore_errors=True)
        checkout.finish(build)
        missed += not (checkout.cache / "plugins").exists()
        shutil.rmtree(checkout.cache, ignore_errors=True)
        shutil.copytree(kept, checkout.cache, symlinks=True)
    shutil.rmtree(kept)
    assert missed > 0


def test_removing_and_preparing_at_once(checkout: Checkout, rounds: int) -> None:
    """The cache vanishes again and again under compiles that prepare it: make never notices."""
    stop = threading.Event()

    def remove() -> None:
        while not stop.wait(0.05):
            shutil.rmtree(checkout.cache, ignore_errors=True)

    kept = checkout.root / "kept"
    shutil.copytree(checkout.cache, kept, symlinks=True)
    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for _ in range(max(2, rounds // 50)):
            checkout.finish(checkout.start())
    finally:
        stop.set()
        remover.join()
        shutil.rmtree(checkout.cache, ignore_errors=True)
        kept.rename(checkout.cache)
