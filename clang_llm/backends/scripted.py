"""Pass lists from a file that the user names, for tests and experiments. They are not validated."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

from clang_llm.backends import Measured
from clang_llm.plans.mixture import in_order
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.errors import BackendError
from clang_llm.system.files import HARMLESS
from clang_llm.system.settings import Settings

#: Bytes of a script that are read: far more than any budget needs.
_MOST_BYTES = 16 << 20


def read_lists(path: Path) -> list[Recipe]:
    """Read a file with one pass list a line; empty lines and lines that begin with '#' are left out.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no text.
        PassListError: A line does not parse.
    """
    # What nobody writes into a pipe is not waited for.
    with os.fdopen(os.open(path, os.O_RDONLY | HARMLESS), "rb") as file:
        lines = (file.read(_MOST_BYTES) or b"").decode("utf-8").splitlines()
    return [Recipe.parse(line) for line in lines if line.strip() and not line.startswith("#")]


class ScriptedBackend:
    """Proposes the recipes of the file CLANG_LLM_SCRIPT, in order, and then their mix."""

    def __init__(self, settings: Settings) -> None:
        self.script = settings.script

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        """Yield the recipes, then their mix."""
        if self.script is None:
            raise BackendError("backend 'scripted' needs CLANG_LLM_SCRIPT, a file with one recipe per line")
        try:
            recipes = read_lists(self.script)
        except (OSError, ValueError) as error:
            raise BackendError(f"cannot read {self.script} ({error}); check CLANG_LLM_SCRIPT") from error
        yield from in_order(recipes, request.major, request.budget)

    def accepts(self, recipe: Recipe) -> bool:
        """Return True: who names a script wants to see what it does."""
        del recipe
        return True

    def vetted(self, request: Request) -> str | None:
        """Return None: nobody validated these."""
        del request
        return None
