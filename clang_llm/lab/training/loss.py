"""What training makes small: the surprise at what functions turn out to be like, and at their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clang_llm.lab.training.examples import Example
from clang_llm.lab.training.tokenizer import SIZES, place_of

if TYPE_CHECKING:
    from torch import Tensor


def loss_of_sizes(logits: Tensor, batch: Sequence[Example]) -> Tensor:
    """Cross entropy of the sizes before and after, each between the two places of the scale around it.

    Args:
        logits: Shape (batch, 2, `SIZES`).
        batch: The examples; sizes before that are not known cost nothing.

    Returns:
        Shape (batch,).
    """
    import torch

    wanted = torch.zeros(logits.shape)
    for row, example in enumerate(batch):
        for question, size in enumerate((example.before, min(example.sizes))):
            if size is not None:
                place = place_of(size)
                below = min(int(place), SIZES - 2)
                wanted[row, question, below] = below + 1 - place
                wanted[row, question, below + 1] = place - below
    return -(wanted.to(logits.device) * torch.log_softmax(logits, dim=2)).sum(dim=(1, 2))


def loss_of_profiles(logits: Tensor, batch: Sequence[Example]) -> Tensor:
    """Cross entropy of the profiles, by what is at stake in each function.

    Args:
        logits: Shape (batch, profiles).
        batch: The examples.

    Returns:
        Shape (batch,).
    """
    import torch

    places = torch.tensor([[place for place, _ in example.near] for example in batch], device=logits.device)
    shares = torch.tensor([[share for _, share in example.near] for example in batch], device=logits.device)
    stakes = torch.tensor([example.stake for example in batch], device=logits.device)
    return -stakes * (torch.log_softmax(logits, dim=1).gather(1, places) * shares).sum(dim=1)
