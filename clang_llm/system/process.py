"""The one door for subprocesses.

Output goes to unnamed temporary files, so a command can neither fill a pipe nor keep one open. Every command has a
process group of its own, so that a time limit ends all of its processes.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from clang_llm.system.errors import ProcessError, ProcessTimeout

#: Seconds between SIGTERM and SIGKILL: clang removes its temporary files on SIGTERM, which takes milliseconds.
GRACE_S = 1.0
#: Seconds between looks at a child where the system cannot signal its end through a file descriptor.
POLL_S = 0.005
#: Seconds for a shell to start a command and leave: normally 0.01.
LEAVE_S = 30.0

_Argument = str | os.PathLike[str]


@dataclass(frozen=True)
class Completed:
    """A command that ended by itself.

    Attributes:
        returncode: Exit status, or minus the signal that ended it.
        wall_s: Seconds from start to end.
        cpu_s: User and system seconds of the command and the children it waited for.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes
    wall_s: float
    cpu_s: float

    @property
    def ok(self) -> bool:
        """Whether the command exited with 0."""
        return self.returncode == 0

    @property
    def output(self) -> str:
        """Standard output as text, undecodable bytes kept."""
        return os.fsdecode(self.stdout)


def run(
    argv: Sequence[_Argument],
    *,
    env: Mapping[str, str] | None = None,
    cwd: _Argument | None = None,
    stdin: bytes = b"",
    timeout_s: float | None = None,
    memory_bytes: int | None = None,
    processor_s: int | None = None,
) -> Completed:
    """Run a command to its end and return what it said; any exit status is a result.

    Args:
        argv: The command; its first element is looked up on PATH.
        env: The whole environment of the command; None passes ours on.
        cwd: Its working directory.
        stdin: What it reads from standard input.
        timeout_s: Wall-clock seconds after which its process group is killed.
        memory_bytes: Limit of its address space.
        processor_s: Seconds of a processor that one process of it may take; then it dies of SIGXCPU.

    Raises:
        ProcessError: The command cannot be started.
        ProcessTimeout: It ran longer than `timeout_s`.
    """
    words = tuple(os.fspath(word) for word in argv)
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source.write(stdin)
        source.seek(0)
        started = time.monotonic()
        child = _start(_limited(words, memory_bytes, processor_s), env, cwd, (source, out, err))
        status, cpu_s = _wait(child, words, timeout_s)
        wall_s = time.monotonic() - started
        return Completed(words, status, _content(out), _content(err), wall_s, cpu_s)


def leave_running(argv: Sequence[_Argument], env: Mapping[str, str], output: _Argument) -> None:
    """Start a command that outlives us: an orphan in a session of its own, in the root directory, without our files.

    Args:
        argv: The command.
        env: Its whole environment.
        output: File that is emptied and gets what it says; its directory exists.

    Raises:
        ProcessError: There is no shell, or the file cannot be written.
    """
    script = ': >"$0" && { "$@" </dev/null >>"$0" 2>&1 & }'
    done = run(["/bin/sh", "-c", script, output, *argv], env=env, cwd="/", timeout_s=LEAVE_S)
    if not done.ok:
        raise ProcessError(f"cannot leave {os.fspath(argv[0])} running: is {os.fspath(output)} writable?")


def _limited(words: tuple[str, ...], memory_bytes: int | None, processor_s: int | None) -> tuple[str, ...]:
    """Return the command behind a shell that lowers the limits first.

    A hook between fork and exec would not be safe in a program with threads.
    """
    limits = [] if memory_bytes is None else [f"ulimit -v {max(1, memory_bytes // 1024)} 2>/dev/null;"]
    limits += [] if processor_s is None else [f"ulimit -S -t {processor_s} 2>/dev/null;"]
    return ("/bin/sh", "-c", f'{" ".join(limits)} exec "$@"', "sh", *words) if limits else words


def _start(
    words: tuple[str, ...],
    env: Mapping[str, str] | None,
    cwd: _Argument | None,
    files: tuple[IO[bytes], IO[bytes], IO[bytes]],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words, env=env, cwd=cwd, stdin=files[0], stdout=files[1], stderr=files[2], start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProcessError(f"cannot run {words[0]}: {reason}; check that it exists and may be executed") from error


def _wait(child: subprocess.Popen[bytes], words: tuple[str, ...], timeout_s: float | None) -> tuple[int, float]:
    """Wait for a child within the limit; return its status and its CPU seconds."""
    try:
        if not _ended(child.pid, timeout_s):
            raise ProcessTimeout(f"{words[0]} ran longer than {timeout_s:g} s and was ended")
    except BaseException:
        _end_group(child)
        raise
    return _reap(child)


def _ended(pid: int, timeout_s: float | None) -> bool:
    """Wait until a child has ended without reaping it; False when the time is up first."""
    if timeout_s is None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return True
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return _ended_by_polling(pid, timeout_s)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)


def _ended_by_polling(pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _reap(child: subprocess.Popen[bytes]) -> tuple[int, float]:
    _, status, usage = os.wait4(child.pid, 0)
    # Popen did not see the child end; without this it would try to wait again and warn.
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_utime + usage.ru_stime


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End a child and everything it started, politely first."""
    for number, patience_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        if _ended(child.pid, patience_s):
            break
    # The leader is gone; what it left behind in its group is not asked twice.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    _reap(child)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


class Companion:
    """A command that runs beside us and inherits one end of a socket pair; we hold the other.

    Args:
        argv: The command.
        variable: Environment variable that tells the command its descriptor.
        env: The rest of its environment.

    Raises:
        ProcessError: The command cannot be started.
    """

    def __init__(self, argv: Sequence[_Argument], variable: str, env: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        words = tuple(os.fspath(word) for word in argv)
        try:
            self._child = subprocess.Popen(
                words,
                env={**env, variable: str(theirs.fileno())},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise ProcessError(f"cannot run {words[0]}: {error.strerror}; check that it may be executed") from error
        finally:
            theirs.close()
        self._socket = ours

    @property
    def socket(self) -> int:
        """Descriptor of our end."""
        return self._socket.fileno()

    def close(self) -> float:
        """Close our end and end the command, politely first; returns its CPU seconds, 0 when it had to be killed."""
        self._socket.close()
        if _ended(self._child.pid, GRACE_S):
            return _reap(self._child)[1]
        _end_group(self._child)
        return 0.0
