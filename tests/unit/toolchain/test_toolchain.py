"""What the plugin build says when something is missing; real builds are in tests/integration."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from clang_llm.plans import vetted, vocabulary
from clang_llm.system import settings
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain import prepare
from clang_llm.toolchain.compiler import Compiler


def make_compiler(tmp_path: Path, version: str = "19.1.7", config: str | None = None) -> Compiler:
    llvm_config = None
    if config is not None:
        llvm_config = tmp_path / "llvm-config"
        llvm_config.write_text(f"#!/bin/sh\necho '{config}'\n")
        llvm_config.chmod(0o755)
    return Compiler(tmp_path / "clang", tmp_path / "clang", version, llvm_config)


@pytest.mark.parametrize("major", [14, 19, 22])
def test_the_generated_header_holds_the_python_data(major: int) -> None:
    header = toolchain.generated_header(major)
    assert f"#define CLANG_LLM_DEFAULT_EFFORT {settings.DEFAULT_EFFORT}\n" in header
    assert f"EffortTable[10] = {{{', '.join(map(str, settings.EFFORT_TABLE))}}};" in header
    rows = re.findall(r'^    \{"(.*)", "(.*)", "(.*)", "(.*)"\},$', header, re.MULTILINE)
    assert rows == vocabulary.load(major).rows()
    assert re.findall(r'^    "([0-9a-f]{32})",$', header, re.MULTILINE) == sorted(vetted.shipped(major))


def test_a_missing_llvm_config_names_the_package_and_when_to_try_again(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="install llvm-19-dev") as caught:
        toolchain.build_plugin(make_compiler(tmp_path), tmp_path / "cache")
    assert caught.value.retry_when == str(tmp_path / "llvm-config")


def test_missing_headers_name_the_package_and_when_to_try_again(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="install llvm-19-dev") as caught:
        toolchain.build_plugin(make_compiler(tmp_path, config=str(tmp_path / "include")), tmp_path / "cache")
    assert caught.value.retry_when == str(tmp_path / "include/llvm/Passes/PassPlugin.h")


def test_an_llvm_that_is_too_old_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="too old"):
        toolchain.build_plugin(make_compiler(tmp_path, "13.0.1"), tmp_path / "cache")


def test_a_clang_that_is_none_leaves_a_reason_in_the_memo(tmp_path: Path) -> None:
    (tmp_path / "clang").write_text("#!/bin/sh\necho gcc\n")
    (tmp_path / "clang").chmod(0o755)
    result = toolchain.prepare(tmp_path / "clang", tmp_path / "memo", tmp_path / "cache")
    assert result.build is None
    watched, reason = (tmp_path / "memo" / "failed").read_text().splitlines()
    assert not watched.startswith("+")
    assert reason == result.reason
    assert "not an LLVM clang" in reason
    assert (tmp_path / "cache" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_the_reason_that_another_process_has_just_found_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memo = tmp_path / "memo"
    memo.mkdir()

    def never(*_: object) -> Compiler:
        raise AssertionError("the other process has answered")

    monkeypatch.setattr(toolchain, "inspect", never)
    real_lock = toolchain._lock

    def lock_after_the_other(cache_dir: Path) -> object:
        (memo / "failed").write_text("/somewhere\nbecause\n")
        return real_lock(cache_dir)

    monkeypatch.setattr(toolchain, "_lock", lock_after_the_other)
    assert toolchain.prepare(tmp_path / "clang", memo, tmp_path / "cache").reason == "because"


@pytest.mark.parametrize("arguments", [[], ["clang"], ["a", "b", "c"]])
def test_the_program_leaves_wrong_calls_alone(tmp_path: Path, arguments: list[str]) -> None:
    prepare.main(arguments, {"HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_the_program_says_why_in_the_log_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    environ = {"CLANG_LLM_CACHE_DIR": str(tmp_path / "file" / "x"), "CLANG_LLM_LOG": str(tmp_path / "log")}
    prepare.main(["/no/such/clang", str(tmp_path / "memo")], environ)
    assert "no plugin" in (tmp_path / "log").read_text()
    assert capfd.readouterr() == ("", "")


def test_the_program_does_nothing_when_disabled(tmp_path: Path) -> None:
    prepare.main(["/no/such/clang", str(tmp_path / "memo")], {"CLANG_LLM_DISABLE": "1", "HOME": str(tmp_path)})
    assert not (tmp_path / "memo").exists()


@pytest.mark.parametrize("started", ["python3", "python3.11"])
def test_an_environment_has_one_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str) -> None:
    """Whoever starts it under which name: a plugin for each name would be built."""
    for name in ("python", "python3", "python3.11"):
        (tmp_path / name).symlink_to("/bin/sh")
    monkeypatch.setattr(sys, "executable", str(tmp_path / started))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert toolchain.this_python() == str(tmp_path / "python")
    (tmp_path / "python").unlink()
    assert toolchain.this_python() == str(tmp_path / started)
    (tmp_path / "python").symlink_to("/bin/ls")  # another program
    assert toolchain.this_python() == str(tmp_path / started)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert toolchain.this_python() == sys.executable
