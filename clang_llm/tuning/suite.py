"""Our own self-testing programs: C and C++ for what the published ones leave out.

Each is a file of its own in ``data/programs`` with an ordinary ``main``, and can be built and run by hand. For
validation the programs of one language are compiled separately, so that their static names stay apart, and linked into
one module, so that trying a list takes one compiler process, not one for every program.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system.errors import DataError

#: Where the programs are; part of the package.
DIRECTORY = Path(__file__).resolve().parents[1] / "data" / "programs"

# Part of every verdict's key: raise it whenever the programs are compiled in another way.
_FORMAT = 1


@dataclass(frozen=True)
class SuiteProgram:
    """One program of the suite.

    Attributes:
        name: An identifier, also the stem of its file.
        path: Its file: ``.c`` or ``.cpp``.
        batch: Name of the batch it belongs to.
    """

    name: str
    path: Path
    batch: str

    @property
    def flags(self) -> tuple[str, ...]:
        """Options that it is compiled with, beside the optimisation level; its ``main`` becomes the driver's entry."""
        language = ("-std=c++20",) if self.path.suffix == ".cpp" else ("-std=gnu11",)
        return (*language, f"-Dmain=run_{self.name}", "-include", f"{self.name}.entry.h")

    @property
    def entry_header(self) -> str:
        """Text included before the program: the driver is C and calls the entry by its plain name."""
        linkage = 'extern "C" ' if self.path.suffix == ".cpp" else ""
        return f"{linkage}int run_{self.name}(void);\n"


@dataclass(frozen=True)
class Suite:
    """The programs of one directory; ``digest`` is a hex SHA-256 of all their texts."""

    directory: Path
    programs: tuple[SuiteProgram, ...]
    digest: str

    def batches(self) -> dict[str, tuple[SuiteProgram, ...]]:
        """The programs by batch, in the order of their names."""
        names = sorted({program.batch for program in self.programs})
        return {name: tuple(each for each in self.programs if each.batch == name) for name in names}


def _batch_of(path: Path, text: str) -> str:
    if path.suffix == ".c":
        return "c"
    # The plugin lowers every function of a module that has coroutines before it runs a list. Other programs would be
    # tried less severely beside them.
    return "coroutines" if "#include <coroutine>" in text else "cxx"


def load_suite(directory: Path = DIRECTORY) -> Suite:
    """Find the programs of the suite.

    Raises:
        DataError: there are none, or one cannot be read.
    """
    programs: list[SuiteProgram] = []
    digest = hashlib.sha256(f"suite {_FORMAT}\n".encode())
    try:
        for path in sorted(path for path in directory.iterdir() if path.suffix in {".c", ".cpp", ".h"}):
            text = path.read_text(encoding="utf-8")
            digest.update(f"{path.name} {len(text)}\n{text}".encode())
            if path.suffix != ".h":
                programs.append(SuiteProgram(path.stem, path, _batch_of(path, text)))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the programs of {directory}: {error}; install clang-llm again") from error
    if not programs:
        raise DataError(f"no programs in {directory}; install clang-llm again")
    return Suite(directory, tuple(programs), digest.hexdigest())
