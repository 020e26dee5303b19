"""Where the things are that come with clang-llm and are not Python: wrappers, files for build systems, seeds.

In a checkout they are beside the package, and below the prefix in ``bin`` and ``share`` where pip installed it. Both
are found from the place of the package alone, whatever kind of installation it is (a virtual environment, ``--user``,
``--prefix``, ``--target``, a distribution's package): what an interpreter says about itself can be another one's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clang_llm.system.errors import ToolchainError

#: The directory that the package is in: of a checkout, or one of Python's.
HOME = Path(__file__).resolve().parents[2]
#: What there is to ask for, with its place in a checkout and below a prefix.
PLACES = {
    "wrappers": ("wrappers", "bin"),
    "cmake": ("wrappers/clang-llm.cmake", "share/clang-llm/clang-llm.cmake"),
    "meson": ("wrappers/clang-llm-native.ini", "share/clang-llm/clang-llm-native.ini"),
    "seed": ("cache/seed", "share/clang-llm/seed"),
}
_WRAPPER = "clang-llm"


def _prefixes(home: Path) -> Iterator[Path]:
    """Yield the prefixes of an installation whose packages are in a directory."""
    yield home  # pip install --target
    if home.name in ("site-packages", "dist-packages") and home.parent.parent.name.startswith("lib"):
        yield home.parents[2]


def _is_there(name: str, place: Path) -> bool:
    """Tell whether a place is what was asked for; a directory called ``bin`` may be anybody's."""
    return (place / _WRAPPER).is_file() if name == "wrappers" else place.exists()


def find(name: str, home: Path = HOME) -> Path | None:
    """Return the place of one of `PLACES`, or None where it was not installed.

    Args:
        name: What is looked for.
        home: The directory that the package is in.
    """
    in_checkout, installed = PLACES[name]
    places = (home / in_checkout, *(prefix / installed for prefix in _prefixes(home)))
    return next((place for place in places if _is_there(name, place)), None)


def path_of(name: str) -> Path:
    """Return the place of one of `PLACES`.

    Raises:
        ToolchainError: It is not there.
    """
    found = find(name)
    if found is None:
        raise ToolchainError(f"cannot find the {name} that belong to {HOME}/clang_llm; install clang-llm again")
    return found


def wrapper(*, cxx: bool = False) -> Path:
    """Return the path of ``clang-llm``, or of ``clang-llm++``.

    Raises:
        ToolchainError: It is not there.
    """
    return path_of("wrappers") / (_WRAPPER + "++" * cxx)
