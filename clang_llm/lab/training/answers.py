"""Profiles: the ways in which functions react to the recipes of a menu, and choosing recipes from them.

A *profile* says for every recipe how much larger a function is under it than under the best one. The small model's
answer is a distribution over profiles, found by clustering the train split's functions. What is proposed from it is a
set: each recipe adds most to those before it, in the bytes expected over the distribution. A model that knows nothing
answers as often as the profiles occur, and the set is the greedy order of the train split. The plugin does the same
(`plugin/model/answers.cpp`); `tests/integration/lab/test_train.py` holds both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.models.small import PROFILES, RECIPES, recipes_of
from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import BackendError

if TYPE_CHECKING:
    from torch import Tensor

_TENSOR = "excess"


def write_profiles(directory: Path, excess: Tensor, recipes: Sequence[Recipe]) -> None:
    """Write ``profiles.safetensors``.

    Args:
        directory: The model's.
        excess: Bytes over the best recipe's in its bytes, shape (profiles, recipes).
        recipes: The recipes; one text of each is kept as metadata.
    """
    from safetensors.torch import save_file

    texts = "\n".join(recipe.text for recipe in recipes)
    save_file({_TENSOR: excess.contiguous()}, directory / PROFILES, metadata={RECIPES: texts})


def read_profiles(directory: Path) -> tuple[Tensor, tuple[Recipe, ...]]:
    """Return what `write_profiles` wrote.

    Raises:
        BackendError: There are none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    recipes = recipes_of(directory)
    try:
        return load_file(directory / PROFILES)[_TENSOR], recipes
    except (OSError, KeyError, SafetensorError) as error:
        raise BackendError(
            f"{directory} holds no profiles ({error}); make the model with clang_llm.lab.training.train"
        ) from error


def best_sets(logits: Tensor, excess: Tensor, count: int) -> Tensor:
    """Return recipes for each function, each the one that adds most to those before it.

    Args:
        logits: Of the profiles, shape (functions, profiles).
        excess: Shape (profiles, recipes).
        count: Recipes for each function; at most as many as there are.

    Returns:
        Places in the menu, shape (functions, count).
    """
    import torch

    chances = torch.softmax(logits, dim=1)
    # When nothing adds anything any more: what is expected to be small by itself.
    alone = chances @ excess
    reached = excess.max(dim=1).values.expand(len(chances), -1)
    chosen: list[Tensor] = []
    for _ in range(min(count, excess.shape[1])):
        together = torch.minimum(reached[:, :, None], excess)  # (functions, profiles, recipes)
        expected = torch.einsum("fp,fpr->fr", chances, together) + 1e-6 * alone
        for place in chosen:
            expected.scatter_(1, place[:, None], torch.inf)
        chosen.append(expected.argmin(dim=1))
        reached = torch.minimum(reached, excess.T[chosen[-1]])
    return torch.stack(chosen, dim=1)
