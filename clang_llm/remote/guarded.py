"""A store that is left alone after it failed, until it gives a sign of life: a compile waits for a failure once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from clang_llm.remote.address import Address
from clang_llm.remote.kinds import connect
from clang_llm.remote.stores import RemoteStore
from clang_llm.system.errors import NoAnswer, RemoteError
from clang_llm.system.web import within

#: Failures of a single entry; the store goes on.
_OF_ENTRIES = ("oversized", "damaged")
#: Failures to write that say nothing about reading.
_OF_WRITES = ("refused", "full")
#: Seconds until a store that failed is asked for a sign of life; twice as long after each failure, up to the latter.
_FIRST_S, _LAST_S = 5.0, 600.0
#: What is asked for then; it is the name of no plan.
NO_KEY = "0" * 64
#: What is told of a store that is left alone.
OFF = "off"

_Outcome = TypeVar("_Outcome")


class Guarded:
    """One store.

    Args:
        address: Where it is.
        environ: Where its secrets may be.

    Attributes:
        address: Where it is.
        down: Why it is left alone, in one word, or nothing.
        writable: Whether plans are sent to it.
    """

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        self.address = address
        self.down = ""
        self.writable = not address.read_only
        self._told = False
        self._failures, self._next = 0, 0.0
        self._store: RemoteStore | None = None
        try:
            self._store = connect(address, environ)
        except RemoteError as error:
            self.why, self.down = str(error), error.word
        else:
            self.why = ""

    def get(self, key: str, seconds: float) -> bytes | None:
        """Return the entry of a key as it is; raises RemoteError, after `seconds` at the latest."""
        return self._do(lambda store: store.get(key), seconds, _OF_ENTRIES)

    def update(self, key: str, choose: Callable[[bytes | None], bytes | None], seconds: float) -> bool:
        """Replace an entry; return whether it was written. Raises RemoteError."""
        try:
            return self._do(lambda store: store.update(key, choose), seconds, (*_OF_ENTRIES, *_OF_WRITES))
        except RemoteError as error:
            if error.word in _OF_WRITES:
                self.writable = False
            raise

    def probe(self, seconds: float) -> bool:
        """Look whether a store that was left alone is there again; not too often."""
        if self._store is None or time.monotonic() < self._next:
            return False
        try:
            self._do(lambda store: store.get(NO_KEY), seconds, ())
        except RemoteError:
            return False
        self.down = self.why = ""
        self._told = False
        return True

    def tell(self) -> str:
        """Return why it is left alone, in one word, unless a failure has told it; `OFF` then."""
        known, self._told = self._told, True
        return OFF if known else self.down

    def _do(self, work: Callable[[RemoteStore], _Outcome], seconds: float, harmless: tuple[str, ...]) -> _Outcome:
        store = self._store
        if store is None:
            raise RemoteError(self.why)
        try:
            # A server that sends a byte now and then knows no time limit.
            return within(seconds, lambda: work(store))
        except NoAnswer as error:
            raise self._failed(f"timeout: {self.address.shown} does not come to an end") from error
        except RemoteError as error:
            if error.word not in harmless:
                self._failed(str(error))
            raise
        except Exception as error:  # a library met what its authors have not thought of
            raise self._failed(f"protocol: {self.address.shown}: {type(error).__name__}") from error

    def _failed(self, why: str) -> RemoteError:
        error = RemoteError(why)
        self._told = True
        self.down, self.why = error.word, why
        if time.monotonic() >= self._next:  # those that failed together count as one
            self._next = time.monotonic() + min(_LAST_S, _FIRST_S * 2**self._failures)
            self._failures += 1
        return error
