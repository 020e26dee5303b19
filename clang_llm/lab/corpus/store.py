"""A corpus on disk: modules by key, a stamp for every package and target that is done, and the manifest of it all.

The manifest is made of the stamps alone, so a stopped run goes on where it was, and the order of runs changes nothing
but which of the packages that share a module comes first in the list.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath

from clang_llm.compile.capture import Captured, captured_in
from clang_llm.lab.packages.bundled import is_bundled
from clang_llm.lab.packages.split import Split, split_of
from clang_llm.system.errors import DataError

# What configure and cmake compile to ask the compiler questions, in the middle of a build too.
_PROBES = ("conftest", "CMakeScratch", "CMakeTmp", "CompilerIdC", "CMakeCCompilerABI", "meson-private")


@dataclass(frozen=True)
class Entry:
    """One line of the manifest: a module, and a package it was found in.

    Attributes:
        size: Bytes of text and data of the -Oz object.
        bytes: Length of the bitcode.
        others: More packages that hold the same module.
        conflict: Whether one of them is of the other split; such a module counts as train only.
    """

    key: str
    package: str
    version: str
    split: str
    target: str
    source: str
    language: str
    instructions: int
    functions: int
    size: int
    bytes: int
    others: tuple[str, ...] = ()
    conflict: bool = False


@dataclass(frozen=True)
class Stamp:
    """A package that is done for a target, with what went wrong, and its modules."""

    package: str
    version: str
    target: str
    problem: str
    entries: tuple[Entry, ...]


class Corpus:
    """The directory ``root`` with ``modules/<k[0:2]>/<k>.bc`` and ``.json``, ``stamps/`` and ``manifest.jsonl``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.jsonl"

    def module(self, key: str) -> Path:
        """Where the bitcode of a module is; its description lies beside it as ``.json``."""
        return self.root / "modules" / key[:2] / f"{key}.bc"

    def stamp(self, package: str, target: str) -> Stamp | None:
        """What an earlier run left of a package and a target."""
        path = self._stamp(package, target)
        return _read_stamp(path) if path.exists() else None

    def stamps(self) -> Iterator[Stamp]:
        """All stamps, by name."""
        for path in sorted((self.root / "stamps").glob("*.json")):
            yield _read_stamp(path)

    def adopt(self, captures: Path, tree: Path, done: Stamp) -> Stamp:
        """Take the modules of one build and target in, and leave a stamp.

        Args:
            captures: Directory of the captured modules; emptied.
            tree: Where the package was built; names of sources become relative to it.
            done: The stamp without its modules.
        """
        entries = []
        for captured in captured_in(captures):
            found = replace(captured, source=_relative(captured.source, tree.resolve()))
            if not is_bundled(found.source) and not any(probe in found.source for probe in _PROBES):
                self._move(found, captures)
                entries.append(_entry(found, done))
        shutil.rmtree(captures, ignore_errors=True)
        stamp = replace(done, entries=tuple(entries))
        path = self._stamp(done.package, done.target)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, json.dumps(asdict(stamp)) + "\n")
        return stamp

    def write_manifest(self) -> list[Entry]:
        """Make the manifest of all stamps; returns its lines."""
        entries = merge(entry for stamp in self.stamps() for entry in stamp.entries)
        _write(self.manifest, "".join(json.dumps(asdict(entry)) + "\n" for entry in entries))
        return entries

    def _stamp(self, package: str, target: str) -> Path:
        return self.root / "stamps" / f"{package}.{target}.json"

    def _move(self, captured: Captured, captures: Path) -> None:
        bitcode = self.module(captured.key)
        if bitcode.with_suffix(".json").exists():
            return
        bitcode.parent.mkdir(parents=True, exist_ok=True)
        (captures / bitcode.name).replace(bitcode)
        _write(bitcode.with_suffix(".json"), json.dumps(asdict(captured)) + "\n")


def merge(entries: Iterable[Entry]) -> list[Entry]:
    """Keep every module once: of train rather than of validation, so that no validation module was ever trained on."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.key, []).append(entry)
    return [_merged(same) for same in found.values()]


def _merged(same: Sequence[Entry]) -> Entry:
    first = next((entry for entry in same if entry.split == Split.TRAIN.value), same[0])
    others = tuple(dict.fromkeys(entry.package for entry in same if entry.package != first.package))
    return replace(first, others=others, conflict=any(entry.split != first.split for entry in same))


def _entry(captured: Captured, done: Stamp) -> Entry:
    return Entry(
        key=captured.key,
        package=done.package,
        version=done.version,
        split=split_of(done.package).value,
        target=done.target,
        source=captured.source,
        # clang's own rule: .c and preprocessed .i are C.
        language="C" if PurePath(captured.source).suffix in (".c", ".i") else "C++",
        instructions=captured.instructions,
        functions=captured.functions,
        size=captured.size,
        bytes=captured.bytes,
    )


def _relative(source: str, tree: Path) -> str:
    path = PurePath(source)
    return str(path.relative_to(tree)) if path.is_relative_to(tree) else path.name


def _read_stamp(path: Path) -> Stamp:
    try:
        fields = json.loads(path.read_bytes())
        entries = (Entry(**{**entry, "others": tuple(entry["others"])}) for entry in fields.pop("entries"))
        return Stamp(entries=tuple(entries), **fields)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is no stamp of this version; remove it and run again") from error


def _write(path: Path, text: str) -> None:
    """Write a file under another name, then rename it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
