"""The small model with torch, for training; compiles have it in the plugin (plugin/model/)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.lab.training.answers import best_sets
from clang_llm.lab.training.tokenizer import (
    PAD,
    QUESTIONS,
    SIZES,
    encode,
    load_tokenizer,
    profile_token,
    size_at,
    size_token,
    token_id,
    token_ids,
)
from clang_llm.system.errors import BackendError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import LlamaForCausalLM

#: Functions whose answers are asked for together: so many at most, none longer than half as much again as the shortest
#: and some tokens. What is shorter than the longest is filled up, and computed; without this bound that took three
#: times as long.
_TOGETHER, _LONGER, _TOKENS_LONGER = 32, 1.5, 16


class Answers:
    """Asks a network about functions.

    Args:
        network: The network.
        tokenizer: Its tokenizer.
        profiles: What its answers mean, shape (profiles, recipes); see `clang_llm.lab.training.answers`.
    """

    def __init__(self, network: LlamaForCausalLM, tokenizer: Tokenizer, profiles: Tensor) -> None:
        import torch

        self.network = network
        self.tokenizer = tokenizer
        self.excess = profiles
        self.pad = token_id(tokenizer, PAD)
        self.profiles = torch.tensor(token_ids(tokenizer, map(profile_token, range(len(profiles)))))
        self.sizes = torch.tensor(token_ids(tokenizer, map(size_token, range(SIZES))))

    def among(self, places: Sequence[int]) -> Answers:
        """Return the same network with some recipes only."""
        return Answers(self.network, self.tokenizer, self.excess[:, places])

    def __call__(self, batch: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Ask.

        Args:
            batch: Tokens of functions, from `encode`.

        Returns:
            Logits of the profiles, shape (batch, profiles), and of the sizes before and after, shape (batch, 2,
            `SIZES`).
        """
        hidden, weights = self.hidden(batch), self.network.lm_head.weight
        return hidden[:, -1] @ weights[self.profiles].T, hidden[:, :-1] @ weights[self.sizes].T

    def hidden(self, batch: Sequence[Sequence[int]]) -> Tensor:
        """Return what the network has made of the questions, shape (batch, questions, width)."""
        import torch

        longest = max(map(len, batch))
        ids = torch.full((len(batch), longest), self.pad)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        # The padding is on the left, so the questions are the last tokens of every row.
        for row, tokens in enumerate(batch):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        ids, mask = ids.to(self.network.device), mask.to(self.network.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        asked = self.network.model(input_ids=ids, attention_mask=mask, position_ids=positions)
        hidden: Tensor = asked.last_hidden_state[:, -len(QUESTIONS) :]
        return hidden


@dataclass(frozen=True)
class Opinion:
    """What a network says of one function.

    Attributes:
        ranked: Places in the menu, each the one that adds most to those before it.
        before: Bytes without any function pass.
        after: Bytes under the best recipe.
    """

    ranked: tuple[int, ...]
    before: float
    after: float


def of_like_length(functions: Sequence[tuple[int, ...]]) -> Iterator[Sequence[tuple[int, ...]]]:
    """Yield functions whose answers are asked for together.

    Args:
        functions: Tokens of functions, the shortest first.
    """
    start = 0
    for end in range(1, len(functions) + 1):
        most = _LONGER * len(functions[start]) + _TOKENS_LONGER
        if end == len(functions) or end - start == _TOGETHER or len(functions[end]) > most:
            yield functions[start:end]
            start = end


def ask(texts: Sequence[str], target: str, answers: Answers, longest: int, count: int) -> list[Opinion]:
    """Return a network's opinions of the functions of one module.

    Args:
        texts: Of the functions.
        target: The triple.
        answers: The network.
        longest: Tokens of one function.
        count: Recipes for each.
    """
    import torch

    encoded = [tuple(encode(answers.tokenizer, text, target, longest)) for text in texts]
    order = sorted(dict.fromkeys(encoded), key=len)  # like functions have one answer
    scale = torch.arange(SIZES, dtype=torch.float32)
    found: dict[tuple[int, ...], Opinion] = {}
    with torch.no_grad():
        for some in of_like_length(order):
            profiles, sizes = (each.cpu() for each in answers(some))
            ranked = best_sets(profiles, answers.excess, count).tolist()
            places = (torch.softmax(sizes, dim=2) @ scale).tolist()
            for each, row, (before, after) in zip(some, ranked, places, strict=True):
                found[each] = Opinion(tuple(row), size_at(before), size_at(after))
    return [found[each] for each in encoded]


def load_model(directory: Path) -> tuple[Tokenizer, LlamaForCausalLM]:
    """Read a tokenizer and a network.

    Raises:
        BackendError: There is no model.
    """
    from transformers import AutoModelForCausalLM

    try:
        tokenizer = load_tokenizer(directory / "tokenizer.json")
        network = AutoModelForCausalLM.from_pretrained(directory, local_files_only=True, use_safetensors=True)
    except Exception as error:  # tokenizers raises bare Exceptions
        raise BackendError(f"{directory} holds no model: {error}") from error
    return tokenizer, network
