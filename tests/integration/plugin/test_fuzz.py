"""What the fuzzers found, replayed; and plan entries as they should not be, read by the plugin's own reader.

The plugin's half runs with the sanitizers of addresses and undefined behaviour (`tests/fuzz/harness.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fuzz import harness, mutations, parsers, seeds, tiny_model

from clang_llm.plans import vocabulary
from clang_llm.plans.plan import seal_on
from clang_llm.plans.recipe import from_data
from clang_llm.plans.store.seal import key_of, seal_of
from clang_llm.plans.vetted import digests_of, shipped
from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.compiler import Compiler

DATA = Path(__file__).resolve().parents[2] / "data"
FOUND = DATA / "fuzz"
#: Seconds of one run of the replaying program.
LIMIT_S = 240.0
#: Milliseconds that an entry may take; the machine may be busy, so the reader's own clock is not the wall's.
ENTRY_MS = 1000


@dataclass(frozen=True)
class Reader:
    """The replaying program, with a cache directory of its own and a seal in it."""

    program: Path
    cache: Path
    seal: bytes

    def run(self, *words: str | Path) -> process.Completed:
        return process.run([self.program, *words], env=harness.environment(self.cache), timeout_s=LIMIT_S)

    def sealed(self, checksum: str) -> str:
        return seal_of(self.seal, checksum)

    def read(self, entries: Sequence[bytes]) -> list[Answer]:
        """Return what the plugin makes of entries."""
        records = self.cache.parent / "records"
        records.write_bytes(b"".join(b"%d\n%s" % (len(entry), entry) for entry in entries))
        done = self.run("entries", records)
        assert done.ok, done.stderr[-3000:].decode(errors="replace")
        answers = [Answer(*line.split()) for line in done.output.splitlines()]
        assert len(answers) == len(entries)
        return answers


@dataclass(frozen=True)
class Answer:
    """What became of one entry."""

    state: str
    kind: str
    at_once: str
    milliseconds: str


@pytest.fixture
def reader(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Reader:
    if a_compiler.major != 19:
        pytest.skip("the fuzz targets are built against LLVM 19")
    try:
        program = harness.build(a_compiler, builds / "fuzz", fuzzer=False)
    except ToolchainError as error:
        if "libclang_rt" in str(error):
            pytest.skip(f"no runtime of the sanitizers: apt-get install libclang-rt-{a_compiler.major}-dev")
        raise
    cache = tmp_path / "cache"
    (cache / "plans" / "00").mkdir(parents=True)
    seal = key_of(cache, create=True)
    assert seal
    return Reader(program, cache, seal)


@pytest.fixture
def maker(reader: Reader, a_compiler: Compiler) -> mutations.Maker:
    lines = (DATA / "known_bad_lists.txt").read_text(encoding="ascii").splitlines()
    bad = [line for line in lines if line and not line.startswith("#")]
    return mutations.Maker(seeds.plans(a_compiler.major, a_compiler.version), bad, reader.sealed)


def findings(name: str) -> list[Path]:
    return sorted((FOUND / name).iterdir()) if (FOUND / name).is_dir() else []


def test_every_folder_of_findings_has_a_target() -> None:
    assert {path.name for path in FOUND.iterdir()} <= {*harness.TARGETS, *parsers.TARGETS}


@pytest.mark.parametrize("name", harness.TARGETS)
def test_what_was_found_in_the_plugin_stays_mended(name: str, reader: Reader, tmp_path: Path) -> None:
    seeds.write(tmp_path / "seeds", name, 19, "19.1.7")
    tiny_model.write(reader.cache)
    files = [*sorted((tmp_path / "seeds").iterdir()), *findings(name)]
    done = reader.run(name, *files)
    assert done.ok, done.stderr[-3000:].decode(errors="replace")


def test_the_model_that_the_fuzzer_starts_from_answers(reader: Reader, tmp_path: Path) -> None:
    """Or it would never come farther than the first check; a changed file is refused."""
    seeds.write(tmp_path / "seeds", "model", 19, "19.1.7")
    tiny_model.write(reader.cache)
    whole = sorted((tmp_path / "seeds").iterdir())
    assert len(whole) == len(tiny_model.NAMES)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(whole[2].read_bytes()[:-4])
    assert reader.run("model", *whole, damaged).output.splitlines() == ["4 answers"] * len(whole)


@pytest.mark.parametrize("name", parsers.TARGETS)
def test_what_was_found_in_python_stays_mended(name: str) -> None:
    for data in [*seeds.seeds(19, "19.1.7")[name], *(path.read_bytes() for path in findings(name))]:
        parsers.run(name, data)


def test_sound_entries_are_read(reader: Reader, maker: mutations.Maker) -> None:
    answers = reader.read(maker.originals)
    wanted = [("usable", "plan", "at-once")] * (len(answers) - 1) + [("usable", "oz", "no")]
    assert [(each.state, each.kind, each.at_once) for each in answers] == wanted


def problems(reader: Reader, entries: Sequence[bytes]) -> tuple[list[str], Counter[str]]:
    """Return which entries were not treated as they deserve, and how many of each state there were."""
    found, states = [], Counter[str]()
    for entry, answer in zip(entries, reader.read(entries), strict=True):
        states[f"{answer.state} {answer.at_once}"] += 1
        if int(answer.milliseconds) > ENTRY_MS:
            found.append(f"{answer.milliseconds} ms for {entry[:200]!r}")
        if answer.at_once == "at-once" and not is_sealed(reader, entry):
            found.append(f"run at once: {entry[:300]!r}")
        if answer.state == "usable" and answer.kind == "plan" and (problem := not_believable(reader, entry)):
            found.append(f"usable, but {problem}: {entry[:300]!r}")
    return found, states


def is_sealed(reader: Reader, entry: bytes) -> bool:
    """Whether an entry was measured here, by the other implementation."""
    checksum, seal = seal_on(entry)
    body = entry.partition(b"\n")[2]
    return hashlib.sha256(body).hexdigest() == checksum and seal == reader.sealed(checksum)


def not_believable(reader: Reader, entry: bytes) -> str:
    """Return why nobody may run the plan of an entry, by the other implementation; or nothing."""
    try:
        recipe = from_data({"closing": None, **json.loads(entry.partition(b"\n")[2])})
        recipe.check(vocabulary.load(19))
    except Exception as error:  # noqa: BLE001 - whatever it is, the plugin should have refused it
        return f"{type(error).__name__}: {error}"
    unknown = digests_of(recipe) - shipped(19)
    return "" if not unknown or is_sealed(reader, entry) else "not of vetted pieces"


def test_mutated_entries_harm_nobody(reader: Reader, maker: mutations.Maker) -> None:
    found, states = problems(reader, list(maker.mutated(10_000, seed=13)))
    assert found == []
    # The changes reach every part of the reader.
    assert states["corrupt no"] > 3000
    assert states["usable no"] > 300
    assert states["unvetted no"] > 300
    assert states["missing no"] > 10


def test_hostile_entries_harm_nobody(reader: Reader, maker: mutations.Maker) -> None:
    entries = list(maker.hostile())
    assert len(entries) >= 1000
    found, states = problems(reader, entries)
    assert found == []
    assert states["corrupt no"] > 500


def test_lists_known_to_be_bad_are_refused_in_entries(reader: Reader, maker: mutations.Maker) -> None:
    for text in maker.bad:
        answers = reader.read([maker.entry(body, "") for body in maker.bodies_with(text)])
        assert {answer.at_once for answer in answers} == {"no"}
        assert "usable" not in {answer.state for answer in answers}, text
