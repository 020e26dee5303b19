"""What training makes small: the bytes that are lost, and the error of predicted sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clang_llm.models.tokenizer import SIZES, place_of
from clang_llm.training.examples import Example

if TYPE_CHECKING:
    from torch import Tensor

#: Draws whose minimum counts: the first is what one compilation emits, the others what several may choose from.
DRAWS = (1, 4)


def expected_minimum(logits: Tensor, sizes: Tensor, draws: int) -> Tensor:
    """Return the bytes expected of the smallest of some independent draws, exactly.

    Args:
        logits: Shape (batch, recipes).
        sizes: Bytes, shape (batch, recipes).
        draws: How many recipes are drawn from the distribution.

    Returns:
        Shape (batch,).
    """
    import torch

    ordered, order = torch.sort(sizes, dim=1, stable=True)
    chances = torch.gather(torch.softmax(logits, dim=1), 1, order)
    # The chance that one draw is at this place of the order or behind it.
    tail = torch.flip(torch.cumsum(torch.flip(chances, [1]), 1), [1])
    beyond = torch.cat([tail[:, 1:], torch.zeros_like(tail[:, :1])], dim=1)
    return ((tail.clamp(0, 1) ** draws - beyond.clamp(0, 1) ** draws) * ordered).sum(dim=1)


def loss_of_sizes(logits: Tensor, batch: Sequence[Example]) -> Tensor:
    """Cross entropy of the sizes before and after, each between the two places of the scale around it.

    Args:
        logits: Shape (batch, 2, `SIZES`).
        batch: The examples; sizes before that are not known cost nothing.

    Returns:
        Shape (batch,).
    """
    import torch

    wanted = torch.zeros_like(logits)
    for row, example in enumerate(batch):
        for question, size in enumerate((example.before, min(example.sizes))):
            if size is not None:
                place = place_of(size)
                below = min(int(place), SIZES - 2)
                wanted[row, question, below] = below + 1 - place
                wanted[row, question, below + 1] = place - below
    return -(wanted * torch.log_softmax(logits, dim=2)).sum(dim=(1, 2))


def loss_of(logits: Tensor, batch: Sequence[Example]) -> Tensor:
    """Bytes lost against the best recipe of each function, in thousandths of its module, over `DRAWS`.

    Args:
        logits: Shape (batch, recipes).
        batch: The examples.

    Returns:
        Shape (batch,).
    """
    import torch

    sizes = torch.tensor([example.sizes for example in batch], dtype=torch.float32)
    weights = torch.tensor([example.weight for example in batch])
    regrets = (sizes - sizes.min(dim=1, keepdim=True).values) * weights[:, None]
    return torch.stack([expected_minimum(logits, regrets, draws) for draws in DRAWS]).mean(dim=0)
