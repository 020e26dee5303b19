"""Every reason for which a candidate is refused: pairs of real objects, of which the second breaks one promise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from clang_llm.system import process
from clang_llm.toolchain.builder import SOURCES
from clang_llm.toolchain.compiler import Compiler

DRIVER = Path(__file__).with_name("contract_driver.cpp")


@dataclass(frozen=True)
class Case:
    """One source; what -Oz's object is compiled with, and what the other one is compiled with instead."""

    source: str
    oz: tuple[str, ...]
    ours: tuple[str, ...]


RAM = """
#define RAM __attribute__((section(".ramfunc"), noinline))
int state;
extern int ready(void);
#ifdef OURS
static __attribute__((noinline)) int helper(int n) { return n * state + 3; }
#else
static inline __attribute__((always_inline)) int helper(int n) { return n * state + 3; }
#endif
RAM int erase(int n) { state ^= n; return helper(n) + ready(); }
"""
MEMORY = """
typedef __SIZE_TYPE__ size_t;
#ifdef OURS
static __attribute__((noinline)) void *twin(char *d, const char *s, size_t n) { return __builtin_memcpy(d, s, n); }
void *memcpy(void *d, const void *s, size_t n) { return twin(d, s, n); }
#else
void *memcpy(void *d, const void *s, size_t n) { char *a = d; const char *b = s; while (n--) *a++ = *b++; return d; }
#endif
"""
FORTIFIED = """
#include <string.h>
void use(char *);
void f(const char *s, size_t n) { char b[16]; memcpy(b, s, n); use(b); }
"""
PROTECTED = "void fill(char *); int f(void) { char b[40]; fill(b); return b[3]; }"
THREAD = "__attribute__((tls_model(MODEL))) __thread int x; int f(void) { return x; }"
STARTED = """
volatile int x;
#ifndef OURS
__attribute__((constructor))
#endif
void start(void) { x = 3; }
"""
CASES = {
    "": Case("int state; int f(int n) { return n ? state / n : 0; }", (), ("-fno-inline",)),
    "section": Case("__attribute__((section(PLACE))) int x = 7;", ('-DPLACE=".a"',), ('-DPLACE=".b"',)),
    "code_section": Case(RAM, (), ("-DOURS",)),
    "reference": Case(RAM + "int ordinary(int n) { return n / 3; }", (), ("-DOURS",)),
    "alignment": Case("__attribute__((aligned(BYTES))) char buffer[100] = {1};", ("-DBYTES=64",), ("-DBYTES=16",)),
    "protector": Case(PROTECTED, ("-fstack-protector-all",), ()),
    "fortify": Case(FORTIFIED, ("-D_FORTIFY_SOURCE=2",), ()),
    "tls": Case(THREAD, ('-DMODEL="global-dynamic"',), ('-DMODEL="local-exec"', "-fPIE")),
    "constructors": Case(STARTED, (), ("-DOURS",)),
    "notes": Case("int f(void) { return 3; }", ("-fcf-protection=full",), ("-fcf-protection=none",)),
    "recursion": Case(MEMORY, ("-fno-builtin",), ("-DOURS",)),
}


@pytest.fixture(scope="session")
def driver(a_compiler: Compiler, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's own comparison as a program."""
    if a_compiler.llvm_config is None:
        pytest.skip("no llvm-config")
    program = tmp_path_factory.mktemp("contract") / "contract"
    words = process.run([a_compiler.llvm_config, "--cxxflags", "--ldflags", "--libs"]).output.split()
    flags = ["-std=c++17", "-fno-rtti", "-Wno-everything", f"-I{SOURCES}"]
    built = process.run(
        [a_compiler.real, "--driver-mode=g++", *words, *flags, DRIVER, "-o", program, *words], timeout_s=300
    )
    assert built.ok, built.stderr
    return program


def made(compiler: Compiler, place: Path, source: Path, name: str, options: tuple[str, ...]) -> list[Path]:
    """The module and the object of one compile."""
    outputs = [place / f"{name}.bc", place / f"{name}.o"]
    for how, output in zip((["-emit-llvm"], []), outputs, strict=True):
        done = process.run([compiler.path, "-Oz", "-fPIC", "-c", *how, *options, source, "-o", output])
        assert done.ok, done.stderr
    return outputs


@pytest.mark.parametrize("reason", CASES, ids=lambda reason: reason or "nothing")
def test_what_breaks_a_promise_is_refused_for_that_reason(
    a_compiler: Compiler, driver: Path, tmp_path: Path, reason: str
) -> None:
    case, source = CASES[reason], tmp_path / "source.c"
    source.write_text(case.source)
    oz = made(a_compiler, tmp_path, source, "oz", case.oz)
    ours = made(a_compiler, tmp_path, source, "ours", case.ours)
    assert process.run([driver, oz[0], *oz, *ours]).output.strip() == reason
    assert process.run([driver, oz[0], *oz, *oz]).output.strip() == ""
