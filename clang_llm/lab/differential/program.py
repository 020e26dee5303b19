"""A program that is compiled with and without plans, and how."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """One program in one file.

    Attributes:
        name: Its source and number; the same name stands for the same text as long as the generator is the same.
        source: Who made it: ``csmith``, ``own`` or ``bundled``.
        suffix: ``.c`` or ``.cpp``.
        text: What is compiled.
        options: Options of every compilation of it.
        reference: Optimisation level of the reference. Fortified programs have no checks at -O0.
        sanitised: Whether undefined behaviour can be looked for: the sanitizers cannot stand library functions of the
            program's own, a handwritten stack or a program that is meant to abort.
        files: Other files that it includes, by name.
    """

    name: str
    source: str
    suffix: str
    text: str
    options: tuple[str, ...] = ()
    reference: str = "-O0"
    sanitised: bool = True
    files: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def digest(self) -> str:
        """Hash of all that decides what is compiled, 16 hexadecimal digits."""
        parts = (self.suffix, self.text, *self.options, self.reference, *(part for file in self.files for part in file))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def is_cxx(self) -> bool:
        """Whether it is C++."""
        return self.suffix == ".cpp"
