"""Which passes and parameters a pass list may hold, per major version of LLVM (``data/vocabulary.txt``).

`load` answers for one version and one `Level`; without a level, what an emitted object may have been made with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

from clang_llm.system.errors import PassListError

SOURCE = Path(__file__).resolve().parents[1] / "data" / "vocabulary.txt"
#: Parameters worth trying, for a search; not part of what is allowed.
VARIANTS = SOURCE.with_name("variants.txt")

#: Adaptors, each with those that may stand directly in it; LLVM's parser knows more, a pass list needs no more.
ADAPTORS: Mapping[str, frozenset[str]] = {
    "module": frozenset({"module", "cgscc", "function"}),
    "cgscc": frozenset({"cgscc", "function"}),
    "function": frozenset({"function", "loop", "loop-mssa"}),
    "loop": frozenset({"loop"}),
    "loop-mssa": frozenset({"loop-mssa"}),
}
#: Kinds of pass that each adaptor holds.
_HOLDS: Mapping[str, frozenset[str]] = {
    "module": frozenset({"module"}),
    "cgscc": frozenset({"cgscc"}),
    "function": frozenset({"function"}),
    "loop": frozenset({"loop"}),
    "loop-mssa": frozenset({"loop", "loop-mssa"}),
}
#: Digits of a number in a parameter, at most, the same as in the plugin; every such number is a small threshold.
MAX_DIGITS = 6
#: The element that stands for a whole pipeline of LLVM, `default<Oz>`.
WHOLE_PIPELINE = "default"
#: The plugin's own pass: how the function's code is generated.
CODEGEN = "codegen"
#: All elements that are a pipeline and take exactly one parameter, the optimisation level.
WHOLE_PIPELINES = frozenset({WHOLE_PIPELINE, "fatlto-pre-link", "lto", "lto-pre-link", "thinlto", "thinlto-pre-link"})


class Level(IntEnum):
    """How far a vocabulary reaches; each level holds the passes of those before it.

    Attributes:
        PRODUCTION: What LLVM's default pipelines for C and C++ run, with any parameters.
        EXTENDED: And what is off by default but was admitted one by one.
        PAPER: And every other optimising transform and whole pipeline, all with default parameters only: the rule by
            which LLM Compiler chose its 167 arguments. For comparison; holds what breaks programs.
        UNSAFE: Everything in the data, also what changes the interface of a module.
    """

    PRODUCTION = 1
    EXTENDED = 2
    PAPER = 3
    UNSAFE = 4


#: Origins of unsafe passes that are optimising transforms all the same, which is what the paper's rule asks for.
_TRANSFORMS = frozenset({"pipeline", "whole", "breaks", "unproven", "withdrawn"})


@dataclass(frozen=True)
class Entry:
    """One pass for one major version of LLVM.

    Attributes:
        name: As in a pass list.
        kind: The adaptor that it must stand in.
        level: The narrowest level that holds it; PAPER for an unsafe transform.
        origin: Where LLVM runs it, or what is wrong with it; see the head of the data.
        tokens: The parameters that it may have.
        required: The parameters that it must have.
        declined: Parameters that LLVM has and that are never allowed.
        note: Evidence or reason, for all but production passes.
    """

    name: str
    kind: str
    level: Level
    origin: str
    tokens: tuple[str, ...]
    required: tuple[str, ...]
    declined: tuple[str, ...] = ()
    note: str = ""

    def accepts(self, token: str) -> bool:
        """Say whether the pass takes this parameter; a number stands where the vocabulary has '#'."""
        return _matches(token, self.tokens)

    def knows(self, token: str) -> bool:
        """Say whether the data has this parameter, allowed or declined."""
        return _matches(token, self.tokens) or _matches(token, self.declined)


@dataclass(frozen=True)
class Vocabulary:
    """The passes of one major version of LLVM up to one level.

    Attributes:
        major: The version.
        entries: The passes by name.
        withheld: What a list may name and be thinned out: passes that another version has at this level, those that
            LLVM's own pipelines run though we do not, and those that were allowed once. Everything else that is not an
            entry is refused.
    """

    major: int
    entries: Mapping[str, Entry]
    withheld: frozenset[str]

    def allows(self, name: str, params: Sequence[str] = ()) -> bool:
        """Say whether a pass may be used with these parameters."""
        return self.problem(name, params) is None

    def problem(self, name: str, params: Sequence[str] = ()) -> str | None:
        """Return what is wrong with a pass and its parameters, or None."""
        entry = self.entries.get(name)
        if entry is None:
            return f"pass '{name}' is not in the vocabulary of LLVM {self.major}"
        for token in params:
            if not entry.accepts(token):
                return f"pass '{name}' takes no parameter '{token}' in LLVM {self.major}"
        missing = [token for token in entry.required if token not in params]
        if missing:
            return f"pass '{name}' needs the parameter '{missing[0]}' in LLVM {self.major}"
        if name in WHOLE_PIPELINES and len(params) != 1:
            return f"pass '{name}' takes exactly one optimisation level"
        if name == CODEGEN and not params:
            return f"pass '{name}' needs a parameter, such as no-minsize"
        return None

    def fits(self, name: str, adaptor: str) -> bool:
        """Say whether a pass may stand directly in an adaptor."""
        entry = self.entries.get(name)
        return entry is not None and entry.kind in _HOLDS[adaptor]

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (name, kind, "token;token", "required;required") of every pass for the plugin, sorted as by strcmp."""
        rows = ((name, self.entries[name]) for name in sorted(self.entries))
        return [(name, each.kind, ";".join(each.tokens), ";".join(each.required)) for name, each in rows]

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the sorted names of the passes of one kind."""
        return tuple(sorted(name for name, entry in self.entries.items() if entry.kind == kind))

    def variants(self, name: str) -> tuple[str, ...]:
        """Return the uses of a pass that are worth trying, as elements of a pass list; the plain use comes first.

        Parameters that this version lacks are left out and required ones added, as `PassList.for_llvm` does.

        Raises:
            PassListError: The pass is not in this vocabulary.
        """
        entry = self.entries.get(name)
        if entry is None:
            raise PassListError(f"{self.problem(name)}; ask for one of its names")
        found: dict[str, None] = {}
        for params in ((), *_variants().get(name, ())):
            kept = tuple(token for token in params if entry.accepts(token))
            kept += tuple(token for token in entry.required if token not in kept)
            if self.allows(name, kept):
                found[f"{name}<{';'.join(kept)}>" if kept else name] = None
        return tuple(found)


def _matches(token: str, known: Sequence[str]) -> bool:
    if token in known and "#" not in token:
        return True
    name, equals, number = token.partition("=")
    number_fits = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return bool(equals) and number_fits and f"{name}=#" in known


def in_range(major: int, versions: str) -> bool:
    """Say whether a major version lies in '14', '14-17' or '14-'."""
    first, dash, last = versions.partition("-")
    if not dash:
        return major == int(first)
    return int(first) <= major and (not last or major <= int(last))


@cache
def load(major: int, level: Level = Level.EXTENDED) -> Vocabulary:
    """Return the vocabulary of one major version of LLVM.

    Args:
        major: The version.
        level: How far it reaches. Only PRODUCTION and EXTENDED may reach an object that somebody uses.
    """
    entries: dict[str, Entry] = {}
    names: set[str] = set()
    for entry, versions in _lines(major):
        if entry.level <= level or entry.origin in ("pipeline", "withdrawn"):
            names.add(entry.name)
        if entry.level <= level and in_range(major, versions):
            entries[entry.name] = _with_default_parameters(entry) if level is Level.PAPER else entry
    return Vocabulary(major, entries, frozenset(names - entries.keys()))


def _with_default_parameters(entry: Entry) -> Entry:
    tokens = entry.tokens if entry.name in WHOLE_PIPELINES else entry.required
    return Entry(entry.name, entry.kind, entry.level, entry.origin, tokens, entry.required, note=entry.note)


def _lines(major: int) -> Iterator[tuple[Entry, str]]:
    """Yield every line of the data with the tokens that this major version has, and its range of versions."""
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        text, _, note = line.partition(" # ")
        fields = text.split()
        if len(fields) < 5 or fields[1] not in ADAPTORS or fields[3] not in _LEVELS:
            raise PassListError(f"{SOURCE}:{number}: expected NAME KIND VERSIONS LEVEL ORIGIN; reinstall clang-llm")
        name, kind, versions, word, origin = fields[:5]
        level = Level.PAPER if word == "unsafe" and origin in _TRANSFORMS else _LEVELS[word]
        tokens: list[str] = []
        required: list[str] = []
        declined: list[str] = []
        for field in fields[5:]:
            token, _, where = field.rstrip("!").partition("@")
            if where and not in_range(major, where):
                continue
            (declined if token.startswith("~") else tokens).append(token.lstrip("~"))
            if field.endswith("!"):
                required.append(token)
        yield Entry(name, kind, level, origin, tuple(tokens), tuple(required), tuple(declined), note.strip()), versions


#: The words of the data. `paper` is none of them: which unsafe passes it takes in follows from their origin.
_LEVELS = {"production": Level.PRODUCTION, "extended": Level.EXTENDED, "unsafe": Level.UNSAFE}


@cache
def _variants() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return the parameters to try for each pass that has some."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for line in VARIANTS.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, *choices = line.split()
            found[name] = found.get(name, ()) + tuple(tuple(choice.split(";")) for choice in choices)
    return found
