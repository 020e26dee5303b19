"""Pass lists for LLVM 17, which LLM Compiler writes, as recipes for the installed LLVM.

Reading is lenient. It takes any adaptor of ``opt -passes=``, parameters of adaptors, passes outside the adaptor that
they need (LLVM adds it at the outermost level, here it is added everywhere), and lists whose closing parentheses are
missing because the answer ended early. What the vocabulary of the installed LLVM does not allow is left out and named.
Renamed passes and parameters are data (``data/llvm17.txt``).

``default<Oz>`` alone means that plain -Oz is the answer: it is measured anyway, so there is no recipe. Beside other
passes it stays what it is for LLVM, the whole pipeline; in a function's pipeline, its function passes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from clang_llm.models.prompt import ELEMENT, STRUCTURE
from clang_llm.plans.passlist import MAX_DEPTH, MAX_LENGTH, Adaptor, Item, Pass, PassList
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.plans.vocabulary import ADAPTORS, SOURCE, WHOLE_PIPELINE, Vocabulary, in_range, load

CHANGES = SOURCE.with_name("llvm17.txt")
#: What `default` is in a function's pipeline, where LLVM has it.
_FUNCTION_PART = "function-simplification"
_TOKEN = re.compile(rf"\s*(?:{ELEMENT.pattern}(\s*\()?|(.))", re.DOTALL)
#: What a parameter may be; anything else would not be read again.
_PARAMETER = re.compile(r"[A-Za-z0-9=_-]+")
#: Adaptors to open, one in the other, for a pass of some kind where it does not fit.
_WAYS = {
    ("module", "cgscc"): ("cgscc",),
    ("module", "function"): ("function",),
    ("module", "loop"): ("function", "loop"),
    ("module", "loop-mssa"): ("function", "loop-mssa"),
    ("cgscc", "function"): ("function",),
    ("cgscc", "loop"): ("function", "loop"),
    ("cgscc", "loop-mssa"): ("function", "loop-mssa"),
    ("function", "loop"): ("loop",),
    ("function", "loop-mssa"): ("loop-mssa",),
}


@dataclass(frozen=True)
class Translation:
    """A pass list for the installed LLVM.

    Attributes:
        recipe: What can be tried, normalised; None when nothing is left, or when plain -Oz is the answer.
        dropped: Names of the passes that were left out, in order.
        plain: Whether the answer is plain -Oz.
    """

    recipe: Recipe | None
    dropped: tuple[str, ...] = ()
    plain: bool = False


def translate(pipeline: str, major: int) -> Translation:
    """Return a pass list for LLVM 17 as one for the whole module.

    Args:
        pipeline: As `prompt.read_answer` found it.
        major: Major version of the installed LLVM.
    """
    placing = _Placing(load(major))
    items = placing.inside("module", _read(pipeline))
    if items and all(_is_oz(item) for item in items):
        return Translation(None, tuple(placing.dropped), plain=True)
    recipe = _usable(Recipe(PassList(items).text), major) if items else None
    return Translation(recipe, tuple(placing.dropped))


def translate_for_function(pipeline: str, major: int, like: Recipe) -> Translation:
    """Return a pass list that was meant for one function as a staged recipe that runs it on all functions.

    Passes that need more than a function are left out: all functions share one head.

    Args:
        pipeline: As `prompt.read_answer` found it.
        major: Major version of the installed LLVM.
        like: A staged recipe, whose head and closing stage are taken.
    """
    whole = translate(pipeline, major)
    if whole.plain:
        return whole
    placing = _Placing(load(major))
    items = placing.inside("function", _read(pipeline))
    recipe = _usable(like.uniform(",".join(item.text for item in items)), major) if items else None
    return Translation(recipe, tuple(placing.dropped))


def _usable(recipe: Recipe, major: int) -> Recipe | None:
    if any(len(text) > MAX_LENGTH for text in recipe.pipelines()):
        return None
    return usable(recipe, major)


def _is_oz(item: Item) -> bool:
    return item == Pass(WHOLE_PIPELINE, ("Oz",))


def _read(text: str) -> tuple[Item, ...]:
    """Parse any text; what is no pipeline is skipped, and open adaptors end with the text."""
    stack: list[tuple[str, list[Item]]] = [("", [])]
    for name, params, opening, mark in _TOKEN.findall(text[:MAX_LENGTH]):
        if opening:
            stack.append((name, []))
        elif name and name not in STRUCTURE:
            tokens = (token.strip() for token in params[1:-1].split(";"))
            stack[-1][1].append(Pass(name, tuple(token for token in tokens if _PARAMETER.fullmatch(token))))
        elif mark == "(":
            stack.append(("", []))
        elif mark == ")" and len(stack) > 1:
            _close(stack)
    while len(stack) > 1:
        _close(stack)
    return tuple(stack[0][1])


def _close(stack: list[tuple[str, list[Item]]]) -> None:
    """End the innermost adaptor; one that pass lists do not have (``devirt``), or too deep a one, is dissolved."""
    name, items = stack.pop()
    if name in ADAPTORS and len(stack) < MAX_DEPTH:
        stack[-1][1].append(Adaptor(name, tuple(items)))
    else:
        stack[-1][1].extend(items)


class _Placing:
    """Keeps what a vocabulary allows, each pass in the adaptor that it needs.

    Attributes:
        dropped: Names of what was left out.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.dropped: list[str] = []

    def inside(self, adaptor: str, items: Sequence[Item]) -> tuple[Item, ...]:
        """Return the items as they may stand in an adaptor."""
        placed: list[Item] = []
        for item in items:
            if isinstance(item, Pass):
                self._place(self._renamed(item, adaptor), adaptor, placed)
                continue
            name = self._of_kind(item)
            way = (name,) if name in ADAPTORS[adaptor] else _WAYS.get((adaptor, name), ())
            if not way or name == adaptor:
                # Its passes say themselves where they may stand.
                placed += self.inside(adaptor, item.items)
            else:
                inner = self.inside(name, item.items)
                placed += [_nested(way, inner)] if inner else []
        return tuple(placed)

    def _place(self, leaf: Pass, adaptor: str, placed: list[Item]) -> None:
        """Append a pass, in the adaptor before it or in a new one where it needs one; or name it as dropped."""
        entry = self.vocabulary.entries.get(leaf.name)
        way = _WAYS.get((adaptor, entry.kind), ()) if entry else ()
        last = placed[-1] if placed else None
        if entry is None or (leaf.name == WHOLE_PIPELINE and not self.vocabulary.allows(leaf.name, leaf.params)):
            self.dropped.append(leaf.name)
        elif self.vocabulary.fits(leaf.name, adaptor):
            placed.append(leaf)
        elif not way:
            self.dropped.append(leaf.name)
        elif len(way) == 1 and isinstance(last, Adaptor) and last.name == way[0]:
            placed[-1] = Adaptor(last.name, (*last.items, leaf))
        else:
            placed.append(_nested(way, (leaf,)))

    def _renamed(self, leaf: Pass, adaptor: str) -> Pass:
        """Return a pass as this LLVM calls it."""
        changes = _changes(self.vocabulary.major)
        if adaptor == "function" and _is_oz(leaf) and _FUNCTION_PART in self.vocabulary.entries:
            return Pass(_FUNCTION_PART, leaf.params)
        params = (changes.get(f"{leaf.name}<{token}>", token) for token in leaf.params)
        return Pass(changes.get(leaf.name, leaf.name), tuple(params))

    def _of_kind(self, item: Adaptor) -> str:
        """Return the adaptor that holds what stands in this one: licm needs loop-mssa, also when the text says loop."""
        leaves = [self._renamed(each, item.name).name for each in item.items if isinstance(each, Pass)]
        needs = any(
            not self.vocabulary.fits(name, "loop") and self.vocabulary.fits(name, "loop-mssa") for name in leaves
        )
        return "loop-mssa" if item.name == "loop" and needs else item.name


def _nested(way: Sequence[str], items: tuple[Item, ...]) -> Adaptor:
    *outer, innermost = way
    found = Adaptor(innermost, items)
    for name in reversed(outer):
        found = Adaptor(name, (found,))
    return found


@cache
def _changes(major: int) -> dict[str, str]:
    """Return this LLVM's names for the passes and parameters (``pass<parameter>``) that LLVM 17 calls otherwise."""
    found: dict[str, str] = {}
    for line in CHANGES.read_text(encoding="ascii").splitlines():
        if line.strip() and not line.startswith("#"):
            old, versions, new = line.split()
            if in_range(major, versions):
                found[old] = new.partition("<")[2].rstrip(">") or new
    return found
