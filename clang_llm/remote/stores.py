"""What every kind of store offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from clang_llm.plans.plan import MAX_BYTES
from clang_llm.system.errors import RemoteError

#: Returns what is to be written in the place of what is there (None: nothing is), or None to leave it.
Choose = Callable[[bytes | None], bytes | None]
#: Times that a write is tried when somebody else writes the same plan meanwhile.
TRIES = 3


class RemoteStore(Protocol):
    """One store. All methods raise RemoteError when it does not do its work."""

    def get(self, key: str) -> bytes | None:
        """Return the entry of a key as it is, `MAX_BYTES` + 1 bytes at most; None when there is none."""

    def update(self, key: str, choose: Choose) -> bool:
        """Replace the entry of a key, atomically where the store can; return whether it was written."""


def bounded(data: bytes) -> bytes:
    """Return the bytes of an entry; raises RemoteError when they are more than any entry has."""
    if len(data) > MAX_BYTES:
        raise RemoteError(f"oversized: an entry has more than {MAX_BYTES} bytes")
    return data
