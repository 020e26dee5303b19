"""Profiles: the ways in which functions react to the recipes of a menu, and choosing recipes from them.

A *profile* says for every recipe how much larger a function is under it than under the best one. The small model's
answer is a distribution over profiles, found by clustering the train split's functions. From it follows a set of
recipes, chosen greedily: each saves most, in expected bytes, beside those before it. A model that knows nothing answers
as often as the profiles occur, and the set is the greedy order of the train split.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import BackendError, PassListError

if TYPE_CHECKING:
    from torch import Tensor

_FILE, _TENSOR, _RECIPES = "profiles.safetensors", "excess", "recipes"


def write_profiles(directory: Path, excess: Tensor, recipes: Sequence[Recipe]) -> None:
    """Write ``profiles.safetensors``.

    Args:
        directory: The model's.
        excess: Bytes over the best recipe's in its bytes, shape (profiles, recipes).
        recipes: The recipes; one text of each is kept as metadata.
    """
    from safetensors.torch import save_file

    texts = "\n".join(recipe.text for recipe in recipes)
    save_file({_TENSOR: excess.contiguous()}, directory / _FILE, metadata={_RECIPES: texts})


def read_profiles(directory: Path) -> tuple[Tensor, tuple[Recipe, ...]]:
    """Return what `write_profiles` wrote.

    Raises:
        BackendError: There are none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(directory / _FILE, "pt") as file:
            excess = file.get_tensor(_TENSOR)
            recipes = tuple(map(Recipe.parse, (file.metadata() or {})[_RECIPES].splitlines()))
    except (OSError, KeyError, SafetensorError, PassListError) as error:
        raise BackendError(
            f"{directory} holds no profiles ({error}); make the model with clang_llm.lab.training.train"
        ) from error
    return excess, recipes


def known_of(menu: Sequence[Recipe], recipes: Sequence[Recipe], major: int) -> dict[Recipe, int]:
    """Return where the recipes of a menu stand among those of profiles; those that are not there are left out.

    Args:
        menu: As one LLVM can run them, which may be fewer than the model knows.
        recipes: Of the profiles, maybe as another LLVM runs them.
        major: Major version of the menu's LLVM.
    """
    places = {each.for_llvm(major): place for place, each in enumerate(recipes)}
    return {each: places[each] for each in menu if each in places}


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
