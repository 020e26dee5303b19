"""Large language models that propose recipes. Each is one class in one file, imported only by the server that holds it.

The small model (`clang_llm.models.small`) is none of them: the plugin computes it. A large one lives in a process of
its own (`clang_llm.models.serving`), since loading one takes seconds and helpers live for one compile each. What it
needs of a module travels in a `Task`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Module
from clang_llm.system.errors import BackendError

#: Name of the backend to "module:Class". The class takes the model's directory.
TABLE: Mapping[str, str] = {
    "transformers": "clang_llm.models.ftd:FtdModel",
}


class Task(NamedTuple):
    """One module for which recipes are wanted.

    Attributes:
        key: The module's key.
        major: Major version of LLVM.
        target: The triple.
        budget: How many recipes are wanted, at most.
        module: What the model reads.
    """

    key: str
    major: int
    target: str
    budget: int
    module: Module | None = None


class Model(Protocol):
    """A model, loaded."""

    def propose(self, tasks: Sequence[Task]) -> list[list[Recipe]]:
        """Return recipes for each task, best first; the same task gives the same recipes, whatever its neighbours."""


def create(name: str, directory: Path) -> Model:
    """Load a model.

    Raises:
        BackendError: There is no such model, what it needs is not installed, or its directory holds none.
    """
    where = TABLE.get(name)
    if where is None:
        raise BackendError(f"there is no model '{name}'; known are: {', '.join(sorted(TABLE))}")
    module, _, attribute = where.partition(":")
    try:
        model: Model = getattr(import_module(module), attribute)(directory)
    except ImportError as error:
        raise BackendError(
            f"backend '{name}' needs a package that is not installed: {error.name}; pip install 'clang-llm[model]'"
        ) from error
    return model
