"""Digests of the pieces that a plan may be made of: those that were validated and are shipped.

A plan of a cache is checked piece by piece. Its head, function pipelines and closing stage (or its one list) must each
be shipped for this LLVM, or be known from this user's own searches (`clang_llm.plans.store.vouched`). The digests of
the shipped pieces are compiled into the plugin.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from clang_llm.plans.recipe import Recipe, usable
from clang_llm.system.errors import PassListError

_DATA = Path(__file__).resolve().parents[1] / "data"
_CLOSING = "# closing: "


def pieces_of(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield kind and text of each piece: ``list``, or ``head``, ``function`` (several) and ``closing``."""
    if not recipe.staged:
        yield "list", recipe.module
        return
    yield "head", recipe.module
    for function in dict.fromkeys(recipe.functions):
        yield "function", function
    yield "closing", recipe.closing


def digest_of(kind: str, text: str) -> str:
    """Return the 32 hexadecimal digits by which the plugin knows a piece."""
    return hashlib.sha256(f"{kind} {text}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def digests_of(recipe: Recipe) -> frozenset[str]:
    """Return the digests of all pieces of a recipe."""
    return frozenset(digest_of(kind, text) for kind, text in pieces_of(recipe))


def sources(major: int) -> tuple[Path, ...]:
    """Return the files that say what is shipped for one major version of LLVM: the coreset, and the model's menu."""
    files = (_DATA / place / f"llvm-{major}.txt" for place in ("coreset", "model"))
    return tuple(path for path in files if path.is_file())


@cache
def shipped_pieces(major: int) -> frozenset[tuple[str, str]]:
    """Return kind and text of all pieces that are shipped for one major version of LLVM, as that LLVM runs them.

    Raises:
        PassListError: A set holds what is no recipe.
    """
    found: set[tuple[str, str]] = set()
    for path in sources(major):
        for line in path.read_text(encoding="ascii").splitlines():
            if line.startswith(_CLOSING):
                found.add(("closing", line.removeprefix(_CLOSING)))
            elif line.strip() and not line.startswith("#"):
                found.update(pieces_of(Recipe.read(line)))
    return frozenset(found)


def shipped(major: int) -> frozenset[str]:
    """Return the digests of the same pieces; raises as `shipped_pieces` does."""
    return frozenset(digest_of(kind, text) for kind, text in shipped_pieces(major))


def added_to(recipe: Recipe, major: int) -> frozenset[str]:
    """Return the digests of those pieces of a recipe that are not shipped."""
    known = shipped_pieces(major)
    return frozenset(digest_of(kind, text) for kind, text in pieces_of(recipe) if (kind, text) not in known)


def usable_or_shipped(recipe: Recipe, major: int) -> Recipe | None:
    """Return what `usable` does, in no time where all pieces are shipped: this LLVM runs those as they stand."""
    if not shipped_pieces(major).issuperset(pieces_of(recipe)):
        return usable(recipe, major)
    try:
        recipe.check_counts()
    except PassListError:
        return None
    return recipe
