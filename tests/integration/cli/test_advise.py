"""`clang-llm-tool advise` with real compilers: each number is what clang makes of the option."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.plugin_support import compiler_of

from clang_llm import cli
from clang_llm.system import log, process, settings
from clang_llm.system.objects import allocated_size, parts_of
from clang_llm.toolchain.compiler import Compiler

CALLS = """\
int g(int); int h(int, int);
int walk(int *v, int n) { int s = 0; for (int i = 0; i < n; i++) if ((s += g(v[i])) > 9) s = h(s, g(i)); return s; }
int turn(int *v, int n) { int s = 1; for (int i = 0; i < n; i++) { s ^= g(v[i]) + h(i, s); } return s + g(n); }
struct __attribute__((packed)) item { char c; unsigned x, y; };
unsigned add(struct item *i) { return i->x + i->y; }
"""
MAIN = "int walk(int *, int); int main(int n, char **v) { (void)v; return walk(&n, 1); }\n"
PLAIN = ("-fno-asynchronous-unwind-tables", "-fno-math-errno", "-fomit-frame-pointer")
CXX = """\
struct base { virtual ~base() {} virtual int f() { return 1; } };
struct local { ~local(); };
int call(base &b) { local one; return b.f(); }
base *make() { return new base; }
"""
Advise = Callable[..., dict[str, dict[str, int]]]


@pytest.fixture
def compiler(request: pytest.FixtureRequest) -> Compiler:
    major = getattr(request, "param", 19)
    found = compiler_of(major)
    if found is None:
        pytest.skip(f"clang {major} is not installed")
    return found


@pytest.fixture
def environ(compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    mine = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"),
        "CLANG_LLM_CLANG": str(compiler.path),
        "CLANG_LLM_PYTHON": sys.executable,
    }
    (tmp_path / "cache").mkdir()
    (tmp_path / "calls.c").write_text(CALLS)
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    monkeypatch.chdir(tmp_path)
    return mine


@pytest.fixture
def said(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    assert environ["CLANG_LLM_CLANG"]

    def run(*words: str, status: int = 0) -> str:
        assert cli.main(["advise", *words]) == status
        return capsys.readouterr().out

    return run


@pytest.fixture
def advise(said: Callable[..., str]) -> Advise:
    """Return what is suggested, by the options."""

    def run(*words: str) -> dict[str, dict[str, int]]:
        return {each["options"]: each for each in json.loads(said("--json", *words))["suggestions"]}

    return run


def size(compiler: Compiler, *words: str) -> int:
    done = process.run([compiler.path, *words, "-c", "-o", "by-hand.o"])
    assert done.ok, done.stderr
    return allocated_size(Path("by-hand.o").read_bytes())


UNWIND = "-fno-asynchronous-unwind-tables -fno-unwind-tables"
ROWS = {
    "another level": (("-O2", *PLAIN), "-Oz"),
    "unwind tables": (("-Oz", *PLAIN[1:]), UNWIND),
    "frame pointer": (("-Oz", "-fno-omit-frame-pointer", *PLAIN[:2]), "-fomit-frame-pointer"),
    "save-restore": (("-Oz", "--target=riscv32-unknown-elf", "-march=rv32imac"), "-msave-restore"),
    "thumb": (("-Oz", "--target=armv7a-none-eabi", *PLAIN), "-mthumb"),
    "aligned": (
        ("-Oz", "--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-mno-unaligned-access", *PLAIN),
        "-munaligned-access",
    ),
}


@pytest.mark.parametrize(
    ("compiler", "row"), [*((19, row) for row in ROWS), (14, "unwind tables"), (14, "thumb")], indirect=["compiler"]
)
def test_each_number_is_clangs(compiler: Compiler, advise: Advise, row: str) -> None:
    words, option = ROWS[row]
    (found,) = (each for name, each in advise("clang", *words, "-c", "calls.c").items() if name == option)
    assert found["before"] == size(compiler, *words, "calls.c")
    assert found["after"] == size(compiler, *words, *option.split(), "calls.c") < found["before"]


def test_what_gains_nothing_is_not_told(said: Callable[..., str]) -> None:
    text = said("--", "clang", "-Oz", *PLAIN, "-c", "calls.c")
    assert text.endswith("\nnothing that was tried makes them smaller\n")
    assert said("--", "clang", "-E", "calls.c").startswith("nothing to measure: 1 command, ")
    Path("broken.c").write_text("int f(void) { return missing; }\n")
    assert "1 command failed" in said("--", "clang", "-Oz", "-c", "broken.c")


def test_exceptions_and_types_are_kept_where_one_command_needs_them(advise: Advise) -> None:
    sources = {"plain.cpp": CXX, "throws.cpp": "void t() { throw 1; }", "casts.cpp": "#include <typeinfo>\n"
               "struct a { virtual ~a(); }; const char *n(a *x) { return typeid(*x).name(); }"}  # fmt: skip
    for name, text in sources.items():
        Path(name).write_text(text)

    def of(*names: str) -> set[str]:
        entries = [{"directory": ".", "arguments": ["clang++", "-Oz", "-c", name], "file": name} for name in names]
        Path("compile_commands.json").write_text(json.dumps(entries))
        return set(advise())

    assert {"-fno-exceptions", "-fno-rtti"} <= of("plain.cpp")
    assert "-fno-exceptions" not in of("plain.cpp", "throws.cpp")
    assert "-fno-rtti" not in of("plain.cpp", "casts.cpp")


def test_the_largest_sources_are_the_sample(said: Callable[..., str]) -> None:
    for number in range(3):
        Path(f"small{number}.c").write_text(f"int f{number}(int x) {{ return x + {number}; }}\n")
    entries = [
        {"directory": ".", "command": f"cc -Oz -MD -MF d.d -DX='a b' -c {name} -o {name}.o", "file": name}
        for name in ("small0.c", "calls.c", "small1.c", "small2.c")
    ]
    Path("build").mkdir()
    Path("build/compile_commands.json").write_text(json.dumps([{**each, "directory": ".."} for each in entries]))
    text = said("--sample", "1")
    assert text.startswith("1 of 4 compiles measured with clang alone, for x86_64")
    assert f" {UNWIND}\n    no backtraces" in text
    assert said("--sample", "0", "--jobs", "2").startswith("4 compiles measured")
    assert not [path for path in Path().iterdir() if path.suffix in {".d", ".o"}]


def test_programs_are_linked(compiler: Compiler, advise: Advise) -> None:
    if not compiler.tool("ld.lld").exists():
        pytest.skip("no lld for this clang")
    Path("main.c").write_text(MAIN + "int g(int x) { return x; } int h(int x, int y) { return x * y; }")
    Path("unused.c").write_text("int nobody(int x) { return x / 3; }\n")
    words = ["clang", "-Oz", *PLAIN, "-c"]
    names = ("main.c", "calls.c", "unused.c")
    entries = [{"directory": ".", "arguments": [*words, name], "file": name} for name in names]
    Path("compile_commands.json").write_text(json.dumps(entries))
    found = advise()
    collected = found["-ffunction-sections -fdata-sections -Wl,--gc-sections (linked)"]
    objects = sum(size(compiler, "-Oz", *PLAIN, name) for name in ("main.c", "calls.c"))
    assert 0 <= collected["before"] - objects < 64  # alignment; unused.c is not taken
    # turn and add of calls.c are needed by nobody
    kept = [line for line in CALLS.splitlines() if not line.startswith(("int turn", "unsigned add"))]
    Path("walk.c").write_text("\n".join(kept))
    gone = size(compiler, "-Oz", *PLAIN, "calls.c") - size(compiler, "-Oz", *PLAIN, "walk.c")
    assert abs(collected["before"] - collected["after"] - gone) < 16
    lto = found["-flto -Wl,--gc-sections (linked)"]
    assert lto["before"] == collected["before"]
    assert lto["after"] < collected["after"]


def test_a_build_is_looked_at_while_it_runs(environ: dict[str, str], said: Callable[..., str]) -> None:
    environ["CLANG_LLM_DISABLE"] = "1"  # no plugin is needed to see the commands
    Path("a b.c").write_text(CALLS)
    Path("Makefile").write_text(
        "all:\n\t$(CC) -Oz '-DTEXT=\"a b\"' -c calls.c\n\tcd . && clang-llm -Os '-DLINES=\\' -c 'a b.c' -o x.o\n"
        "\t$(CC) -v -Os -c nothere.c || true\n"
    )
    text = said("--", "make")
    assert "\n2 compiles measured with clang alone" in text
    assert Path("calls.o").exists()
    assert parts_of(Path("x.o").read_bytes()).unwind
    odd = "new\nline \"$x\\y' \udcff.c"
    Path(odd).write_text(CALLS)
    assert "1 compile measured" in said("--", "clang-llm", "-Os", "-c", odd)
    Path("Makefile").write_text("all:\n\t$(CC) -Oz -c calls.c\n\tfalse\n")
    assert UNWIND in said("--", "make", status=2)
    assert cli.main(["advise", "--", "true"]) == 13


def test_what_was_counted_is_told(environ: dict[str, str], said: Callable[..., str]) -> None:
    log.append_event(Path(environ["CLANG_LLM_CACHE_DIR"]), *["bypass:level_os"] * 2, "bypass:lto", "bypass:link")
    lines = said("--compile-commands", str(_database()))
    assert "\n2 compiles were -Os: CLANG_LLM_LEVELS=Oz,Os would take them on\n1 compile was left to clang: " in lines
    assert lines.count("left to clang") == 1 + lines.count("clang-llm leaves LTO")


def _database() -> Path:
    path = Path("one.json")
    path.write_text(json.dumps([{"directory": ".", "arguments": ["clang", "-Oz", "-c", "calls.c"], "file": "calls.c"}]))
    return path


def test_without_anything_to_look_at(said: Callable[..., str]) -> None:
    said(status=13)
    said("--compile-commands", str(_database()), "--", "make", status=13)
    shutil.copy(_database(), "compile_commands.json")
    assert UNWIND in said()
