"""What a report knows: files, functions and sections with their bytes before and after, and why nothing was gained."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from clang_llm.system.objects import PARTS, Parts

#: What a report is about: compiles of a build, the objects below a directory, or two linked files.
BUILD, OBJECTS, BINARY = "build", "objects", "binary"
#: What became of a file since it was measured.
GONE, CHANGED = "gone", "changed"
#: Why a file has no sizes of its own, where nobody wrote a reason down; and why there is nothing to compare it with.
UNMEASURED, UNKNOWN = "unmeasured", "unknown"
#: Nothing smaller was found.
BEST = "best"


class Bytes(NamedTuple):
    """A size: allocated sections without .bss, and what they are as far as that is known."""

    total: int
    parts: Parts | None = None

    @classmethod
    def of(cls, parts: Parts) -> Bytes:
        """Return the sum of parts."""
        return cls(parts.total, parts)


@dataclass(frozen=True)
class File:
    """One object, or one linked file.

    Attributes:
        name: Below the report's root, or all of its path.
        source: What it was compiled from; nothing where nobody knows.
        before: Bytes with plain -Oz, or of the first of two files; None where nobody knows.
        after: Bytes as it is; None where it is not there.
        by: Who proposed the passes; nothing when they are -Oz's.
        recipe: Number of its recipe among the report's, or None.
        why: The word that says why nothing was gained; nothing where something was.
        tried: Candidates of its search; None where nobody knows.
        rejected: How many of them were refused, by reason.
        target: The triple; nothing where nobody knows.
        state: `GONE`, `CHANGED`, or what became of an object that is no file that lasts; mostly nothing.
    """

    name: str
    source: str = ""
    before: Bytes | None = None
    after: Bytes | None = None
    by: str = ""
    recipe: int | None = None
    why: str = ""
    tried: int | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)
    target: str = ""
    state: str = ""

    @property
    def known(self) -> bool:
        """Whether both sizes are known and count."""
        return self.before is not None and self.after is not None and self.state != CHANGED

    @property
    def saved(self) -> int:
        """Bytes saved; 0 where that is not known."""
        return self.before.total - self.after.total if self.known and self.before and self.after else 0


class Function(NamedTuple):
    """A function or another symbol: bytes before and after, None where it is not there."""

    name: str
    before: int | None
    after: int | None
    file: str = ""
    part: str = "code"

    @property
    def saved(self) -> int:
        """Bytes saved; below zero when it grew or is new."""
        return (self.before or 0) - (self.after or 0)


class Section(NamedTuple):
    """A section of linked files by its name: bytes before and after, and which of `PARTS` they are."""

    name: str
    part: str
    before: int
    after: int


class Earned(NamedTuple):
    """An element of a recipe, and by how much the object would be larger without it.

    Attributes:
        kind: What it is: a pass, a way of generating code, a choice, a stage.
        name: The element.
        bytes: Bytes that it earned; below zero where the object would be smaller without it; None where there would be
            no object that keeps what -Oz's promises.
        parts: What these bytes are.
    """

    kind: str
    name: str
    bytes: int | None
    parts: Parts | None


@dataclass(frozen=True)
class Survival:
    """What the linker left of the objects' savings.

    Attributes:
        objects: How many objects are in the linked file, as far as its symbol table names them.
        before: Their bytes with -Oz.
        after: Their bytes as they are.
    """

    objects: int
    before: Parts
    after: Parts


@dataclass(frozen=True)
class Report:
    """Everything that is shown.

    Attributes:
        kind: `BUILD`, `OBJECTS` or `BINARY`.
        title: What it is about, in a few words.
        root: The directory that names of files are below; nothing when they have none in common.
        files: The files, those that saved most first.
        recipes: The recipes' texts; files name them by their number.
        functions: Symbols, as far as somebody measured them.
        sections: Of linked files.
        earned: Of the recipe of a single object, what each of its elements earned.
        events: What was counted meanwhile (docs/cache-directory.md#events).
        meanings: What the words in it mean.
        survival: Of linked files, where objects are known.
        names: What the two sizes are called.
        notes: Sentences that the reader has to know.
        facts: Sentences about what is the same in two linked files, or is not.
    """

    kind: str
    title: str
    root: str = ""
    files: tuple[File, ...] = ()
    recipes: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    sections: tuple[Section, ...] = ()
    earned: tuple[Earned, ...] = ()
    events: Mapping[str, int] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    survival: Survival | None = None
    names: tuple[str, str] = ("-Oz", "ours")
    notes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    @property
    def known(self) -> list[File]:
        """The files whose sizes count."""
        return [each for each in self.files if each.known]

    @property
    def before(self) -> Bytes:
        """Bytes before, of all that count."""
        return add(each.before for each in self.known)

    @property
    def after(self) -> Bytes:
        """Bytes after, of the same files."""
        return add(each.after for each in self.known)

    @property
    def saved(self) -> int:
        """Bytes saved."""
        return self.before.total - self.after.total

    def rejected(self) -> Counter[str]:
        """Candidates that were refused in the searches of these files, by reason."""
        found: Counter[str] = Counter()
        for each in self.files:
            found.update(each.rejected)
        return found

    def counted(self, prefix: str) -> list[tuple[str, int]]:
        """Return what was counted under ``prefix:``, most frequent first."""
        found = [(name.partition(":")[2], count) for name, count in self.events.items() if count]
        found = [(word, count) for word, count in found if f"{prefix}:{word}" in self.events]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def dispensable(self) -> list[str]:
        """Return the elements of the recipe that earned nothing alone."""
        return [each.name for each in self.earned if each.bytes == 0]

    def words(self) -> set[str]:
        """Return the reasons that stand in it."""
        words = {each.why for each in self.files if each.why}
        words |= {word for prefix in ("bypass", "error") for word, _ in self.counted(prefix)}
        return words | {word.partition(":")[0] for word in self.rejected()}


def add(sizes: Iterable[Bytes | None]) -> Bytes:
    """Add up sizes; parts of those that have some, or none where nothing has."""
    total, parts, divided = 0, Parts(), False
    for each in sizes:
        if each is not None:
            total += each.total
            if each.parts is not None:
                parts, divided = parts + each.parts, True
    return Bytes(total, parts if divided else None)


def rows_of_parts(before: Bytes, after: Bytes) -> list[tuple[str, int, int]]:
    """Return name, before and after of each part, of what is not divided where there is such, and of the total."""
    rows: list[tuple[str, int, int]] = []
    if before.parts is not None and after.parts is not None:
        rows = list(zip(PARTS, before.parts.listed(), after.parts.listed(), strict=True))
        rest = (before.total - before.parts.total, after.total - after.parts.total)
        rows += [("not divided", *rest)] if any(rest) else []
    return [*rows, ("total", before.total, after.total)]


def common_root(names: Iterable[str]) -> str:
    """Return the directory that all absolute paths among names are below, or nothing when that is the root."""
    directories = {os.path.dirname(name) for name in names if name.startswith("/")}  # noqa: PTH120 - of a mere name
    common = os.path.commonpath(directories) if directories else "/"
    return "" if common == "/" else common


def below(name: str, root: str) -> str:
    """Return a name as seen from the root."""
    return name.removeprefix(f"{root}/") if root else name
