"""How numbers and names are written in a report."""

from __future__ import annotations


def number(count: int) -> str:
    """Return a count with thousands separators."""
    return f"{count:,}"


def change(count: int) -> str:
    """Return a difference with its sign; 0 has none."""
    return f"{count:+,}" if count else "0"


def share(part: float, whole: float) -> str:
    """Return ``part / whole`` in percent with two decimals; a dash when there is no whole."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def things(count: int, what: str, several: str = "") -> str:
    """Return a count of things: ``1 object``, ``1,200 objects``; `several` is a plural of its own."""
    return f"{number(count)} {what if count == 1 else several or what + 's'}"


def clean(text: str) -> str:
    """Return a name that may be anything, without what would move a terminal's cursor or is no text."""
    return "".join(each if each.isprintable() else "?" for each in text)


def listed(items: list[str]) -> str:
    """Return items as a sentence has them: ``a, b and c``."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
