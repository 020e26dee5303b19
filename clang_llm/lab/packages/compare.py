"""Two build trees of the same source, compared object by object: bytes and sizes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from clang_llm.system.errors import ObjectError
from clang_llm.system.objects import Parts, parts_of

_ELF = b"\x7fELF"
# e_type of a relocatable file, a 16-bit field at offset 16 of the ELF header; little and big endian.
_RELOCATABLE = (b"\x01\x00", b"\x00\x01")
# The same of programs and shared libraries.
_LINKED = (b"\x02\x00", b"\x00\x02", b"\x03\x00", b"\x00\x03")


@dataclass(frozen=True)
class ObjectFile:
    """One object of a tree: allocated non-bss bytes, a hash of the whole file, and what the bytes are."""

    size: int
    digest: str
    parts: Parts = field(default_factory=Parts)


@dataclass(frozen=True)
class Pair:
    """The same object in two trees: sizes in bytes of allocated non-bss sections, and whether the files are equal."""

    name: str
    plain: int
    ours: int
    equal: bool

    @property
    def saving(self) -> float:
        """Fraction of the plain size that is gone."""
        return 1 - self.ours / self.plain if self.plain else 0.0


@dataclass(frozen=True)
class Comparison:
    """All pairs, and the objects that only one of the trees has."""

    pairs: tuple[Pair, ...]
    only_plain: tuple[str, ...]
    only_ours: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether both trees have the same objects, byte for byte."""
        return not self.only_plain and not self.only_ours and all(pair.equal for pair in self.pairs)

    @property
    def different(self) -> tuple[str, ...]:
        """Names of the objects that are not the same bytes."""
        return tuple(pair.name for pair in self.pairs if not pair.equal)

    @property
    def larger(self) -> tuple[Pair, ...]:
        """The objects that break the promise: more bytes than plain -Oz has."""
        return tuple(pair for pair in self.pairs if pair.ours > pair.plain)

    @property
    def plain(self) -> int:
        """Total bytes of the plain tree."""
        return sum(pair.plain for pair in self.pairs)

    @property
    def ours(self) -> int:
        """Total bytes of the other tree."""
        return sum(pair.ours for pair in self.pairs)


def object_files(tree: Path) -> dict[str, ObjectFile]:
    """All relocatable ELF files ending in ``.o`` below a tree, by path relative to it.

    Objects of configure checks and of cmake's own trials are left out: they are no part of the program.
    """
    found: dict[str, ObjectFile] = {}
    for path in sorted(tree.rglob("*.o")):
        name = path.relative_to(tree).as_posix()
        if _is_trial(path, name):
            continue
        data = path.read_bytes()
        if data[:4] == _ELF and data[16:18] in _RELOCATABLE:
            parts = parts_of(data)
            found[name] = ObjectFile(parts.total, hashlib.sha256(data).hexdigest(), parts)
    return found


def _is_trial(path: Path, name: str) -> bool:
    return path.is_symlink() or "conftest" in path.name or "/CMakeTmp/" in name or "CompilerId" in name


def linked_files(tree: Path) -> dict[str, Parts]:
    """What the programs and shared libraries below a tree are made of, by path relative to it; trials are left out."""
    found: dict[str, Parts] = {}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if _is_trial(path, name) or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(18)
        if head[:4] == _ELF and head[16:18] in _LINKED:
            with suppress(ObjectError):  # a test's file may be damaged on purpose
                found[name] = parts_of(path.read_bytes())
    return found


def compare_objects(plain: dict[str, ObjectFile], ours: dict[str, ObjectFile]) -> Comparison:
    """Pair the objects of two trees by name."""
    pairs = tuple(
        Pair(name, plain[name].size, ours[name].size, plain[name].digest == ours[name].digest)
        for name in plain
        if name in ours
    )
    return Comparison(pairs, tuple(sorted(plain.keys() - ours.keys())), tuple(sorted(ours.keys() - plain.keys())))


def geometric_mean_saving(pairs: Iterable[Pair]) -> float:
    """Geometric mean over objects of the fraction saved; objects without a byte do not count.

    The mean is taken of the ratios of sizes (ours over plain), so that a small object weighs as much as a large one.
    """
    return geometric_saving((pair.plain, pair.ours) for pair in pairs)


def geometric_saving(sizes: Iterable[tuple[int, int]]) -> float:
    """Geometric mean of the fraction saved over (before, after) in bytes; what has no byte does not count."""
    ratios = [after / before for before, after in sizes if before > 0 and after > 0]
    return 1 - math.exp(math.fsum(map(math.log, ratios)) / len(ratios)) if ratios else 0.0
