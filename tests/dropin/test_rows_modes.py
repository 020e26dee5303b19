"""Hazard rows about what a command is for: 10, 12 to 15, 19 to 24."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from clang_llm.system.objects import allocated_size
from dropin import sources
from dropin.helpers import events
from dropin.twin import Case, Twin

TWO = {"a.c": sources.C, "b.c": sources.SECOND_C, "h.h": "int h(void);\n"}
MODULES = {
    "module.modulemap": 'module H { header "h.h" }\n',
    "h.h": "int h(void);\n",
    "m.c": "@import H;\nint use(void) { return h(); }\n",
}
NAMED_MODULE = {
    "m.cppm": "export module m;\nexport int twice(int x) { return x + x; }\n",
    "use.cpp": "import m;\nint main() { return twice(2) - 4; }\n",
}

CASES = {
    "row10 -M": Case((("-Oz", "-M", "a.c"),), TWO),
    "row10 -MM": Case((("-Oz", "-MM", "a.c", "-o", "a.d"),), TWO),
    "row12 -E": Case((("-Oz", "-E", "b.c"),), TWO),
    "row12 -E -P": Case((("-Oz", "-E", "-P", "b.c", "-o", "b.i"),), TWO),
    "row12 preprocessed source": Case((("-Oz", "-E", "a.c", "-o", "a.i"), ("-Oz", "-c", "a.i")), TWO),
    "row12 -E in a response file": Case((("-Oz", "b.c", "@f"),), {**TWO, "f": "-E"}),
    "row13 -S": Case((("-Oz", "-S", "a.c"),), TWO),
    "row13 -S in a response file": Case((("-Oz", "a.c", "@f"),), {**TWO, "f": "-S"}),
    "row14 -fsyntax-only": Case((("-Oz", "-fsyntax-only", "a.c", "-o", "x.o"),), TWO),
    "row14 --analyze": Case((("-Oz", "--analyze", "b.c"),), TWO),
    "row15 compile and link": Case((("-Oz", "a.c", "-o", "prog"),), TWO),
    "row15 compile and link two": Case((("-Oz", "a.c", "b.c", "-lm", "-Wl,--gc-sections", "-o", "prog"),), TWO),
    "row15 C++": Case((("c++", "-Oz", "a.cpp", "-o", "prog"),), {"a.cpp": sources.CXX}),
    "row15 compile, then link": Case((("-Oz", "-c", "a.c"), ("-Oz", "-c", "b.c"), ("a.o", "b.o", "-o", "prog")), TWO),
    "row15 shared library": Case((("-Oz", "-fPIC", "-shared", "b.c", "-o", "libb.so"),), TWO),
    "row15 undefined symbol": Case((("-Oz", "b.c", "-o", "prog"),), TWO),
    "row15 relocatable": Case((("-Oz", "-r", "a.c", "b.c", "-o", "ab.o"),), TWO),
    "row19 -fprofile-generate": Case((("-Oz", "-fprofile-generate", "-c", "a.c"),), TWO),
    "row19 -fprofile-instr-generate": Case((("-Oz", "-fprofile-instr-generate", "-c", "a.c"),), TWO),
    "row19 -fprofile-use without profile": Case((("-Oz", "-fprofile-use=none.profdata", "-c", "a.c"),), TWO),
    "row19 profile in a response file": Case((("-Oz", "-c", "a.c", "@f"),), {**TWO, "f": "-fprofile-generate"}),
    "row20 -flto": Case((("-Oz", "-flto", "-c", "a.c"),), TWO),
    "row20 -flto=thin": Case((("-Oz", "-flto=thin", "-c", "a.c"),), TWO),
    "row20 -flto -fno-lto": Case((("-Oz", "-flto", "-fno-lto", "-c", "a.c"),), TWO),
    "row20 -flto in a response file": Case((("-Oz", "-c", "a.c", "@f"),), {**TWO, "f": "-flto"}),
    "row20 -ffat-lto-objects": Case((("-Oz", "-flto", "-ffat-lto-objects", "-c", "a.c"),), TWO),
    "row20 -emit-llvm": Case((("-Oz", "-emit-llvm", "-c", "a.c"), ("-Oz", "-emit-llvm", "-S", "a.c")), TWO),
    "row20 -emit-llvm in a response file": Case((("-Oz", "-c", "b.c", "@f"),), {**TWO, "f": "-emit-llvm"}),
    "row20 -fembed-bitcode": Case((("-Oz", "-fembed-bitcode", "-c", "a.c"),), TWO),
    "row21 precompiled header": Case(
        (("-Oz", "-x", "c-header", "h.h", "-o", "h.h.pch"), ("-Oz", "-include-pch", "h.h.pch", "-c", "b.c")), TWO
    ),
    "row21 header without -x": Case((("-Oz", "h.h"), ("-Oz", "-include", "h.h", "-c", "b.c")), TWO),
    "row22 implicit modules": Case(
        (("-Oz", "-fmodules", "-fmodules-cache-path=mc", "-fdisable-module-hash", "-c", "m.c"),),
        MODULES,
        unstable=r"mc/(.*\.timestamp|modules\.idx|.*\.pcm)$",
    ),
    "row22 named module": Case(
        (
            ("c++", "-std=c++20", "-Oz", "--precompile", "m.cppm", "-o", "m.pcm"),
            ("c++", "-std=c++20", "-Oz", "-c", "m.pcm", "-o", "m.o"),
            ("c++", "-std=c++20", "-Oz", "-fmodule-file=m=m.pcm", "use.cpp", "m.o", "-o", "prog"),
        ),
        NAMED_MODULE,
    ),
    "row23 -Xclang takes the level away": Case((("-Oz", "-Xclang", "-O2", "-c", "a.c"),), TWO),
    "row23 -Xclang brings the level": Case((("-O2", "-Xclang", "-Oz", "-c", "a.c"),), TWO),
    "row23 -Xclang -ast-print": Case((("-Oz", "-Xclang", "-ast-print", "-c", "b.c"),), TWO),
    "row23 -Xclang -emit-llvm-bc": Case((("-Oz", "-Xclang", "-emit-llvm-bc", "-c", "b.c"),), TWO),
    "row23 -Xclang -disable-llvm-passes": Case((("-Oz", "-Xclang", "-disable-llvm-passes", "-c", "b.c"),), TWO),
    "row23 -mllvm": Case((("-Oz", "-mllvm", "-inline-threshold=3", "-c", "a.c"),), TWO),
    "row23 pass names": Case((("-Oz", "-mllvm", "-print-pipeline-passes", "-c", "b.c"),), TWO),
    "row23 debug of passes": Case((("-Oz", "-Xclang", "-fdebug-pass-manager", "-c", "b.c"),), TWO),
    "row23 dumps between passes": Case((("-Oz", "-mllvm", "-print-after-all", "-c", "b.c"),), TWO),
    "row24 lone -v": Case((("-v",),)),
    "row24 -v": Case((("-Oz", "-v", "-c", "a.c"),), TWO),
    "row24 -###": Case((("-Oz", "-###", "-c", "a.c"), ("-Oz", "-###", "a.c", "-o", "prog")), TWO),
    "row24 versions": Case((("--version",), ("-dumpversion",), ("-dumpmachine",))),
    "row24 --help": Case((("--help",), ("--help-hidden",))),
    "row24 -print": Case(
        (("-print-search-dirs",), ("-print-prog-name=ld",), ("-print-file-name=crt1.o",), ("--print-resource-dir",))
    ),
    "row24 -print with a level": Case((("-Oz", "-print-libgcc-file-name"), ("-Oz", "-print-multi-lib"))),
    "row24 -ccc-print-phases": Case((("-Oz", "-ccc-print-phases", "a.c"),), TWO),
    "row24 -cc1": Case((("-cc1", "-Oz", "-emit-obj", "b.c", "-o", "b.o"), ("-cc1", "-version"))),
}
#: Both sides link with the same linker; gold and bfd cannot read clang's bitcode.
LTO_LINK = Case((("-Oz", "-flto", "-fuse-ld=lld", "a.c", "b.c", "-o", "prog"),), TWO)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cannot_be_told_from_clang(twin: Twin, case: Case) -> None:
    twin.check(case)


def test_row20_link_with_lto(twin: Twin) -> None:
    beside = twin.clang.resolve().parent / "ld.lld"
    if shutil.which("ld.lld", path=twin.env["PATH"]) is None and not beside.exists():
        pytest.skip("lld is not installed")
    twin.check(LTO_LINK)


@pytest.mark.parametrize(("compiler", "name"), [("cc", "a.c"), ("c++", "a.cpp")])
def test_row15_programs_run(twin: Twin, compiler: str, name: str) -> None:
    case = Case(((compiler, "-Oz", name, "-o", "prog"),), {"a.c": sources.C, "a.cpp": sources.CXX})
    results = []
    for run in (twin.plain(case), twin.ours(case, "plan")):
        assert run.codes == (0,)
        done = subprocess.run([twin.work / "prog"], capture_output=True, timeout=60, check=False)
        results.append((done.returncode, done.stdout))
    assert results[0] == results[1]


def test_with_a_plan_the_object_is_smaller(twin: Twin) -> None:
    """What "with a plan" means in all these tests."""
    case = Case((("-Oz", "-c", "a.c"),), TWO)
    expected, cold, warm = twin.plain(case), twin.ours(case, "plan"), twin.ours(case, "plan")
    assert events(twin) == ["miss", "stored", "applied", "hit", "applied"]
    assert allocated_size(cold.files[b"a.o"].content) < allocated_size(expected.files[b"a.o"].content)
    assert warm == cold
