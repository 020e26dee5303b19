"""The tokenizer of function texts: byte-pair encoding over blocks, trained on the train split.

The text is normalised already (docs/models.md), so a token is a frequent run of
instructions of one block, and whole functions fit in a few hundred tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.plans.coreset import FAMILIES, family_of
from clang_llm.system.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Begins a text; stands for what did not fit; fills a batch.
BEGIN, CUT, PAD = "<begin>", "<cut>", "<pad>"
#: The questions at the end of a text: bytes when no function pass runs, bytes under the best recipe, and which profile.
BEFORE, AFTER, ANSWER = "<before>", "<after>", "<answer>"
QUESTIONS = (BEFORE, AFTER, ANSWER)
SPECIAL = (PAD, BEGIN, CUT, *QUESTIONS)
#: Answers to the first two: places on a logarithmic scale from `_SMALLEST` bytes on, four for each doubling, which
#: reaches functions of 70 kB.
SIZES = 60
_SMALLEST, _FOR_EACH_DOUBLING = 2.0, 4.0
#: Tokens in front of a text: the beginning, the family of the target, and how large the function is about.
FRONT = 3
#: Bytes that an instruction takes, about; exact enough for a token that says how many there are, cut ones included.
_INSTRUCTION = 4


def profile_token(place: int) -> str:
    """Return the token that stands for a profile (`clang_llm.lab.training.answers`)."""
    return f"<profile {place}>"


def size_token(place: int) -> str:
    """Return the token that stands for a place on the scale of sizes."""
    return f"<size {place}>"


def family_token(target: str) -> str:
    """Return the token that names the family of a triple."""
    return f"<{family_of(target) or 'x86'}>"


def place_of(size: int) -> float:
    """Return where a size in bytes is on the scale; between two places when it is between theirs."""
    return min(SIZES - 1.0, max(0.0, math.log2(max(size, 1) / _SMALLEST) * _FOR_EACH_DOUBLING))


def size_at(place: float) -> float:
    """Return the bytes at a place on the scale."""
    return float(_SMALLEST * 2 ** (place / _FOR_EACH_DOUBLING))


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Return the number of a token.

    Raises:
        DataError: The tokenizer is not one of ours.
    """
    found = tokenizer.token_to_id(token)
    if found is None:
        raise DataError(
            f"the tokenizer has no token {token}; take one that `python -m clang_llm.lab.training.train` made"
        )
    return found


def token_ids(tokenizer: Tokenizer, tokens: Iterable[str]) -> list[int]:
    """Return the numbers of some tokens; raises as `token_id` does."""
    return [token_id(tokenizer, token) for token in tokens]


def train_tokenizer(texts: Iterable[str], profiles: int, size: int) -> Tokenizer:
    """Train on function texts.

    Args:
        texts: Of the train split.
        profiles: How many there are; each has a token of its own.
        size: Tokens of texts and questions.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    # Blocks stay apart; inside one, instructions may grow together.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("\n"), "merged_with_previous")
    trainer = trainers.BpeTrainer(
        vocab_size=size + profiles,
        special_tokens=[
            *SPECIAL,
            *(f"<{family}>" for family in dict.fromkeys(("x86", *FAMILIES))),
            *map(size_token, range(SIZES)),
            *map(profile_token, range(profiles)),
        ],
        initial_alphabet=[chr(code) for code in (10, *range(32, 127))],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, text: str, target: str, longest: int) -> list[int]:
    """Return the tokens of a function and those of the questions; what does not fit is marked.

    Args:
        tokenizer: From `train_tokenizer`.
        text: Of one function.
        target: The triple.
        longest: Tokens, those around the text included.
    """
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    about = size_token(round(place_of(_INSTRUCTION * text.count(";"))))
    first = token_ids(tokenizer, (BEGIN, family_token(target), about))
    room = longest - len(first) - len(QUESTIONS)
    if len(tokens) > room:
        # The beginning and the end say most of a function: its parameters and loops, and what it returns.
        half = (room - 1) // 2
        tokens = [*tokens[:half], token_id(tokenizer, CUT), *tokens[-(room - 1 - half) :]]
    return [*first, *tokens, *token_ids(tokenizer, QUESTIONS)]


def load_tokenizer(path: Path) -> Tokenizer:
    """Read ``tokenizer.json``."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))
