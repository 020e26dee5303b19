"""The model card, in the manner of Hugging Face: what a model is, what it learnt from, what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clang_llm.lab.packages.workplace import markdown
from clang_llm.lab.training.dataset import ModuleData

#: Whose results are in the table.
NAMES = ("model", "fixed", "menu", "best")

_TEXT = """# A model of clang-llm

A small causal language model that reads a function of LLVM-IR as clang-llm's plugin describes it, and answers with its
size before and after function passes and with its profile: how it reacts to the recipes of the menu
(`llvm-<major>.txt`). What is tried follows from the distribution over profiles (`profiles.safetensors`). Made by
`python -m clang_llm.lab.training.train`; `history.json` has the results of every epoch, of which the best on validation
is kept (epoch {epoch}).

- Data: {train} modules of {packages} packages for training, {validation} modules of others for validation.
- Results, predicted from the sizes in the data set: bytes of text and data saved over -Oz, geometric mean over the
  validation modules, by recipes tried on each function; the model, the order that is best for all train modules, the
  menu in its own order, and the best there is.
- Mean absolute error of the size predicted for a function, or for all functions of a module, relative to it:
  {errors}.
- Limits: it knows the menu's recipes only, and what it says is compiled and measured, never believed.

{table}
Packages: {names}.
"""


def card(train: Sequence[ModuleData], validation: int, best: Mapping[str, Any]) -> str:
    """Return the text.

    Args:
        train: What was learnt from.
        validation: Modules that told which epoch is the best.
        best: The results of that epoch.
    """
    rows = [
        [str(count), *(f"{100 * best[name][place]:.2f} %" for name in NAMES)]
        for place, count in enumerate(best["counts"])
    ]
    packages = sorted({module.package for module in train})
    return _TEXT.format(
        epoch=best["epoch"],
        train=len(train),
        packages=len(packages),
        validation=validation,
        errors="; ".join(f"{name} {error:.3f}" for name, error in best["mape"].items()),
        table=markdown(["recipes", *NAMES], ">>>>>", rows),
        names=", ".join(packages),
    )
