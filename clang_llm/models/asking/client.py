"""Connects to the server of a model, and starts the server when nobody listens."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import clang_llm
from clang_llm.models.asking import wire
from clang_llm.models.asking.place import Place
from clang_llm.system import process
from clang_llm.system.errors import ProcessError, ServerError
from clang_llm.system.locks import locked
from clang_llm.system.settings import server_environment

#: Seconds within which a server that was started listens: Python starts in 0.1, on a busy machine in some. It loads
#: its model afterwards.
LISTEN_S = 15.0
#: Seconds between two tries to connect.
_AGAIN_S = 0.02
#: Seconds to see whether anybody listens; the kernel answers at once, unless many wait already.
_GLANCE_S = 0.1
#: Seconds for a server to say how it is, and to leave; it does both at once.
_STATUS_S = 5.0
#: Seconds without a question after which a server leaves: a pause for thought between two builds is shorter.
DEFAULT_IDLE_S = 600
#: Threads of a large model, at most: it works beside a build.
_MOST_THREADS = 8

#: The program of `clang_llm.compile`, which knows more than this room.
_PROGRAM = "clang_llm.compile.server"
_CODE = f"import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('{_PROGRAM}', None, '__main__')"


def connect(place: Place, deadline: float) -> socket.socket | None:
    """Connect to the server; None when nobody listens.

    Raises:
        ServerError: Somebody else listens there.
        ServerTimeout: It does not take the connection in time.
    """
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(wire.left(deadline))
            connection.connect(str(place.socket))
            if wire.peer(connection)[1] != os.geteuid():
                raise ServerError(f"{place.socket} belongs to another user; remove it")
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except BlockingIOError:  # many wait already
            connection.close()
            time.sleep(_AGAIN_S)
        except OSError as error:
            connection.close()
            raise ServerError(f"{place.socket} cannot be reached ({error.strerror})") from error
        except ServerError:
            connection.close()
            raise


def listens(place: Place) -> bool:
    """Whether a server is there."""
    try:
        connection = connect(place, time.monotonic() + _GLANCE_S)
    except ServerError:
        return True
    if connection is not None:
        connection.close()
    return connection is not None


def ask(place: Place, message: wire.Message, deadline: float) -> wire.Message | None:
    """Ask a server that is there; None when there is none.

    Raises:
        ServerError: It does not answer.
        ServerTimeout: It does not answer in time.
    """
    connection = connect(place, deadline)
    return None if connection is None else _exchange(connection, message, deadline)


def status(place: Place, patience_s: float = _STATUS_S) -> dict[str, Any] | None:
    """Return what a server says of itself (docs/protocol.md); None when there is none. Raises as `ask` does."""
    answer = ask(place, _message("status"), time.monotonic() + patience_s)
    if answer is None:
        return None
    wire.check(answer)
    return dict(answer.header)


def stop(place: Place) -> int | None:
    """End a server, by force when it does not leave; return its process id, None when there is none.

    Raises:
        ServerError: Somebody else listens there.
    """
    connection = connect(place, time.monotonic() + _STATUS_S)
    if connection is None:
        return None
    pid, _ = wire.peer(connection)
    with suppress(ServerError):
        _exchange(connection, _message("stop"), time.monotonic() + _STATUS_S)
    # Its lock goes with its process.
    with locked(place.living, _STATUS_S) as gone:
        if not gone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            place.socket.unlink(missing_ok=True)
    return pid


def _message(do: str) -> wire.Message:
    return wire.Message({"protocol": wire.PROTOCOL, "do": do})


def tell(place: Place, message: wire.Message, deadline: float) -> bool:
    """Tell a server something without waiting for what it says; False when there is none. Raises as `ask` does."""
    connection = connect(place, deadline)
    if connection is None:
        return False
    with connection:
        wire.send(connection, message, deadline)
    return True


def ask_starting(place: Place, message: wire.Message, deadline: float, cache: Path | None) -> wire.Message:
    """Ask the server, after starting it if need be; raises as `ask` does.

    Args:
        place: Where it is.
        message: The question.
        deadline: Until when, in seconds of `time.monotonic`.
        cache: Cache directory whose queue a new server works off.
    """
    connection = connect(place, deadline)
    if connection is None:
        connection = _start(place, deadline, cache)
    return _exchange(connection, message, deadline)


def start_soon(place: Place, cache: Path | None, deadline: float) -> None:
    """Start the server if nobody listens and nobody else is starting it; raises as `ask` does."""
    connection = connect(place, deadline)
    if connection is not None:
        connection.close()
        return
    with locked(place.starting, 0) as held:
        if held:
            refuse_after_failure(place)
            launch(place, DEFAULT_IDLE_S, cache)
            _await(place, deadline).close()


def refuse_after_failure(place: Place) -> None:
    """Raise the ServerError of an earlier start for as long as it is remembered."""
    reason = place.failure()
    if reason is not None:
        raise ServerError(reason)


def launch(place: Place, idle_s: int, cache: Path | None) -> None:
    """Start a server, which works on its own from then on.

    Args:
        place: Where it is to listen.
        idle_s: Seconds without a question after which it leaves.
        cache: Cache directory whose queue it works off.

    Raises:
        ServerError: It cannot be started.
    """
    root = Path(clang_llm.__file__).resolve().parents[1]
    words: list[str | Path] = [sys.executable, "-I", "-c", _CODE, root, place.backend, place.model.resolve()]
    words += [place.socket, "--idle", str(idle_s)]
    if cache is not None:
        words += ["--cache", cache.absolute()]
    # Half of the machine.
    threads = max(1, min(_MOST_THREADS, (os.cpu_count() or 2) // 2))
    try:
        process.leave_running(words, server_environment(threads), place.log)
    except (ProcessError, OSError) as error:
        place.remember_failure(str(error))
        raise ServerError(str(error)) from error


def _start(place: Place, deadline: float, cache: Path | None) -> socket.socket:
    """Start the server, or wait for who does, and connect."""
    refuse_after_failure(place)
    with locked(place.starting, wire.left(deadline)):
        connection = connect(place, deadline)
        if connection is not None:
            return connection
        refuse_after_failure(place)
        launch(place, DEFAULT_IDLE_S, cache)
        return _await(place, deadline)


def _await(place: Place, deadline: float) -> socket.socket:
    """Connect to a server that was just started; one that came and left between two looks says why in its place."""
    latest, left = time.monotonic() + LISTEN_S, False
    while True:
        connection = connect(place, deadline)
        if connection is not None:
            return connection
        if left:
            refuse_after_failure(place)
        # It listens before it notes that it may die while it loads, so whoever reads that looks once more.
        left = place.failure() is not None
        if left:
            continue
        if time.monotonic() > latest:
            reason = f"the model's server does not start; see {place.log}"
            place.remember_failure(reason)
            raise ServerError(reason)
        time.sleep(_AGAIN_S)


def _exchange(connection: socket.socket, message: wire.Message, deadline: float) -> wire.Message:
    with connection:
        wire.send(connection, message, deadline)
        return wire.receive(connection, deadline)
