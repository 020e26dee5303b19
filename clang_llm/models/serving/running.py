"""The server's main program: it listens, loads the model, and ends when it is idle or stopped."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from clang_llm import __version__, models
from clang_llm.models.asking.client import DEFAULT_IDLE_S
from clang_llm.models.asking.place import Place
from clang_llm.models.serving.computing import Computing
from clang_llm.models.serving.listening import Listener, Service
from clang_llm.system import log
from clang_llm.system.locks import locked
from clang_llm.system.settings import Settings, process_environment

#: Seconds between looks at whether it is time to leave.
_LOOK_S = 0.5
#: Seconds for the last answers to be sent.
_LAST_S = 0.2


class SpareWork(Protocol):
    """What the server does while nobody asks; `clang_llm.compile.spare` is the real one."""

    done: int
    improved: int
    dropped: int

    def start(self) -> None:
        """Begin to look for work."""

    def visit(self, cache: Path) -> None:
        """Work off the queue of a cache directory, too."""

    def left(self) -> int:
        """Return how many modules wait in the queues."""

    def busy(self) -> bool:
        """Whether there is work, now or waiting."""


#: Makes the spare work of a model's server: whose model, the user's settings, seconds since a compile waited for it.
MakeSpareWork = Callable[[Place, Settings, Callable[[], float]], SpareWork]


def main(argv: Sequence[str], make_spare_work: MakeSpareWork) -> int:
    """Serve until it is time to leave."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.compile.server", description=__doc__)
    parser.add_argument("backend", choices=sorted(models.TABLE))
    parser.add_argument("model", type=Path, help="the model's directory")
    parser.add_argument("socket", type=Path, help="where to listen, in a directory of the user alone")
    parser.add_argument("--idle", type=float, default=DEFAULT_IDLE_S, help="seconds without a question (%(default)s)")
    parser.add_argument("--cache", type=Path, action="append", default=[], help="cache directory with a queue")
    arguments = parser.parse_args(argv)
    place = Place(arguments.backend, arguments.model, arguments.socket)
    # Who holds this lock is the only server, so whatever socket lies there is nobody's.
    with locked(place.living, 0) as alone:
        if alone:
            _Server(place, arguments.idle, arguments.cache, make_spare_work).serve()
    return 0


class _Server:
    """All parts together."""

    def __init__(self, place: Place, idle_s: float, caches: Sequence[Path], make_spare_work: MakeSpareWork) -> None:
        self._place = place
        self._idle_limit_s = idle_s
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._computing = Computing(lambda: models.create(place.backend, place.model), place, self._stop.set)
        settings = Settings.load(process_environment())
        self._spare = make_spare_work(place, settings, self._computing.quiet_s)
        for cache in caches:
            self._spare.visit(cache)
        service = Service(self._computing, self._status, self._stop.set, self._spare.visit)
        self._listener = Listener(place, service)

    def serve(self) -> None:
        """Answer while the model is loaded: who asks meanwhile waits in the queue."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._computing.start()
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        self._spare.start()
        while not self._stop.wait(_LOOK_S) and self._listener.reachable() and not self._idle():
            pass
        self._leave()

    def _idle(self) -> bool:
        return self._computing.idle_s() > self._idle_limit_s and not self._spare.busy()

    def _leave(self) -> None:
        """End now: a library that computes in another thread is not waited for."""
        if self._listener.reachable():
            with suppress(OSError):
                self._place.socket.unlink()
        if not self._computing.refused:
            # Neither loading nor a question that is being worked on is what ended it.
            self._place.remember_failure(None)
        log.write_log(self._place.log, "leaves")
        time.sleep(_LAST_S)
        os._exit(0)

    def _status(self) -> dict[str, Any]:
        return {
            **asdict(self._computing.figures()),
            "version": __version__,
            "backend": self._place.backend,
            "model": str(self._place.model),
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._began, 1),
            "idle_s": round(self._computing.idle_s(), 1),
            "resident_bytes": _resident_bytes(),
            "queue": self._spare.left(),
            "worked_off": self._spare.done,
            "improved": self._spare.improved,
            "dropped": self._spare.dropped,
        }


def _resident_bytes() -> int | None:
    """Return the memory of this process, where the system tells it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
