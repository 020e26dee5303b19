"""The corpus without a compiler: package lists, splits, stamps, the manifest, runs that go on where they stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from clang_llm.compile.capture import Captured, captured_in
from clang_llm.lab.corpus import collect as command
from clang_llm.lab.corpus.build import Listed, Outcome
from clang_llm.lab.corpus.collect import PACKAGES, TEST_PACKAGES, choose, collect, failures, read_list, summary
from clang_llm.lab.corpus.store import Corpus, Entry
from clang_llm.lab.corpus.targets import NATIVE, TARGETS, check_targets, write_compilers
from clang_llm.lab.packages.bundled import is_bundled
from clang_llm.lab.packages.split import Split, split_of
from clang_llm.system.errors import DataError, PackageError, SplitError

TRAIN, VALIDATION, TEST = "cjson", "libogg", "lua5.3"


def captured(key: str, source: str, size: int = 100) -> Captured:
    return Captured(key, "19.1.7", "x86_64-pc-linux-gnu", ("-Oz",), source, 10, 2, size, 4)


@dataclass
class FakeBuilder:
    """Leaves the modules it was given, under the names that clang would have seen."""

    root: Path
    modules: dict[str, list[tuple[str, str]]]
    problem: str = ""
    built: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def tree(self, package: str) -> Path:
        return self.root / package / "build"

    def build(self, listed: Listed, targets: Sequence[str], captures: Path) -> Outcome:
        self.built.append((listed.name, tuple(targets)))
        if listed.name not in self.modules:
            raise PackageError("not there")
        for target in targets:
            for key, source in self.modules[listed.name]:
                module = captured(f"{key}{target}", str(self.tree(listed.name) / source))
                (captures / target / f"{module.key}.bc").write_bytes(b"BC\xc0\xde")
                (captures / target / f"{module.key}.json").write_text(json.dumps(asdict(module)))
        return Outcome("1.0-1", self.problem)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "corpus")


def builder(tmp_path: Path, **modules: list[tuple[str, str]]) -> FakeBuilder:
    return FakeBuilder(tmp_path / "packages", modules)


def lines(corpus: Corpus) -> list[dict[str, object]]:
    corpus.write_manifest()
    return [json.loads(line) for line in corpus.manifest.read_text().splitlines()]


def test_the_names_here_are_of_the_splits_they_stand_for() -> None:
    assert [split_of(name) for name in (TRAIN, VALIDATION, TEST)] == [Split.TRAIN, Split.VALIDATION, Split.TEST]


def test_a_module_becomes_a_file_and_a_line(corpus: Corpus, tmp_path: Path) -> None:
    assert collect(Listed(TRAIN), [NATIVE], corpus, builder(tmp_path, cjson=[("a", "src/x.c"), ("b", "y.cpp")]))
    first, second = lines(corpus)
    assert (first["package"], first["version"], first["split"], first["target"]) == (TRAIN, "1.0-1", "train", NATIVE)
    assert (first["source"], first["language"], second["language"]) == ("src/x.c", "C", "C++")
    assert (first["instructions"], first["functions"], first["size"], first["bytes"]) == (10, 2, 100, 4)
    bitcode = corpus.module(str(first["key"]))
    assert bitcode.read_bytes() == b"BC\xc0\xde"
    assert json.loads(bitcode.with_suffix(".json").read_text())["source"] == "src/x.c"
    assert not (corpus.root / "captures" / TRAIN).exists()


def test_a_module_of_several_packages_is_kept_once_and_never_in_validation_too(corpus: Corpus, tmp_path: Path) -> None:
    fake = builder(tmp_path, bzip2=[("a", "x.c")], cjson=[("a", "x.c")], libogg=[("a", "x.c"), ("b", "y.c")])
    for name in (VALIDATION, "cjson", "bzip2"):
        collect(Listed(name), [NATIVE], corpus, fake)
    shared, alone = lines(corpus)
    assert (shared["package"], shared["split"], shared["conflict"]) == ("bzip2", "train", True)
    assert shared["others"] == ["cjson", VALIDATION]
    assert (alone["package"], alone["split"], alone["conflict"]) == (VALIDATION, "validation", False)


def test_what_is_done_is_not_built_again(corpus: Corpus, tmp_path: Path) -> None:
    fake = builder(tmp_path, cjson=[("a", "x.c")])
    assert collect(Listed(TRAIN), [NATIVE], corpus, fake)
    before = lines(corpus)
    assert not collect(Listed(TRAIN), [NATIVE], Corpus(corpus.root), fake)
    assert lines(corpus) == before
    assert collect(Listed(TRAIN), [NATIVE, "aarch64"], corpus, fake)
    assert fake.built == [(TRAIN, (NATIVE,)), (TRAIN, ("aarch64",))]
    assert [line["target"] for line in lines(corpus)] == ["aarch64", NATIVE]


def test_a_failed_build_keeps_its_modules_and_is_tried_again_when_asked(corpus: Corpus, tmp_path: Path) -> None:
    fake = builder(tmp_path, cjson=[("a", "x.c")])
    fake.problem = "timeout"
    collect(Listed(TRAIN), [NATIVE], corpus, fake)
    assert len(lines(corpus)) == 1
    assert f"1 built in part: {TRAIN} (timeout)" in failures(list(corpus.stamps()), {})
    assert not collect(Listed(TRAIN), [NATIVE], corpus, fake)
    fake.problem = ""
    assert collect(Listed(TRAIN), [NATIVE], corpus, fake, retry=True)
    assert not collect(Listed(TRAIN), [NATIVE], corpus, fake, retry=True)
    assert failures(list(corpus.stamps()), {}) == ""


def test_a_package_that_cannot_be_had_is_tried_again(corpus: Corpus, tmp_path: Path) -> None:
    fake = builder(tmp_path)
    for _ in range(2):
        with pytest.raises(PackageError):
            collect(Listed(TRAIN), [NATIVE], corpus, fake)
    assert len(fake.built) == 2
    assert lines(corpus) == []


def test_probes_and_copies_of_forbidden_programs_are_left_out(corpus: Corpus, tmp_path: Path) -> None:
    sources = ["conftest.c", "_build/CMakeFiles/CMakeScratch/T/x.c", "zlib/zutil.c", "third/libpng-1.6.1/x.c", "x.c"]
    collect(Listed(TRAIN), [NATIVE], corpus, builder(tmp_path, cjson=[(str(n), s) for n, s in enumerate(sources)]))
    assert [line["source"] for line in lines(corpus)] == ["x.c"]
    assert len(list(corpus.root.glob("modules/*/*.bc"))) == 1


@pytest.mark.parametrize(
    "source", ["deflate.c", "src/Zlib/a.c", "a/jidctint.c", "bf_enc.c", "crypto/rijndael-alg-fst.c", "gsm/add.c"]
)
def test_bundled_copies_are_recognised(source: str) -> None:
    assert is_bundled(source)


@pytest.mark.parametrize("source", ["map.c", "src/jq.c", "crypto/aes.c", "pngle/x.c", "zlibber.c", "src/json.c"])
def test_other_files_are_not_taken_for_copies(source: str) -> None:
    assert not is_bundled(source)


@pytest.mark.parametrize("name", [TEST, "zlib", "libjpeg-turbo"])
def test_test_packages_and_forbidden_ones_are_refused(name: str) -> None:
    with pytest.raises(SplitError):
        choose([TRAIN, name])


def test_a_report_takes_test_packages_and_no_others() -> None:
    assert choose([TEST], report=True) == [Listed(TEST)]
    ours = choose([], report=True)
    assert len({listed.name for listed in ours}) == len(ours) > 40
    assert TEST_PACKAGES.read_text().isascii()
    for name in (TRAIN, "zlib"):
        with pytest.raises(SplitError):
            choose([TEST, name], report=True)


def test_a_list_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("# some\ncjson C\nsnappy C++ libgtest-dev\n")
    assert choose([str(path), "bzip2"]) == [
        Listed("cjson"),
        Listed("snappy", "C++", ("libgtest-dev",)),
        Listed("bzip2"),
    ]


@pytest.mark.parametrize("line", ["cjson", "cjson Rust"])
def test_a_malformed_list_is_refused(line: str) -> None:
    with pytest.raises(DataError, match="mend"):
        read_list(line)


def test_our_list_is_usable_and_has_both_splits() -> None:
    chosen = choose([])
    names = [listed.name for listed in chosen]
    assert len(set(names)) == len(names) > 300
    assert {listed.language for listed in chosen} == {"C", "C++"}
    # Neither split is far away wherever a run is stopped.
    validation = [place for place, name in enumerate(names) if split_of(name) is Split.VALIDATION]
    assert max(later - earlier for earlier, later in pairwise(validation)) < 20
    assert PACKAGES.read_text().isascii()


def test_the_summary_counts_by_split_target_and_language() -> None:
    entries = [Entry(str(n), "p", "1", "train", NATIVE, "x.c", "C", 1000, 3, 50, 60) for n in range(2)]
    assert "| train | x86_64 | C | 1 | 2 | 6 | 2,000 | 100 | 120 |" in summary(entries)


def test_a_damaged_stamp_is_named(corpus: Corpus, tmp_path: Path) -> None:
    collect(Listed(TRAIN), [NATIVE], corpus, builder(tmp_path, cjson=[("a", "x.c")]))
    (stamp,) = (corpus.root / "stamps").iterdir()
    stamp.write_text("{}")
    with pytest.raises(DataError, match="run again"):
        list(corpus.stamps())


def test_a_damaged_description_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"key": "a"}')
    with pytest.raises(DataError, match="remove it"):
        list(captured_in(tmp_path))


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(DataError, match="riscv32"):
        check_targets(["vax"])


def test_the_compilers_know_every_other_target(tmp_path: Path) -> None:
    cc, cxx = write_compilers(tmp_path)
    for path in (cc, cxx):
        text = path.read_text()
        assert all((f" {name}) " in text) is (name != NATIVE) for name in TARGETS)
        assert "{" not in text.replace("${", "")


def test_the_command_ends_with_the_message_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--packages", TEST], {}) == SplitError.exit_code
    assert "belongs to the test split" in capsys.readouterr().err
