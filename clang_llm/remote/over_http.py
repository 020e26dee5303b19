"""A store behind plain GET and PUT: nginx or Apache with WebDAV, bazel-remote and its like; by urllib3.

Redirections are not followed and proxies of the environment are not used: the user named the server.
"""

from __future__ import annotations

import netrc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from clang_llm.plans.plan import MAX_BYTES
from clang_llm.remote.address import Address
from clang_llm.remote.stores import TRIES, Choose, bounded
from clang_llm.system.errors import RemoteError

#: Connections that are kept open: more than there are processors would only wait.
_OPEN = 16
#: What a server says of a directory.
_MOVED = (301, 302, 307, 308)


class HttpStore:
    """Entries are `<address>/<namespace>/1/<key>`."""

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        import urllib3

        self._address = address
        timeout_s = address.timeout_ms / 1000
        secure = {"ca_certs": str(address.ca)} if address.ca else {}
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=_OPEN,
            retries=False,
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
            headers={"User-Agent": "clang-llm", **_authorization(address, environ)},
            **secure,
        )
        port = f":{address.port}" if address.port else ""
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._base = f"{address.scheme}://{host}{port}{address.path}/"

    def get(self, key: str) -> bytes | None:
        """Return the entry of a key."""
        return self._read(key)[0]

    def update(self, key: str, choose: Choose) -> bool:
        """Replace the entry of a key; a server with entity tags refuses when somebody else does meanwhile."""
        for _ in range(TRIES):
            try:
                old, tag = self._read(key)
            except RemoteError as error:
                if error.word != "oversized":
                    raise
                old, tag = b"", ""
            new = choose(old)
            if new is None:
                return False
            # A weak tag says that two texts mean the same, not that they are the same.
            condition = {"If-None-Match": "*"} if old is None else {"If-Match": tag} if tag.startswith('"') else {}
            status, _, _ = self._ask("PUT", key, new, {"Content-Type": "application/octet-stream", **condition})
            if status not in (409, 412):
                _check(status)
                return True
        return False

    def _read(self, key: str) -> tuple[bytes | None, str]:
        status, data, headers = self._ask("GET", key)
        if status in (404, 410):
            return None, ""
        if status in _MOVED and headers.get("Location", "").endswith(f"/{key}/"):
            return b"", ""  # a directory in the place of an entry: the entry is to blame, not the server
        _check(status)
        return bounded(data), headers.get("ETag", "")

    def _ask(
        self, method: str, key: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Send a request; return the status, what the body holds up to the bound, and the headers."""
        from urllib3.exceptions import ProtocolError

        url = self._base + self._address.name(key)
        with _described(self._address.shown):
            try:
                return self._once(method, url, body, headers)
            except ProtocolError:
                # Once more at once: the server may have closed a connection that was quiet.
                return self._once(method, url, body, headers)

    def _once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        every = {**self._pool.headers, **(headers or {})}
        response = self._pool.request(method, url, body=body, headers=every, preload_content=False, redirect=False)
        try:
            data = response.read(MAX_BYTES + 1, decode_content=False)
            whole = len(data) <= MAX_BYTES
            return response.status, data, response.headers
        finally:
            if response.status == 200 and not whole:
                response.close()
            response.release_conn()


def _authorization(address: Address, environ: Mapping[str, str]) -> dict[str, str]:
    from urllib3 import make_headers

    token = address.token(environ)
    if token:
        return {"Authorization": f"Bearer {token}"}
    user, password = address.user, address.password(environ)
    if "netrc" in address.secrets:
        user, password = _from_netrc(address, environ)
    if user is None:
        return {}
    return dict(make_headers(basic_auth=f"{user}:{password or ''}"))


def _from_netrc(address: Address, environ: Mapping[str, str]) -> tuple[str, str]:
    path = Path(address.secrets["netrc"] or Path(environ.get("HOME", "/")) / ".netrc")
    try:
        found = netrc.netrc(str(path)).authenticators(address.host)
    except (OSError, netrc.NetrcParseError) as error:
        raise RemoteError(f"refused: {path} cannot be read ({type(error).__name__})") from error
    if found is None:
        raise RemoteError(f"refused: {path} has nothing for {address.host}")
    return found[0], found[2] or ""


def _check(status: int) -> None:
    """Raise a RemoteError unless a request was done."""
    if 200 <= status < 300:
        return
    if status in (401, 403, 405, 501):
        raise RemoteError(f"refused: the server answers {status}; may this user read and write there?")
    if status in (413, 507):
        raise RemoteError(f"full: the server answers {status}")
    raise RemoteError(f"protocol: the server answers {status}")


@contextmanager
def _described(shown: str) -> Iterator[None]:
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (HTTPError, OSError, ValueError) as error:
        raise _error(error, shown) from error


def _error(error: BaseException, shown: str) -> RemoteError:
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError, SSLError

    if isinstance(error, NewConnectionError):
        return RemoteError(f"unreachable: {shown} cannot be reached")
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError, TimeoutError)):
        return RemoteError(f"timeout: {shown} says nothing")
    if isinstance(error, SSLError):
        return RemoteError(f"tls: {shown} is not believed ({error})")
    if isinstance(error, OSError):
        return RemoteError(f"unreachable: {shown} cannot be reached")
    return RemoteError(f"protocol: {shown} sends no proper answer ({type(error).__name__})")
