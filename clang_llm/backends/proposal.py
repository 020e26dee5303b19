"""A plan that another user or a seed directory made, as a proposal: it is measured before it is used.

When it can be compiled and keeps what -Oz's object promises, the search ends with it, after two compilations. Otherwise
the backend that is set searches as if there had been no plan.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from clang_llm.backends import Backend, Measured
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request, Status
from clang_llm.system.errors import BackendError


class NobodyBackend:
    """Proposes nothing: a frozen build has no other plans than those that were committed."""

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield nothing."""
        del request
        yield from ()

    def accepts(self, recipe: Recipe) -> bool:
        """Accept nothing."""
        del recipe
        return False

    def vetted(self, request: Request) -> str | None:
        """Return nothing: there is nobody whose recipes could have passed."""
        del request
        return None


class ProposalBackend:
    """Proposes the recipe of a plan, then what another backend does.

    Args:
        plan: A plan with a recipe, all of its pieces vetted.
        inner: Who searches when the plan is not sound for the module.
    """

    def __init__(self, plan: Plan, inner: Backend) -> None:
        if plan.recipe is None:
            raise BackendError("a plan without a recipe proposes nothing; use it as it is")
        self._plan = plan
        self._recipe: Recipe = plan.recipe
        self._inner = inner

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield the plan's recipe; when it does not end well, what the other backend yields."""
        measured = yield [self._recipe]
        well = any(result.status is Status.OK for _, result in measured)
        if not well or self._plan.budget < request.budget:
            yield from self._inner.propose(request)

    def accepts(self, recipe: Recipe) -> bool:
        """Whether a recipe is the plan's, or the other backend accepts it."""
        return recipe == self._recipe or self._inner.accepts(recipe)

    def vetted(self, request: Request) -> str | None:
        """Return what the other backend's recipes passed."""
        return self._inner.vetted(request)

    def confirmed(self, found: Plan) -> Plan:
        """Return the outcome of the search as it is to be kept: whose it was, if the proposal has won."""
        if found.recipe != self._recipe:
            return found
        return found._replace(budget=max(found.budget, self._plan.budget), provenance=self._plan.provenance)
