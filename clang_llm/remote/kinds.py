"""The table of kinds: which class stands for an address. What it takes is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping

from clang_llm.remote.address import Address
from clang_llm.remote.stores import RemoteStore
from clang_llm.system.errors import RemoteError


def connect(address: Address, environ: Mapping[str, str]) -> RemoteStore:
    """Return a store; nothing is sent yet. Raises RemoteError when a package or a secret is missing."""
    try:
        if address.scheme in ("redis", "rediss"):
            from clang_llm.remote.over_redis import RedisStore

            return RedisStore(address, environ)
        if address.scheme in ("http", "https"):
            from clang_llm.remote.over_http import HttpStore

            return HttpStore(address, environ)
    except ImportError as error:
        raise RemoteError(f"package: {error.name} is missing; pip install 'clang-llm[remote]'") from error
    from clang_llm.remote.over_files import FileStore

    return FileStore(address)
