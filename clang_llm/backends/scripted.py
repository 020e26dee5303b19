"""Pass lists from a file that the user names: for tests and experiments. Nothing vouches for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from clang_llm.backends import Request
from clang_llm.errors import BackendError
from clang_llm.recipe import Recipe
from clang_llm.settings import Settings


def read_lists(path: Path) -> list[Recipe]:
    """Read a file with one pass list a line; empty lines and lines that begin with '#' are left out.

    Raises:
        OSError: The file cannot be read.
        PassListError: A line does not parse.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Recipe.parse(line) for line in lines if line.strip() and not line.startswith("#")]


class ScriptedBackend:
    """Proposes the recipes of the file CLANG_LLM_SCRIPT, in order, in one round."""

    def __init__(self, settings: Settings) -> None:
        self.script = settings.script

    def propose(self, request: Request) -> Iterator[Sequence[Recipe]]:
        """Yield the lists."""
        del request
        if self.script is None:
            raise BackendError("backend 'scripted' needs CLANG_LLM_SCRIPT, a file with one recipe per line")
        try:
            yield read_lists(self.script)
        except OSError as error:
            raise BackendError(f"cannot read {self.script} ({error.strerror}); check CLANG_LLM_SCRIPT") from error

    def vetted(self, request: Request) -> str | None:
        """Return None: nobody validated these."""
        del request
        return None
