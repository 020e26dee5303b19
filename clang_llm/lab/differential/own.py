"""Programs of our own for what Csmith lacks: fragments of C and C++ (``data/fragments``), composed at random."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from clang_llm.lab.differential.machines import Machine
from clang_llm.lab.differential.program import Program
from clang_llm.lab.differential.templates import expand

FRAGMENTS = Path(__file__).resolve().parents[2] / "data" / "fragments"

_HEADER = re.compile(r"^// (\w+): *(.*)\n", re.MULTILINE)
#: A fragment with `weight: low` takes seconds to compile with many plans.
_WEIGHTS = {"": 8, "low": 1}
#: Share of programs that are compiled with one more option.
_MORE_OPTIONS = 0.25


@dataclass(frozen=True)
class Fragment:
    """One file of ``data/fragments``; its head says what it needs.

    Attributes:
        needs: What a machine must have (`Machine.has`).
        options: Template of options for the whole program.
        reference: Level of the reference, when -O0 does not do.
        sanitised: Whether sanitizers can look at it.
        once: Whether a program can hold it only once.
        either: C that is C++, too.
        weight: How often it is taken.
    """

    name: str
    is_cxx: bool
    text: str
    needs: frozenset[str] = field(default_factory=frozenset)
    options: str = ""
    reference: str = ""
    sanitised: bool = True
    once: bool = False
    either: bool = False
    weight: int = 8

    @property
    def special(self) -> bool:
        """Whether it changes how the whole program is compiled; a program has one such fragment at most."""
        return bool(self.options or self.reference or not self.sanitised)


@cache
def fragments() -> tuple[Fragment, ...]:
    """Read all fragments."""
    return tuple(map(_read, sorted(path for path in FRAGMENTS.iterdir() if path.suffix in {".c", ".cpp"})))


@cache
def prologue() -> str:
    """What every program begins with."""
    return (FRAGMENTS / "prologue.h").read_text(encoding="utf-8")


def _read(path: Path) -> Fragment:
    text = path.read_text(encoding="utf-8")
    head: dict[str, str] = dict(_HEADER.findall(text))
    return Fragment(
        path.stem,
        path.suffix == ".cpp",
        _HEADER.sub("", text),
        frozenset(head.get("needs", "").split()),
        head.get("options", ""),
        head.get("reference", ""),
        head.get("sanitise") != "no",
        head.get("once") == "yes",
        head.get("cxx") == "yes",
        _WEIGHTS[head.get("weight", "")],
    )


def _choose(rng: random.Random, is_cxx: bool, machine: Machine) -> list[Fragment]:
    """Draw fragments that can stand in one program."""
    pool = [each for each in fragments() if each.needs <= machine.has and (each.is_cxx == is_cxx or each.either)]
    # At least one that is C++ for a C++ program.
    first = [each for each in pool if each.is_cxx == is_cxx]
    chosen = rng.choices(first, [each.weight for each in first])
    for each in rng.choices(pool, [each.weight for each in pool], k=rng.randint(0, 4)):
        taken = [other for other in chosen if other.name == each.name]
        if each.special and any(other.special for other in chosen):
            continue
        if not taken or (not each.once and not each.special and rng.random() < 0.5):
            chosen.append(each)
    return chosen


def make(seed: int, number: int, machine: Machine) -> Program:
    """Return the program of a number; every second one is C++ where the machine has it."""
    rng = random.Random(f"own {seed} {number}")
    is_cxx = number % 2 == 1 and "c++" in machine.has
    return compose(f"own-{seed}-{number}", rng, _choose(rng, is_cxx, machine), machine)


def compose(name: str, rng: random.Random, chosen: Sequence[Fragment], machine: Machine) -> Program:
    """Return a program of some fragments; it is C++ when one of them is."""
    is_cxx = any(each.is_cxx for each in chosen)
    pieces = [expand(each.text, rng, str(place)) for place, each in enumerate(chosen)]
    options = [word for each in chosen for word in expand(each.options, rng, "").split()]
    if is_cxx and not any(word.startswith("-std") for word in options):
        options.append(f"-std=c++{rng.choice((17, 20))}")
    if not is_cxx:
        options.append("-std=gnu11")
    if machine.elf and rng.random() < _MORE_OPTIONS:
        options.append(rng.choice(("-ffunction-sections", "-fdata-sections", "-fno-plt", "-fcommon", "-g")))
    return Program(
        name,
        "own",
        ".cpp" if is_cxx else ".c",
        "\n".join([prologue(), *pieces, _main(rng, chosen)]),
        tuple(options),
        next((each.reference for each in chosen if each.reference), "-O0"),
        all(each.sanitised for each in chosen),
    )


def _main(rng: random.Random, chosen: Sequence[Fragment]) -> str:
    """Call every fragment, some with a constant, most with what the compiler does not know."""
    calls = [place for place in range(len(chosen)) for _ in range(rng.randint(1, 3))]
    rng.shuffle(calls)
    lines = [f"  u32 h = opaque + {rng.getrandbits(16)}u;"]
    for place in calls:
        argument = f"{rng.getrandbits(rng.choice((3, 16, 32)))}u" if rng.random() < 0.25 else "h ^ opaque"
        lines.append(f'  h = fold(h, run{place}({argument}));\n  say("{chosen[place].name}", h);')
    return "int main(void) {\n" + "\n".join(lines) + "\n  return (int)(h % 5);\n}\n"
