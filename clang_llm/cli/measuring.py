"""`advise` at work: a build's commands compiled with and without each option, and what that gains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from clang_llm.cli import linked
from clang_llm.cli.compiles import Compile, compiled
from clang_llm.cli.output import progress
from clang_llm.cli.suggestions import FOR_OBJECTS, Suggestion
from clang_llm.system.objects import Parts

#: Gains below this part of the bytes are not worth a line: they may be others after the next change of the source.
WORTH = 0.001


class Row(NamedTuple):
    """What one suggestion gains.

    Attributes:
        text: The options.
        compiles: How many commands they apply to.
        before: Those commands' bytes as they are.
        after: Their bytes with the options.
        remark: What else changes.
    """

    text: str
    compiles: int
    before: Parts
    after: Parts
    remark: str

    @property
    def saved(self) -> int:
        """Bytes."""
        return self.before.total - self.after.total

    @property
    def pays(self) -> bool:
        """Whether it is worth a line."""
        return self.saved > WORTH * self.before.total


def total(parts: Iterable[Parts]) -> Parts:
    """Add up."""
    sum_ = Parts()
    for each in parts:
        sum_ += each
    return sum_


class Bench:
    """Commands of a build, and their objects.

    Args:
        compiles: The commands.
        place: A directory for objects.
        environ: The environment of the compilers.
        jobs: Commands at once.
    """

    def __init__(self, compiles: Sequence[Compile], place: Path, environ: Mapping[str, str], jobs: int) -> None:
        self._place, self._environ, self._jobs = place, environ, max(1, jobs)
        plain = self._run(compiles, lambda _: (), "plain")
        there = [(one, parts) for one, parts in zip(compiles, plain, strict=True) if parts is not None]
        #: Those that compile, and what their objects are made of.
        self.compiles = [one for one, _ in there]
        self.plain = [parts for _, parts in there]
        self.failed = len(compiles) - len(there)
        self._objects = [self._object("plain", number) for number, parts in enumerate(plain) if parts is not None]

    def _object(self, name: str, number: int) -> Path:
        return self._place / f"{name}-{number}.o"

    def _run(
        self, compiles: Sequence[Compile], options: Callable[[Compile], Sequence[str]], name: str
    ) -> list[Parts | None]:
        def one(numbered: tuple[int, Compile]) -> Parts | None:
            number, each = numbered
            return compiled(each, options(each), self._object(name, number), self._environ)

        with ThreadPoolExecutor(self._jobs) as pool:
            return list(progress(pool.map(one, enumerate(compiles)), f"compiling {name}", len(compiles)))

    def rows(self) -> list[Row]:
        """Return what gains something, the most first, and all of it together where that is more than one."""
        found = [(each, row) for each in FOR_OBJECTS if (row := self._try(each)) is not None]
        found.sort(key=lambda pair: -pair[1].saved)
        rows = [row for _, row in found]
        if len(found) > 1:
            together = self._compare(
                Suggestion(("all of these",), lambda one: any(each.applies(one) for each, _ in found), ""),
                lambda one: [word for each, _ in found if each.applies(one) for word in each.options],
            )
            rows += [together] if together else []
        return [*rows, *self._programs()]

    def _try(self, suggestion: Suggestion) -> Row | None:
        return self._compare(suggestion, lambda _: suggestion.options)

    def _compare(self, suggestion: Suggestion, options: Callable[[Compile], Sequence[str]]) -> Row | None:
        pairs = [(one, parts) for one, parts in zip(self.compiles, self.plain, strict=True) if suggestion.applies(one)]
        made = self._run([one for one, _ in pairs], options, "changed")
        both = [(before, after) for (_, before), after in zip(pairs, made, strict=True) if after is not None]
        if suggestion.everywhere and len(both) < len(pairs):
            return None
        row = Row(
            suggestion.text,
            len(both),
            total(before for before, _ in both),
            total(after for _, after in both),
            suggestion.remark,
        )
        return row if row.pays else None

    def _programs(self) -> list[Row]:
        """Try what only a link shows, where these are ELF objects for one target with at least one program."""
        if len({one.triple for one in self.compiles}) != 1:
            return []
        mains = [place for place, path in enumerate(self._objects) if linked.has_main(path.read_bytes())]
        collected = all(one.has("-ffunction-sections") for one in self.compiles)
        before = self._link(self._objects, mains, linked.COLLECT if collected else ()) if mains else None
        if before is None:
            return []
        rows = []
        for way in (linked.LTO,) if collected else (linked.SECTIONS, linked.LTO):
            built = self._built(way.options)
            after = self._link(built, mains, way.of_link) if built else None
            if after is not None:
                rows.append(Row(f"{way.text} (linked)", len(self.compiles), before, after, way.remark))
        return [row for row in rows if row.pays]

    def _built(self, options: Sequence[str]) -> list[Path]:
        """Compile to whatever the options say, such as bitcode; nothing when one fails."""
        name = "".join(options)
        self._run(self.compiles, lambda _: options, name)
        built = [self._object(name, number) for number in range(len(self.compiles))]
        return built if all(path.exists() for path in built) else []

    def _link(self, built: Sequence[Path], mains: Sequence[int], options: Sequence[str]) -> Parts | None:
        return linked.linked(self.compiles, built, mains, options, self._place / "image", self._environ)
