"""Clusters of functions by how they react to the recipes of a menu (`clang_llm.lab.training.answers`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clang_llm.lab.training.answers import best_sets
from clang_llm.lab.training.examples import Example

if TYPE_CHECKING:
    from torch import Tensor

#: Excess that counts as this: twice the best size is bad enough.
_WORST = 1.0
#: Bytes of functions below which a byte counts as in one of this size.
_SMALLEST = 16
#: Most that one function counts in training, on a scale on which the average is 1.
_MOST = 10.0
#: Profiles among which a function is shared out.
NEAR = 8
#: Rounds of Lloyd's algorithm; the clusters hardly move any more.
_ROUNDS = 25


def excess_of(examples: Sequence[Example]) -> Tensor:
    """Return how much larger functions are under each recipe than under their best one.

    Returns:
        In bytes of their best size, shape (examples, recipes), at most `_WORST`.
    """
    import torch

    sizes = torch.tensor([example.sizes for example in examples], dtype=torch.float32)
    best = sizes.min(dim=1, keepdim=True).values
    return ((sizes - best) / best.clamp(min=_SMALLEST)).clamp(max=_WORST)


def stakes_of(examples: Sequence[Example]) -> Tensor:
    """Return what functions are worth: their bytes in thousandths of their modules, shape (examples,)."""
    import torch

    return torch.tensor([example.weight * max(min(example.sizes), _SMALLEST) for example in examples])


def nearest(excess: Tensor, profiles: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the profiles that are nearest to each function, and how far they are.

    Distances are between square roots, so that the difference between good recipes counts more than between bad ones.

    Args:
        excess: From `excess_of`.
        profiles: Shape (profiles, recipes).
        count: How many for each; at most as many as there are.

    Returns:
        Places and squared distances, both of shape (examples, count), the nearest first.
    """
    import torch

    some = [
        torch.cdist(part.sqrt(), profiles.sqrt()).square().topk(min(count, len(profiles)), largest=False)
        for part in excess.split(4096)
    ]
    return torch.cat([each.indices for each in some]), torch.cat([each.values for each in some])


def with_profiles(examples: Sequence[Example], profiles: Tensor, count: int = NEAR) -> list[Example]:
    """Return the examples with so many profiles for each, and with what it counts."""
    # Roots: a function of a tiny module has the stake of hundreds of others, and says no more than they.
    roots = stakes_of(examples).sqrt()
    stakes = (roots / roots.mean()).clamp(max=_MOST).tolist()
    places, far = nearest(excess_of(examples), profiles, count)
    # Which of several like profiles is the nearest is a matter of chance: all of them are right, the nearer the more.
    width = far[:, 0].mean().clamp(min=1e-9)
    shares = (-(far - far[:, :1]) / width).softmax(dim=1)
    near = [zip(*each, strict=True) for each in zip(places.tolist(), shares.tolist(), strict=True)]
    return [
        replace(example, near=tuple(some), stake=stake)
        for example, some, stake in zip(examples, near, stakes, strict=True)
    ]


def fixed_order(examples: Sequence[Example], profiles: Tensor) -> list[int]:
    """Return the recipes in the order that is best when nothing is known but how often profiles occur."""
    import torch

    stakes = torch.zeros(len(profiles))
    stakes.index_add_(0, torch.tensor([example.profile for example in examples]), stakes_of(examples))
    chances = stakes / stakes.sum()
    order: list[int] = best_sets(chances.log()[None], profiles, profiles.shape[1])[0].tolist()
    return order


def make_profiles(examples: Sequence[Example], count: int, seed: int) -> Tensor:
    """Cluster functions, each counting for its stake.

    Args:
        examples: Functions of the train split.
        count: Profiles; at most as many as there are functions.
        seed: The same gives the same.

    Returns:
        The mean excess of the functions of each profile, shape (profiles, recipes).
    """
    import torch

    excess, stakes = excess_of(examples), stakes_of(examples)
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.multinomial(stakes, min(count, len(examples)), generator=rng)
    roots, profiles = excess.sqrt(), excess[chosen]
    for _ in range(_ROUNDS):
        profiles = _means(roots, nearest(excess, profiles, 1)[0][:, 0], stakes, profiles.sqrt()).square()
    return _means(excess, nearest(excess, profiles, 1)[0][:, 0], stakes, profiles)


def _means(values: Tensor, places: Tensor, stakes: Tensor, before: Tensor) -> Tensor:
    """Return the weighted mean of each cluster; an empty one stays as it was."""
    import torch

    sums = torch.zeros_like(before).index_add_(0, places, values * stakes[:, None])
    weights = torch.zeros(len(before)).index_add_(0, places, stakes)
    return torch.where(weights[:, None] > 0, sums / weights.clamp(min=1e-9)[:, None], before)
