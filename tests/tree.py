"""The files of the tree under test: a checkout's, or those of an unpacked source distribution, which knows no git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What is made in a tree and belongs to nobody; a checkout's .gitignore says the same.
_MADE = {".venv", "__pycache__", "build", "dist", ".git"}


def is_checkout() -> bool:
    """Tell whether there is git, and it knows the files."""
    return (ROOT / ".git").exists() and shutil.which("git") is not None


def files(*, tracked: bool = False) -> list[Path]:
    """Return the files, relative to the root.

    Args:
        tracked: In a checkout, leave out what was not added yet.
    """
    if not is_checkout():
        return sorted(_walk())
    command = ["git", "ls-files", "-z", *([] if tracked else ["-co", "--exclude-standard"])]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.split(b"\0")
    paths = [Path(os.fsdecode(name)) for name in listed if name]
    return sorted(path for path in paths if (ROOT / path).is_file())


def _walk() -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(ROOT):
        kept = [name for name in subdirectories if name not in _MADE and not name.endswith((".egg-info", "_cache"))]
        subdirectories[:] = [name for name in kept if name != ".hypothesis"]
        yield from (Path(directory, name).relative_to(ROOT) for name in names if not name.endswith(".pyc"))
