"""How settings are read: the environment, then the config file; what makes no sense is noted, and never fatal.

The plugin reads the same values in C++ (``plugin/settings.cpp``): both take and reject the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clang_llm.system.files import read_regular

PREFIX = "CLANG_LLM_"
MIB = 1024 * 1024
#: Bytes of a config file, which has a line for each of the names above; the plugin has the same bound.
MAX_CONFIG_BYTES = 64 * 1024
#: What is trimmed from names and values of the config file, the same as in the plugin.
_BLANKS = " \t\n\v\f\r"

_MAX_DIGITS = 20  # Python refuses to read a number of 5,000
#: Words of a switch.
FALSE_WORDS, TRUE_WORDS = ("0", "false", "no", "off"), ("1", "true", "yes", "on")
_UNITS = {"": 1, "K": 1024, "M": MIB, "G": 1024 * MIB, "T": 1024 * 1024 * MIB}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def parse_size(text: str) -> int | None:
    """Return the bytes that '512', '64K', '256M', '5G' or '1T' stand for (powers of 1024), or None."""
    number, unit = text.strip().upper(), ""
    if number.endswith(("K", "M", "G", "T")):
        number, unit = number[:-1].rstrip(), number[-1]
    return int(number) * _UNITS[unit] if _is_number(number) else None


class Rejected(NamedTuple):
    """A value that is not used: what the user wrote, and a sentence about it."""

    value: str
    problem: str


class Reader:
    """Looks names up in both sources and collects what is wrong with them.

    Args:
        environ: The environment.
        config: The config file; it need not exist.
        names: Every name that a user may set.
    """

    def __init__(self, environ: Mapping[str, str], config: Path, names: Sequence[str]) -> None:
        self.problems: list[str] = []
        self.rejected: dict[str, Rejected] = {}
        self.origins: dict[str, str] = {}
        self.environ = environ
        self.config = config
        self.names = names
        self.lines = self._read_config()
        if environ.get(PREFIX + "CONFIG"):
            self.origins["CONFIG"] = "environment"

    def _read_config(self) -> dict[str, str]:
        try:
            text = os.fsdecode(read_regular(self.config, MAX_CONFIG_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            self.problems.append(f"{self.config}: cannot be read ({error.strerror}); its settings are not used")
            return {}
        lines = text.split("\n")
        if "\0" in text:
            # No path and no variable can hold one. The plugin leaves such lines out, too.
            self.problems.append(f"{self.config}: lines with a NUL character are not used; is it a text file?")
            lines = [line for line in lines if "\0" not in line]
        parts = (line.partition("#")[0].partition("=") for line in lines)
        found = ((name.strip(_BLANKS), value.strip(_BLANKS)) for name, _, value in parts)
        return {name.upper() if name.isascii() else name: value for name, value in found if name}

    def text(self, name: str) -> str | None:
        """Return the value as written, or None; an empty value counts as not set."""
        value = self.environ.get(PREFIX + name)
        if value is not None:
            self.origins[name] = "environment"
        elif name in self.lines:
            value = self.lines[name]
            self.origins[name] = "config file"
        return value or None

    def path(self, name: str) -> Path | None:
        """Return a path, or None."""
        return Path(value) if (value := self.text(name)) else None

    def paths(self, name: str) -> tuple[Path, ...]:
        """Return paths with colons between them."""
        return tuple(Path(each) for each in (self.text(name) or "").split(":") if each)

    def flag(self, name: str) -> bool:
        """Return whether a switch is on; what is no word for that counts as on, as in the wrapper and the plugin."""
        value = (self.text(name) or "").lower()
        if value and value not in FALSE_WORDS and value not in TRUE_WORDS:
            self._problem(name, value, "1 or 0; it is taken as 1")
        return bool(value) and value not in FALSE_WORDS

    def choice(self, name: str, words: tuple[str, ...]) -> str:
        """Return one of some words; the first is the default."""
        value = (self.text(name) or words[0]).lower()
        if value not in words:
            self._problem(name, value, f"one of {', '.join(words)}; {words[0]} is used")
        return value if value in words else words[0]

    def levels(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return some of the words, which stand with commas between them; the first alone is the default."""
        value = self.text("LEVELS") or words[0]
        chosen = [each.strip(_BLANKS).lower() for each in value.split(",")]
        if wrong := [each for each in chosen if each not in {word.lower() for word in words}]:
            self._problem("LEVELS", value, f"{', '.join(words)} or both with a comma; {words[0]} is used")
        return words[:1] if wrong else tuple(word for word in words if word.lower() in chosen)

    def backend(self, words: tuple[str, ...]) -> str:
        """Return the backend as written: with one that there is not, new modules are plain -Oz, and that is counted."""
        value = self.text("BACKEND") or words[0]
        if value not in words:
            self._problem("BACKEND", value, f"one of {', '.join(words)}; new modules are plain -Oz")
        return value

    def optional_number(self, name: str, least: int, most: int) -> int | None:
        """Return a number, the nearest within the bounds; None when none is set."""
        value = self.text(name)
        if value is None:
            return None
        digits = value.lstrip("0") or value[-1:]
        # More than the plugin's unsigned holds is no number there, so it is none here either.
        if not _is_number(digits) or int(digits) >= 1 << 32:
            self._problem(name, value, f"a whole number from {least} to {most}; it is ignored")
            return None
        nearest = max(least, min(int(digits), most))
        if nearest != int(digits):
            self._problem(name, value, f"a number from {least} to {most}; {nearest} is used")
        return nearest

    def number(self, name: str, least: int, most: int, default: int) -> int:
        """Return a number as `optional_number` does, or the default."""
        value = self.optional_number(name, least, most)
        return default if value is None else value

    def jobs(self, auto: str, most: int) -> int | None:
        """Return how many children one compile may run at once; None to find out."""
        if (self.text("JOBS") or auto).lower() == auto:
            return None
        return self.optional_number("JOBS", 0, most) or None

    def size(self, name: str, default: int) -> int:
        """Return a count of bytes."""
        value = self.text(name)
        size = default if value is None else parse_size(value)
        if size is None:
            self._problem(name, value or "", "a size such as 256M; the default is used")
        return default if size is None else size

    def unknown(self) -> tuple[str, ...]:
        """Return names that look like settings and are not, as the user wrote them."""
        found = [name for name in self.environ if name.startswith(PREFIX) and name[len(PREFIX) :] not in self.names]
        found += [name.lower() for name in self.lines if name not in self.names or name == "CONFIG"]
        return tuple(sorted(found))

    def _problem(self, name: str, value: str, wanted: str) -> None:
        where = PREFIX + name if self.origins[name] == "environment" else f"{name.lower()} in {self.config}"
        problem = f"{where} is '{value}', expected {wanted}"
        self.rejected[name] = Rejected(value, problem)
        self.problems.append(problem)
