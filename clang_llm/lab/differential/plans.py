"""The plans that are forced on programs: what is shipped, mixes of it, and shuffles of all vetted pieces."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.plans.coreset import DATA, Coreset, read_coreset, read_menu
from clang_llm.plans.recipe import Recipe, all_usable, from_data
from clang_llm.plans.store import SEED
from clang_llm.system.errors import BackendError, ClangLlmError
from clang_llm.tuning.seeds import CLOSINGS, seeds

#: Plans of tuned modules that come with clang-llm.
SEED_PLANS = (SEED or Path(os.devnull)) / "plans"
_MENU = DATA.parent / "model"
#: One in so many plans of a program is a shipped recipe as it is.
WHOLE = 4
#: Kinds of the others, and how often they are drawn.
SHARES = {"closing": 2, "mix": 4, "tuned": 1, "shuffle": 5}
#: Places of functions for which a mix is drawn; programs with more functions take the first pipeline.
_FUNCTIONS = 96
#: Heads among which the mixes and shuffles of one program are drawn: what shares a head is compiled faster.
_HEADS = 3


@dataclass(frozen=True)
class Plan:
    """A recipe with what it is: ``whole`` or one of `SHARES`."""

    kind: str
    recipe: Recipe


class Plans:
    """All vetted pieces for one LLVM, and random plans made of them.

    Args:
        major: Major version of LLVM.
        target: The triple: its family's order comes first.
        tuned: Directory of entries whose plans are tried, too.

    Raises:
        BackendError: Nothing is shipped for this LLVM.
    """

    def __init__(self, major: int, target: str, tuned: Path = SEED_PLANS) -> None:
        sets = list(_sets(major))
        whole = [recipe for some in sets for recipe in some.for_target(target)]
        self.whole = tuple(all_usable(whole, major))
        self.tuned = tuple(all_usable(_tuned(tuned), major))
        staged = [recipe for recipe in (*self.whole, *self.tuned, *seeds(major)) if recipe.staged]
        shipped = [closing for some in sets for closing in some.closings]
        closings = [*shipped, *CLOSINGS, *(recipe.closing for recipe in staged)]
        self.closings = ("", *(stage.module for stage in all_usable(map(Recipe, filter(None, closings)), major)))
        self.heads = tuple(dict.fromkeys(recipe.module for recipe in staged))
        self.functions = tuple(dict.fromkeys(each for recipe in staged for each in recipe.functions))
        #: For each head the function pipelines that were vetted with it.
        self.of_head = {head: tuple(_pipelines(staged, head)) for head in self.heads}

    @property
    def identity(self) -> str:
        """Hash of all pieces: runs with other ones are other runs."""
        pieces = [recipe.text for recipe in (*self.whole, *self.tuned)]
        text = json.dumps([pieces, self.closings, self.heads, self.functions])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def draw(self, rng: random.Random, count: int, first: int) -> list[Plan]:
        """Return plans, those with one head side by side.

        Args:
            rng: Decides all of them.
            count: How many.
            first: Place of the first recipe that is taken as a whole: programs take turns, so that none is left out.
        """
        heads = rng.sample(self.heads, min(_HEADS, len(self.heads)))
        found: dict[Recipe, Plan] = {}
        for place in range(first, first + max(1, count // WHOLE)):
            recipe = self.whole[place % len(self.whole)]
            found[recipe] = Plan("whole", recipe)
        kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
        # Small sets of pieces may not give as many different ones.
        for _ in range(4 * count):
            if len(found) >= count:
                break
            kind = rng.choice(kinds)
            recipe = self._one(kind, rng, heads)
            found.setdefault(recipe, Plan(kind, recipe))
        return sorted(found.values(), key=lambda plan: plan.recipe.module)

    def _one(self, kind: str, rng: random.Random, heads: Sequence[str]) -> Recipe:
        head = rng.choice(heads)
        if kind == "closing":
            return self._staged(rng)._replace(closing=rng.choice(self.closings))
        if kind == "tuned" and self.tuned:
            return rng.choice(self.tuned)
        if kind == "mix":
            return self._mix(rng, head, self.of_head[head], rng.choice(self.closings[:4]))
        return self._mix(rng, head, self.functions, rng.choice(self.closings))

    def _staged(self, rng: random.Random) -> Recipe:
        staged = [recipe for recipe in self.whole if recipe.staged]
        return rng.choice(staged or self.whole)

    @staticmethod
    def _mix(rng: random.Random, head: str, functions: Sequence[str], closing: str) -> Recipe:
        some = tuple(rng.sample(functions, min(rng.choice((1, 2, 4, 8)), len(functions))))
        use = tuple(rng.randrange(len(some)) for _ in range(_FUNCTIONS)) if len(some) > 1 else ()
        return Recipe(head, some, use, closing)


def _sets(major: int) -> Iterator[Coreset]:
    yield read_coreset(major)
    try:
        yield read_menu(major, _MENU)
    except BackendError:
        return


def _pipelines(staged: Iterable[Recipe], head: str) -> Iterator[str]:
    yield from dict.fromkeys(each for recipe in staged if recipe.module == head for each in recipe.functions)


def _tuned(directory: Path) -> Iterator[Recipe]:
    """Yield the recipes of entries; what is made for one module serves others as a wrong entry would."""
    for path in sorted(directory.glob("*/*")):
        try:
            _, _, body = path.read_text(encoding="utf-8").partition("\n")
            yield from_data(json.loads(body))
        except (OSError, ValueError, KeyError, TypeError, ClangLlmError):
            continue
