"""Seals, by which a user's plans are told from those of others: an authentication code in the entry.

A cache may be shared, and its entries copied. A correct checksum does not tell who measured a plan, or on which module.
Pieces that are vetted one by one are sound in any mix, but a mix that was made for another module may need a symbol
that -Oz folds away. So only a plan with this user's seal is applied at once; other plans are proposals, and are
measured first. The user's key is `seal-<uid>` in the cache directory; nobody else may read it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from clang_llm.plans.types import is_key
from clang_llm.system.files import open_regular


def _path(root: Path) -> Path:
    return root / f"seal-{os.geteuid()}"


def _read(path: Path) -> bytes | None:
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            key = file.read(65).strip()
    except OSError:
        return None
    # The same conditions as in the plugin.
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        return None
    return key if is_key(key.decode("ascii", errors="replace")) else None


def key_of(root: Path, *, create: bool = False) -> bytes | None:
    """Return this user's key for a cache directory, made now if need be; None where there is and can be none."""
    path = _path(root)
    known = _read(path)
    if known is not None or not create:
        return known
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32).hex().encode("ascii"))
        # Unlike a rename, this leaves the key of a process that was quicker.
        os.link(temporary, path)
    except OSError:
        pass
    with suppress(OSError):
        temporary.unlink()
    return _read(path)


def seal_of(key: bytes, checksum: str) -> str:
    """Return the seal of an entry: HMAC-SHA256 of its checksum's text, 64 hexadecimal digits."""
    return hmac.new(key, checksum.encode("ascii"), hashlib.sha256).hexdigest()
