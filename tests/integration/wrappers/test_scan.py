"""What the wrapper reads out of a command line: which commands get the plugin, and why the others do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.wrapper_box import OPTION, PLUGIN, Box, without_plugin

ASKS = [
    "-Oz -c a.c",
    "-Oz a.c -o a",
    "-c -Oz -x c /dev/null -o .tmp",
    "-Oz -c a.cc",
    "-Oz -c a.cpp",
    "-Oz -c a.cxx",
    "-Oz -c a.c++",
    "-Oz -c a.C",
    "-Oz -c a.m",
    "-Oz -c a.mm",
    "-Oz -c a.i",
    "-Oz -c a.ii",
    "-Oz -c a.cppm",
    "-Oz -xc -c -",
    "-Oz -c -x c++ noext",
    "-Oz -c -- a.c",
    "-c a.c",  # no level: a config file of clang may bring one
    "-O2 -Oz -c a.c",
    "-Oz -O2 -c a.c",
    "-O2 -Xclang -Oz -c a.c",
    "-O2 -c @args",
    "@args",
    "-O2 --config=f.cfg -c a.c",
    "-O2 --config f.cfg -c a.c",
    "--optimize=z -c a.c",
    "-Oz -MD -MF a.d -c a.c",
    "-Oz -c a.c -fPIC -std=c11 -DNDEBUG -Iinclude -Wall -g",
    "-Oz -ftime-trace -fstack-usage -c a.c",
    "-Oz -fno-lto -c a.c",
    "-Oz -c a.c b.o -lm",
    "-Oz -c a.c -oa.s",
]
BYPASSED = {
    "query": [
        "-v",
        "--version",
        "--help",
        "--help-hidden",
        "-help",
        "-### -Oz -c a.c",
        "-Oz -v -c a.c",
        "-print-search-dirs",
        "-print-prog-name=ld",
        "--print-resource-dir",
        "-dumpmachine",
        "-dumpversion",
        "-cc1 -Oz a.c",
        "-cc1as a.s",
        "-ccc-print-phases -Oz a.c",
        "--driver-mode=cl /c a.c",
        "--driver-mode=cpp a.c",
        "-Oz -Xclang -fdebug-pass-manager -c a.c",
        "-Oz -mllvm -print-after-all -c a.c",
        "-Oz -mllvm -debug-pass=Structure -c a.c",
    ],
    "preprocess": ["-E a.c", "-Oz -E -dM -", "-M a.c", "-MM -Oz a.c", "-P a.c", "--preprocess a.c"],
    "assembly": ["-S -Oz a.c", "-Oz -c a.s", "-Oz -c a.S", "-c a.sx", "--assemble a.c"],
    "syntax_only": [
        "-fsyntax-only -Oz a.c",
        "--analyze a.c",
        "-Oz -x c-header h.h",
        "-Oz -xc++-header h.h",
        "--precompile m.cppm",
    ],
    "link": [
        "a.o -o a",
        "-Oz a.o b.o -o a -lm",
        "-shared -o liba.so a.o",
        "-O2 CMakeFiles/a.dir/a.c.o -o a",
        "-Oz",
        "",
    ],
    "not_oz": ["-O2 -c a.c", "-O -c a.c", "-O0 a.c -o a", "-Os -O2 -c a.c", "-Ofast -c a.c", "-Og -c a.c"],
    "level_os": ["-Os -c a.c", "-Os a.c -o a", "-O2 -Os -c a.c", "-c a.c -Os"],
    "lto": ["-Oz -flto -c a.c", "-Oz -flto=thin -c a.c", "-flto -fno-lto -Oz -c a.c", "-Oz -fembed-bitcode -c a.c"],
    "emit_llvm": ["-Oz -emit-llvm -c a.c", "-Oz -Xclang -emit-llvm-bc -c a.c", "-Oz -Xclang -emit-pch -c a.c"],
    "coverage": ["-Oz --coverage -c a.c", "-Oz -ftest-coverage -c a.c", "-Oz -fcoverage-mapping -c a.c"],
    "profile": ["-Oz -fprofile-generate -c a.c", "-Oz -fprofile-use=p -c a.c", "-Oz -fprofile-arcs -c a.c"],
    "save_temps": ["-Oz -save-temps -c a.c", "-Oz -save-temps=obj -c a.c", "-Oz --save-temps -c a.c"],
    "records_command": [
        "-Oz -MJ a.json -c a.c",
        "-Oz -MJa.json -c a.c",
        "-Oz -frecord-command-line -c a.c",
        "-Oz -grecord-gcc-switches -g -c a.c",
        "-Oz -gen-cdb-fragment-path d -c a.c",
    ],
    "arch": ["-arch x86_64 -Oz -c a.c", "-Xarch_arm64 -DX -Oz -c a.c"],
}


@pytest.fixture
def clang(box: Box) -> Path:
    return box.program("clang-19")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.mark.parametrize("line", ASKS)
def test_asks_the_plugin(box: Box, clang: Path, line: str) -> None:
    box.with_plugin(clang)
    words = line.split()
    box.run(*words)
    (started,) = box.started()
    inserted = ["--start-no-unused-arguments", PLUGIN, "--end-no-unused-arguments"]
    assert started == [str(clang), *inserted, *words]
    assert box.events() == []


@pytest.mark.parametrize(("reason", "line"), [(reason, line) for reason, lines in BYPASSED.items() for line in lines])
def test_bypasses(box: Box, clang: Path, reason: str, line: str) -> None:
    box.with_plugin(clang)
    words = line.split()
    box.run(*words)
    assert box.started() == [[str(clang), *words]] if words else box.started() in ([[str(clang)]], [[str(clang), ""]])
    assert box.events() == [f"bypass:{reason}"]


LINKS = [
    "-flto -fuse-ld=lld a.o -o a",
    "-Oz -flto=full -fuse-ld=lld a.o b.a -shared -o a.so -lm",
    "-O2 -flto a.c -fuse-ld=lld",
    "-flto -fuse-ld=gold -fuse-ld=lld a.o",
    "-flto -flto -fuse-ld=lld --target=armv7m-none-eabi a.o",
]
OTHER_LINKS = [
    "-flto a.o -o a",
    "-flto -fuse-ld=lld -fuse-ld=bfd a.o",
    "-flto -fuse-ld=/usr/bin/ld.lld a.o",
    "-flto=thin -fuse-ld=lld a.o",
    "-flto -flto=thin -fuse-ld=lld a.o",
    "-flto=thin -flto -fuse-ld=lld a.o",
    "-flto -ffat-lto-objects -fuse-ld=lld a.o",
    "-flto -fuse-ld=lld --ld-path=/opt/ld.lld a.o",
    "-flto -fuse-ld=lld -B/opt a.o",
    "-B /opt -flto -fuse-ld=lld a.o",
    "-flto -fuse-ld=lld -no-canonical-prefixes a.o",
    "-flto -fuse-ld=lld -Wl,--reproduce=a.tar a.o",
    "-flto -fuse-ld=lld @args a.o",
    "-flto -fuse-ld=lld -c a.c",
    "-c a.c -flto -fuse-ld=lld",
    "-flto -fuse-ld=lld",
]


def with_linker(box: Box, clang: Path) -> None:
    """Leave a memo as `prepare` does where the linker beside clang takes the plugin."""
    box.with_plugin(clang)
    (box.memo(clang) / "ld.lld").symlink_to(box.program("ld.lld"))


@pytest.mark.parametrize("line", LINKS)
def test_a_link_with_lto_takes_the_plugin_where_it_is_wanted(box: Box, clang: Path, line: str) -> None:
    with_linker(box, clang)
    words = line.split()
    inserted = ["--start-no-unused-arguments", f"-Wl,--load-pass-plugin={PLUGIN.removeprefix(OPTION)}"]
    for wanted in ("1", ""):
        box.run(*words, CLANG_LLM_LTO=wanted)
        assert box.started() == [[str(clang), *((*inserted, "--end-no-unused-arguments") if wanted else ()), *words]]
    assert box.events() == ["bypass:lto"]
    config = box.root / "config"
    config.write_text("lto = yes\n")
    box.run(*words, CLANG_LLM_CONFIG=str(config))
    assert box.started()[0][2] == inserted[1]
    box.run(*words, CLANG_LLM_CONFIG=str(config), CLANG_LLM_LTO="no")
    assert box.started() == [[str(clang), *words]]


@pytest.mark.parametrize("line", OTHER_LINKS)
def test_other_links_with_lto_are_clangs(box: Box, clang: Path, line: str) -> None:
    with_linker(box, clang)
    box.run(*line.split(), CLANG_LLM_LTO="1")
    assert box.started() == [[str(clang), *line.split()]]
    assert box.events() == ["bypass:lto"]


@pytest.mark.parametrize("variables", [{"COMPILER_PATH": "/opt"}, {"LLD_REPRODUCE": "a.tar"}])
def test_links_with_another_linker_or_a_record_are_clangs(box: Box, clang: Path, variables: dict[str, str]) -> None:
    with_linker(box, clang)
    box.run(*LINKS[0].split(), CLANG_LLM_LTO="1", **variables)
    assert box.started() == [[str(clang), *LINKS[0].split()]]
    assert box.events() == ["bypass:lto"]


def test_a_linker_that_takes_no_plugin_costs_one_preparation(box: Box, clang: Path) -> None:
    """Without a linker in the memo a link is clang's, and nothing is prepared again for it."""
    box.with_plugin(clang)
    box.run(*LINKS[0].split(), CLANG_LLM_LTO="1")
    assert box.started() == [[str(clang), *LINKS[0].split()]]
    box.run("-Oz", "-c", "a.c", CLANG_LLM_LTO="1")
    assert box.started()[0][2] == PLUGIN
    assert box.events() == ["bypass:lto"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"CLANG_LLM_DISABLE": "1"}, "disabled"),
        ({"CLANG_LLM_DISABLE": "Yes"}, "disabled"),
        ({"CLANG_LLM_DISABLE": "on"}, "disabled"),
        ({"CCC_OVERRIDE_OPTIONS": "+-O2"}, "override_options"),
        ({"CC_PRINT_OPTIONS": "1"}, "records_command"),
        ({"_CLANG_LLM_GUARD": "/1"}, "nested"),
    ],
)
def test_environment_bypasses(box: Box, clang: Path, variables: dict[str, str], reason: str) -> None:
    box.with_plugin(clang)
    box.run("-Oz", "-c", "a.c", **variables)
    assert box.started() == [[str(clang), "-Oz", "-c", "a.c"]]
    assert box.events() == [f"bypass:{reason}"]


@pytest.mark.parametrize("value", ["0", "no", "No", "false", "FALSE", "off"])
def test_false_values_do_not_disable(box: Box, clang: Path, value: str) -> None:
    box.with_plugin(clang)
    box.run("-Oz", "-c", "a.c", CLANG_LLM_DISABLE=value)
    assert box.started()[0][2].startswith(OPTION)


@pytest.mark.parametrize("value", ["Oz,Os", "oz, os", "Os"])
def test_os_asks_the_plugin_where_levels_say_so(box: Box, clang: Path, value: str) -> None:
    box.with_plugin(clang)
    for line, asks in (("-Os -c a.c", True), ("-O2 -Os a.c", True), ("-Os -O2 -c a.c", False), ("-Os a.o", False)):
        box.run(*line.split(), CLANG_LLM_LEVELS=value)
        assert (PLUGIN in box.started()[0]) == asks, line
    assert box.events() == ["bypass:not_oz", "bypass:link"]


def test_words_arrive_as_they_are(box: Box, clang: Path) -> None:
    box.with_plugin(clang)
    words = ["-Oz", "-c", "a b.c", "-DX='\"$HOME\" `id`'", "*", "", "--", "-Oz", "\\n"]
    box.run(*words)
    (started,) = box.started()
    assert started[2] == PLUGIN
    assert without_plugin(started[1:]) == words


def test_explain_takes_the_reason_and_compiles_nothing(box: Box, clang: Path) -> None:
    box.with_plugin(clang)
    said = box.root / "explain"
    box.run("-O2", "-c", "a.c", _CLANG_LLM_EXPLAIN=str(said))
    assert said.read_text() == '{"event": "bypass", "reason": "not_oz"}\n'
    assert box.started() == []
    assert box.events() == []


@pytest.mark.parametrize("variables", [{"CLANG_LLM_READONLY": "1"}, {"CLANG_LLM_CACHE_DIR": "/nonexistent/cache"}])
def test_counts_nothing_where_it_may_not_write(box: Box, clang: Path, variables: dict[str, str]) -> None:
    done = box.run("-O2", "-c", "a.c", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert box.started() == [[str(clang), "-O2", "-c", "a.c"]]
    assert list(box.cache.iterdir()) == []
    assert not Path("/nonexistent").exists()


def test_starts_nothing_but_clang(box: Box, clang: Path) -> None:
    """Neither a Python nor any other program, on the way of a command that is ready to run."""
    box.with_plugin(clang)
    only = box.root / "only"
    only.mkdir()
    (only / "clang-19").symlink_to(clang)
    for words in (("-Oz", "-c", "a.c"), ("-O2", "-c", "a.c"), ("a.o",), ("--version",)):
        done = box.run(*words, PATH=str(only), CLANG_LLM_CLANG=str(clang))
        assert done.stderr == ""
        assert len(box.started()) == 1
