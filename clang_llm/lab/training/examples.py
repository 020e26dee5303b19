"""Functions as examples: their tokens, and what is known of their sizes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clang_llm.lab.training.dataset import ModuleData
from clang_llm.lab.training.tokenizer import QUESTIONS, encode
from clang_llm.plans.types import REFUSED

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Bytes of the loss: per thousand bytes of the module under -Oz.
_UNIT = 1000.0


@dataclass(frozen=True)
class Example:
    """One function, as tokens.

    Attributes:
        tokens: With the beginning and the question for the answer.
        sizes: Bytes under each recipe of the menu.
        weight: What a byte of it is worth: 1,000 divided by the bytes of its module under -Oz.
        before: Bytes without any function pass; None when that is not known.
        near: Profiles that are near, the nearest first, each with its share in what is to be answered.
        stake: How much the profiles count; 1 on average.
    """

    tokens: tuple[int, ...]
    sizes: tuple[int, ...]
    weight: float
    before: int | None = None
    near: tuple[tuple[int, float], ...] = ((0, 1.0),)
    stake: float = 1.0

    @property
    def profile(self) -> int:
        """The nearest."""
        return self.near[0][0]


def examples_of(modules: Sequence[ModuleData], tokenizer: Tokenizer, longest: int) -> list[Example]:
    """Return the functions as examples; recipes that failed or are refused count as the worst of the others."""
    found = []
    for module in modules:
        columns = [column for column in module.functions if column is not None]
        for place, text in enumerate(module.texts):
            known = [column[place] for column in columns if column[place] < REFUSED]
            worst = max(known, default=0)
            sizes = tuple(worst if column is None else min(column[place], worst) for column in module.functions)
            tokens = tuple(encode(tokenizer, text, module.target, longest))
            before = module.before[place] if module.before else None
            found.append(Example(tokens, sizes, _UNIT / module.size_oz, before))
    return found


def batches(examples: Sequence[Example], rng: random.Random, tokens: int) -> Iterator[list[Example]]:
    """Yield examples of about one length together, in random order."""
    order = sorted(examples, key=lambda each: len(each.tokens) + rng.random() * 16)
    groups: list[list[Example]] = [[]]
    for example in order:
        if (len(groups[-1]) + 1) * len(example.tokens) > tokens and groups[-1]:
            groups.append([])
        groups[-1].append(example)
    rng.shuffle(groups)
    yield from groups


def forgetful(example: Example, rng: random.Random, share: float, kept: int) -> Example:
    """Return an example without some runs of its tokens, so that no function is learnt by heart.

    Args:
        example: With `kept` tokens in front and the questions at the end, which stay.
        rng: Of the epoch.
        share: Of the tokens that go, about.
        kept: Tokens in front that stay.
    """
    body = example.tokens[kept : -len(QUESTIONS)]
    left: list[int] = []
    place = 0
    while place < len(body):
        # Runs of eight tokens at most: about a block.
        run = rng.randint(1, 8)
        if rng.random() >= share:
            left += body[place : place + run]
        place += run
    return replace(example, tokens=(*example.tokens[:kept], *left, *example.tokens[-len(QUESTIONS) :]))
