"""What `doctor` says about the files of a cache directory that this user cannot use, such as those of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from clang_llm.cli.checks import NOTE, WRONG, Finding
from clang_llm.system import ledger
from clang_llm.system.settings import Settings

_DOCUMENT = "docs/troubleshooting.md#a-shared-cache"


def check_files(settings: Settings) -> Iterator[Finding]:
    """Directories and files that others made, and the ledger; nothing where nothing is to be written."""
    if settings.homeless or settings.readonly:
        return
    root = settings.cache_dir
    if not os.access(root, os.R_OK | os.X_OK, effective_ids=True):
        return  # it is not there, or `check_cache` told of it
    for name in ("plans", "locks"):
        if closed := _closed(root / name):
            yield _of_others(WRONG, closed, "no plan can be stored, so builds search anew")
            break
        if os.path.lexists(root / name) and not (root / name).is_dir():
            text = f"{root / name} is no directory: no plan can be stored, so builds search anew"
            yield Finding(WRONG, "cache", text, f"rm {root / name}")
            break
    if _refuses(root / "events"):
        yield _of_others(NOTE, root / "events", "nothing is counted")
    problem, remedy = ledger.unusable(root)
    if problem:
        yield Finding(NOTE, "ledger", f"{problem}: what is saved is not recorded", remedy)


def _of_others(level: str, path: Path, follows: str) -> Finding:
    try:
        mine = path.lstat().st_uid == os.geteuid()
    except OSError:
        mine = False
    if mine:
        return Finding(level, "cache", f"you may not write {path}: {follows}", f"chmod u+rwX {path}")
    remedy = f"let them give it to a group of yours and chmod g+rwX, and all use umask 002: {_DOCUMENT}"
    return Finding(level, "cache", f"others made {path} and you may not write it: {follows}", remedy)


def _closed(directory: Path) -> Path | None:
    """Return what this user may not write of a directory that is there and what lies in it, or None."""
    if not os.path.lexists(directory):
        return None
    if _refuses(directory):
        return directory
    with suppress(OSError), os.scandir(directory) as entries:
        return next((Path(each.path) for each in entries if _refuses(Path(each.path))), None)
    return None


def _refuses(path: Path) -> bool:
    """Whether something that is there cannot be written, or be gone through."""
    try:
        need = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
        return path.exists() and not os.access(path, need, effective_ids=True)
    except OSError:  # a link to where this user may not look
        return True
