"""Shortening a sequence of passes without losing what it saves (the paper's second step).

Passes that do not contribute are dropped, the rest is sorted by name where that costs nothing, and a pass is inserted
where that saves something; again, until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clang_llm.system.errors import DataError
from clang_llm.tuning.space import Sequence_

#: Cost of a sequence in bytes; None when it may not be used.
Cost = Callable[[Sequence[Sequence_]], list[int | None]]


@dataclass(frozen=True)
class Minimised:
    """A shortened sequence.

    Attributes:
        sequence: The passes that are left.
        cost: Its bytes; never more than what the whole cost.
        spent: Sequences that were measured.
    """

    sequence: Sequence_
    cost: int
    spent: int


def minimise(
    sequence: Sequence_, cost: Cost, elements: Sequence[str] = (), budget: int = 1000, *, canonical: bool = True
) -> Minimised | None:
    """Shorten a sequence.

    Args:
        sequence: What to shorten.
        cost: Measures sequences.
        elements: What may be inserted; none: only drop and sort.
        budget: Sequences to measure at most.
        canonical: Sort by name where that costs nothing, so that equal lists become one.

    Returns:
        The result, or None when the sequence itself may not be used.
    """
    return _Work(cost, elements, budget, canonical).run(sequence)


class _Work:
    def __init__(self, cost: Cost, elements: Sequence[str], budget: int, canonical: bool) -> None:
        self.canonical = canonical
        self.measure = cost
        self.elements = elements
        self.budget = budget
        self.spent = 0

    def run(self, sequence: Sequence_) -> Minimised | None:
        cost = self._costs([sequence])[0]
        if cost is None:
            return None
        while True:
            before = sequence
            sequence, cost = self._drop(sequence, cost)
            if self.canonical:
                sequence, cost = self._sort(sequence, cost)
            sequence, cost = self._insert(sequence, cost)
            if sequence == before or self.spent >= self.budget:
                # The premise, once more and by itself: the short sequence does what the long one did.
                again = self._costs([sequence])[0]
                if again is None or again > cost:
                    raise DataError("a recipe was measured twice with different results; do not use this machine")
                return Minimised(sequence, again, self.spent)

    def _costs(self, sequences: Sequence[Sequence_]) -> list[int | None]:
        self.spent += len(sequences)
        return self.measure(sequences)

    def _drop(self, sequence: Sequence_, cost: int) -> tuple[Sequence_, int]:
        """Drop passes that the cost does not need, all that are dispensable by themselves first."""
        while self.spent + len(sequence) < self.budget:
            each = self._costs([sequence[:place] + sequence[place + 1 :] for place in range(len(sequence))])
            spare = [place for place, found in enumerate(each) if found is not None and found <= cost]
            before = sequence
            # What is dispensable alone need not be so together: halve until it is, and look again at what is left.
            while spare and sequence == before:
                shorter = tuple(element for place, element in enumerate(sequence) if place not in spare)
                found = self._costs([shorter])[0]
                if found is not None and found <= cost:
                    sequence, cost = shorter, found
                spare = spare[: len(spare) // 2]
            if sequence == before:
                break
        return sequence, cost

    def _sort(self, sequence: Sequence_, cost: int) -> tuple[Sequence_, int]:
        """Bubble passes into the order of their names where the cost allows it: equal lists become one."""
        for end in range(len(sequence) - 1, 0, -1):
            for place in range(end):
                if sequence[place] <= sequence[place + 1] or self.spent >= self.budget:
                    continue
                swapped = (
                    *sequence[:place],
                    sequence[place + 1],
                    sequence[place],
                    *sequence[place + 2 :],
                )
                found = self._costs([swapped])[0]
                if found is not None and found <= cost:
                    sequence, cost = swapped, found
        return sequence, cost

    def _insert(self, sequence: Sequence_, cost: int) -> tuple[Sequence_, int]:
        """Insert the one pass that saves most, if any does."""
        longer = [
            (*sequence[:place], element, *sequence[place:])
            for place in range(len(sequence) + 1)
            for element in self.elements
        ][: max(0, self.budget - self.spent)]
        costs = self._costs(longer) if longer else []
        best = min((each for each in costs if each is not None), default=cost)
        return (longer[costs.index(best)], best) if best < cost else (sequence, cost)
