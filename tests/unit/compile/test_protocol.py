"""What the small model answers, as the plugin sends it: choices of the recipes that were asked for, no others."""

from __future__ import annotations

import json
import socket

import pytest

from clang_llm.compile.protocol import Connection
from clang_llm.plans.types import Choice
from clang_llm.system.errors import BackendError, ProtocolError

CHOICE = Choice("globaldce", "/model", "x86", (4, 7, 2), 2)


def ask(answer: bytes) -> tuple[list[tuple[int, ...]], dict[str, object]]:
    """Return what comes of an answer, and what was asked."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        found = Connection(ours.fileno(), ours.fileno()).ask(CHOICE)
        return found, json.loads(theirs.recv(65536))


def test_choices_come_function_by_function() -> None:
    found, asked = ask(b'{"functions": 3, "count": 2}\n\0\1\2\0\1\2')
    assert found == [(0, 1), (2, 0), (1, 2)]
    assert asked == {
        "do": "ask", "module": "globaldce", "model": "/model", "family": "x86", "recipes": [4, 7, 2], "count": 2,
    }  # fmt: skip
    assert ask(b'{"functions": 0, "count": 2}\n')[0] == []


def test_a_model_that_does_not_fit_is_told_with_the_reason() -> None:
    with pytest.raises(BackendError, match="the network is too large"):
        ask(b'{"refused": "the network is too large"}\n')


@pytest.mark.parametrize(
    "answer",
    [
        b'{"functions": 1, "count": 2}\n\0\3',
        b'{"functions": 1, "count": 4}\n\0\1\2\0',
        b'{"functions": 1073741824, "count": 2}\n',
        b'{"functions": -1, "count": 2}\n',
        b'{"functions": 1}\n\0\1',
        b'{"refused": 7}\n',
    ],
)
def test_answers_that_were_not_asked_for_break_the_protocol(answer: bytes) -> None:
    with pytest.raises(ProtocolError):
        ask(answer)
