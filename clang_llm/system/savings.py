"""The file in which the plugin keeps what every compile came to (docs/cache-directory.md#the-ledger).

`clang_llm.system.ledger` reads it. A miss only looks whether it has become too long.
"""

from __future__ import annotations

import os
from pathlib import Path

#: Bytes of the ledger beyond which it is folded: some 15,000 compiles.
FOLD_BYTES = 4 * 1024 * 1024


def path(cache_dir: Path) -> Path:
    """Return where the plugin writes this user's ledger; with `.old` and `.kept` behind it are its older parts."""
    return cache_dir / f"savings-{os.geteuid()}"


def is_long(cache_dir: Path, at_least: int = FOLD_BYTES) -> bool:
    """Whether the ledger is longer than so many bytes; not where there is none."""
    try:
        return path(cache_dir).lstat().st_size > at_least
    except OSError:
        return False
