"""What is installed works without the tree: the compilers, files for build systems, and every command of the tool."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tree

from clang_llm import cli
from clang_llm.backends.tune import SMALLEST_BUDGET
from clang_llm.system import layout
from clang_llm.toolchain.compiler import Compiler
from integration.installation import Installation, build_distribution

SOURCE = """\
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; ++i) s += length(v[i]) * 8; return s; }
"""
#: An installation is made and a plugin built, which takes one core a minute; more on a busy machine.
pytestmark = pytest.mark.timeout(900)
MAKEFILE = "all: a.o\n%.o: %.c\n\t$(CC) -Oz $(MORE) -c $< -o $@\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, compilers: dict[int, Compiler]) -> Installation:
    """An installation whose doctor has nothing to complain about, in a directory with a small project."""
    if not compilers:
        pytest.skip("no clang is installed")
    compiler = compilers.get(19) or compilers[max(compilers)]
    place = tmp_path_factory.mktemp("installed")
    made = Installation.of(build_distribution(place, "wheel"), place, compiler.path)
    made.environ["CLANG_LLM_BACKEND"] = "coreset"
    (made.work / "a.c").write_text(SOURCE)
    (made.work / "Makefile").write_text(MAKEFILE)
    assert "a trial compile worked" in made.tool("doctor")
    return made


def events(installed: Installation) -> list[str]:
    return (installed.cache / "events").read_text().split()


def fresh(installed: Installation, name: str) -> Installation:
    """The same installation with an empty cache that shares the plugins, in an empty directory."""
    work, cache = installed.work.with_name(name), installed.work.with_name(f"{name}-cache")
    work.mkdir()
    cache.mkdir()
    (cache / "plugins").symlink_to(installed.cache / "plugins")
    # Short sources are searched, too.
    environ = {**installed.environ, "CLANG_LLM_CACHE_DIR": str(cache), "CLANG_LLM_MIN_INSTRUCTIONS": "0"}
    return Installation(installed.prefix, work, environ)


def test_it_compiles(installed: Installation) -> None:
    place = fresh(installed, "by-hand")
    (place.work / "a.c").write_text(SOURCE)
    for _ in range(2):
        assert place.run("clang-llm", "-Oz", "-c", "a.c") == ""
    assert events(place)[:2] == ["miss", "stored"]
    assert events(place)[-1] in {"hit:oz", "applied"}
    # What `doctor` built is what the wrapper looks for.
    assert len(list((installed.cache / "plugins").glob("*/plugin.so"))) == 1


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")
def test_the_cmake_file_finds_the_wrappers(installed: Installation) -> None:
    """The wrappers need not be on PATH."""
    place = fresh(installed, "with-cmake")
    (place.work / "a.c").write_text(SOURCE)
    (place.work / "b.cpp").write_text('extern "C" int length(int);\nint twice(int x) { return 2 * length(x); }\n')
    lists = "cmake_minimum_required(VERSION 3.13)\nproject(sample C CXX)\nadd_library(sample STATIC a.c b.cpp)\n"
    (place.work / "CMakeLists.txt").write_text(lists)
    file = place.tool("path", "cmake").strip()
    place.run("cmake", "-B", "build", f"-DCMAKE_TOOLCHAIN_FILE={file}", "-DCMAKE_BUILD_TYPE=MinSizeRel")
    said = place.run("cmake", "--build", "build", "--verbose")
    assert len(re.findall(rf"{re.escape(str(place.prefix))}/bin/clang-llm(?:\+\+)? .*-Oz .*-c ", said)) == 2
    assert events(place).count("stored") == 2


@pytest.mark.skipif(not shutil.which("meson") or not shutil.which("ninja"), reason="needs meson and ninja")
def test_the_meson_file_works(installed: Installation) -> None:
    place = fresh(installed, "with-meson")
    place.environ["PATH"] = f"{place.prefix}/bin:/usr/bin:/bin"
    (place.work / "a.c").write_text(SOURCE)
    (place.work / "meson.build").write_text("project('sample', 'c')\nstatic_library('sample', 'a.c')\n")
    # Meson is a program of the system's Python.
    meson = shutil.which("meson")
    assert meson
    place.run(meson, "setup", "--native-file", place.tool("path", "meson").strip(), "--buildtype=minsize", "build")
    place.run("ninja", "-C", "build")
    assert events(place).count("stored") == 1


def test_the_seeds_are_asked(installed: Installation) -> None:
    code = (
        "from clang_llm.plans import store; from clang_llm.system.settings import Settings\n"
        "(seed,) = store.behind_local(Settings.load({'HOME': '/'})); print(seed.root, len(list(seed.entries())))"
    )
    root, count = installed.run("python", "-c", code).split()
    assert Path(root) == installed.prefix / "share" / "clang-llm" / "seed"
    assert int(count) == len([path for path in tree.files() if path.is_relative_to("cache/seed/plans")]) > 0


def leaves(parser: argparse.ArgumentParser, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All commands of a parser that have no commands of their own."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield above
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*above, name))


def smoke_tune(place: Installation) -> None:
    assert not (place.work / "a.o").exists()
    said = place.tool("tune", "--candidates", str(SMALLEST_BUDGET), "--", "make")
    assert "tuned: 1 module," in said
    assert "nothing new" not in said
    assert (place.work / "a.o").exists()
    command = {"directory": ".", "file": "a.c", "command": "cc -Oz -DMORE -Dlength=longest -c a.c -o b.o"}
    (place.work / "compile_commands.json").write_text(json.dumps([command]))
    said = place.tool(
        "tune", "--candidates", str(SMALLEST_BUDGET), "--compile-commands", place.work / "compile_commands.json"
    )
    assert "tuned: 1 module," in said


def smoke_train(place: Installation) -> None:
    (place.work / "new.work" / "cache").mkdir(parents=True)
    (place.work / "new.work" / "cache" / "plugins").symlink_to(place.cache / "plugins")
    (place.work / "a.o").unlink(missing_ok=True)
    said = place.tool("train", "--out", "new", "--epochs", "1", "--", "make", status=13)
    if importlib.util.find_spec("torch") is None:
        assert "pip install 'clang-llm[model]'" in said
        return
    # It was built, captured and measured; one module cannot be both learnt from and held out.
    assert (place.work / "a.o").exists()
    assert len(list((place.work / "new.work" / "modules").glob("*.bc"))) == 1
    assert re.search(r"of 1 modules none for \w+ can be measured; give a larger project", said)


def smoke_path(place: Installation) -> None:
    printed = {name: Path(place.tool("path", name).strip()) for name in layout.PLACES}
    assert printed == {name: place.prefix / installed for name, (_, installed) in layout.PLACES.items()}
    assert all(path.exists() for path in printed.values())


def smoke_show(place: Installation) -> None:
    key = place.tool("cache", "list").splitlines()[2].split()[0]
    assert f" {place.cache}/plans/{key[:2]}/" in place.tool("cache", "show", key)


def smoke_validate(place: Installation) -> None:
    """Programs take minutes to build: as far as reading the lists."""
    (place.work / "lists").write_text("# none\n")
    assert "holds no pass list" in place.tool("validate", "lists", status=13)


def smoke_merge(place: Installation) -> None:
    for version in ("base", "ours", "theirs"):
        shutil.copy(place.work / "all.plans", place.work / version)
    assert place.tool("plans", "merge", "base", "ours", "theirs") == ""
    assert (place.work / "ours").read_bytes() == (place.work / "all.plans").read_bytes()


def says(pattern: str, *words: str, status: int = 0) -> Callable[[Installation], None]:
    """A command that is well when it says something."""

    def check(place: Installation) -> None:
        said = place.tool(*words, status=status)
        assert re.search(pattern, said), said

    return check


#: In the order in which they are run: what shows plans comes after what makes them.
SMOKE: dict[tuple[str, ...], Callable[[Installation], None]] = {
    ("doctor",): says("a trial compile worked", "doctor"),
    ("tune",): smoke_tune,
    ("train",): smoke_train,
    ("warm",): says("nothing is new; 1 module was there", "warm", "--", "make", "-B"),
    ("stats",): says(r"Plans stored +2\n", "stats"),
    ("report",): says(r"How much\? +\d+\.\d\d % smaller", "report", "--html", "report.html"),
    ("explain",): says(r"lookup    hit\n", "explain", "clang-llm", "-Oz", "-c", "a.c"),
    ("advise",): says(
        r"^1 compile measured [^$]* -fno-unwind-tables\n", "advise", "--", "clang-llm", "-O2", "-c", "a.c"
    ),
    ("config",): says(r"CLANG_LLM_BACKEND +coreset +\(environment\)", "config"),
    ("path",): smoke_path,
    ("serve",): says("backend 'coreset' has no server", "serve", "--status", status=11),
    ("validate",): smoke_validate,
    ("cache", "list"): says(r"  tune  a\.c\n", "cache", "list"),
    ("cache", "show"): smoke_show,
    ("cache", "verify"): says("2 sound", "cache", "verify"),
    ("cache", "path"): says("/smoke-cache\n", "cache", "path"),
    ("plans", "export"): says("2 plans of this cache, not signed", "plans", "export", "all.plans"),
    ("plans", "verify"): says("2 modules, no CLANG_LLM_KEY_FILE", "plans", "verify", "all.plans"),
    ("plans", "import"): says(r" 2  not better than what the cache has", "plans", "import", "all.plans"),
    ("plans", "merge"): smoke_merge,
    ("plans", "check"): says("1 as promised", "plans", "check", "--file", "all.plans", "--", "make", "-B"),
    ("key", "new"): says("shared secret .* signs and verifies", "key", "new", "--hmac", "team.key"),
    ("key", "show"): says("shared secret .* signs and verifies", "key", "show", "team.key"),
    ("cache", "cleanup"): says("removed 0 entries", "cache", "cleanup"),
    ("cache", "clear"): says("removed 2 entries", "cache", "clear"),
}


def test_every_command_is_tried() -> None:
    """A new command without a smoke test fails here."""
    assert sorted(SMOKE) == sorted(leaves(cli.build_parser()))


def test_every_command_works(installed: Installation) -> None:
    place = fresh(installed, "smoke")
    for name in ("a.c", "Makefile"):
        shutil.copy(installed.work / name, place.work)
    for check in SMOKE.values():
        check(place)
