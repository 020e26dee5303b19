"""The courier: a process beside a build that asks the team's stores for plans and sends them new ones.

The plugin starts it at the first miss, with two descriptors: 3, a file with a lock, so that there is one courier only,
and 4, the socket on which it listens. It leaves when nobody has asked for a while. It holds nothing of the build.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from clang_llm.models.asking import wire
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.types import is_key
from clang_llm.remote.address import parse
from clang_llm.remote.delivering import deliver
from clang_llm.remote.fetching import fetch
from clang_llm.remote.guarded import Guarded
from clang_llm.remote.signing import Signing
from clang_llm.system.errors import ServerError
from clang_llm.system.log import append_event, write_log
from clang_llm.system.settings import MIB, Settings, process_environment

#: Version of the conversation with the plugin (docs/protocol.md).
PROTOCOL = 1
#: Seconds after the last question, and after the last compile that asked one, after which the courier leaves.
IDLE_S = 20.0
#: Seconds for which compiles leave a store alone that failed; the courier stays for so much longer, to know of it.
OFF_S = 30.0
#: Seconds for which nobody asks where the setting names no store: the most that the plugin believes.
NO_STORE_S = 600.0
#: What is counted then.
CONFIG = "config"
#: Seconds after which the courier leaves then.
_NO_STORE_IDLE_S = 1.0
#: Seconds between looks at the outbox and the clock.
_LOOK_S = 0.25
#: Seconds in which questions are still answered after nobody can find the socket any more.
_LAST_S = 0.2
#: Longest question in bytes, and connections at once.
_MOST_LINE, _MOST_OPEN = 64 * 1024, 1024
#: Bytes of memory, whatever a store sends; and of the stack of a thread.
_MOST_MEMORY, _STACK = 1024 * MIB, 512 * 1024

_LOCK, _LISTENING = 3, 4


class Courier:
    """Answers questions and empties the outbox.

    Args:
        settings: The user's.
        cache: The cache directory, absolute.
        socket_path: Where the socket is found; beside it are the files that tell others to leave us alone.
        environ: Where secrets of stores may be.
    """

    def __init__(self, settings: Settings, cache: Path, socket_path: Path, environ: Mapping[str, str]) -> None:
        self._log = settings.log
        self._local = LocalStore(cache, max_bytes=settings.max_size)
        self._signing = Signing(settings)
        self._socket_path = socket_path
        self._stamp = socket_path.with_suffix(".off")
        addresses, _ = parse(settings.remote)
        self._stores = [Guarded(each, environ) for each in addresses]
        self._keys = [threading.Lock() for _ in range(4096)]
        self._changed = threading.Condition()
        self._open = 0
        self._last = time.monotonic()

    def arrives(self) -> bool:
        """Count a connection; False when there are too many."""
        with self._changed:
            self._open += self._open < _MOST_OPEN
            return self._open < _MOST_OPEN

    def leaves(self) -> None:
        """Forget a connection; what its compile has stored can be sent now."""
        with self._changed:
            self._open -= 1
            self._last = time.monotonic()
            self._changed.notify()

    def answer(self, question: Any) -> dict[str, object]:  # noqa: ANN401 - whatever came
        """Return the answer to a message of the plugin."""
        self._last = time.monotonic()
        words = question if isinstance(question, dict) else {}
        key, major = words.get("key"), words.get("major")
        if words.get("do") != "fetch" or not isinstance(key, str) or not is_key(key) or type(major) is not int:
            return {"found": False, "error": "question"}
        # One at a time for each module: identical ones are written under one temporary name.
        with self._keys[int(key[:3], 16)]:
            found, problem = fetch(key, major, self._stores, self._local, self._signing)
        if problem and not found:
            write_log(self._log, f"courier: {key}: {problem}")
        if not self._stores:
            problem = CONFIG
        if all(store.down for store in self._stores):
            self._turn_off(OFF_S if self._stores else NO_STORE_S)
        return {"found": found, **({"error": problem} if problem and not found else {})}

    def work(self) -> None:
        """Empty the outbox, and look whether failed stores are there again, until it is time to leave."""
        while self._socket_path.exists():
            with self._changed:
                self._changed.wait(_LOOK_S)
            self._revive()
            for event in deliver(self._stores, self._local, self._signing):
                append_event(self._local.root, event)
            if self._is_idle():
                with suppress(OSError):
                    self._socket_path.unlink()
        # Whoever connected in the last moment is still answered.
        while True:
            time.sleep(_LAST_S)
            if not self._open:
                return

    def _is_idle(self) -> bool:
        with self._changed:
            patience_s = (
                IDLE_S + OFF_S * any(store.down for store in self._stores) if self._stores else _NO_STORE_IDLE_S
            )
            return not self._open and time.monotonic() - self._last > patience_s

    def _revive(self) -> None:
        down = [store for store in self._stores if store.down]
        if [store.probe(1.0) for store in down].count(True):
            with suppress(OSError):
                self._stamp.unlink()

    def _turn_off(self, seconds: float) -> None:
        """Keep compiles from asking while no store answers."""
        with suppress(OSError):
            self._stamp.touch()
            os.utime(self._stamp, (time.time(), time.time() + seconds))


class _Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, courier: Courier) -> None:
        super().__init__("", _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.courier = courier

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - the signature of socketserver
        """Whether a connection is taken: one of this user, and not too many."""
        del client_address
        return wire.peer(request)[1] == os.geteuid() and self.courier.arrives()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer a connection in a thread of its own; one that cannot be started is no connection."""
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.courier.leaves()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.courier.leaves()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """What one connection does concerns no other."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        self._say({"protocol": PROTOCOL})
        # The compile hangs up when it has its plan, which may take a search.
        while line := self.rfile.readline(_MOST_LINE):
            try:
                question = json.loads(line)
            except (ValueError, RecursionError):
                return
            self._say(self.server.courier.answer(question))

    def _say(self, message: dict[str, object]) -> None:
        self.wfile.write(json.dumps(message).encode("ascii") + b"\n")


def main() -> None:
    """Serve until it is time to leave, then leave at once: nobody waits for what hangs."""
    try:
        _serve(Path(sys.argv[1]), Path(sys.argv[2]))
    finally:
        os._exit(0)


def _serve(cache: Path, socket_path: Path) -> None:
    with suppress(OSError, ValueError):
        # What can be written, not what is reserved: each thread reserves 64 MiB of addresses and touches hardly any.
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    os.set_inheritable(_LOCK, False)
    threading.stack_size(_STACK)
    listening = socket.socket(fileno=_LISTENING)
    environ = process_environment()
    settings = Settings.load(environ)
    try:
        courier = Courier(settings, cache, socket_path, environ)
        # The second line tells compiles that we speak, however late: they wait for us as for one that works.
        os.pwrite(_LOCK, b"%d\nready\n" % os.getpid(), 0)
        threading.Thread(target=_Listener(listening, courier).serve_forever, daemon=True).start()
        courier.work()
    except (Exception, ServerError) as error:  # noqa: BLE001 - the outermost boundary of a program that must not print
        write_log(settings.log, f"courier: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
