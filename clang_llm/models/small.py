"""The small model: which recipes of a menu should be tried on each function, best first.

Its directory holds what `transformers.AutoModelForCausalLM` reads (``config.json``, ``model.safetensors``), the
tokenizer (``tokenizer.json``) and for each LLVM the menu (``llvm-<major>.txt``): vetted recipes that share one head.
The answer to a function's tokens is one token of the menu's, so nothing that was not vetted can be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.backends.coreset import read_menu
from clang_llm.errors import BackendError
from clang_llm.models import Task
from clang_llm.models.tokenizer import PAD, encode, load_tokenizer, recipe_token, token_id
from clang_llm.recipe import Recipe

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import LlamaForCausalLM

#: Functions whose answers are asked for together.
_TOGETHER = 32


class Answers:
    """Asks a network for the logits of the menu's recipes."""

    def __init__(self, network: LlamaForCausalLM, tokenizer: Tokenizer, recipes: int) -> None:
        import torch

        self.network = network
        self.pad = token_id(tokenizer, PAD)
        self.ids = torch.tensor([token_id(tokenizer, recipe_token(place)) for place in range(recipes)])

    def __call__(self, batch: Sequence[Sequence[int]]) -> Tensor:
        """Return logits, shape (batch, recipes); the padding is on the left, so every answer is the last token."""
        import torch

        longest = max(map(len, batch))
        ids = torch.full((len(batch), longest), self.pad)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, tokens in enumerate(batch):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        hidden = self.network.model(input_ids=ids, attention_mask=mask, position_ids=positions).last_hidden_state[:, -1]
        return hidden @ self.network.lm_head.weight[self.ids].T


def rank(texts: Sequence[str], tokenizer: Tokenizer, answers: Answers, longest: int) -> list[list[int]]:
    """Return places of the menu for each function, best first.

    Args:
        texts: Of the functions.
        tokenizer: The network's.
        answers: The network.
        longest: Tokens of one function.
    """
    import torch

    encoded = [encode(tokenizer, text, longest) for text in texts]
    ranked: list[list[int]] = [[] for _ in encoded]
    order = sorted(range(len(encoded)), key=lambda each: len(encoded[each]))
    with torch.no_grad():
        for start in range(0, len(order), _TOGETHER):
            some = order[start : start + _TOGETHER]
            logits = answers([encoded[each] for each in some])
            for each, row in zip(some, logits.argsort(dim=1, descending=True, stable=True).tolist(), strict=True):
                ranked[each] = row
    return ranked


def by_rank(menu: Sequence[Recipe], rankings: Sequence[Sequence[int]]) -> list[Recipe]:
    """Return recipes: the first gives every function its first choice, the second its second, and so on.

    Args:
        menu: Recipes of one head.
        rankings: For each function places in the menu, best first; all of one length.
    """
    recipes = []
    for choices in zip(*rankings, strict=True):
        distinct = list(dict.fromkeys(choices))
        functions = tuple(menu[place].functions[0] for place in distinct)
        use = tuple(distinct.index(place) for place in choices)
        recipes.append(Recipe(menu[0].module, functions, use if len(distinct) > 1 else (), menu[0].closing))
    return recipes


def menu_at(path: Path, major: int) -> list[Recipe]:
    """Read a menu.

    Raises:
        BackendError: There is none for this LLVM, or its recipes do not share one head.
    """
    return list(read_menu(major, path).lists)


class SmallModel:
    """The network with its tokenizer and menus.

    Args:
        directory: See the module's description.

    Raises:
        BackendError: It holds no model.
    """

    def __init__(self, directory: Path) -> None:
        from transformers import AutoModelForCausalLM

        try:
            self._tokenizer = load_tokenizer(directory / "tokenizer.json")
            network = AutoModelForCausalLM.from_pretrained(directory, local_files_only=True, use_safetensors=True)
        except Exception as error:  # tokenizers raises bare Exceptions
            raise BackendError(f"{directory} holds no model: {error}") from error
        network.eval()
        self._longest = network.config.max_position_embeddings
        self._network = network
        self._menu = lru_cache(lambda major: menu_at(directory, major))

    def propose(self, tasks: Sequence[Task]) -> list[list[Recipe]]:
        """Return for each task recipes of its menu, each with its choice for every function."""
        # One after the other: sums over another batch are rounded otherwise, and the order must not depend on it.
        return [self.ranked(task.major, task.texts)[: task.budget] for task in tasks]

    def ranked(self, major: int, texts: Sequence[str]) -> list[Recipe]:
        """Return as many recipes as the menu has; see `by_rank`."""
        menu = self._menu(major)
        if not texts:
            return []
        answers = Answers(self._network, self._tokenizer, len(menu))
        return by_rank(menu, rank(texts, self._tokenizer, answers, self._longest))
