"""Backends propose recipes. Each is one class in one file, imported only when it is chosen."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from importlib import import_module
from typing import Protocol, TypeAlias, runtime_checkable

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request, Result
from clang_llm.system.errors import BackendError
from clang_llm.system.settings import DEFAULT_BACKEND, Settings

#: Name, as in CLANG_LLM_BACKEND, to "module:Class". The class takes the settings.
TABLE: Mapping[str, str] = {
    "coreset": "clang_llm.backends.coreset:CoresetBackend",
    "model": "clang_llm.backends.model:ModelBackend",
    "openai": "clang_llm.backends.openai:OpenaiBackend",
    "scripted": "clang_llm.backends.scripted:ScriptedBackend",
    "transformers": "clang_llm.backends.transformers:TransformersBackend",
    "tune": "clang_llm.backends.tune:TuneBackend",
}
#: What the server of a large model imports; setup.cfg has them, with what training takes, as the extra `model`.
MODEL_PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")


#: A recipe that was compiled, with what came of it.
Measured: TypeAlias = "tuple[Recipe, Result]"


class Backend(Protocol):
    """A source of recipes."""

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield rounds of recipes, best first; each round is compiled before the next is asked for.

        What `yield` gives back is what was measured of the round: fewer recipes than were proposed when some cannot
        run or were tried before. The same request and measurements must give the same recipes. The helper normalises
        and checks them, drops repetitions and stops at the budget.

        Raises:
            BackendError: There is nothing to propose, and why.
        """

    def accepts(self, recipe: Recipe) -> bool:
        """Whether a recipe that was proposed and measured may reach an object."""

    def vetted(self, request: Request) -> str | None:
        """Return the identity of the validation that the lists passed on this LLVM, or None."""


@runtime_checkable
class Attributing(Protocol):
    """A backend whose recipes have several sources."""

    def origin(self, recipe: Recipe) -> str:
        """Return who made a recipe that was measured: a word, `MIX` for one that was mixed from others."""


def missing_packages() -> list[str]:
    """Return what is not installed of `MODEL_PACKAGES`; nothing is imported."""
    from importlib.util import find_spec  # no part of a compile

    return [name for name in MODEL_PACKAGES if find_spec(name) is None]


def create(name: str, settings: Settings) -> Backend:
    """Make a backend by its name.

    Raises:
        BackendError: There is no such backend, or what it needs is not installed.
    """
    where = TABLE.get(name)
    if where is None:
        known = ", ".join(sorted((DEFAULT_BACKEND, *TABLE)))
        raise BackendError(f"there is no backend '{name}'; CLANG_LLM_BACKEND takes one of: {known}")
    module, _, attribute = where.partition(":")
    try:
        backend: Backend = getattr(import_module(module), attribute)(settings)
    except ImportError as error:
        raise BackendError(f"backend '{name}' needs a package that is not installed: {error.name}") from error
    return backend
