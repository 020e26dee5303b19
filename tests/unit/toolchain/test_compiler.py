"""Finding compilers among programs that only pretend to be some; real ones are in tests/integration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.compiler import find_clang, inspect, installed_compilers, jobs_of


def program(path: Path, output: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
    path.chmod(0o755)
    return path


def search(*directories: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, directories))}


def test_the_newest_numbered_clang_wins(tmp_path: Path) -> None:
    for name in ("a/clang", "a/clang-9", "b/clang-19", "b/clang++-22", "a/clang-tidy-30", "a/clang-19.1"):
        program(tmp_path / name)
    path = search(tmp_path / "a", tmp_path / "b")
    assert find_clang(None, path) == tmp_path / "b/clang-19"
    assert find_clang(None, path, cxx=True) == tmp_path / "b/clang++-22"


def test_the_plain_name_serves_when_there_is_no_numbered_one(tmp_path: Path) -> None:
    program(tmp_path / "clang")
    program(tmp_path / "clang++")
    assert find_clang(None, search(tmp_path)) == tmp_path / "clang"
    assert find_clang(None, search(tmp_path), cxx=True) == tmp_path / "clang++"


def test_names_and_paths(tmp_path: Path) -> None:
    program(tmp_path / "arm-none-eabi-clang")
    assert find_clang("arm-none-eabi-clang", search(tmp_path)) == tmp_path / "arm-none-eabi-clang"
    assert find_clang(str(tmp_path / "arm-none-eabi-clang"), {}) == tmp_path / "arm-none-eabi-clang"


def test_our_own_wrapper_is_never_the_real_clang(tmp_path: Path) -> None:
    wrapper = program(tmp_path / "ours" / "clang-llm")
    for name in ("clang", "clang-99"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(wrapper)
    real = program(tmp_path / "real" / "clang")
    path = search(tmp_path / "bin", tmp_path / "real")
    assert find_clang(None, path) == real
    assert find_clang("clang", path) == real


def test_what_is_no_program_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "clang-20").mkdir()
    (tmp_path / "clang-21").write_text("not executable")
    program(tmp_path / "clang-19")
    assert find_clang(None, search(tmp_path / "missing", tmp_path)) == tmp_path / "clang-19"


@pytest.mark.parametrize("name", [None, "clang-19", "/no/such/clang"])
def test_nothing_found_is_told_with_what_to_do(tmp_path: Path, name: str | None) -> None:
    with pytest.raises(ToolchainError, match="CLANG_LLM_CLANG"):
        find_clang(name, search(tmp_path))


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("Debian clang version 19.1.7 (3+b1)\nTarget: x86_64-pc-linux-gnu", "19.1.7"),
        ("clang version 22.1.0-rc2 (a repository, abc)", "22.1.0"),
        ("Ubuntu clang version 14.0.0-1ubuntu1.1", "14.0.0"),
    ],
)
def test_versions_are_read(tmp_path: Path, output: str, version: str) -> None:
    compiler = inspect(program(tmp_path / "clang", output))
    assert (compiler.version, compiler.major) == (version, int(version.partition(".")[0]))
    assert compiler.llvm_config is None or tmp_path not in compiler.llvm_config.parents


@pytest.mark.parametrize("output", ["", "gcc (Debian 12.2.0) 12.2.0", "Apple clang version 15.0.0 (clang-1500.3.9.4)"])
def test_what_is_no_llvm_clang_is_refused(tmp_path: Path, output: str) -> None:
    with pytest.raises(ToolchainError, match="not an LLVM clang"):
        inspect(program(tmp_path / "clang", output))


def test_a_clang_that_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="cannot run"):
        inspect(tmp_path / "clang")


def test_links_are_followed_and_llvm_config_must_be_of_the_same_version(tmp_path: Path) -> None:
    real = program(tmp_path / "llvm/bin/clang", "clang version 97.1.7")
    program(tmp_path / "llvm/bin/llvm-config", "97.1.6")
    (tmp_path / "clang").symlink_to(real)
    assert inspect(tmp_path / "clang").llvm_config is None
    program(tmp_path / "llvm/bin/llvm-config-97", "97.1.7")
    compiler = inspect(tmp_path / "clang")
    assert compiler.path == tmp_path / "clang"
    assert compiler.real == real
    assert compiler.llvm_config == tmp_path / "llvm/bin/llvm-config-97"
    assert compiler.tool("opt") == tmp_path / "llvm/bin/opt"


def test_installed_compilers_come_newest_first_and_once(tmp_path: Path) -> None:
    old = program(tmp_path / "old/bin/clang", "clang version 95.0.0")
    new = program(tmp_path / "new/bin/clang", "clang version 96.2.1")
    program(tmp_path / "bin/clang-94", "not a clang")
    for name, real in (("clang-95", old), ("clang", old), ("clang-96", new)):
        (tmp_path / "bin" / name).symlink_to(real)
    found = [compiler for compiler in installed_compilers(search(tmp_path / "bin")) if compiler.major > 90]
    assert [compiler.version for compiler in found] == ["96.2.1", "95.0.0"]
    assert [compiler.path.name for compiler in found] == ["clang-96", "clang-95"]


def test_commands_of_a_dry_run_are_read_word_by_word() -> None:
    said = (
        b'clang version 19.1.7\nInstalledDir: /usr/bin\n (in-process)\n "/a b/clang" "-cc1" "-D" "TEXT=\\"\\\\n\\""'
        b' "new\nline.c"\n "ld" "\\$x" "a\xff`.o"\n'
    )
    assert jobs_of(said) == [["/a b/clang", "-cc1", "-D", 'TEXT="\\n"', "new\nline.c"], ["ld", "$x", "a\udcff`.o"]]
    assert jobs_of(b'warning: "a" "b"\n "torn') == []
