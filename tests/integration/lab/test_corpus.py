"""Modules captured from a build with the real clang, and what is made of them again."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from clang_llm.lab.corpus.build import Listed, PackageBuilder
from clang_llm.lab.corpus.collect import collect
from clang_llm.lab.corpus.store import Corpus, Entry
from clang_llm.lab.corpus.targets import NATIVE, TARGETS, write_compilers
from clang_llm.lab.packages.recipes import Recipe
from clang_llm.lab.packages.sources import SourcePackage
from clang_llm.lab.packages.workplace import Workplace
from clang_llm.system import log, objects, process
from clang_llm.toolchain.compiler import Compiler

PROJECTS = Path(__file__).resolve().parents[2] / "projects"
STANDARD = {"jot": "-std=c99", "route": "-std=c++17"}


class LocalPlace(Workplace):
    """A workplace whose packages are the sample programs."""

    def source(self, recipe: Recipe) -> SourcePackage:
        tree = self.home(recipe.name) / "source"
        shutil.copytree(PROJECTS / recipe.name, tree)
        return SourcePackage(recipe.name, "1.0", tree)


@pytest.fixture
def builder(a_compiler: Compiler, shared_plugins: Path, tmp_path: Path) -> PackageBuilder:
    place = LocalPlace.at(shared_plugins, str(a_compiler.path), dict(os.environ))
    place.rig.warm_up()
    return PackageBuilder(place, *write_compilers(tmp_path), jobs=2, limit_s=120.0)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "corpus")


def headers_of(target: str, builder: PackageBuilder, root: Path) -> bool:
    """Whether C++ can be compiled for a target here: its headers are a package of their own."""
    (root / "x.cpp").write_text("#include <stdlib.h>\n#include <map>\n")
    options = [option.format(stubs=root / "stubs") for option in TARGETS[target]]
    return process.run([builder.place.rig.clangxx, *options, "-fsyntax-only", root / "x.cpp"]).ok


def compiled_again(corpus: Corpus, key: str, clang: Path, root: Path) -> bytes:
    """The object that clang makes of a captured module with its options alone."""
    bitcode, output = corpus.module(key), root / "again.o"
    options = json.loads(bitcode.with_suffix(".json").read_text())["options"]
    done = process.run([clang, "-cc1", *options, "-x", "ir", bitcode, "-emit-obj", "-o", output])
    assert done.ok, done.stderr
    return output.read_bytes()


def direct(entry: Entry, clang: Path, root: Path) -> bytes:
    """The object that clang makes of the module's source."""
    source, output = PROJECTS / entry.package / entry.source, root / "direct.o"
    done = process.run([clang, STANDARD[entry.package], "-Oz", "-c", source, "-o", output])
    assert done.ok, done.stderr
    return output.read_bytes()


@pytest.mark.parametrize(("name", "language", "sources"), [("jot", "C", 7), ("route", "C++", 5)])
def test_captured_modules_compile_to_what_clang_makes_of_the_source(
    name: str, language: str, sources: int, builder: PackageBuilder, corpus: Corpus, tmp_path: Path
) -> None:
    collect(Listed(name, language), [NATIVE], corpus, builder)
    entries = corpus.write_manifest()
    assert len(entries) == sources
    rig = builder.place.rig
    for entry in entries:
        again = compiled_again(corpus, entry.key, rig.clang, tmp_path)
        plain = direct(entry, rig.clang if language == "C" else rig.clangxx, tmp_path)
        assert objects.allocated_size(again) == objects.allocated_size(plain) == entry.size
        assert entry.language == language
    counts = log.fold_events(rig.cache_dir)
    assert counts["bypass:captured"] == counts["miss"] == sources
    assert not list(rig.cache_dir.glob("plans/*/*"))


#: The others take half a minute each, and differ in options alone.
SOON = ("armv7m", "wasm32")


@pytest.mark.parametrize(
    "target",
    [pytest.param(name, marks=[] if name in SOON else pytest.mark.projects) for name in TARGETS if name != NATIVE],
)
def test_one_build_captures_several_targets(
    target: str, builder: PackageBuilder, corpus: Corpus, tmp_path: Path
) -> None:
    if not headers_of(target, builder, tmp_path):
        pytest.skip(f"no headers for {target}")
    collect(Listed("route", "C++"), [NATIVE, target], corpus, builder)
    entries = corpus.write_manifest()
    assert {entry.target for entry in entries} == {NATIVE, target}
    for entry in entries:
        again = compiled_again(corpus, entry.key, builder.place.rig.clang, tmp_path)
        assert objects.allocated_size(again) == entry.size
    native = {entry.source for entry in entries if entry.target == NATIVE}
    # Should a module be missing: did the build end, and what did the plugin do?
    assert [stamp.problem for stamp in corpus.stamps()] == ["", ""]
    counts = log.fold_events(builder.place.rig.cache_dir)
    assert {entry.source for entry in entries if entry.target == target} == native, counts


def test_a_build_that_fails_keeps_what_was_captured(
    builder: PackageBuilder, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "projects" / "jot"
    shutil.copytree(PROJECTS / "jot", broken)
    (broken / "map.c").write_text("#error this file does not compile\n")
    monkeypatch.setitem(globals(), "PROJECTS", broken.parent)
    collect(Listed("jot"), [NATIVE], corpus, builder)
    (stamp,) = corpus.stamps()
    assert stamp.problem == "make (build): exit status 2"
    assert len(stamp.entries) == 6
    assert not builder.tree("jot").exists()


def test_a_build_that_takes_too_long_is_ended(
    builder: PackageBuilder, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "projects" / "jot").mkdir(parents=True)
    (tmp_path / "projects" / "jot" / "Makefile").write_text("all:\n\tsleep 100\n")
    monkeypatch.setitem(globals(), "PROJECTS", tmp_path / "projects")
    collect(Listed("jot"), [NATIVE], corpus, replace(builder, limit_s=0.5))
    assert [stamp.problem for stamp in corpus.stamps()] == ["timeout"]


def test_outside_a_corpus_the_backend_leaves_clang_alone(builder: PackageBuilder, tmp_path: Path) -> None:
    rig = builder.place.rig
    compilers = rig.ours(backend="capture")
    for compiler, name in ((str(rig.clang), "plain.o"), (compilers.cc, "ours.o")):
        argv = [compiler, "-Oz", "-c", str(PROJECTS / "jot" / "map.c"), "-o", str(tmp_path / name)]
        assert process.run(argv, env=compilers.environ).ok
    assert (tmp_path / "plain.o").read_bytes() == (tmp_path / "ours.o").read_bytes()
    assert log.fold_events(rig.cache_dir)["error:backend"] == 1
