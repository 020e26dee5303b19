"""Where the server of a model is found: one for each user, backend, model and version of this package."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import clang_llm
from clang_llm.system.errors import ServerError
from clang_llm.system.files import distrusted, read_regular
from clang_llm.system.settings import Settings

#: Longest path of a socket in bytes: `sockaddr_un` has 108, one of them the end.
MAX_SOCKET = 107
#: Bytes of what is remembered: a sentence.
MAX_REMEMBERED = 64 * 1024
#: Seconds for which a server that could not start, or died at work, is not started again, and for which one that was
#: slow is not asked again: longer than most builds, and no longer than the reason may last.
RETRY_S = 600.0


@dataclass(frozen=True)
class Place:
    """The files of one server, all in one directory that belongs to the user alone.

    Attributes:
        backend: Name in the table of models.
        model: The model's directory.
        socket: Where it listens.
    """

    backend: str
    model: Path
    socket: Path

    @classmethod
    def of(cls, backend: str, model: Path, settings: Settings) -> Place:
        """Find the place of a server; its directory is made.

        Raises:
            ServerError: There is no directory that is safe to use.
        """
        name = _name(backend, model)
        problem = ""
        for directory in _directories(settings):
            path = directory / f"{name}.sock"
            if len(os.fsencode(path)) > MAX_SOCKET:
                continue
            try:
                _make_private(directory)
                return cls(backend, model, path)
            except (OSError, ServerError) as error:
                problem = str(error)
        raise ServerError(
            f"no place for the model's socket: {problem or 'all paths are too long'}; set XDG_RUNTIME_DIR"
        )

    @property
    def starting(self) -> Path:
        """Lock of who starts the server."""
        return self.socket.with_suffix(".start")

    @property
    def living(self) -> Path:
        """Lock that the server holds as long as it lives."""
        return self.socket.with_suffix(".lock")

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.socket.with_suffix(".log")

    @property
    def _failed(self) -> Path:
        return self.socket.with_suffix(".failed")

    @property
    def _latency(self) -> Path:
        return self.socket.with_suffix(".latency")

    def failure(self) -> str | None:
        """Return why the server is not to be started now, or None."""
        reason = self._read(self._failed).get("reason")
        return reason if isinstance(reason, str) else None

    def remember_failure(self, reason: str | None) -> None:
        """Remember why there is no server; None forgets."""
        self._write(self._failed, None if reason is None else {"reason": reason})

    def latency_ms(self) -> float | None:
        """Return the milliseconds that an answer takes, as far as anybody knows."""
        median_ms = self._read(self._latency).get("median_ms")
        return float(median_ms) if isinstance(median_ms, (int, float)) else None

    def remember_latency(self, median_ms: float | None) -> None:
        """Remember how long an answer takes; None forgets."""
        self._write(self._latency, None if median_ms is None else {"median_ms": round(median_ms, 1)})

    def _read(self, path: Path) -> dict[str, object]:
        """Return what is remembered in a small file; nothing when it is damaged or old."""
        try:
            data = json.loads(read_regular(path, MAX_REMEMBERED))
            age_s = time.time() - float(data["time"])
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        return data if 0 <= age_s < RETRY_S else {}

    def _write(self, path: Path, data: dict[str, object] | None) -> None:
        """Replace a small file; what cannot be written is not remembered."""
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with suppress(OSError):
            if data is None:
                path.unlink(missing_ok=True)
                return
            temporary.write_text(json.dumps({**data, "time": int(time.time())}) + "\n", encoding="utf-8")
            temporary.replace(path)


def _name(backend: str, model: Path) -> str:
    """Return 16 hexadecimal digits for what makes a server another one."""
    described = [
        clang_llm.__version__,
        str(Path(clang_llm.__file__).resolve().parent),
        backend,
        os.path.realpath(model),
    ]
    # A model that was exchanged is another one; the server of the old one leaves by itself.
    with suppress(OSError):
        for entry in sorted(os.scandir(model), key=lambda entry: entry.name):
            status = entry.stat()
            described.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\0".join(described).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _directories(settings: Settings) -> Iterator[Path]:
    """Yield directories in which a socket may be, best first."""
    # As the system says, and not as platformdirs would guess without it: the cache's own place, below, serves as well.
    if settings.runtime_dir is not None and settings.runtime_dir.is_absolute() and settings.runtime_dir.is_dir():
        yield settings.runtime_dir / "clang-llm"
    if not settings.readonly:
        cache = Path(os.path.realpath(settings.cache_dir))  # which takes a loop of links, too
        # Where others may write they could put another directory, or a link to one, in the place of ours at any time.
        if not cache.exists() or not distrusted(cache):
            yield settings.server_dir or cache / "server"
    # For cache directories with long paths, and those that belong to somebody else.
    yield Path("/tmp") / f"clang-llm-{os.geteuid()}"


def _make_private(directory: Path) -> None:
    """Make a directory that is ours alone.

    Raises:
        ServerError: It is somebody else's.
        OSError: It cannot be made.
    """
    with suppress(FileExistsError):
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise ServerError(f"{directory} is not a directory of this user")
    if status.st_mode & 0o077:
        directory.chmod(0o700)
