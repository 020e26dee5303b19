"""Backend ``coreset``: the vetted recipes of each LLVM, shipped or borrowed, tried from the first on."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from clang_llm.backends import Measured
from clang_llm.plans.borrowed import coreset_for
from clang_llm.plans.mixture import in_order
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.settings import Settings


class CoresetBackend:
    """Proposes the vetted recipes in order, as many as the budget allows, and then their mix."""

    def __init__(self, settings: Settings) -> None:
        self._cache_dir = settings.cache_dir

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield the recipes, then their mix."""
        coreset = coreset_for(request.major, self._cache_dir)
        yield from in_order(coreset.for_target(request.machine), request.major, request.budget, coreset.closings)

    def accepts(self, recipe: Recipe) -> bool:
        """Return True: all were validated."""
        del recipe
        return True

    def vetted(self, request: Request) -> str | None:
        """Return the identity of the set when it was validated."""
        coreset = coreset_for(request.major, self._cache_dir)
        return coreset.identity if coreset.evidence else None
