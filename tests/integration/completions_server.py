"""A peer that speaks the protocol of OpenAI-compatible servers as far as a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

#: What was asked for in JSON; None with GET.
Body: TypeAlias = Any
#: Status and body, as bytes or as what becomes JSON.
Reply = tuple[int, Any]
Answering: TypeAlias = "Callable[[str, Body], Reply]"


@dataclass
class Peer:
    """The server, and what it was asked: path, body (None for GET) and headers."""

    reply: Answering
    url: str = ""
    asked: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


@contextmanager
def serving(reply: Answering) -> Iterator[Peer]:
    """Serve replies: a function of path and body."""
    peer = Peer(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Body) -> None:
            peer.asked.append((self.path, body, dict(self.headers)))
            status, content = peer.reply(self.path, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True  # the other side was tired of waiting

        def log_message(self, *words: object) -> None:
            del words

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    peer.url = f"http{'://'}127.0.0.1:{server.server_port}"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def models(owner: str, name: str = "tiny") -> Reply:
    """What `/v1/models` says."""
    return 200, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": owner}]}


def completion(text: str) -> Reply:
    """What `/v1/completions` says."""
    return 200, {"choices": [{"index": 0, "text": text, "finish_reason": "stop"}]}
