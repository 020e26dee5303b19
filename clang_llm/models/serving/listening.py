"""The server's socket: it takes connections of its own user only, and answers their messages."""

from __future__ import annotations

import os
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import Any

from clang_llm.models.asking import wire
from clang_llm.models.asking.place import Place
from clang_llm.models.serving.computing import Computing
from clang_llm.system import log
from clang_llm.system.errors import ServerError

#: Connections at once: more than the jobs of any make.
MAX_CONNECTIONS = 512
#: Seconds for a question to arrive, and for an answer to be taken: both are on this machine.
_MESSAGE_S = 30.0
#: Seconds between looks at whether who asked is still there.
_LOOK_S = 1.0
#: What changed the umask while a socket is made: nobody but the user may connect.
_PRIVATE = 0o177


class Service:
    """Answers messages.

    Args:
        computing: The model.
        status: Returns what `status` is answered with.
        stop: Ends the server.
        work: Told the cache directories that have a queue.
    """

    def __init__(
        self,
        computing: Computing,
        status: Callable[[], dict[str, Any]],
        stop: Callable[[], None],
        work: Callable[[Path], None],
    ) -> None:
        self._computing = computing
        self._status = status
        self._stop = stop
        self._work = work

    def answer(self, message: wire.Message, connection: socket.socket) -> wire.Message:
        """Return the answer to a message.

        Args:
            message: The question.
            connection: Where it came from; a task is dropped when nobody is there any more.

        Raises:
            ServerError: There is none, and why.
        """
        header = message.header
        if header.get("protocol") != wire.PROTOCOL:
            raise ServerError(f"the server speaks protocol {wire.PROTOCOL}, not {header.get('protocol')!r}")
        if isinstance(header.get("cache"), str) and Path(header["cache"]).is_absolute():
            self._work(Path(header["cache"]))
        match header.get("do"):
            case "propose":
                return self._propose(message, connection)
            case "work":
                return wire.Message({"protocol": wire.PROTOCOL})
            case "status":
                return wire.Message({"protocol": wire.PROTOCOL, **self._status()})
            case "stop":
                self._stop()
                return wire.Message({"protocol": wire.PROTOCOL})
        raise ServerError(f"{header.get('do')!r} is nothing that the server does")

    def _propose(self, message: wire.Message, connection: socket.socket) -> wire.Message:
        spare = message.header.get("spare") is True
        future = self._computing.submit(wire.task_of(message), lambda: hung_up(connection), spare)
        while True:
            try:
                return wire.answer(future.result(_LOOK_S))
            except CancelledError as error:
                raise ServerError("nobody waits for the answer") from error
            except FutureTimeout:
                if hung_up(connection):
                    future.cancel()


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed its end, or we have closed ours."""
    poll = select.poll()
    try:
        poll.register(connection, select.POLLRDHUP)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True


class Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Takes connections of this user, each in a thread of its own.

    Args:
        place: Where to listen; what lies there is removed, so the caller holds the lock of `Place.living`.
        service: Who answers.
    """

    daemon_threads = True
    #: Connections that the kernel holds until they are taken.
    request_queue_size = 128

    def __init__(self, place: Place, service: Service) -> None:
        self.place = place
        self.service = service
        self._open = threading.Semaphore(MAX_CONNECTIONS)
        with suppress(FileNotFoundError):
            place.socket.unlink()
        before = os.umask(_PRIVATE)
        try:
            super().__init__(str(place.socket), _Handler)
        finally:
            os.umask(before)
        place.socket.chmod(0o600)
        self._inode = place.socket.stat().st_ino

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - the signature of socketserver
        """Whether a connection is taken: one of this user, and not too many."""
        del client_address
        if wire.peer(request)[1] != os.geteuid():
            log.write_log(self.place.log, "refused a connection of another user")
            return False
        return self._open.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Log what a connection did; the others go on."""
        del request, client_address
        log.write_log(self.place.log, "a connection failed unexpectedly")

    def reachable(self) -> bool:
        """Whether the socket is still where others look for it."""
        try:
            return self.place.socket.stat().st_ino == self._inode
        except OSError:
            return False


class _Handler(socketserver.BaseRequestHandler):
    server: Listener

    def handle(self) -> None:
        try:
            message = wire.receive(self.request, time.monotonic() + _MESSAGE_S)
            answer = self.server.service.answer(message, self.request)
        except ServerError as error:
            answer = wire.Message({"protocol": wire.PROTOCOL, "error": str(error)})
        except Exception as error:  # noqa: BLE001 - no message may end the server
            log.write_log(self.server.place.log, f"a message failed: {type(error).__name__}: {error}")
            answer = wire.Message({"protocol": wire.PROTOCOL, "error": "the server failed; see its log"})
        # Who asked may be gone.
        with suppress(ServerError):
            wire.send(self.request, answer, time.monotonic() + _MESSAGE_S)
