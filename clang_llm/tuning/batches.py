"""PassListEval's programs made ready for one clang: unoptimised -Oz bitcode, drivers, and the expected output.

Made once per compiler and program set and kept in the cache directory, since none of it depends on a pass list.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import DataError, ToolchainError
from clang_llm.toolchain.plugins import Compiler
from clang_llm.tuning.building import COMPILE_LIMIT_S, Built, build_published, build_suite, compile_one, cxx_of
from clang_llm.tuning.programs import ProgramSet, driver_source, split_batches

# Four batches of about forty programs: the fewer, the faster they compile, as the library's templates are shared within
# one. Each is an executable of its own, so that a body which a list drops from one is not lent by another.
BATCHES = 4

# Bounds against hangs only: the slowest program takes well under a second at -O0.
PROGRAM_LIMIT_CPU_S = 10
PROGRAM_LIMIT_WALL_S = 120
RUN_LIMIT_S = 600.0


@dataclass(frozen=True)
class Batch:
    """One batch for one compiler.

    Attributes:
        bitcode: Unoptimised -Oz bitcode.
        driver: The object file with the driver's ``main``.
        expected: Program → the driver's words about it (``exit 0 <hash>``) when it is right.
    """

    bitcode: Path
    driver: Path
    expected: dict[str, str]


@dataclass(frozen=True)
class Prepared:
    """All batches for one compiler; ``excluded`` maps programs that cannot serve to the reason."""

    compiler: Compiler
    batches: tuple[Batch, ...]
    excluded: dict[str, str]
    digest: str

    @property
    def programs(self) -> int:
        """Number of programs that every list is tried on."""
        return sum(len(batch.expected) for batch in self.batches)


def run_batch(executable: Path, environ: Mapping[str, str], *, to_the_end: bool = False) -> dict[str, str]:
    """Run a batch; returns program → the driver's words about it.

    Args:
        executable: The driver linked with the programs.
        environ: The environment of the programs.
        to_the_end: Also run what comes after a program that fails. One that hangs takes all of its time limit, and a
            list that breaks one program often breaks more.

    Raises:
        ProcessTimeout: the driver did not end.
    """
    argv = [str(executable), str(PROGRAM_LIMIT_CPU_S), str(PROGRAM_LIMIT_WALL_S), "0" if to_the_end else "1"]
    done = process.run(argv, env=environ, cwd=executable.parent, timeout_s=RUN_LIMIT_S)
    lines = (line.partition(" ") for line in done.stdout.decode(errors="replace").splitlines())
    return {name: words for name, _, words in lines}


def link_batch(cxx: Path, objects: Sequence[Path], executable: Path, environ: Mapping[str, str]) -> str | None:
    """Link a batch; returns None or the linker's first complaint."""
    argv = [str(cxx), "-pthread", *map(str, objects), "-o", str(executable)]
    done = process.run(argv, env=environ, timeout_s=COMPILE_LIMIT_S)
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").splitlines()
    undefined = [line for line in lines if "undefined" in line]
    return (undefined or lines or ["the linker failed"])[0].strip()


def _build_driver(compiler: Compiler, names: Sequence[str], stem: Path, environ: Mapping[str, str]) -> None:
    """Write ``<stem>.driver.o``, which runs the named programs."""
    source = stem.with_suffix(".driver.c")
    source.write_text(driver_source(names), encoding="utf-8")
    argv = [str(compiler.path), "-O1", "-c", source.name, "-o", f"{stem.name}.driver.o"]
    message = compile_one(argv, stem.parent, environ)
    if message is not None:
        raise ToolchainError(f"{compiler.path} cannot compile a C program: {message.strip()[:400]}")


def _reference(compiler: Compiler, built: Built, environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Run a batch built with -O0 and with plain -Oz; returns what is expected, and the programs that are no judges.

    A program that fails by itself, or says something else at plain -Oz than at -O0, tells nothing about a list.
    """
    place, stem = built.stem.parent, built.stem.name
    plain = place / f"{stem}.plain.o"
    message = compile_one([str(compiler.path), "-Oz", "-x", "ir", f"{stem}.bc", "-c", "-o", plain.name], place, environ)
    said: list[dict[str, str]] = []
    for objects in (built.reference, (plain,)):
        executable = place / "reference"
        driver = place / f"{stem}.driver.o"
        message = message or link_batch(cxx_of(compiler), [driver, *objects], executable, environ)
        if message is not None:
            raise ToolchainError(f"{compiler.path} cannot build the validation programs: {message.strip()[:400]}")
        said.append(run_batch(executable, environ, to_the_end=True))
        for path in (executable, *objects):
            path.unlink()
    expected: dict[str, str] = {}
    excluded: dict[str, str] = {}
    for name, words in said[0].items():
        if not words.startswith("exit 0 "):
            excluded[name] = f"fails without us: {words}"
        elif said[1].get(name) != words:
            excluded[name] = f"plain -Oz differs from -O0: {said[1].get(name)}"
        else:
            expected[name] = words
    return expected, excluded


def _built(compiler: Compiler, programs: ProgramSet, place: Path, environ: Mapping[str, str]) -> Iterator[Built]:
    """Compile every batch, our own first: they take least and find most."""
    if programs.suite is not None:
        for name, members in programs.suite.batches().items():
            yield build_suite(compiler, members, place / name, environ)
    for number, chosen in enumerate(split_batches(programs.programs, BATCHES)):
        yield build_published(compiler, chosen, place / f"b{number}", environ)


def _build(compiler: Compiler, programs: ProgramSet, place: Path, environ: Mapping[str, str]) -> None:
    """Fill ``place`` with the batches and ``batches.json``."""
    rows = []
    excluded = dict(programs.left_out)
    for built in _built(compiler, programs, place, environ):
        excluded.update(built.failed)
        if not built.names:
            continue
        stem = built.stem.name
        _build_driver(compiler, built.names, built.stem, environ)
        expected, no_judges = _reference(compiler, built, environ)
        if no_judges:
            _build_driver(compiler, tuple(expected), built.stem, environ)
        excluded.update(no_judges)
        rows.append({"stem": stem, "expected": expected})
    (place / "batches.json").write_text(json.dumps({"batches": rows, "excluded": excluded}), encoding="utf-8")


def _read(compiler: Compiler, place: Path, digest: str) -> Prepared:
    try:
        data = json.loads((place / "batches.json").read_text(encoding="utf-8"))
        batches = tuple(
            Batch(place / f"{row['stem']}.bc", place / f"{row['stem']}.driver.o", row["expected"])
            for row in data["batches"]
        )
        return Prepared(compiler, batches, data["excluded"], digest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{place} is damaged ({error}); remove it and try again") from error


def digest_of(compiler: Compiler, programs: ProgramSet) -> str:
    """Return the identity of programs made ready for a compiler."""
    identity = f"{programs.digest} {compiler.version} {compiler.real} {BATCHES}"
    return hashlib.sha256(identity.encode()).hexdigest()


def _place_of(digest: str, cache_dir: Path) -> Path:
    return cache_dir / "validation" / digest[:32]


def are_prepared(compiler: Compiler, programs: ProgramSet, cache_dir: Path) -> bool:
    """Whether `prepare_programs` would find everything made."""
    return (_place_of(digest_of(compiler, programs), cache_dir) / "batches.json").exists()


def prepare_programs(compiler: Compiler, programs: ProgramSet, cache_dir: Path, environ: Mapping[str, str]) -> Prepared:
    """Make, or find in ``<cache_dir>/validation/``, the batches for one compiler.

    Raises:
        ToolchainError: the compiler cannot build the programs at all.
    """
    digest = digest_of(compiler, programs)
    place = _place_of(digest, cache_dir)
    if not (place / "batches.json").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as new:
            _build(compiler, programs, Path(new), environ)
            shutil.rmtree(place, ignore_errors=True)
            Path(new).replace(place)
            # TemporaryDirectory removes this name at its end and would complain that it is gone.
            Path(new).mkdir()
    return _read(compiler, place, digest)
