"""What backends of large models have in common: proposals are vetted, and the shipped recipes follow them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from itertools import chain

from clang_llm.backends import Measured
from clang_llm.backends.unvetted import Vetting
from clang_llm.plans.coreset import Coreset, origin_of
from clang_llm.plans.mixture import in_order
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.settings import Settings


class LargeModelBackend(ABC):
    """Tries what a model proposed and may be proposed, then the shipped recipes, then their mix."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vetting: Vetting | None = None
        self._proposed: frozenset[Recipe] = frozenset()
        self._coreset: Coreset | None = None

    @abstractmethod
    def asked(self, request: Request, coreset: Coreset | None) -> list[Recipe]:
        """Return what the model proposes, best first; nothing when it does not answer.

        Args:
            request: The module.
            coreset: What is shipped for this LLVM.

        Raises:
            BackendError: Something is not set.
        """

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield the model's recipes that may be proposed, the shipped ones, and their mix."""
        self._vetting = Vetting(self._settings, request)
        coreset = self._coreset = self._vetting.coreset
        recipes = self._vetting.may_be_proposed(self.asked(request, coreset))
        self._proposed = frozenset(recipes)
        shipped = coreset.for_target(request.machine) if coreset else ()
        closings = coreset.closings if coreset else ()
        yield from in_order(chain(recipes, shipped), request.major, request.budget, closings)

    def accepts(self, recipe: Recipe) -> bool:
        """Whether a recipe passed validation."""
        return self._vetting is not None and self._vetting.accepts(recipe)

    def origin(self, recipe: Recipe) -> str:
        """Return "model", "coreset" or `MIX`."""
        return origin_of(recipe, self._proposed, () if self._coreset is None else (self._coreset,))

    def vetted(self, request: Request) -> str | None:
        """Return what vouches for the recipes."""
        del request
        return self._vetting.identity() if self._vetting else None
