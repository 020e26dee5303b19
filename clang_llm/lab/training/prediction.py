"""What a model would save, and how far its sizes are off, by the sizes in the data set: nothing is compiled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from clang_llm.lab.packages.compare import geometric_saving
from clang_llm.lab.training.card import NAMES
from clang_llm.lab.training.dataset import ModuleData
from clang_llm.lab.training.network import Answers, Opinion, ask, of_like_length
from clang_llm.lab.training.tokenizer import encode
from clang_llm.plans.types import REFUSED


def savings(
    modules: Sequence[ModuleData], answers: Answers, fixed: Sequence[int], longest: int, counts: Sequence[int]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Predict what the model, orders that are the same for all functions and the best choice save.

    Args:
        modules: The modules.
        answers: The model.
        fixed: The order of the menu's recipes that is best for the train split.
        longest: Tokens of a function.
        counts: Recipes tried on each function.

    Returns:
        For "model", "fixed", "menu" (in its own order) and "best": 1 minus the geometric mean of bytes over bytes under
        -Oz, for each count. For "before" and "after": the mean absolute error of the predicted size of a function,
        over that size; "before, modules" and "after, modules" are of all functions of a module together.
    """
    errors: dict[str, list[float]] = defaultdict(list)
    found: dict[str, list[list[tuple[int, int]]]] = {name: [[] for _ in counts] for name in NAMES}
    for module in modules:
        columns = {place: column for place, column in enumerate(module.functions) if column is not None}
        rest = min((module.totals[place] or 0) - sum(column) for place, column in columns.items())
        opinions = ask(module.texts, module.target, answers, longest, max(counts))
        # Recipes that failed on this module are none; few are missing.
        usual = [place for place in fixed if place in columns]
        ranked = [[place for place in (*opinion.ranked, *usual) if place in columns] for opinion in opinions]
        for name, some in errors_of(module, opinions).items():
            errors[name] += some
        orders = {
            "model": ranked,
            "fixed": [usual] * len(module.texts),
            "menu": [list(columns)] * len(module.texts),
            "best": [sorted(columns, key=lambda p, f=f: columns[p][f]) for f in range(len(module.texts))],  # type: ignore[misc]
        }
        for name, order in orders.items():
            for pairs, count in zip(found[name], counts, strict=True):
                size = rest + sum(min(columns[place][f] for place in order[f][:count]) for f in range(len(order)))
                pairs.append((module.size_oz, min(size, module.size_oz)))
    saved = {name: [geometric_saving(pairs) for pairs in lists] for name, lists in found.items()}
    return saved, {name: sum(some) / len(some) for name, some in errors.items() if some}


def errors_of(module: ModuleData, opinions: Sequence[Opinion]) -> dict[str, list[float]]:
    """Return how far predicted sizes are off, over those sizes: of each function, and of all of them together."""
    columns = [column for column in module.functions if column is not None]
    smallest = [min(column[place] for column in columns) for place in range(len(opinions))]
    told = {
        # Before function passes; empty where that could not be measured.
        "before": [(each.before, size) for each, size in zip(opinions, module.before, strict=False)],
        "after": [(each.after, size) for each, size in zip(opinions, smallest, strict=True) if size < REFUSED],
    }
    errors = {}
    for name, sizes in told.items():
        together = (sum(said for said, _ in sizes), sum(size for _, size in sizes))
        for key, some in ((name, sizes), (f"{name}, modules", [together])):
            errors[key] = [abs(said - size) / size for said, size in some if size]
    return errors


def said_freely(modules: Sequence[ModuleData], answers: Answers, longest: int) -> float:
    """Return the share of functions for which the likeliest of all tokens is a profile's."""
    import torch

    good = total = 0
    with torch.no_grad():
        for module in modules:
            tokens = {tuple(encode(answers.tokenizer, text, module.target, longest)) for text in module.texts}
            for some in of_like_length(sorted(tokens, key=len)):
                likeliest = answers.network.lm_head(answers.hidden(some)[:, -1]).argmax(dim=1).cpu()
                good += int(torch.isin(likeliest, answers.profiles).sum())
                total += len(some)
    return good / total
