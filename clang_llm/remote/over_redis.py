"""A store in Redis, or what speaks its protocol (Valkey, KeyDB), by redis-py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clang_llm.plans.plan import MAX_BYTES
from clang_llm.remote.address import Address
from clang_llm.remote.stores import TRIES, Choose, bounded
from clang_llm.system.errors import RemoteError

if TYPE_CHECKING:
    import redis


class RedisStore:
    """Entries are values of the keys `<namespace>/1/<key>`; `allkeys-lru` keeps those that are used."""

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._address = address
        timeout_s = address.timeout_ms / 1000
        secure = {"ssl": True, "ssl_ca_certs": str(address.ca) if address.ca else None}
        self._client = redis.Redis(
            host=address.host,
            port=address.port or 6379,
            db=int(address.path.strip("/") or 0),
            username=address.user,
            password=address.password(environ) or address.token(environ),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # Once more at once: the server may have closed a connection that was quiet.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError, ConnectionError)),
            protocol=2,
            # Nothing about us is told.
            driver_info=None,
            **(secure if address.scheme == "rediss" else {}),
        )

    def get(self, key: str) -> bytes | None:
        """Return the entry of a key."""
        with _described():
            return bounded(self._read(self._client, key)) or None

    def update(self, key: str, choose: Choose) -> bool:
        """Replace the entry of a key, unless somebody else does meanwhile."""
        from redis.exceptions import WatchError

        name = self._address.name(key)
        with _described(), self._client.pipeline() as pipe:
            for _ in range(TRIES):
                pipe.watch(name)
                new = choose(self._old(pipe, key))
                if new is None:
                    return False
                pipe.multi()
                pipe.set(name, new)
                try:
                    pipe.execute()
                except WatchError:
                    continue
                return True
        return False

    def _old(self, client: redis.Redis, key: str) -> bytes | None:
        from redis.exceptions import ResponseError

        try:
            return self._read(client, key) or None
        except ResponseError as error:
            if _is_of_an_entry(error):
                return b""
            raise

    def _read(self, client: redis.Redis, key: str) -> bytes:
        # Not all of what somebody else may have put there.
        return bytes(client.getrange(self._address.name(key), 0, MAX_BYTES))


@contextmanager
def _described() -> Iterator[None]:
    from redis import exceptions as of

    try:
        yield
    except (of.TimeoutError, TimeoutError) as error:
        raise RemoteError("timeout: Redis says nothing") from error
    except (of.AuthenticationError, of.NoPermissionError, of.ReadOnlyError) as error:
        raise RemoteError(f"refused: Redis says: {error}") from error
    except of.OutOfMemoryError as error:
        raise RemoteError("full: Redis has no memory left; set maxmemory-policy allkeys-lru") from error
    except of.ConnectionError as error:
        raise RemoteError(f"{_word(error)}: Redis cannot be reached ({error})") from error
    except of.ResponseError as error:
        text = str(error)
        if _is_of_an_entry(error):
            raise RemoteError("damaged: what is there is no text") from error
        refused = text.startswith(("NOAUTH", "WRONGPASS", "NOPERM", "READONLY", "MISCONF"))
        raise RemoteError(f"{'refused' if refused else 'protocol'}: Redis says: {text[:200]}") from error
    except (of.RedisError, OSError, ValueError, IndexError, TypeError, AttributeError) as error:
        # What is no Redis makes the parser stumble in many ways.
        raise RemoteError(f"protocol: no answer of Redis ({type(error).__name__})") from error


def _is_of_an_entry(error: Exception) -> bool:
    """Whether a list or the like is in the place of an entry, which is no reason to leave the store alone."""
    return str(error).startswith("WRONGTYPE")


def _word(error: BaseException | None) -> str:
    """Return what kept us from a connection: the cause is behind the library's own errors."""
    import ssl

    while error is not None:
        if isinstance(error, ssl.SSLError):
            return "tls"
        if isinstance(error, TimeoutError):
            return "timeout"
        error = error.__cause__ or error.__context__
    return "unreachable"
