"""PassListEval's programs made ready for one clang: unoptimised -Oz bitcode, drivers, and what the programs should say.

Made once per compiler and program set and kept in the cache directory, since none of it depends on a pass list.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm import process
from clang_llm.errors import DataError, ToolchainError
from clang_llm.toolchain import Compiler
from clang_llm.tuning.programs import Program, ProgramSet, batch_source, driver_source, split_batches

# Four batches of about forty programs: the fewer, the faster they compile, as the library's templates are shared within
# one. Each is an executable of its own, so that a body which a list drops from one is not lent by another.
BATCHES = 4

# Bounds against hangs only. The slowest program takes well under a second at -O0; the slowest list compiles a batch in
# under ten. They are far apart from that so that a busy machine does not turn into a verdict.
COMPILE_LIMIT_S = 300.0
COMPILE_LIMIT_BYTES = 4 << 30
PROGRAM_LIMIT_CPU_S = 20
PROGRAM_LIMIT_WALL_S = 120
RUN_LIMIT_S = 600.0

_DIAGNOSED = re.compile(r"^(p\d+)\.cpp:\d+", re.MULTILINE)


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


def cxx_of(compiler: Compiler) -> Path:
    """The clang++ that stands beside this clang; needed to link C++.

    Raises:
        ToolchainError: there is none.
    """
    name = compiler.path.name
    beside = compiler.path.with_name(name.replace("clang", "clang++", 1) if "clang++" not in name else name)
    if not beside.exists():
        raise ToolchainError(f"{beside} is missing; install it, it links the C++ programs of the validation")
    return beside


def run_batch(executable: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Run a batch; returns program → the driver's words about it.

    Raises:
        ProcessTimeout: the driver did not end.
    """
    argv = [str(executable), str(PROGRAM_LIMIT_CPU_S), str(PROGRAM_LIMIT_WALL_S)]
    done = process.run(argv, env=environ, cwd=executable.parent, timeout_s=RUN_LIMIT_S)
    lines = (line.partition(" ") for line in done.stdout.decode(errors="replace").splitlines())
    return {name: words for name, _, words in lines}


def link_batch(cxx: Path, objects: Sequence[Path], executable: Path, environ: Mapping[str, str]) -> str | None:
    """Link a batch; returns None or the linker's first complaint."""
    argv = [str(cxx), *map(str, objects), "-o", str(executable)]
    done = process.run(argv, env=environ, timeout_s=COMPILE_LIMIT_S)
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").splitlines()
    undefined = [line for line in lines if "undefined" in line]
    return (undefined or lines or ["the linker failed"])[0].strip()


def _compile(argv: list[str], cwd: Path, environ: Mapping[str, str]) -> str | None:
    """Run one compilation; returns None or what the compiler said."""
    done = process.run(argv, env=environ, cwd=cwd, timeout_s=COMPILE_LIMIT_S, memory_bytes=COMPILE_LIMIT_BYTES)
    return None if done.returncode == 0 else done.stderr.decode(errors="replace") or f"exit status {done.returncode}"


def _emit(
    compiler: Compiler, programs: Sequence[Program], stem: Path, environ: Mapping[str, str]
) -> tuple[list[Program], dict[str, str]]:
    """Write ``<stem>.bc``; returns the programs in it and those that do not compile, with the reason."""
    left = list(programs)
    failed: dict[str, str] = {}
    source = stem.with_suffix(".cpp")
    cxx = str(cxx_of(compiler))
    argv = [
        cxx,
        "-Oz",
        "-w",
        "-Xclang",
        "-disable-llvm-passes",
        "-emit-llvm",
        "-c",
        source.name,
        "-o",
        f"{stem.name}.bc",
    ]
    while left:
        source.write_text(batch_source(left), encoding="utf-8")
        message = _compile(argv, stem.parent, environ)
        if message is None:
            return left, failed
        bad = set(_DIAGNOSED.findall(message))
        if not bad:
            raise ToolchainError(f"{cxx} cannot compile the validation programs: {message.strip()[:400]}")
        failed.update(dict.fromkeys(bad, "does not compile"))
        left = [program for program in left if program.name not in bad]
    return left, failed


def _reference(compiler: Compiler, stem: Path, environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Run a batch built with -O0 and with plain -Oz; returns what is expected, and the programs that are no judges.

    A program that fails by itself, or says something else at plain -Oz than at -O0, tells nothing about a list.
    """
    cxx = str(cxx_of(compiler))
    said: list[dict[str, str]] = []
    inputs = (["-O0", "-w", f"{stem.name}.cpp"], ["-Oz", "-x", "ir", f"{stem.name}.bc"])
    for arguments in inputs:
        message = _compile([cxx, *arguments, "-c", "-o", "reference.o"], stem.parent, environ)
        executable = stem.parent / "reference"
        driver = stem.with_suffix(".driver.o")
        message = message or link_batch(Path(cxx), [driver, stem.parent / "reference.o"], executable, environ)
        if message is not None:
            raise ToolchainError(f"{cxx} cannot build the validation programs: {message.strip()[:400]}")
        said.append(run_batch(executable, environ))
        executable.unlink()
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


def _build(compiler: Compiler, programs: ProgramSet, place: Path, environ: Mapping[str, str]) -> None:
    """Fill ``place`` with the batches and ``batches.json``."""
    rows = []
    excluded = dict(programs.left_out)
    for number, chosen in enumerate(split_batches(programs.programs, BATCHES)):
        stem = place / f"b{number}"
        present, failed = _emit(compiler, chosen, stem, environ)
        driver = stem.with_suffix(".driver.c")
        driver.write_text(driver_source(present), encoding="utf-8")
        message = _compile([str(compiler.path), "-c", driver.name, "-o", f"{stem.name}.driver.o"], place, environ)
        if message is not None:
            raise ToolchainError(f"{compiler.path} cannot compile a C program: {message.strip()[:400]}")
        expected, no_judges = _reference(compiler, stem, environ)
        excluded.update(failed)
        excluded.update(no_judges)
        rows.append({"stem": stem.name, "expected": expected})
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


def prepare_programs(compiler: Compiler, programs: ProgramSet, cache_dir: Path, environ: Mapping[str, str]) -> Prepared:
    """Make, or find in ``<cache_dir>/validation/``, the batches for one compiler.

    Raises:
        ToolchainError: the compiler cannot build the programs at all.
    """
    identity = f"{programs.digest} {compiler.version} {compiler.real} {BATCHES}"
    digest = hashlib.sha256(identity.encode()).hexdigest()
    place = cache_dir / "validation" / digest[:32]
    if not (place / "batches.json").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as new:
            _build(compiler, programs, Path(new), environ)
            shutil.rmtree(place, ignore_errors=True)
            Path(new).replace(place)
            # TemporaryDirectory removes this name at its end and would complain that it is gone.
            Path(new).mkdir()
    return _read(compiler, place, digest)
