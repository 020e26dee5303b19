"""Standard output and error of the tool, whatever they are: closed, full, of an encoding without some characters."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import TextIO

# The error handler by which a name of a file that is no text comes out as its bytes.
_AS_BYTES = "clang-llm-bytes"


def make_ready() -> None:
    """Give the process three open streams, and outputs on which every text can be printed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest that is free, so it is this one. Otherwise a file that we open would become the output.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    codecs.register_error(_AS_BYTES, _encoded)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_AS_BYTES)


def _encoded(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what the encoding does not have: bytes of names as they were, all else by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # One at a time: the next may be of the other kind. Two bytes make a unit of some encodings, where none fits in.
    one, end = error.object[error.start], error.start + 1
    if "\udc80" <= one <= "\udcff" and not error.encoding.startswith(("utf-16", "utf-32")):
        return bytes([ord(one) - 0xDC00]), end
    return one.encode("ascii", "backslashreplace").decode("ascii"), end


def drop(stream: TextIO) -> None:
    """Let what is still to be written vanish, so that the interpreter does not complain when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(text: str) -> None:
    """Write one line to standard error, if it can be written."""
    try:
        print(f"clang-llm-tool: {' '.join(text.splitlines())}", file=sys.stderr, flush=True)
    except OSError:
        drop(sys.stderr)


def in_words(error: OSError) -> str:
    """Return what the system refuses, in one line with what to do."""
    what = error.strerror or str(error)
    if error.filename is None:
        return f"cannot write the output: {what}; give it room, or another place"
    return f"{os.fsdecode(error.filename)}: {what}; see that it is there and that you may use it"
