"""The CMake toolchain file, with the real cmake: native and on a cross toolchain, as a compiler and as a launcher."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm.toolchain.compiler import Compiler

TOOLCHAIN = WRAPPERS / "clang-llm.cmake"
TIMEOUT_S = 240
LISTS = """\
cmake_minimum_required(VERSION 3.13)
project(sample C CXX)
include(CheckFunctionExists)
include(CheckIncludeFile)
include(CheckCCompilerFlag)
include(CheckTypeSize)
check_function_exists(printf HAVE_PRINTF)
check_function_exists(frobnicate HAVE_FROBNICATE)
check_include_file(stdint.h HAVE_STDINT)
check_include_file(frobnicate.h HAVE_FROBNICATE_H)
check_c_compiler_flag(-fno-exceptions HAVE_NO_EXCEPTIONS)
check_c_compiler_flag(-fno-frobnication HAVE_NO_FROBNICATION)
check_type_size(long LONG)
add_library(part STATIC part.cpp)
add_executable(sample sample.c)
target_link_libraries(sample part)
enable_testing()
add_test(NAME sample COMMAND sample)
"""
SAMPLE_C = "int part(int);\nint main(void) { return part(20) - 41; }\n"
PART_CPP = 'extern "C" int part(int x) { int s = 1; while (x--) s += 2; return s; }\n'
BARE_LISTS = "cmake_minimum_required(VERSION 3.13)\nproject(bare C)\nadd_library(bare STATIC part.c)\n"
BARE_C = "int part(int *p, int n) { int s = 0; while (n--) s += p[n] * n; return s; }\n"
BARE_TOOLCHAIN = """\
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
{compiler}
set(CMAKE_C_COMPILER_TARGET armv7m-none-eabi)
set(CMAKE_C_FLAGS_INIT "-ffreestanding -mthumb")
"""

pytestmark = pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")


class Project:
    """A CMake project and the directories it is built in."""

    def __init__(self, root: Path, env: dict[str, str], files: dict[str, str]) -> None:
        self.source = root / "source"
        self.root = root
        self.env = env
        self.source.mkdir()
        for name, text in files.items():
            (self.source / name).write_text(text)

    def run(self, *command: str | Path, **env: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(self, name: str, *options: str, generator: str = "Unix Makefiles", **env: str) -> Path:
        """Configure into the directory `name`, for size."""
        options = (f"-G{generator}", "-DCMAKE_BUILD_TYPE=MinSizeRel", *options)
        self.run("cmake", "-S", self.source, "-B", self.root / name, *options, **env)
        return self.root / name

    def commands(self, build: Path) -> str:
        """Build, and return the commands."""
        return self.run("cmake", "--build", build, "--verbose")

    def events(self) -> set[str]:
        return set((self.root / "cache" / "events").read_text().split())


@pytest.fixture
def env(builds: Path, a_compiler: Compiler, tmp_path: Path) -> dict[str, str]:
    return real_environment(builds, a_compiler.path, tmp_path)


@pytest.fixture
def sample(env: dict[str, str], tmp_path: Path) -> Project:
    return Project(tmp_path, env, {"CMakeLists.txt": LISTS, "sample.c": SAMPLE_C, "part.cpp": PART_CPP})


@pytest.fixture
def bare(env: dict[str, str], tmp_path: Path) -> Project:
    return Project(tmp_path, env, {"CMakeLists.txt": BARE_LISTS, "part.c": BARE_C})


@pytest.mark.parametrize("generator", ["Unix Makefiles", "Ninja"])
def test_native(sample: Project, generator: str) -> None:
    if generator == "Ninja" and not shutil.which("ninja"):
        pytest.skip("ninja is not installed")
    build = sample.configure("build", f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAIN}", generator=generator)
    said = sample.commands(build)
    assert len(re.findall(rf"{WRAPPERS}/clang-llm(?:\+\+)? .*-Oz -DNDEBUG.* -c ", said)) == 2
    assert " -Os" not in said
    assert "stored" in sample.events()
    sample.run("ctest", "--test-dir", build)
    # A second configuration reads the cached compiler back and stays with it.
    sample.configure("build", generator=generator)
    assert "COMPILER_LAUNCHER" not in (build / "CMakeCache.txt").read_text()


def test_another_clang_by_the_command_line(sample: Project, a_compiler: Compiler) -> None:
    """With a compiler named, the wrapper is the launcher, and the setting of the environment does not count."""
    cxx = a_compiler.path.with_name(a_compiler.path.name.replace("clang", "clang++", 1))
    compilers = (f"-DCMAKE_C_COMPILER={a_compiler.path}", f"-DCMAKE_CXX_COMPILER={cxx}")
    build = sample.configure(
        "build", f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAIN}", *compilers, CLANG_LLM_CLANG="/nowhere/clang"
    )
    said = sample.commands(build)
    assert f"{WRAPPERS}/clang-llm {a_compiler.path} " in said
    assert f"{WRAPPERS}/clang-llm++ {cxx} " in said
    sample.run("ctest", "--test-dir", build)


@pytest.mark.parametrize("named", [False, True], ids=["no compiler named", "compiler named"])
def test_on_top_of_a_cross_toolchain(bare: Project, a_compiler: Compiler, named: bool) -> None:
    chained = bare.root / "arm.cmake"
    compiler = f"set(CMAKE_C_COMPILER {a_compiler.path})" if named else ""
    chained.write_text(BARE_TOOLCHAIN.format(compiler=compiler))
    build = bare.configure("build", f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAIN}", f"-DCLANG_LLM_CHAINLOAD={chained}")
    said = bare.commands(build)
    called = f"{WRAPPERS}/clang-llm {a_compiler.path} " if named else f"{WRAPPERS}/clang-llm "
    assert re.search(rf"{re.escape(called)}--target=armv7m-none-eabi .*-mthumb .*-Oz", said)
    (built,) = (path for path in build.rglob("part.c.o*") if path.suffix != ".d")
    assert built.read_bytes()[18:20] == b"\x28\x00"  # e_machine: ARM
    assert "stored" in bare.events()


def test_cmake_learns_the_same_as_with_clang(sample: Project, a_compiler: Compiler) -> None:
    """What CMake finds out about the compiler and writes to its cache differs in the compiler's name, nothing else."""
    learnt = []
    # A clang without number in its name, or CMake prefers tools with that number to others.
    plain, plain_cxx = sample.root / "bin" / "clang", sample.root / "bin" / "clang++"
    plain.parent.mkdir()
    plain.symlink_to(a_compiler.path)
    plain_cxx.symlink_to(a_compiler.path.with_name(a_compiler.path.name.replace("clang", "clang++", 1)))
    for c_name, cxx_name in ((plain, plain_cxx), (WRAPPERS / "clang-llm", WRAPPERS / "clang-llm++")):
        build = sample.configure("build", f"-DCMAKE_C_COMPILER={c_name}", f"-DCMAKE_CXX_COMPILER={cxx_name}")
        texts = [build / "CMakeCache.txt", *sorted(build.glob("CMakeFiles/*/CMake*Compiler.cmake"))]
        text = "".join(path.read_text() for path in texts)
        # The directory of the compiler is where CMake looks for its tools first.
        learnt.append(text.replace(str(cxx_name), "<c++>").replace(str(c_name), "<c>").splitlines())
        shutil.rmtree(build)
    assert len(learnt[0]) == len(learnt[1]) > 300
    differing = [(ours, theirs) for theirs, ours in zip(*learnt, strict=True) if ours != theirs]
    assert differing == []
