"""Pieces of programs with random places, and what they become.

``$[a ~~ b]`` is one of some texts, ``$[3..9]`` a number, ``$[u8]``, ``$[u16]``, ``$[u32]`` and ``$[u64]`` are constants
of that size; ``$[N=3..9]`` is remembered and ``$N`` says it again. Lines between ``%repeat I 2..5`` and ``%end`` are
repeated, with ``$I`` counting from 0. ``@`` is the number of the instance, so that names stay apart.
"""

from __future__ import annotations

import random
import re

# In what is chosen there may be brackets of C, but no other place.
_PLACE = re.compile(r"\$\[(?:([A-Z]\w*)=)?((?:[^\[\]$]|\$(?!\[)|(?<!\$)\[[^\[\]]*\])*)\]")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_NAMED = re.compile(r"\$([A-Z]\w*)")
_REPEAT = re.compile(r"^%repeat (\w+) (\d+)\.\.(\d+)\n(.*?)^%end\n", re.MULTILINE | re.DOTALL)
_WIDTHS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}


def expand(text: str, rng: random.Random, suffix: str) -> str:
    """Return the text with everything decided by `rng`."""
    text = _REPEAT.sub(lambda match: _repeated(match, rng), text)
    names: dict[str, str] = {}

    def decide(match: re.Match[str]) -> str:
        found = _one(match.group(2), rng)
        if match.group(1):
            names[match.group(1)] = found
        return found

    # What is chosen may hold other places: brackets inside brackets, the inner ones first.
    while True:
        decided = _PLACE.sub(decide, text)
        if decided == text:
            break
        text = decided
    return _NAMED.sub(lambda match: names.get(match.group(1), match.group()), text).replace("@", suffix)


def _repeated(match: re.Match[str], rng: random.Random) -> str:
    name, low, high, body = match.groups()
    return "".join(body.replace(f"${name}", str(number)) for number in range(rng.randint(int(low), int(high))))


def _one(choice: str, rng: random.Random) -> str:
    numbers = _RANGE.fullmatch(choice.strip())
    if numbers:
        return str(rng.randint(int(numbers.group(1)), int(numbers.group(2))))
    if choice.strip() in _WIDTHS:
        width = _WIDTHS[choice.strip()]
        return f"0x{rng.getrandbits(rng.randint(1, width)):x}{'ull' if width == 64 else 'u'}"
    return rng.choice(choice.split("~~")).strip()
