"""What programs of other targets take: found out by trying, also where a part of it is not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clang_llm.system.process import Completed
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning.targets import LANGUAGES, TARGETS, Builder, runnable

ROOT = Path(__file__).resolve().parents[3]
#: Where Debian has the C++ library's headers of a target.
CXX_HEADERS = {
    "arm": "/usr/arm-linux-gnueabihf/include/c++",
    "aarch64": "/usr/aarch64-linux-gnu/include/c++",
    "riscv64": "/usr/riscv64-linux-gnu/include/c++",
    "wasm32": "/usr/include/wasm32-wasi/c++",
}
ASK = """
import json, sys
from pathlib import Path
from clang_llm.toolchain.compiler import inspect
from clang_llm.tuning.targets import TARGETS, runnable
print(json.dumps(runnable(TARGETS[sys.argv[1]], inspect(Path(sys.argv[2])), {"PATH": sys.argv[3]})))
"""


def environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize("name", sorted(CXX_HEADERS))
def test_without_the_cxx_library_c_still_runs(name: str, a_compiler: Compiler) -> None:
    """In a mount namespace of its own, where an empty directory hides the headers."""
    if any(runnable(TARGETS[name], a_compiler, environ()).values()):
        pytest.skip(f"programs for {name} cannot be built and run here")
    if not Path(CXX_HEADERS[name]).is_dir():
        pytest.skip(f"the C++ library for {name} is not where Debian has it")
    hiding = f'mount -t tmpfs none {CXX_HEADERS[name]} && exec "$@"'
    argv = ["unshare", "-rm", "sh", "-c", hiding, "sh", sys.executable]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*argv, "-c", ""], capture_output=True, check=False).returncode
    ):
        pytest.skip("this system lets nobody have a mount namespace")
    words = [*argv, "-c", ASK, name, str(a_compiler.path), os.environ["PATH"]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told[".c"] == ""
    assert "do not compile" in told[".cpp"]
    assert TARGETS[name].triple in told[".cpp"]
    assert "file not found; apt-get install" in told[".cpp"]


def test_a_missing_emulator_is_named(a_compiler: Compiler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = runnable(TARGETS["aarch64"], a_compiler, environ())
    assert set(told) == set(LANGUAGES)
    assert set(told.values()) == {"qemu-aarch64 is not installed: apt-get install qemu-user"}


def test_a_compiler_that_is_gone_is_a_reason(a_compiler: Compiler, tmp_path: Path) -> None:
    gone = Compiler(tmp_path / "clang", tmp_path / "clang", a_compiler.version, None)
    assert "cannot run" in Builder(TARGETS["i386"], gone, environ()).why_not(".c")
    assert "clang++ is missing" in Builder(TARGETS["i386"], gone, environ()).why_not(".cpp")


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_program_says_and_ends_as_it_does(name: str, a_compiler: Compiler, tmp_path: Path) -> None:
    builder = Builder(TARGETS[name], a_compiler, environ())
    reason = builder.why_not(".c")
    if reason:
        pytest.skip(reason)
    source = tmp_path / "say.c"
    source.write_text('#include <stdio.h>\nint main(void) { printf("%d", (int)sizeof(long)); return 3; }\n')
    assert builder.compile(source, tmp_path / "say.o", ["-Oz"]).ok
    assert builder.link(source, tmp_path / "say.o", tmp_path / "say").ok
    done: Completed = builder.target.run(tmp_path / "say", environ())
    assert (done.returncode, done.stdout) == (3, b"8" if name.endswith("64") else b"4")
