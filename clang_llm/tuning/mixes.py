"""Mixes for validation: recipes that deal function pipelines of one head out to the functions of programs."""

from __future__ import annotations

import random
from collections.abc import Sequence

from clang_llm.plans.recipe import Recipe

#: Random orders in which the function pipelines of a head are dealt out to the functions of the programs, for each
#: closing stage: every function meets as many of them.
ORDERS = 4


def mixes_of(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Return recipes that deal out the function pipelines of each head to functions, in some random orders."""
    heads: dict[tuple[str, str], list[str]] = {}
    for recipe in recipes:
        if recipe.staged:
            heads.setdefault(recipe.head, []).append(recipe.functions[0])
    shuffled = random.Random(0)
    return [
        Recipe(module, tuple(shuffled.sample(pipelines, len(pipelines))), (), closing)
        for (module, closing), pipelines in heads.items()
        if len(pipelines) > 1
        for _ in range(ORDERS)
    ]
