"""Pieces of recipes, beyond the shipped ones, that this user's own searches ended with.

`vetted/llvm-<major>` in the cache directory has one digest (`clang_llm.plans.vetted`) a line. The plugin reads it when
a plan has a piece that is not shipped, and believes it only when nobody else may write it, so the mode of the file does
not follow the umask.
"""

from __future__ import annotations

import os
from pathlib import Path

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.vetted import added_to
from clang_llm.system.files import append, distrusted, open_regular

#: Longest file that is read, in bytes, the same as in the plugin: a hundred thousand pieces.
MAX_BYTES = 4 * 1024 * 1024

#: Where it is, below the cache directory.
DIRECTORY = "vetted"


def is_ours(root: Path, path: Path) -> bool:
    """Whether a file in `DIRECTORY` may be believed: nobody else may write it or the way to it, as the plugin asks."""
    try:
        return not any(map(distrusted, (Path(os.path.realpath(root)), path.parent, path)))
    except OSError:
        return False


def make_place(root: Path) -> None:
    """Make the directory, for nobody else to write whatever the umask is.

    Raises:
        OSError: It cannot be made.
    """
    directory = root / DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)


def bring(root: Path, to: Path) -> None:
    """Copy what is vouched for into another cache directory of this user, one for trying things."""
    files = [path for path in (root / DIRECTORY).glob("llvm-*") if is_ours(root, path)]
    if files:
        make_place(to)
        to.chmod(0o755)
    import shutil  # no part of a compile

    for path in files:
        shutil.copy2(path, to / DIRECTORY / path.name, follow_symlinks=False)


def _read(root: Path, path: Path) -> frozenset[str]:
    if not is_ours(root, path):
        return frozenset()
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            return frozenset(file.read(MAX_BYTES).decode("ascii", errors="replace").split())
    except OSError:
        return frozenset()


def is_vouched(root: Path, major: int, recipe: Recipe) -> bool:
    """Say whether every piece of a recipe is shipped or vouched for in the cache directory `root`."""
    missing = added_to(recipe, major)
    return not missing or missing <= _read(root, root / DIRECTORY / f"llvm-{major}")


def vouch(root: Path, major: int, recipe: Recipe) -> bool:
    """Remember the pieces of a recipe that this user's validation accepted; return whether all are known now."""
    path = root / DIRECTORY / f"llvm-{major}"
    missing = added_to(recipe, major)
    missing -= _read(root, path) if missing else frozenset()
    if not missing:
        return True
    try:
        make_place(root)
        descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
        os.fchmod(descriptor, 0o644)
        # One write, so that two builds at once do not mix their lines.
        append(descriptor, "".join(f"{each}\n" for each in sorted(missing)))
    except OSError:
        return False
    return True
