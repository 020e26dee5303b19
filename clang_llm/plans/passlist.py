"""Pass lists: LLVM's text pipelines, parsed, checked and printed.

A pass list is the text that ``opt -passes=`` takes, limited to five adaptors and to passes with simple parameters:
``globaldce,function(mem2reg,loop-mssa(licm))``. The outermost level is the module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from clang_llm.plans.types import MAX_LENGTH as MAX_LENGTH
from clang_llm.plans.vocabulary import ADAPTORS, CODEGEN, WHOLE_PIPELINE, Vocabulary, load
from clang_llm.system.errors import PassListError

#: Deepest nesting: module(cgscc(function(loop(...)))) is 4; LLVM's own parser recurses, so there has to be a bound.
MAX_DEPTH = 8

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PARAMS = re.compile(r"<([A-Za-z0-9=;_-]*)>")


@dataclass(frozen=True)
class Pass:
    """One pass with its parameters, as written."""

    name: str
    params: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The pass as a pipeline element."""
        return f"{self.name}<{';'.join(self.params)}>" if self.params else self.name


@dataclass(frozen=True)
class Adaptor:
    """One nesting level: what stands in it runs over each unit of that kind."""

    name: str
    items: tuple[Pass | Adaptor, ...]

    @property
    def text(self) -> str:
        """The adaptor with everything in it, as a pipeline element."""
        return f"{self.name}({','.join(item.text for item in self.items)})"


Item = Pass | Adaptor


@dataclass(frozen=True)
class PassList:
    """A module pipeline.

    Attributes:
        items: The elements at module level.
        dropped: Names that `for_llvm` left out; not part of the list's identity.
    """

    items: tuple[Item, ...]
    dropped: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, text: str) -> PassList:
        """Parse a text pipeline.

        Raises:
            PassListError: The text is not a pipeline, is too long or too deep.
        """
        return cls(_Parser(text).whole())

    @property
    def text(self) -> str:
        """The list as a text pipeline, in one canonical spelling."""
        return ",".join(item.text for item in self.items)

    def leaves(self) -> Iterator[Pass]:
        """Yield the passes in the order in which they are written."""
        for leaf, _ in _walk(self.items, "module"):
            yield leaf

    def for_llvm(self, major: int) -> PassList:
        """Return the list as this LLVM can run it, with the parameters that its own pipelines demand.

        A pass that the vocabulary knows but this version lacks (or that is excluded) is left out and named in
        `dropped`; a parameter that it lacks is left out; a required parameter is added. Unknown passes stay, so that
        `check` finds them.
        """
        dropped: list[str] = []
        items = _normalise(self.items, "module", load(major), dropped)
        return replace(self, items=items, dropped=tuple(dropped))

    def of_llvm(self) -> PassList:
        """Return the list without what only the plugin knows."""
        return replace(self, items=_of_llvm(self.items))

    def check(self, vocabulary: Vocabulary) -> None:
        """Check every pass, its parameters and its place.

        Raises:
            PassListError: With the first thing that is wrong.
        """
        if not self.items:
            raise PassListError("the pass list is empty; name at least one pass")
        for leaf, adaptor in _walk(self.items, "module"):
            problem = vocabulary.problem(leaf.name, leaf.params)
            if problem is None and not vocabulary.fits(leaf.name, adaptor):
                problem = f"pass '{leaf.name}' cannot stand in '{adaptor}'"
            if problem is not None:
                raise PassListError(f"{problem}; see data/vocabulary.txt of clang-llm for what may be used")


def _walk(items: tuple[Item, ...], adaptor: str) -> Iterator[tuple[Pass, str]]:
    """Yield each pass with the adaptor that it stands in."""
    for item in items:
        if isinstance(item, Pass):
            yield item, adaptor
        else:
            yield from _walk(item.items, item.name)


def _of_llvm(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return what is left without `CODEGEN`."""
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Pass):
            kept += [item] if item.name != CODEGEN else []
        elif inner := _of_llvm(item.items):
            kept.append(Adaptor(item.name, inner))
    return tuple(kept)


def _normalise(items: tuple[Item, ...], adaptor: str, vocabulary: Vocabulary, dropped: list[str]) -> tuple[Item, ...]:
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Adaptor):
            inner = _normalise(item.items, item.name, vocabulary, dropped)
            if inner:
                kept.append(Adaptor(item.name, inner))
            continue
        entry = vocabulary.entries.get(item.name)
        if entry is None:
            if item.name in vocabulary.withheld:
                dropped.append(item.name)
            else:
                kept.append(item)
        elif not vocabulary.fits(item.name, adaptor) and item.name.startswith("coro-"):
            # The coroutine passes changed their kind with LLVM 15. Dropping them is safe: the lowerings that the
            # language demands run after every list.
            dropped.append(item.name)
        else:
            params = [token for token in item.params if entry.accepts(token)]
            params += [token for token in entry.required if token not in params]
            if item.name == WHOLE_PIPELINE:
                params = list(item.params)
            kept.append(Pass(item.name, tuple(params)))
    return tuple(kept)


class _Parser:
    """Recursive descent over one text; `at` is the position of the next character."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise PassListError(f"the pass list has {len(text)} characters; at most {MAX_LENGTH} are allowed")
        self.text = text.strip()
        self.at = 0

    def whole(self) -> tuple[Item, ...]:
        items = self.items("module", 1)
        if self.at != len(self.text):
            raise self.error("unexpected text")
        return items

    def items(self, adaptor: str, depth: int) -> tuple[Item, ...]:
        if depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")
        found = [self.item(adaptor, depth)]
        while self.take(","):
            found.append(self.item(adaptor, depth))
        return tuple(found)

    def item(self, adaptor: str, depth: int) -> Item:
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise self.error("expected the name of a pass")
        name = match.group()
        self.at = match.end()
        if name in ADAPTORS:
            return self.adaptor(name, adaptor, depth)
        params = _PARAMS.match(self.text, self.at)
        if params is None:
            return Pass(name)
        self.at = params.end()
        return Pass(name, tuple(token for token in params.group(1).split(";") if token))

    def adaptor(self, name: str, inside: str, depth: int) -> Adaptor:
        if name not in ADAPTORS[inside]:
            raise self.error(f"'{name}' cannot stand in '{inside}'")
        if not self.take("("):
            raise self.error(f"expected '(' after '{name}'")
        items = self.items(name, depth + 1)
        if not self.take(")"):
            raise self.error("expected ')'")
        return Adaptor(name, items)

    def take(self, character: str) -> bool:
        if self.text.startswith(character, self.at):
            self.at += 1
            return True
        return False

    def error(self, problem: str) -> PassListError:
        near = self.text[self.at : self.at + 20]
        return PassListError(f"pass list, character {self.at + 1} ('{near}'): {problem}; write it as for opt -passes=")
