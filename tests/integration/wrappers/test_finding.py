"""Which compiler the wrapper runs: by its name, the settings, as a launcher, under a borrowed name; never itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from integration.wrapper_box import PLUGIN, WRAPPERS, Box

from clang_llm.system.settings import Settings

C, CXX = WRAPPERS / "clang-llm", WRAPPERS / "clang-llm++"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def named(box: Box, name: str) -> Path:
    """Return the wrapper under another name, in a directory of its own."""
    link = box.root / "names" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(C)
    return link


def ran(box: Box) -> str:
    """Return the one program that was started."""
    (started,) = box.started()
    return started[0]


def test_newest_on_path(box: Box) -> None:
    late = box.root / "late"
    for name in ("clang", "clang-14", "clang-9", "clang++-15"):
        box.program(name)
    newest = box.program("clang-20", late)
    newest_cxx = box.program("clang++-20", late)
    path = f"{box.bin}:{late}"
    box.run("--version", PATH=path)
    assert ran(box) == str(newest)
    box.run("--version", wrapper=CXX, PATH=path)
    assert ran(box) == str(newest_cxx)


def test_plain_clang_when_nothing_has_a_number(box: Box) -> None:
    clang = box.program("clang")
    box.run("--version")
    assert ran(box) == str(clang)


def test_what_is_no_program_is_passed_over(box: Box) -> None:
    (box.bin / "clang-22").mkdir()
    box.program("clang-21").chmod(0o644)
    (box.bin / "clang-20").symlink_to("nowhere")
    clang = box.program("clang-19")
    box.run("--version")
    assert ran(box) == str(clang)


@pytest.mark.parametrize("cache", ["ccache", "sccache", "distcc", "icecc/bin"])
def test_compiler_caches_that_pose_as_clang_are_passed_over(box: Box, cache: str) -> None:
    """Their directories stand first on PATH and would call us again."""
    posing = box.program("clang-19", box.root / "lib" / cache).parent
    clang = box.program("clang-19")
    box.run("--version", PATH=f"{posing}:{box.bin}")
    assert ran(box) == str(clang)


@pytest.mark.parametrize(
    ("setting", "wrapper", "expected"),
    [
        ("clang-16", C, "clang-16"),
        ("clang-16", CXX, "clang++-16"),
        ("clang", CXX, "clang++"),
        ("arm-none-eabi-clang", CXX, "arm-none-eabi-clang++"),
        ("arm-none-eabi-clang-19", CXX, "arm-none-eabi-clang++-19"),
        ("clang++-16", CXX, "clang++-16"),
        ("my-compiler", C, "my-compiler"),
        ("my-compiler", CXX, "my-compiler"),
    ],
)
@pytest.mark.parametrize("form", ["name", "path", "relative path"])
def test_setting(box: Box, setting: str, wrapper: Path, expected: str, form: str) -> None:
    program = box.program(expected)
    box.program("clang-30")
    value = {"name": setting, "path": str(box.bin / setting), "relative path": f"bin/{setting}"}[form]
    box.run("--version", wrapper=wrapper, CLANG_LLM_CLANG=value)
    assert ran(box) == str(program)


def test_config_file(box: Box) -> None:
    directory = box.root / "with two  blanks"
    clang = box.program("clang-17", directory)
    config = box.root / "conf"
    config.write_text(f"# clang = /nowhere\n\n\tclang\t=  {clang}  # mine\nunknown = 1\nclangs = 3\n")
    box.run("--version", CLANG_LLM_CONFIG=str(config))
    assert ran(box) == str(clang)
    default = box.root / "home" / ".config" / "clang-llm" / "clang-llm.conf"
    default.parent.mkdir(parents=True)
    default.write_text(f"clang={clang}")  # without the end of the line
    box.run("--version")
    assert ran(box) == str(clang)
    other = box.program("clang-18")
    box.run("--version", CLANG_LLM_CLANG="clang-18")
    assert ran(box) == str(other)


@pytest.mark.parametrize(
    "text",
    [
        "clang = {clang}\r\ndisable = no\r\n",
        "CLANG={clang}\ndisable = no\f\n",
        "Clang = {clang}\nclang clang-18\ndisable yes\n",
    ],
)
def test_config_file_is_read_as_by_everything_else(box: Box, text: str) -> None:
    """Ends of lines as on Windows, names in any case, lines that say nothing (`clang_llm/system/reader.py`)."""
    clang = box.program("clang-17")
    box.program("clang-18")
    cache = box.root / "cache"
    config = box.root / "conf"
    config.write_bytes(text.format(clang=clang).encode())
    box.run("-Oz", "-c", "a.c", CLANG_LLM_CONFIG=str(config), CLANG_LLM_READONLY="1")
    assert ran(box) == str(clang)
    assert Settings.load({"CLANG_LLM_CONFIG": str(config), "HOME": str(box.root)}).clang == str(clang)
    assert not Settings.load({"CLANG_LLM_CONFIG": str(config), "HOME": str(box.root)}).disable
    box.run("-Oz", "-c", "a.c", CLANG_LLM_CONFIG=str(config))
    assert "bypass:disabled" not in (cache / "events").read_text()


def test_config_file_says_cache_and_disable(box: Box) -> None:
    box.program("clang-17")
    config, cache = box.root / "conf", box.root / "another cache"
    cache.mkdir()
    config.write_text(f"cache_dir = {cache}\ndisable = yes\n")
    box.run("-Oz", "-c", "a.c", CLANG_LLM_CONFIG=str(config), CLANG_LLM_CACHE_DIR="")
    assert (cache / "events").read_text() == "bypass:disabled\n"
    box.run("-O2", "-c", "a.c", CLANG_LLM_CONFIG=str(config), CLANG_LLM_CACHE_DIR="", CLANG_LLM_DISABLE="0")
    assert (cache / "events").read_text() == "bypass:disabled\nbypass:not_oz\n"
    config.write_text(f"cache_dir = {cache}\nreadonly = 1\n")
    box.run("-O2", "-c", "a.c", CLANG_LLM_CONFIG=str(config), CLANG_LLM_CACHE_DIR="")
    assert (cache / "events").read_text() == "bypass:disabled\nbypass:not_oz\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clang-llm-16", "clang-16"),
        ("clang-llm++-16", "clang++-16"),
        ("riscv32-unknown-elf-clang-llm", "riscv32-unknown-elf-clang"),
        ("riscv32-unknown-elf-clang-llm++", "riscv32-unknown-elf-clang++"),
        ("clang", "clang"),
        ("clang++", "clang++"),
        ("clang-19", "clang-19"),
        ("aarch64-linux-gnu-clang++-19", "aarch64-linux-gnu-clang++-19"),
        ("clang-cl", "clang-cl"),
    ],
)
@pytest.mark.parametrize("setting", ["", "clang-21"])
def test_name_decides(box: Box, name: str, expected: str, setting: str) -> None:
    program = box.program(expected)
    box.program("clang-21")
    wrapper = named(box, name)
    box.run("--version", wrapper=wrapper, PATH=f"{wrapper.parent}:{box.bin}", CLANG_LLM_CLANG=setting)
    assert ran(box) == str(program)


@pytest.mark.parametrize("word", ["clang", "clang++", "clang-19", "clang++-19", "arm-none-eabi-clang", "x-clang-15"])
@pytest.mark.parametrize("form", ["name", "path"])
def test_launcher(box: Box, word: str, form: str) -> None:
    program = box.program(word)
    box.program("clang-30")
    box.with_plugin(program)
    box.run(word if form == "name" else str(program), "-Oz", "-c", "a.c", CLANG_LLM_CLANG="clang-30")
    inserted = ["--start-no-unused-arguments", PLUGIN, "--end-no-unused-arguments"]
    assert box.started() == [[str(program), *inserted, "-Oz", "-c", "a.c"]]


def test_launcher_is_given_itself(box: Box) -> None:
    clang = box.program("clang-19")
    borrowed = named(box, "clang-19")
    for word in (str(C), str(borrowed), "clang-llm", "clang-19"):
        box.run(word, "-c", "-E", "a.c", PATH=f"{borrowed.parent}:{WRAPPERS}:{box.bin}")
        assert box.started() == [[str(clang), "-c", "-E", "a.c"]], word


def test_launcher_of_what_is_no_clang(box: Box) -> None:
    """`CMAKE_C_COMPILER_LAUNCHER=clang-llm` with gcc, or another launcher behind us: as if we were not there."""
    gcc = box.program("gcc")
    box.program("clang-19")
    for word in ("gcc", str(gcc)):
        box.run(word, "-Oz", "-c", "a.c")
        assert box.started() == [[str(gcc), "-Oz", "-c", "a.c"]]
    ccache = box.program("ccache")
    box.run("ccache", "clang-19", "-Oz", "-c", "a.c")
    assert box.started() == [[str(ccache), "clang-19", "-Oz", "-c", "a.c"]]
    assert box.events() == []


@pytest.mark.parametrize("word", ["object", "clang-19.c", "lib/libclang-19.so", "./object", "nosuch", "clang", "@file"])
def test_first_word_is_an_input(box: Box, word: str) -> None:
    clang = box.program("clang-19")
    (box.root / "object").write_text("an object without extension")
    (box.root / "object").chmod(0o755)
    box.run(word, "-O2", "-o", "a")
    assert box.started()[-1] == [str(clang), word, "-O2", "-o", "a"]


def test_without_any_clang(box: Box) -> None:
    done = box.run("--version")
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr.count("\n") == 1
    done = box.run("--version", CLANG_LLM_CLANG="/nowhere/clang")
    assert (done.returncode, done.stderr.count("/nowhere/clang")) == (127, 1)
    done = box.run("--version", wrapper=named(box, "arm-none-eabi-clang-llm"))
    assert (done.returncode, done.stderr.count("arm-none-eabi-clang)")) == (127, 1)


@pytest.mark.parametrize("kind", ["itself", "a link", "a copy"])
def test_loop(box: Box, kind: str) -> None:
    other = box.root / "clang-19"
    if kind == "a link":
        other.symlink_to(C)
    elif kind == "a copy":
        shutil.copy(C, other)
    else:
        other = C
    done = box.run("-Oz", "-c", "a.c", CLANG_LLM_CLANG=str(other))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_compiler_that_starts_a_compiler_is_no_loop(box: Box) -> None:
    """A vendor's script that calls clang-llm: the outer one has given the plugin, the inner one is plain."""
    clang = box.program("clang-19")
    vendor = box.program("vendor-clang", extra=f'CLANG_LLM_CLANG={clang} {C} "$@"')
    box.with_plugin(vendor)
    box.with_plugin(clang)
    done = box.run("-Oz", "-c", "a.c", CLANG_LLM_CLANG=str(vendor))
    assert (done.returncode, done.stderr) == (0, "")
    outer, inner = box.started()
    assert outer[1:] == inner[1:]
    assert box.events() == ["bypass:nested"]
