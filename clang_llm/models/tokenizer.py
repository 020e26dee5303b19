"""The tokenizer of function texts: byte-pair encoding over blocks, trained on the train split.

The text is normalised already (architecture, section 5, "What a model reads"), so a token is a frequent run of
instructions of one block, and whole functions fit in a few hundred tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Begins a text; stands for a recipe's place in the answer; stands for what did not fit; fills a batch.
BEGIN, ANSWER, CUT, PAD = "<begin>", "<answer>", "<cut>", "<pad>"
SPECIAL = (PAD, BEGIN, ANSWER, CUT)


def recipe_token(place: int) -> str:
    """Return the token that stands for a recipe of the menu."""
    return f"<recipe {place}>"


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Return the number of a token.

    Raises:
        DataError: The tokenizer is not one of ours.
    """
    found = tokenizer.token_to_id(token)
    if found is None:
        raise DataError(f"the tokenizer has no token {token}; take one that `python -m clang_llm.training.train` made")
    return found


def train_tokenizer(texts: Iterable[str], recipes: int, size: int = 2048) -> Tokenizer:
    """Train on function texts.

    Args:
        texts: Of the train split.
        recipes: Recipes of the menu; each has a token of its own.
        size: Tokens in all.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    # Blocks stay apart; inside one, instructions may grow together.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("\n"), "merged_with_previous")
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *map(recipe_token, range(recipes))],
        initial_alphabet=[chr(code) for code in (10, *range(32, 127))],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, text: str, longest: int) -> list[int]:
    """Return the tokens of a function and the token that asks for the answer; what does not fit is marked.

    Args:
        tokenizer: From `train_tokenizer`.
        text: Of one function.
        longest: Tokens, those for the beginning and the answer included.
    """
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    room = longest - 2
    if len(tokens) > room:
        # The beginning and the end say most of a function: its parameters and loops, and what it returns.
        half = (room - 1) // 2
        tokens = [*tokens[:half], token_id(tokenizer, CUT), *tokens[-(room - 1 - half) :]]
    return [token_id(tokenizer, BEGIN), *tokens, token_id(tokenizer, ANSWER)]


def load_tokenizer(path: Path) -> Tokenizer:
    """Read ``tokenizer.json``."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))
