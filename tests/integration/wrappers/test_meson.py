"""The Meson native file, with the real meson."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm.toolchain.compiler import Compiler

TIMEOUT_S = 240
NATIVE = WRAPPERS / "clang-llm-native.ini"
FILES = {
    "meson.build": """\
project('sample', 'c', 'cpp')
compiler = meson.get_compiler('c')
assert(compiler.get_id() == 'clang')
assert(compiler.has_function('printf'))
assert(not compiler.has_function('frobnicate'))
assert(compiler.has_argument('-Wall'))
assert(not compiler.has_argument('-fno-frobnication'))
part = static_library('part', 'part.cpp')
sample = executable('sample', 'sample.c', link_with: part)
test('sample', sample)
""",
    "sample.c": "int part(int);\nint main(void) { return part(20) - 41; }\n",
    "part.cpp": 'extern "C" int part(int x) { int s = 1; while (x--) s += 2; return s; }\n',
}

pytestmark = pytest.mark.skipif(not shutil.which("meson") or not shutil.which("ninja"), reason="needs meson and ninja")


@pytest.mark.parametrize("where", ["on PATH", "in a second native file"])
def test_native_file(builds: Path, a_compiler: Compiler, tmp_path: Path, where: str) -> None:
    env = real_environment(builds, a_compiler.path, tmp_path)
    options = ["--buildtype=minsize", "--native-file", str(NATIVE)]
    if where != "on PATH":
        env["PATH"] = "/usr/bin:/bin"
        second = tmp_path / "mine.ini"
        second.write_text(f"[constants]\nwrappers = '{WRAPPERS}/'\n")
        options += ["--native-file", str(second)]
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("meson", "setup", *options, "build")
    said = run("meson", "compile", "-C", "build", "--verbose")
    assert said.count("clang-llm") >= 3
    assert said.count(" -Oz ") == 2
    events = (tmp_path / "cache" / "events").read_text().split()
    assert {"stored", "bypass:query", "bypass:link"} <= set(events)
    run("meson", "test", "-C", "build")
