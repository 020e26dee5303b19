"""Standard output and error of the tool, whatever they are: closed, full, of an encoding without some characters."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress

# The error handler by which a name of a file that is no text comes out as its bytes.
_AS_BYTES = "clang-llm-bytes"


def make_ready() -> None:
    """Give the process three open streams, and an output on which every text can be printed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest that is free, so it is this one. Otherwise a file that we open would become the output.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    codecs.register_error(_AS_BYTES, _encoded)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_AS_BYTES)


def _encoded(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what the encoding does not have: bytes of names as they were, all else by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    try:
        return os.fsencode(text) if all("\udc80" <= each <= "\udcff" for each in text) else _escaped(text), error.end
    except UnicodeEncodeError:
        return _escaped(text), error.end


def _escaped(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def drop_output() -> None:
    """Let what is still to be written vanish, so that the interpreter does not complain when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Write one line to standard error, if it can be written."""
    with suppress(OSError):
        print(f"clang-llm-tool: {text}", file=sys.stderr, flush=True)


def in_words(error: OSError) -> str:
    """Return what the system refuses, in one line with what to do."""
    what = error.strerror or str(error)
    if error.filename is None:
        return f"cannot write the output: {what}; give it room, or another place"
    return f"{os.fsdecode(error.filename)}: {what}; see that it is there and that you may use it"
