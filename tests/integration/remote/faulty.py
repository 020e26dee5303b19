"""A server that does what no store should do, and one that does what it should and remembers what it heard."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What is done with a connection once its first bytes are there.
Fault = Callable[[socket.socket], None]


class FaultyServer:
    """Takes connections and does one thing with each.

    Attributes:
        port: Where it listens.
        connections: How many it has taken.
        fault: What it does; may be changed.
    """

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.recv(65536):
                self.fault(connection)

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()


def say(data: bytes) -> Fault:
    """Send something and close the connection."""
    return lambda connection: connection.sendall(data)


def nothing(connection: socket.socket) -> None:
    """Say nothing, ever."""
    connection.recv(65536)


def late(connection: socket.socket) -> None:
    """Answer after ten seconds."""
    time.sleep(10)
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def drops(connection: socket.socket) -> None:
    """Send a byte now and then, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"c")
        time.sleep(0.1)


def endless(connection: socket.socket) -> None:
    """Send as much as is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"clang-llm-plan" * 4096)


def huge(connection: socket.socket) -> None:
    """Tell of a value of Redis that no memory holds, and begin to send it."""
    connection.sendall(b"$900000000000\r\n" + b"x" * 100_000)
    connection.recv(65536)


def answer(status: str, body: bytes = b"", length: int | None = None) -> Fault:
    """Send one answer in HTTP."""
    size = len(body) if length is None else length
    return say(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GoodServer

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._heard(b"")
        with self.server.lock:
            body = self.server.entries.get(self.path)
        if body is None:
            self._answer(404)
        else:
            self._answer(200, body, {"ETag": tag(body)})

    do_HEAD = do_GET  # noqa: N815 - the name is the library's

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._heard(body)
        with self.server.lock:
            old = self.server.entries.get(self.path)
            wanted = self.headers["If-Match"]
            stale = wanted is not None and (old is None or wanted != tag(old))
            if stale or (self.headers["If-None-Match"] == "*" and old is not None):
                self._answer(412)
                return
            if self.server.full:
                self._answer(507)
                return
            self.server.entries[self.path] = body
        self._answer(201)

    def _heard(self, body: bytes) -> None:
        self.server.heard += self.requestline.encode() + bytes(self.headers) + body

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def tag(body: bytes) -> str:
    """Return the entity tag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


class GoodServer(ThreadingHTTPServer):
    """A store behind HTTP with entity tags.

    Attributes:
        entries: What it has, by path.
        heard: Every byte of what was asked.
        full: Whether it takes no more.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: dict[str, bytes] = {}
        self.heard = b""
        self.full = False
        self.lock = threading.Lock()

    @property
    def remote(self) -> str:
        """The setting that names it."""
        scheme = "http"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/plans"


@contextlib.contextmanager
def good() -> Iterator[GoodServer]:
    """Run a good server until the test is over."""
    server = GoodServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
