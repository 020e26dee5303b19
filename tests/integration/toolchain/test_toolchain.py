"""Building the plugin for real clangs, and keeping the build in step with what it depends on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain import builder, published
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler, inspect
from clang_llm.toolchain.linker import NAME as LINKER
from clang_llm.toolchain.linker import takes_plugin

ROOT = Path(__file__).resolve().parents[3]
MEMO = ["clang", "looked", "plugin.so", "seal"]


def held(memo: Path) -> list[str]:
    """What a memo holds beside the linker, which is not everywhere."""
    return sorted(path.name for path in memo.iterdir() if path.name != LINKER)


@pytest.fixture
def with_headers(a_compiler: Compiler) -> Compiler:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    return a_compiler


def explain(compiler: Compiler, plugin: Path, root: Path, **variables: str) -> str:
    """What the plugin says about a small compile."""
    source, said = root / "x.c", root / "said"
    source.write_text("int twice(int x) { return 2 * x; }\n")
    said.write_text("")
    environment = {"_CLANG_LLM_EXPLAIN": str(said), "CLANG_LLM_CACHE_DIR": str(root), "CLANG_LLM_EFFORT": "0"}
    command: list[str | Path] = [compiler.path, f"-fpass-plugin={plugin}", "-Oz", "-c", source, "-o", root / "x.o"]
    assert process.run(command, env={"PATH": os.environ["PATH"], **environment, **variables}).ok
    return said.read_text()


def test_every_clang_gets_a_plugin_that_works(each_compiler: Compiler, builds: Path, tmp_path: Path) -> None:
    if each_compiler.llvm_config is None:
        pytest.skip(f"llvm-{each_compiler.major}-dev is not installed")
    build = toolchain.build_plugin(each_compiler, builds)
    assert '"key"' in explain(each_compiler, build.stub, tmp_path)
    identity = (build.directory / "identity").read_text().splitlines()
    assert identity[0].startswith("exe ")
    assert identity[0].endswith(f" {each_compiler.real}")
    assert {line.split(" ", 1)[0] for line in identity} <= {"exe", "lib", "src"}
    assert sum(line.startswith("src ") for line in identity) > 10
    helper = (build.directory / "helper").read_text()
    assert helper == f"{toolchain.this_python()}\n{ROOT}\n"
    assert (build.directory / "generated.h").read_text() == toolchain.generated_header(each_compiler.major)
    assert "-fno-rtti" in (build.directory / "build.log").read_text()
    assert not (builds / "plugins" / f"tmp-{os.getpid()}").exists()


def test_a_build_is_made_once(with_headers: Compiler, builds: Path) -> None:
    first = toolchain.build_plugin(with_headers, builds)
    moment = first.plugin.stat().st_mtime_ns
    assert toolchain.build_plugin(with_headers, builds) == first
    assert first.plugin.stat().st_mtime_ns == moment


def test_another_python_is_another_build(with_headers: Compiler, builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def note(_: builder.Builder, build: toolchain.PluginBuild, __: str) -> bool:
        seen.append(build.directory.name)
        return True

    monkeypatch.setattr(builder.Builder, "_is_whole", note)
    for python in (None, "/usr/bin/python3", None):
        toolchain.build_plugin(with_headers, builds, python)
    assert seen[0] == seen[2] != seen[1]


def test_the_memo_points_at_the_stub_and_says_when_it_is_stale(
    with_headers: Compiler, builds: Path, tmp_path: Path
) -> None:
    memo = tmp_path / "memo"
    # A copy: other tests use the build at the same time, and a stub with a wrong identity does nothing.
    shared = toolchain.build_plugin(with_headers, builds).directory
    own = tmp_path / "builds"
    shutil.copytree(shared, own / "plugins" / shared.name)
    result = toolchain.prepare(with_headers.path, memo, own)
    assert result.build is not None
    link = memo / "plugin.so"
    assert link.is_symlink()
    assert link.resolve() == result.build.stub
    assert held(memo) == MEMO
    assert (memo / "clang").resolve() == with_headers.real
    linker = takes_plugin(with_headers, result.build)
    assert (memo / LINKER).exists() == (linker is not None)
    assert linker is None or (memo / LINKER).readlink() == linker == with_headers.real.with_name(LINKER)
    assert '"key"' in explain(with_headers, link, tmp_path)
    # The clang that is running is another one now: the stub does nothing, and leaves a mark where the wrapper says ...
    identity = result.build.directory / "identity"
    content = identity.read_text()
    identity.write_text(content.replace("exe ", "exe 1", 1))
    assert explain(with_headers, link, tmp_path) == ""
    assert held(memo) == MEMO
    assert explain(with_headers, link, tmp_path, _CLANG_LLM_MEMO=str(memo)) == ""
    assert held(memo) == [*MEMO, "stale"]
    # ... and preparing again mends it.
    assert toolchain.prepare(with_headers.path, memo, own).build == result.build
    assert held(memo) == MEMO
    assert identity.read_text() == content
    assert '"key"' in explain(with_headers, link, tmp_path)


def test_preparing_again_forgets_an_earlier_failure(with_headers: Compiler, builds: Path, tmp_path: Path) -> None:
    memo = tmp_path / "memo"
    memo.mkdir()
    (memo / "failed").write_text("/x\nno headers yesterday\n")
    assert toolchain.prepare(with_headers.path, memo, builds).build is not None
    assert held(memo) == MEMO


def broken_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """Let the builder use a copy of the plugin with one file more."""
    shutil.copytree(builder.SOURCES, tmp_path / "plugin")
    (tmp_path / "plugin" / name).write_text(text)
    monkeypatch.setattr(builder, "SOURCES", tmp_path / "plugin")


def test_a_build_that_fails_is_remembered_with_its_log(
    with_headers: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_sources(tmp_path, monkeypatch, "a_broken.cpp", '#include "cannot-be-built-here.h"\n')
    result = toolchain.prepare(with_headers.path, tmp_path / "memo", tmp_path / "cache")
    assert result.build is None
    assert "cannot-be-built-here" in result.reason
    assert "cannot-be-built-here" in (tmp_path / "memo" / "failed").read_text()
    assert "cannot-be-built-here" in (tmp_path / "cache" / "plugins" / "failed-build.log").read_text()
    assert sorted(path.name for path in (tmp_path / "cache" / "plugins").iterdir()) == ["failed-build.log"]
    assert not (tmp_path / "memo" / "plugin.so").exists()


def test_a_plugin_that_clang_does_not_load_is_not_published(
    with_headers: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_sources(
        tmp_path, monkeypatch, "a_broken.cpp", "extern int nobody_defines_this;\nint *use = &nobody_defines_this;\n"
    )
    with pytest.raises(ToolchainError, match="does not work"):
        toolchain.build_plugin(with_headers, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache" / "plugins").iterdir()] == ["failed-build.log"]


def test_sources_that_change_meanwhile_are_no_lasting_failure(
    with_headers: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_sources(tmp_path, monkeypatch, "a_broken.cpp", '#include "cannot-be-built-here.h"\n')
    compile_with = builder.Builder._compile

    def edit_meanwhile(one: builder.Builder, compilers: list[list[str]], arguments: list[str]) -> None:
        if compilers[0][-1] == "--driver-mode=g++":
            (tmp_path / "plugin" / "compat.h").touch()
        compile_with(one, compilers, arguments)

    monkeypatch.setattr(builder.Builder, "_compile", edit_meanwhile)
    assert "try again" in toolchain.prepare(with_headers.path, tmp_path / "memo", tmp_path / "cache").reason
    assert (tmp_path / "memo" / "failed").read_text().startswith(f"+{tmp_path / 'plugin'}\n")


def test_only_what_nobody_has_used_for_long_is_removed(tmp_path: Path) -> None:
    """A build that was prepared lately stays, and so does one that a memo still points to, however old."""
    plugins, memo = tmp_path / "plugins", tmp_path / "toolchains" / "system" / "clang"
    old, recent = time.time() - 31 * 86400, time.time() - 29 * 86400
    for name, moment in (("old", old), ("used", old), ("recent", recent), ("future", time.time() + 1e6)):
        (plugins / name).mkdir(parents=True)
        (plugins / name / "stub.so").touch()
        os.utime(plugins / name, (moment, moment))
    memo.mkdir(parents=True)
    (memo / "plugin.so").symlink_to(plugins / "used" / "stub.so")
    published.prune(plugins)
    assert sorted(path.name for path in plugins.iterdir()) == ["future", "recent", "used"]


def test_hostile_variables_do_not_reach_the_build(
    with_headers: Compiler, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCC_OVERRIDE_OPTIONS", "#+-fno-such-option")
    monkeypatch.setenv("CPLUS_INCLUDE_PATH", "/no/such/place")
    monkeypatch.setenv("CLANG_LLM_DISABLE", "1")
    assert toolchain.build_plugin(with_headers, builds).plugin.is_file()


def test_many_compiles_at_once_prepare_one_plugin_after_one_that_was_killed(
    with_headers: Compiler, tmp_path: Path
) -> None:
    cache, memo = tmp_path / "cache with 'odd' näme", tmp_path / "memo"
    environment = {"PATH": os.environ["PATH"], "CLANG_LLM_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "clang_llm.toolchain.prepare", str(with_headers.path), str(memo)]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    killed = start()
    while killed.poll() is None and not list(cache.glob("plugins/tmp-*/stub.so")):
        time.sleep(0.02)
    killed.kill()
    assert killed.communicate()[0] == b""
    assert not (memo / "plugin.so").exists()
    running = [start() for _ in range(5)]
    assert [child.communicate(timeout=280)[0] for child in running] == [b""] * 5
    assert [child.returncode for child in running] == [0] * 5
    assert '"key"' in explain(with_headers, memo / "plugin.so", tmp_path)
    assert len(list((cache / "plugins").iterdir())) == 1


def test_real_compilers_are_inspected(each_compiler: Compiler) -> None:
    again = inspect(each_compiler.path)
    assert again == each_compiler
    assert process.run([each_compiler.real, "-dumpversion"]).output.strip() == each_compiler.version
    if each_compiler.llvm_config is not None:
        assert process.run([each_compiler.llvm_config, "--version"]).output.startswith(each_compiler.version)
