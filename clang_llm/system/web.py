"""The one door to servers over HTTP: JSON in both directions, within a time limit and a size limit.

Redirections are not followed and proxies of the environment are not used: the user named the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from clang_llm.system.errors import BackendError, NoAnswer

#: Bytes of a reply that are read; an answer of 800 tokens has a few thousand.
MAX_REPLY = 4 * 1024 * 1024
#: Characters of a server's complaint that are passed on.
_COMPLAINT = 300

_Outcome = TypeVar("_Outcome")


class WebServer:
    """One server.

    Args:
        url: Its base URL, with or without ``/v1`` at the end.
        api_key: Sent as a bearer token; in no message.
        timeout_s: Seconds without a sign of life after which a request fails.

    Raises:
        BackendError: The URL or the key cannot be used.
    """

    def __init__(self, url: str, api_key: str | None, timeout_s: float) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname, parts.port
        except ValueError as error:
            raise BackendError(f"CLANG_LLM_URL is no URL: {error}") from error
        if parts.scheme not in ("http", "https") or not self._host:
            raise BackendError("CLANG_LLM_URL must begin with http:// or https:// and name a server")
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise BackendError("CLANG_LLM_API_KEY holds characters that no key has")
        self._secure = parts.scheme == "https"
        self._path = parts.path.rstrip("/").removesuffix("/v1")
        self._api_key = api_key
        self._timeout_s = timeout_s

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> tuple[int, object]:
        """Send one request; return the status and what the reply holds: JSON, or for a failure the complaint as text.

        Args:
            path: Below the base URL, such as ``/v1/models``.
            body: Sent with POST; None sends GET.

        Raises:
            BackendError: The server does not answer, or not in JSON.
        """
        from http.client import HTTPConnection, HTTPException, HTTPSConnection

        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(self._host or "", self._port, timeout=self._timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        data = None if body is None else json.dumps(body).encode("ascii")
        try:
            connection.request("GET" if data is None else "POST", self._path + path, data, headers)
            response = connection.getresponse()
            reply = response.read(MAX_REPLY + 1)
        except TimeoutError as error:
            raise NoAnswer(f"the server said nothing for {self._timeout_s:g} s") from error
        except (OSError, HTTPException, ValueError) as error:
            raise BackendError(f"no answer from {self._host}: {self._cleaned(repr(error))}") from error
        finally:
            connection.close()
        if len(reply) > MAX_REPLY:
            raise BackendError(f"a reply of more than {MAX_REPLY} bytes")
        if not 200 <= response.status < 300:
            return response.status, self._cleaned(reply.decode("utf-8", errors="replace"))
        try:
            return response.status, json.loads(reply)
        except (ValueError, RecursionError) as error:
            raise BackendError(f"{path}: the reply is not JSON: {self._cleaned(str(error))}") from error

    def _cleaned(self, text: str) -> str:
        """Return a complaint in one line, without the key."""
        text = text.replace(self._api_key, "***") if self._api_key else text
        return " ".join(text.split())[:_COMPLAINT]


def within(seconds: float, work: Callable[[], _Outcome]) -> _Outcome:
    """Return what work returns, or raise what it raises.

    It runs in a thread, since looking up a name, or a server that sends a byte now and then, knows no time limit. What
    is late goes on until it ends by itself, and nobody waits for it.

    Raises:
        NoAnswer: It takes longer than that.
    """
    from queue import Empty, SimpleQueue
    from threading import Thread

    done: SimpleQueue[tuple[_Outcome | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
            done.put((None, error))

    Thread(target=run, daemon=True).start()
    try:
        outcome, error = done.get(timeout=seconds)
    except Empty:
        raise NoAnswer(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return outcome  # type: ignore[return-value]
