"""Hazard rows about what surrounds a command: 26, 27, 37 to 40, 46, and 45."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dropin import sources
from dropin.twin import TIMEOUT_S, WRAPPERS, Case, Twin

TWO = {"a.c": sources.C, "b.c": sources.SECOND_C}
COMPILE = ("-Oz", "-g", "-c", "a.c")
DATED = {"a.c": "const char *date = __DATE__ __TIME__;\n"}
INCLUDES = {"a.c": "#include <cpath.h>\nint x = Y;\n", "inc/cpath.h": "#define Y 3\n"}
FREESTANDING = "int f(int *p, int n) { int s = 0; while (n--) s += *p++; return s; }\n"
TARGETS = (
    "x86_64-none-elf",
    "i386-none-elf",
    "aarch64-none-elf",
    "armv7m-none-eabi",
    "riscv32-none-elf",
    "riscv64-none-elf",
    "wasm32",
)


def override(edit: str) -> Case:
    return Case((("-Oz", "-c", "a.c"),), TWO, env={"CCC_OVERRIDE_OPTIONS": edit})


def target(name: str) -> Case:
    return Case((("--target=" + name, "-ffreestanding", "-Oz", "-c", "f.c"),), {"f.c": FREESTANDING})


CASES = {
    "row26 CPATH": Case((("-Oz", "-c", "a.c"),), INCLUDES, env={"CPATH": "inc"}),
    "row26 C_INCLUDE_PATH": Case((("-Oz", "-c", "a.c"),), INCLUDES, env={"C_INCLUDE_PATH": "inc"}),
    "row26 SOURCE_DATE_EPOCH": Case((("-Oz", "-c", "a.c"),), DATED, env={"SOURCE_DATE_EPOCH": "1000000000"}),
    "row26 DEPENDENCIES_OUTPUT": Case((("-Oz", "-c", "a.c"),), TWO, env={"DEPENDENCIES_OUTPUT": "deps"}),
    "row26 CC_PRINT_OPTIONS": Case((("-Oz", "-c", "a.c"),), TWO, env={"CC_PRINT_OPTIONS": "1"}),
    "row26 CC_PRINT_OPTIONS_FILE": Case(
        (("-Oz", "-c", "a.c"),), TWO, env={"CC_PRINT_OPTIONS": "1", "CC_PRINT_OPTIONS_FILE": "options.txt"}
    ),
    "row26 CC_PRINT_HEADERS": Case(
        (("-Oz", "-c", "a.c"),), TWO, env={"CC_PRINT_HEADERS": "1", "CC_PRINT_HEADERS_FILE": "headers.txt"}
    ),
    "row26 CC_LOG_DIAGNOSTICS": Case(
        (("-Oz", "-Wall", "-c", "w.c"),),
        {"w.c": sources.WARNS_C},
        env={"CC_LOG_DIAGNOSTICS": "1", "CC_LOG_DIAGNOSTICS_FILE": "log.plist"},
    ),
    "row26 language": Case((("-Oz", "-Wall", "-c", "w.c"),), {"w.c": sources.WARNS_C}, env={"LC_ALL": "C.UTF-8"}),
    "row26 PYTHON variables": Case(
        (("-Oz", "-c", "a.c"),),
        {**TWO, "json.py": "1/0", "lib/os.py": "1/0"},
        env={"PYTHONPATH": "lib", "PYTHONHOME": "."},
    ),
    "row27 adds -O2": override("+-O2"),
    "row27 removes -Oz": override("x-Oz"),
    "row27 replaces": override("s/-Oz/-O2/"),
    "row27 in front": Case((("-c", "a.c"),), TWO, env={"CCC_OVERRIDE_OPTIONS": "^-Oz"}),
    "row27 without a word": override("# O2"),
    "row27 empty": override(""),
    **{f"row37 {name}": target(name) for name in TARGETS},
    "row37 -m32": Case((("-m32", "-ffreestanding", "-Oz", "-c", "f.c"),), {"f.c": FREESTANDING}),
    "row37 --sysroot": Case((("--sysroot=root", "-Oz", "-c", "b.c"),), TWO),
    "row37 unknown target": Case((("--target=pdp11", "-Oz", "-c", "b.c"),), TWO),
    "row38 --config brings -Oz": Case((("--config=./f.cfg", "-c", "a.c"),), {**TWO, "f.cfg": "-Oz\n"}),
    "row38 --config with -O2 loses": Case((("--config=./f.cfg", "-Oz", "-c", "a.c"),), {**TWO, "f.cfg": "-O2\n"}),
    "row38 --config asks for LTO": Case((("--config=./f.cfg", "-Oz", "-c", "a.c"),), {**TWO, "f.cfg": "-flto\n"}),
    "row38 --config with coverage": Case((("--config=./f.cfg", "-Oz", "-c", "a.c"),), {**TWO, "f.cfg": "--coverage\n"}),
    "row38 user's own config": Case(
        (("--config-user-dir=conf", "-c", "a.c"),), {**TWO, "conf/clang.cfg": "-Oz -DX\n", "conf/clang-19.cfg": "-Oz\n"}
    ),
    "row38 missing config": Case((("--config=./none.cfg", "-Oz", "-c", "a.c"),), TWO),
    "row39 C++": Case((("c++", "-Oz", "-c", "a.cpp"),), {"a.cpp": sources.CXX}),
    "row39 C++ of a C source": Case((("c++", "-Oz", "-c", "b.c"),), TWO),
    "row39 C of a C++ source": Case((("-Oz", "-c", "a.cpp"),), {"a.cpp": sources.CXX}),
    "row39 driver mode": Case((("--driver-mode=g++", "-Oz", "-c", "b.c"), ("--driver-mode=cpp", "b.c")), TWO),
    # A COFF object holds the time.
    "row39 driver mode cl": Case((("--driver-mode=cl", "/c", "b.c"),), TWO, unstable=r"\.obj$"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cannot_be_told_from_clang(twin: Twin, case: Case) -> None:
    twin.check(case)


def masquerade(twin: Twin, names: tuple[str, ...]) -> Path:
    """Return a directory where the wrapper carries the given names."""
    directory = twin.root / "bin"
    directory.mkdir()
    for name in names:
        (directory / name).symlink_to(WRAPPERS / "clang-llm")
    return directory


@pytest.mark.parametrize("name", ["clang-19", "clang++-19", "clang-cpp-19", "aarch64-linux-gnu-clang"])
def test_row39_called_by_the_name_of_clang(twin: Twin, name: str) -> None:
    """A directory in front of PATH gives the wrapper clang's names; the real ones come later on PATH."""
    real = twin.root / "real"
    real.mkdir()
    for each in ("clang-19", "clang++-19", "clang-cpp-19", "aarch64-linux-gnu-clang"):
        source = shutil.which(each) or shutil.which("clang-19")
        assert source
        (real / each).symlink_to(source)
    case = Case(((),), TWO)
    outcomes = []
    for path in (f"{real}:/usr/bin:/bin", f"{masquerade(twin, (name,))}:{real}:/usr/bin:/bin"):
        twin.fresh(case)
        env = {name: value for name, value in twin.our_env("no_plan").items() if name != "CLANG_LLM_CLANG"}
        env["PATH"] = path
        output = [] if "cpp" in name else ["-c", "-o", "b.o"]
        command = [name, "-Oz", "-ffreestanding", "-fno-pic", "b.c", *output]
        done = subprocess.run(command, env=env, cwd=twin.work, capture_output=True, timeout=TIMEOUT_S, check=False)
        outcomes.append((done.returncode, done.stdout, done.stderr, twin.files()))
    assert outcomes[0][0] == 0
    assert outcomes[1] == outcomes[0]


def test_row40_two_wrappers_that_start_each_other_end_with_one_line(twin: Twin) -> None:
    first, second = twin.root / "first", twin.root / "second"
    for directory in (first, second):
        directory.mkdir()
        shutil.copy(WRAPPERS / "clang-llm", directory / "clang-llm")
    env = {**twin.env, "CLANG_LLM_CLANG": str(second / "clang-llm")}
    done = subprocess.run([first / "clang-llm", "--version"], env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"CLANG_LLM_CLANG" in done.stderr


def test_row40_wrapper_that_forks_ends_too(twin: Twin) -> None:
    script = twin.root / "forker"
    script.write_text(f'#!/bin/sh\n{WRAPPERS / "clang-llm"} "$@"\nexit $?\n')
    script.chmod(0o755)
    env = {**twin.env, "CLANG_LLM_CLANG": str(script)}
    done = subprocess.run([WRAPPERS / "clang-llm", "-c"], env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


def test_row45_changed_source_gives_the_new_object(twin: Twin) -> None:
    """The key is the module that is compiled: an old plan never brings back an old object."""
    for body in ("return x * 3;", "return x * 5;"):
        case = Case((("-Oz", "-c", "a.c"),), {"a.c": f"int f(int x) {{ {body} }}\n"})
        expected, found = twin.plain(case), twin.ours(case, "plan")
        assert found.files[b"a.o"].content == expected.files[b"a.o"].content


@pytest.mark.parametrize("setting", ["link", "unset", "wrong"])
def test_row46_working_directory_in_debug_information(twin: Twin, setting: str) -> None:
    link = twin.root / "link"
    link.symlink_to("work")
    case = Case((), TWO)
    objects = []
    for compiler, env in ((twin.clang, twin.env), (WRAPPERS / "clang-llm", twin.our_env("no_plan"))):
        twin.fresh(case)
        pwd = {"link": {"PWD": str(link)}, "unset": {}, "wrong": {"PWD": "/usr"}}[setting]
        subprocess.run([str(compiler), *COMPILE], cwd=link, env={**env, **pwd}, check=True, timeout=TIMEOUT_S)
        objects.append((twin.work / "a.o").read_bytes())
    assert objects[0] == objects[1]
    assert (os.fsencode(link) in objects[0]) == (setting == "link")
