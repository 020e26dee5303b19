"""Messages between helpers and the server that holds a model (docs/protocol.md).

A message is one line of JSON, an object, and then as many *parts* as its field ``lengths`` names, raw bytes one after
the other. A connection carries one question and one answer.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clang_llm.models import Task
from clang_llm.plans.recipe import Recipe, from_data
from clang_llm.plans.types import Module
from clang_llm.system.errors import ServerError, ServerTimeout
from clang_llm.system.settings import MIB

#: Version of this protocol.
PROTOCOL = 1
#: Longest line in bytes.
MAX_LINE = MIB
#: Most bytes of all parts: the bitcode of one module. A larger one is no work for a model.
MAX_PARTS = 64 * MIB
#: Bytes taken from the socket at once.
_CHUNK = 65536


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        header: The line, without `lengths`.
        parts: What follows it.
    """

    header: Mapping[str, Any]
    parts: tuple[bytes, ...] = field(default=())


def send(connection: socket.socket, message: Message, deadline: float) -> None:
    """Send a message.

    Args:
        connection: A connected stream socket.
        message: What to send.
        deadline: Until when, in seconds of `time.monotonic`.

    Raises:
        ServerError: The message is too long, or the other side is gone.
        ServerTimeout: The other side does not take it in time.
    """
    line = json.dumps({**message.header, "lengths": [len(part) for part in message.parts]}).encode("ascii") + b"\n"
    if len(line) > MAX_LINE or sum(map(len, message.parts)) > MAX_PARTS:
        raise ServerError("a message is too long; the module is too large for a model")
    try:
        for data in (line, *message.parts):
            connection.settimeout(left(deadline))
            connection.sendall(data)
    except TimeoutError as error:
        raise ServerTimeout("a message was not taken in time") from error
    except OSError as error:
        raise ServerError(f"the other side has closed the connection ({error.strerror})") from error


def receive(connection: socket.socket, deadline: float) -> Message:
    """Receive a message.

    Args:
        connection: A connected stream socket.
        deadline: Until when, in seconds of `time.monotonic`.

    Raises:
        ServerError: It is not of the protocol, or the other side is gone.
        ServerTimeout: It does not come in time.
    """
    unread = b""
    while b"\n" not in unread:
        if len(unread) > MAX_LINE:
            raise ServerError("a line does not end")
        unread += _some(connection, deadline)
    line, _, unread = unread.partition(b"\n")
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ServerError(f"a line is not JSON: {error}") from error
    lengths = header.pop("lengths", []) if isinstance(header, dict) else None
    if not isinstance(lengths, list) or not all(type(each) is int and each >= 0 for each in lengths):
        raise ServerError("a line is no object with lengths")
    if sum(lengths) > MAX_PARTS:
        raise ServerError(f"parts of {sum(lengths)} bytes are too long; at most {MAX_PARTS} are allowed")
    received = bytearray(unread)
    while len(received) < sum(lengths):
        received += _some(connection, deadline)
    if len(received) > sum(lengths):
        raise ServerError("there are more bytes than the line tells of")
    parts, start = [], 0
    for length in lengths:
        parts.append(bytes(received[start : start + length]))
        start += length
    return Message(header, tuple(parts))


def _some(connection: socket.socket, deadline: float) -> bytes:
    try:
        connection.settimeout(left(deadline))
        data = connection.recv(_CHUNK)
    except TimeoutError as error:
        raise ServerTimeout("no answer in time") from error
    except OSError as error:
        raise ServerError(f"the connection broke ({error.strerror})") from error
    if not data:
        raise ServerError("the other side has closed the connection")
    return data


def left(deadline: float) -> float:
    """Return the seconds until a deadline; raises ServerTimeout when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise ServerTimeout("no answer in time")
    return seconds


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return the process and user ids of who is at the other end; raises ServerError where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        raise ServerError("this system does not tell who is at the other end of a socket; use another backend")
    process, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return process, user


def question(task: Task, cache: str | None, *, spare: bool = False) -> Message:
    """Return the message that asks for recipes.

    Args:
        task: The module.
        cache: The cache directory whose queue the server may work off.
        spare: The server asks itself, in its spare time.
    """
    header: dict[str, Any] = {"protocol": PROTOCOL, "do": "propose", "cache": cache, "spare": spare}
    header |= {"key": task.key, "major": task.major, "target": task.target, "budget": task.budget}
    if task.module is None:
        return Message(header)
    return Message({**header, "options": list(task.module.options)}, (task.module.bitcode,))


def task_of(message: Message) -> Task:
    """Read the message that asks for recipes.

    Raises:
        ServerError: It is not of the protocol.
    """
    header, parts, module = message.header, message.parts, None
    options = header.get("options")
    if options is not None:
        if not isinstance(options, list) or not all(isinstance(each, str) for each in options) or not parts:
            raise ServerError("the options of a module are no words, or there is no module")
        module = Module(parts[0], tuple(options))
    words, numbers = [header.get("key"), header.get("target")], [header.get("major"), header.get("budget")]
    if not all(isinstance(each, str) for each in words) or not all(type(each) is int and each >= 0 for each in numbers):
        raise ServerError("a question has no key, target, major or budget")
    return Task(header["key"], header["major"], header["target"], header["budget"], module)


def answer(recipes: Sequence[Recipe]) -> Message:
    """Return the message that answers a question."""
    text = json.dumps([recipe.message() for recipe in recipes])
    return Message({"protocol": PROTOCOL}, (text.encode("ascii"),))


def recipes_of(message: Message) -> list[Recipe]:
    """Read the answer to a question. Its recipes have the right types; whether they are allowed is another question.

    Raises:
        ServerError: The server says that it failed, or the message is not of the protocol.
    """
    check(message)
    try:
        data = json.loads(message.parts[0])
        return [Recipe(each) if isinstance(each, str) else from_data(each) for each in data]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ServerError(f"an answer holds no recipes: {error!r}") from error


def check(message: Message) -> None:
    """Raise a ServerError when an answer is an error or of another protocol."""
    if "error" in message.header:
        raise ServerError(str(message.header["error"])[:1000])
    if message.header.get("protocol") != PROTOCOL:
        raise ServerError(f"the server speaks protocol {message.header.get('protocol')!r}, not {PROTOCOL}")
