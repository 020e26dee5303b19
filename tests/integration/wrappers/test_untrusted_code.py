"""A cache directory in which others may write: they can plant what they like, and nothing of it is ever run.

What is planted leaves a file when it is loaded. Most of this needs root, who can leave files of another user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.wrapper_box import ROOT, WRAPPERS, leave_memo, memo_of

from clang_llm.system.errors import ToolchainError
from clang_llm.system.places import own_cache
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler

SOMEBODY = 65534
PLANTED = """\
#include <fcntl.h>
#include <unistd.h>
struct info { unsigned version; const char *name, *text; void (*callbacks)(void *); void *more; };
__attribute__((constructor)) static void loaded(void) { close(open("%s", O_CREAT | O_WRONLY, 0644)); }
static void nothing(void *builder) { (void)builder; }
struct info llvmGetPassPluginInfo(void) { return (struct info){%d, "planted", "1", nothing, 0}; }
void clangLlmRegister(void *builder, const char *directory) { (void)builder; (void)directory; }
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave files of another user")
TIMEOUT_S = 280


class Trap:
    """A shared cache with a library that tells when it is loaded, and a victim who compiles."""

    def __init__(self, root: Path, compiler: Compiler, builds: Path) -> None:
        self.root = root
        self.compiler = compiler
        self.proof = root / "loaded"
        self.cache = root / "cache"
        self.cache.mkdir()
        self.cache.chmod(0o1777)
        self.build = toolchain.build_plugin(compiler, builds)
        self.library = root / "planted.so"
        source = root / "planted.c"
        source.write_text(PLANTED % (self.proof, 2 if compiler.major >= 22 else 1))
        command: list[str | Path] = [compiler.path, "-shared", "-fPIC", source, "-o", self.library]
        subprocess.run(command, check=True, timeout=TIMEOUT_S)
        (root / "a.c").write_text("int twice(int x) { return 2 * x; }\n")
        self.env = {
            "PATH": "/usr/bin:/bin",
            "CLANG_LLM_CLANG": str(compiler.path),
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_PYTHON": sys.executable,
            "CLANG_LLM_BACKEND": "coreset",
            "CLANG_LLM_EFFORT": "1",
            "CLANG_LLM_MIN_INSTRUCTIONS": "0",
        }

    @property
    def memo(self) -> Path:
        return memo_of(self.cache, self.compiler.path)

    def own_build(self, cache: Path | None = None) -> Path:
        """Leave an honest build and its memo in a cache directory of the victim's."""
        cache = cache or self.cache
        build = cache / "plugins" / self.build.directory.name
        shutil.copytree(self.build.directory, build)
        leave_memo(memo_of(cache, self.compiler.path), build / "stub.so", self.compiler.path)
        return build

    def compile(self, **variables: str) -> list[str]:
        """Compile as the victim: with success, without a word, and nothing planted is run. Return what was counted."""
        command: list[str | Path] = [WRAPPERS / "clang-llm", "-Oz", "-c", "a.c"]
        done = subprocess.run(
            command, cwd=self.root, env={**self.env, **variables}, capture_output=True, timeout=TIMEOUT_S, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert (self.root / "a.o").read_bytes()[:4] == b"\x7fELF"
        assert not self.proof.exists()
        events = self.cache / "events"
        counted = events.read_text().split() if events.exists() else []
        events.unlink(missing_ok=True)
        return counted


@pytest.fixture
def trap(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Trap:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    return Trap(tmp_path, a_compiler, builds)


def give_away(*places: Path) -> None:
    """Let somebody else own all that lies there."""
    for place in places:
        for path in (place, *place.rglob("*")):
            os.lchown(path, SOMEBODY, SOMEBODY)


def plant_memo(trap: Trap) -> None:
    """A perfect memo, but somebody else's."""
    shutil.copy(trap.library, trap.cache / "stub.so")
    leave_memo(trap.memo, trap.cache / "stub.so", trap.compiler.path)
    give_away(trap.cache / "toolchains", trap.cache / "stub.so")


def plant_link(trap: Trap) -> None:
    """The same, where `toolchains` is a link to somebody's directory."""
    plant_memo(trap)
    (trap.cache / "toolchains").rename(trap.root / "theirs")
    (trap.cache / "toolchains").symlink_to(trap.root / "theirs")
    os.lchown(trap.cache / "toolchains", SOMEBODY, SOMEBODY)


def plant_file_of_the_victim(trap: Trap) -> None:
    """A library that the victim himself has made, of somebody's program, behind somebody's link: it is not sealed."""
    plant_memo(trap)
    (trap.memo / "plugin.so").unlink()
    (trap.memo / "plugin.so").symlink_to(trap.library)
    os.lchown(trap.memo / "plugin.so", SOMEBODY, SOMEBODY)


def plant_in_a_memo_of_the_victim(trap: Trap) -> None:
    """The memo is the victim's, from times when the cache was his alone; `plugins` has been put in its place since."""
    build = trap.own_build()
    shutil.rmtree(trap.cache / "plugins")
    build.mkdir(parents=True)
    shutil.copy(trap.library, build / "stub.so")
    (build / "stub.so").chmod(0o1555)
    seal = (trap.memo / "seal").stat()
    os.utime(build / "stub.so", ns=(seal.st_mtime_ns, seal.st_mtime_ns))
    give_away(trap.cache / "plugins")


def plant_plugin(trap: Trap) -> None:
    """The stub is honest; the plugin that it would load is not."""
    build = trap.own_build()
    (build / "plugin.so").unlink()
    shutil.copy(trap.library, build / "plugin.so")
    give_away(build / "plugin.so")


def plant_helper(trap: Trap) -> None:
    """The program that the plugin would start on a miss."""
    build = trap.own_build()
    script = trap.root / "helper"
    script.write_text(f"#!/bin/sh\n: >{trap.proof}\n")
    script.chmod(0o755)
    (build / "helper").write_text(f"{script}\n{ROOT}\n")
    give_away(build / "helper")


def open_the_build(trap: Trap) -> None:
    """All is the victim's, but somebody may write the directory, and has."""
    build = trap.own_build()
    build.chmod(0o777)
    shutil.copy(trap.library, build / "plugin.so")


def open_the_group(trap: Trap) -> None:
    """The same for a group."""
    build = trap.own_build()
    shutil.copy(trap.library, build / "plugin.so")
    (build / "plugin.so").chmod(0o775)


def link_out(trap: Trap) -> None:
    """A link in the place of the plugin."""
    build = trap.own_build()
    (build / "plugin.so").unlink()
    (build / "plugin.so").symlink_to(trap.library)


def open_the_cache(trap: Trap) -> None:
    """All below is the victim's alone, but whoever may write the cache directory may put other things there."""
    build = trap.own_build()
    shutil.copy(trap.library, build / "plugin.so")
    trap.cache.chmod(0o777)


PLANTS: list[Callable[[Trap], None]] = [
    plant_memo,
    plant_link,
    plant_file_of_the_victim,
    plant_in_a_memo_of_the_victim,
    plant_plugin,
    plant_helper,
    open_the_build,
    open_the_group,
    link_out,
    open_the_cache,
]


@needs_root
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_nothing_planted_is_run(trap: Trap, plant: Callable[[Trap], None]) -> None:
    """Without a place of the victim's own there is plain clang, and it is counted."""
    plant(trap)
    first, *later = [trap.compile() for _ in range(3)]
    assert later == [["bypass:untrusted"]] * 2, (first, later)


@needs_root
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_code_is_in_the_users_own_place(trap: Trap, builds: Path, plant: Callable[[Trap], None]) -> None:
    """Plans may be shared: they are where they were; the plugin is in the user's own cache directory."""
    home = trap.root / "home"
    (home / ".cache" / "clang-llm").mkdir(parents=True)
    (home / ".cache" / "clang-llm" / "plugins").symlink_to(builds / "plugins")
    plant(trap)
    counted = [trap.compile(HOME=str(home)) for _ in range(3)]
    assert counted[0][0] in ("miss", "bypass:untrusted"), counted
    assert counted[1][0] in ("miss", "hit", "hit:oz")
    assert counted[2][0] in ("hit", "hit:oz")
    assert [path for path in trap.cache.glob("plans/*/*") if path.is_file()]
    own = memo_of(home / ".cache" / "clang-llm", trap.compiler.path)
    assert (own / "plugin.so").resolve().parent.parent == (builds / "plugins").resolve()


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_what_is_prepared_is_safe_whatever_the_umask(
    a_compiler: Compiler, builds: Path, tmp_path: Path, mask: int
) -> None:
    """All that is made, and the cache directory itself; a cache of the user's own that was lax is tightened."""
    build = toolchain.build_plugin(a_compiler, builds)
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    (tmp_path / "a.c").write_text("int twice(int x) { return 2 * x; }\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "CLANG_LLM_CLANG": str(a_compiler.path)}
    env |= {"CLANG_LLM_PYTHON": sys.executable, "CLANG_LLM_BACKEND": "coreset", "CLANG_LLM_EFFORT": "1"}
    env["CLANG_LLM_MIN_INSTRUCTIONS"] = "0"
    before = os.umask(mask)
    try:
        lax = home / ".cache" / "clang-llm"
        (lax / "plugins").mkdir(parents=True)
        for place in (cache, lax):
            # A sound build saves the time of making one; everything else is made here.
            shutil.copytree(build.directory, place / "plugins" / build.directory.name)
        for place, variables in ((cache, {"CLANG_LLM_CACHE_DIR": str(cache)}), (lax, {})):
            if place == cache:
                cache.chmod(0o755)
                (cache / "plugins").chmod(0o755)
            command: list[str | Path] = [WRAPPERS / "clang-llm", "-Oz", "-c", "a.c"]
            done = subprocess.run(
                command, cwd=tmp_path, env={**env, **variables}, capture_output=True, timeout=TIMEOUT_S, check=True
            )
            assert done.stderr == b""
            assert {"miss", "hit", "hit:oz"} & set((place / "events").read_text().split())
            code = [place, *(place / "plugins").rglob("*"), *(place / "toolchains").rglob("*")]
            open_to_others = [path for path in code if not path.is_symlink() and path.stat().st_mode & 0o022]
            assert not open_to_others
    finally:
        os.umask(before)


def test_a_private_cache_is_the_place(tmp_path: Path) -> None:
    assert toolchain.code_directory(tmp_path / "cache") == tmp_path / "cache"
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o755
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    own = own_cache(os.environ)
    assert own is not None
    assert toolchain.code_directory(shared) == own
    assert not list(shared.glob("plugins/*"))


def test_no_place_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME")
    tmp_path.chmod(0o777)
    with pytest.raises(ToolchainError, match="untrusted: no place for the plugin: others may write"):
        toolchain.code_directory(tmp_path)
