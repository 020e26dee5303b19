"""Recipes for an LLVM that comes without a set of its own: those of the nearest older one that passed validation here.

`clang-llm-tool validate --shipped` tries the older set on this machine's clang and leaves what passed as
`vetted/llvm-<major>.txt` in the cache directory, in the form of a shipped set; its pieces are vouched for beside it
(`clang_llm.plans.store.vouched`), so that the plugin applies plans made of them. Without
that such an LLVM is plain -Oz.
"""

from __future__ import annotations

from pathlib import Path

from clang_llm.plans.coreset import DATA, Coreset, majors_in, read_coreset
from clang_llm.plans.store.vouched import DIRECTORY, is_ours
from clang_llm.system.errors import BackendError, UnvalidatedError


def supported() -> list[int]:
    """Return the major versions of LLVM with a set of their own, which are those that were tested."""
    return majors_in(DATA)


def lender_of(major: int) -> int | None:
    """Return the nearest older LLVM that has a set, for one that has none; None where nothing has to be borrowed."""
    return max((each for each in supported() if each < major), default=None) if major not in supported() else None


def place_of(root: Path) -> Path:
    """Return where borrowed sets are, below the cache directory."""
    return root / DIRECTORY


def borrowed(major: int, root: Path) -> Coreset | None:
    """Return what passed validation on this machine for an LLVM without a set of its own, or None.

    Args:
        major: Major version of LLVM.
        root: The cache directory.
    """
    path = place_of(root) / f"llvm-{major}.txt"
    try:
        return read_coreset(major, path.parent) if is_ours(root, path) else None
    except (BackendError, ValueError):
        return None


def coreset_for(major: int, root: Path) -> Coreset:
    """Return the set of one major version of LLVM: its own, else what was borrowed for it.

    Raises:
        BackendError: The set was changed after its validation.
        UnvalidatedError: There is none.
    """
    if major in supported():
        return read_coreset(major)
    found = borrowed(major, root)
    if found is None:
        raise UnvalidatedError(f"no recipes were validated for LLVM {major}; run `clang-llm-tool validate --shipped`")
    return found
