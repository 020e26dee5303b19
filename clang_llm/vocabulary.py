"""Which passes and parameters a pass list may hold, per major version of LLVM (``data/vocabulary.txt``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clang_llm.errors import PassListError

SOURCE = Path(__file__).parent / "data" / "vocabulary.txt"

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


@dataclass(frozen=True)
class Entry:
    """One pass for one major version of LLVM."""

    name: str
    kind: str
    origin: str
    tokens: tuple[str, ...]
    required: tuple[str, ...]

    def accepts(self, token: str) -> bool:
        """Say whether the pass takes this parameter; a number stands where the vocabulary has '#'."""
        if token in self.tokens and "#" not in token:
            return True
        name, equals, number = token.partition("=")
        number_fits = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
        return bool(equals) and number_fits and f"{name}=#" in self.tokens


@dataclass(frozen=True)
class Vocabulary:
    """The passes of one major version of LLVM, and the names that other versions have or that are excluded."""

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
        if name == WHOLE_PIPELINE and len(params) != 1:
            return f"pass '{name}' takes exactly one optimisation level"
        return None

    def fits(self, name: str, adaptor: str) -> bool:
        """Say whether a pass may stand directly in an adaptor."""
        entry = self.entries.get(name)
        return entry is not None and entry.kind in _HOLDS[adaptor]

    def rows(self) -> list[tuple[str, str]]:
        """Return (name, "token;token") of every pass, sorted as strcmp sorts, for the plugin."""
        return [(name, ";".join(self.entries[name].tokens)) for name in sorted(self.entries)]


def in_range(major: int, versions: str) -> bool:
    """Say whether a major version lies in '14', '14-17' or '14-'."""
    first, dash, last = versions.partition("-")
    if not dash:
        return major == int(first)
    return int(first) <= major and (not last or major <= int(last))


@cache
def load(major: int) -> Vocabulary:
    """Return the vocabulary of one major version of LLVM."""
    entries: dict[str, Entry] = {}
    names: set[str] = set()
    for entry, versions in _lines(major):
        names.add(entry.name)
        if entry.origin != "excluded" and in_range(major, versions):
            entries[entry.name] = entry
    return Vocabulary(major, entries, frozenset(names - entries.keys()))


def _lines(major: int) -> Iterator[tuple[Entry, str]]:
    """Yield every line of the data with the tokens that this major version has, and its range of versions."""
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split()
        if len(fields) < 4 or fields[1] not in ADAPTORS:
            raise PassListError(f"{SOURCE}:{number}: expected NAME KIND VERSIONS ORIGIN; reinstall clang-llm")
        name, kind, versions, origin = fields[:4]
        tokens, required = [], []
        for field in fields[4:]:
            token, _, where = field.rstrip("!").partition("@")
            if not where or in_range(major, where):
                tokens.append(token)
                if field.endswith("!"):
                    required.append(token)
        yield Entry(name, kind, origin, tuple(tokens), tuple(required)), versions
