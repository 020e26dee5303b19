"""The helper's side of the conversation with the plugin: lines of JSON over a socket (docs/protocol.md)."""

from __future__ import annotations

import json
import os
import re
import select
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import PROTOCOL, REFUSED, Choice, Decision, Lookup, Module, Request, Result, Status, is_key
from clang_llm.system.errors import BackendError, EndOfConversation, ProtocolError
from clang_llm.system.objects import read_parts

#: Longest line in bytes, in either direction.
MAX_LINE = 1024 * 1024
#: Seconds to wait for the request, which the plugin sends at once.
REQUEST_S = 30.0
#: Seconds to wait for one result: far more than the plugin's own limit on a candidate, so this only ends a helper
#: whose plugin hangs.
RESULT_S = 900.0

#: Largest bitcode in bytes: more than any module of a sane program, less than what would harm the machine.
MAX_MODULE = 1 << 30

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\w*")


class Question(NamedTuple):
    """The first message: the module, and why the plugin asks."""

    request: Request
    lookup: Lookup


class Connection:
    """A stream socket, read and written as lines of JSON.

    Args:
        incoming: Descriptor to read from.
        outgoing: Descriptor to write to.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.unread = b""

    def question(self) -> Question:
        """Receive the first message."""
        message = self._receive(REQUEST_S)
        if message.get("protocol") != PROTOCOL:
            raise ProtocolError(
                f"the plugin speaks protocol {message.get('protocol')!r}, not {PROTOCOL}; prepare again"
            )
        key, llvm = _text(message, "key"), _text(message, "llvm")
        if not is_key(key) or not _VERSION.fullmatch(llvm):
            raise ProtocolError(f"key {key!r} or version {llvm!r} is malformed")
        request = Request(
            key=key,
            llvm=llvm,
            major=_count(message, "major"),
            target=_text(message, "target"),
            budget=_count(message, "budget"),
            instructions=_count(message, "instructions"),
            functions=_count(message, "functions"),
            source=_text(message, "source"),
            reader=self,
            unwind=_flag(message, "unwind"),
        )
        try:
            return Question(request, Lookup(_text(message, "lookup")))
        except ValueError as error:
            raise ProtocolError(str(error)) from error

    def evaluate(self, recipes: Sequence[Recipe]) -> None:
        """Ask for measurements; the results come one by one through `result`."""
        self._send({"do": Decision.EVALUATE, "lists": [recipe.message() for recipe in recipes]})

    def result(self) -> Result:
        """Receive one measurement."""
        message = self._receive(RESULT_S)
        try:
            status = Status(_text(message, "status"))
        except ValueError as error:
            raise ProtocolError(str(error)) from error
        identity = message.get("id")
        if not isinstance(identity, int):
            raise ProtocolError(f"a result has the id {identity!r}")
        if status is not Status.OK and "refused" not in message:
            return Result(identity, status, 0, reason=_text(message, "reason") if "reason" in message else "")
        functions, refused = _counts(message, "functions"), set(_counts(message, "refused"))
        if refused and max(refused) >= len(functions):
            raise ProtocolError(f"a result refuses function {max(refused)} of {len(functions)}")
        size = _count(message, "size")
        try:
            parts = read_parts(message["parts"], size) if "parts" in message else None
        except ValueError as error:
            raise ProtocolError(f"the parts of a result: {error}") from error
        charged = tuple(size + REFUSED * (place in refused) for place, size in enumerate(functions))
        return Result(identity, status, size + REFUSED * len(refused), charged, parts)

    def module(self) -> Module:
        """Ask for the module and receive it."""
        self._send({"do": Decision.MODULE})
        message = self._receive(REQUEST_S)
        length, options = _count(message, "bytes"), message.get("options")
        if length > MAX_MODULE:
            raise ProtocolError(f"a module of {length} bytes is too long; at most {MAX_MODULE} are allowed")
        if not isinstance(options, list) or not all(isinstance(word, str) for word in options):
            raise ProtocolError(f"the options of a module are {options!r}, not a list of words")
        return Module(self._take(length), tuple(options))

    def describe(self, head: str) -> list[str]:
        """Ask for the functions that a head leaves defined, as text for models; empty when the head fails.

        Args:
            head: A module pipeline.
        """
        self._send({"do": Decision.DESCRIBE, "module": head})
        lengths = self._receive(RESULT_S).get("lengths")
        if not isinstance(lengths, list) or not all(isinstance(each, int) and each >= 0 for each in lengths):
            raise ProtocolError("a description has no lengths of its texts")
        if sum(lengths) > MAX_MODULE:
            raise ProtocolError(f"a description of {sum(lengths)} bytes is too long; at most {MAX_MODULE} are allowed")
        return [self._take(length).decode("ascii", errors="replace") for length in lengths]

    def ask(self, choice: Choice) -> list[tuple[int, ...]]:
        """Ask a model of ours, which the plugin computes, about the functions that a head leaves defined.

        Raises:
            BackendError: The model does not fit, or the head fails.
        """
        told = {"module": choice.head, "model": choice.model, "family": choice.family}
        self._send({"do": Decision.ASK, **told, "recipes": list(choice.recipes), "count": choice.number})
        message = self._receive(RESULT_S)
        if "refused" in message:
            raise BackendError(_text(message, "refused"))
        functions, count = _count(message, "functions"), _count(message, "count")
        if functions * count > MAX_MODULE or count > len(choice.recipes):
            raise ProtocolError(f"{count} choices for each of {functions} functions were not asked for")
        places = self._take(functions * count)
        if places and max(places) >= len(choice.recipes):
            raise ProtocolError(f"place {max(places)} of {len(choice.recipes)} recipes was chosen")
        return [tuple(places[start : start + count]) for start in range(0, len(places), count)]

    def answer(self, decision: Decision, **details: int | str) -> None:
        """Send the last message."""
        self._send({"do": decision, **details})

    def _send(self, message: Mapping[str, object]) -> None:
        data = json.dumps(message).encode("ascii") + b"\n"
        if len(data) > MAX_LINE:
            raise ProtocolError(f"a message of {len(data)} bytes is too long; at most {MAX_LINE} are allowed")
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.outgoing, view) :]
        except OSError as error:
            raise EndOfConversation("the plugin has closed the connection") from error

    def _read(self, timeout_s: float) -> bytes:
        """Receive some bytes, at least one."""
        if not select.select([self.incoming], [], [], max(0.0, timeout_s))[0]:
            raise ProtocolError(f"the plugin said nothing for {timeout_s:.0f} s")
        try:
            data = os.read(self.incoming, 65536)
        except OSError as error:
            raise EndOfConversation("the connection broke") from error
        if not data:
            raise EndOfConversation("the plugin has closed the connection")
        return data

    def _take(self, length: int) -> bytes:
        """Receive exactly so many bytes."""
        parts, missing = [self.unread[:length]], length - len(self.unread)
        self.unread = self.unread[length:]
        while missing > 0:
            data = self._read(REQUEST_S)
            parts.append(data[:missing])
            self.unread = data[missing:]
            missing -= len(data)
        return b"".join(parts)

    def _receive(self, timeout_s: float) -> dict[str, object]:
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self.unread:
            if len(self.unread) > MAX_LINE:
                raise ProtocolError("the plugin sent a line that does not end")
            self.unread += self._read(deadline - time.monotonic())
        line, _, self.unread = self.unread.partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"the plugin did not send JSON: {error}") from error
        if not isinstance(message, dict):
            raise ProtocolError("the plugin did not send a JSON object")
        return message


def _text(message: Mapping[str, object], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise ProtocolError(f"'{name}' is {value!r}, not text")
    return value


def _counts(message: Mapping[str, object], name: str) -> tuple[int, ...]:
    values = message.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, int) and value >= 0 for value in values):
        raise ProtocolError(f"'{name}' of a result is not a list of counts")
    return tuple(values)


def _flag(message: Mapping[str, object], name: str) -> bool:
    value = message.get(name)
    if not isinstance(value, bool):
        raise ProtocolError(f"a message has the {name} {value!r}, which is neither true nor false")
    return value


def _count(message: Mapping[str, object], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or value < 0:
        raise ProtocolError(f"'{name}' is {value!r}, not a count")
    return value
