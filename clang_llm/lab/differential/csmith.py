"""Programs by Csmith: random C without undefined behaviour."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from clang_llm.lab.differential.program import Program
from clang_llm.system import process
from clang_llm.system.errors import ProcessTimeout

#: Where Debian's package has the headers that the programs include.
INCLUDE = Path("/usr/include/csmith")
_LIMIT_S = 20.0
#: Options that are on or off by chance.
_SWITCHES = (
    "bitfields", "comma-operators", "compound-assignment", "consts", "divs", "embedded-assigns", "float", "int8",
    "inline-function", "jumps", "longlong", "math64", "packed-struct", "pointers", "unions", "volatiles",
    "volatile-pointers",
)  # fmt: skip


def available() -> bool:
    """Whether Csmith is installed."""
    return shutil.which("csmith") is not None and (INCLUDE / "csmith.h").exists()


def options_of(rng: random.Random, floats: bool) -> list[str]:
    """Draw the shape of a program; small ones, of which many are compiled in the time of a large one."""
    words = [
        f"--max-funcs={rng.randint(2, 6)}",
        f"--max-block-depth={rng.randint(2, 4)}",
        f"--max-block-size={rng.randint(2, 4)}",
        f"--max-expr-complexity={rng.randint(3, 8)}",
        f"--max-array-dim={rng.randint(1, 3)}",
        f"--max-pointer-depth={rng.randint(1, 3)}",
        "--concise",
        # Otherwise main compares words of its command line, which -Oz does in place and most recipes with strcmp.
        "--no-argc",
    ]
    # Most switches stay on, as Csmith has them.
    return [*words, *(f"--no-{name}" for name in _SWITCHES if name != "float" and rng.random() < 0.15)] + (
        ["--float"] if rng.random() < 0.25 and floats else []
    )


def make(seed: int, number: int, *, floats: bool) -> Program | None:
    """Return the program of a number, some with floating-point; None when Csmith finds none in time."""
    rng = random.Random(f"csmith {seed} {number}")
    words = [word.replace("=", " ").split() for word in options_of(rng, floats)]
    argv = ["csmith", "--seed", str(rng.randrange(1, 1 << 31)), *(part for word in words for part in word)]
    # It leaves a file in the directory where it runs.
    with tempfile.TemporaryDirectory(prefix="clang-llm-csmith-") as place:
        try:
            done = process.run(argv, cwd=place, timeout_s=_LIMIT_S)
        except ProcessTimeout:
            return None
    if not done.ok or b"int main" not in done.stdout:
        return None
    return Program(f"csmith-{seed}-{number}", "csmith", ".c", done.output, ("-std=gnu11", f"-I{INCLUDE}"))
