"""The user's own directories, by platformdirs: the XDG base directories on Linux.

platformdirs asks the environment of this process and no other. It is imported where it is asked: a compile that finds
its plan needs none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clang_llm.system.packages import find_packages

#: Where a directory is that has no place: below a device nothing can be made, not even by root.
NOWHERE = Path("/dev/null/clang-llm")

_NAME = "clang-llm"


def own_cache(environ: Mapping[str, str]) -> Path | None:
    """Return the cache directory that is this user's by its name, or None where it has no place.

    It may be made, and so may ~/.cache; but nothing above: a home that is missing stays missing. The wrapper and the
    plugin (`defaultCache`) reckon in the same way.

    Args:
        environ: The environment of this process.
    """
    find_packages()
    from platformdirs import user_cache_path

    # Where it names none the system may know a home, but the wrapper cannot ask the system.
    if not any(environ.get(name, "").startswith("/") for name in ("XDG_CACHE_HOME", "HOME")):
        return None
    place = user_cache_path(_NAME)
    return place if place.parent.parent.is_dir() else None


def own_config() -> Path:
    """Return the config file that is this user's by its name; it need not exist."""
    find_packages()
    from platformdirs import user_config_path

    try:
        return user_config_path(_NAME) / f"{_NAME}.conf"
    except RuntimeError:  # neither the environment nor the system knows a home
        return NOWHERE
