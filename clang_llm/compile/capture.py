"""The backend ``capture``: writes every module that clang compiles to a directory; the object stays plain -Oz.

It proposes no lists and needs the connection itself, so the helper calls it instead of a search. A module is
``<key>.bc`` (canonical unoptimised bitcode) and ``<key>.json`` (what is known about it); `Captured` is the latter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from clang_llm.compile.protocol import Connection
from clang_llm.plans.types import Request, Status
from clang_llm.system.errors import BackendError, DataError


@dataclass(frozen=True)
class Captured:
    """One module as it was compiled.

    Attributes:
        options: The code-generation part of clang's -cc1 line: ``clang -cc1 OPTIONS -x ir`` compiles the bitcode.
        triple: Of the target.
        source: Path of the source file.
        size: Bytes of text and data of the -Oz object.
        bytes: Length of the bitcode.
    """

    key: str
    llvm: str
    triple: str
    options: tuple[str, ...]
    source: str
    instructions: int
    functions: int
    size: int
    bytes: int


def capture(connection: Connection, request: Request, place: Path | None) -> str:
    """Keep the module of one compile; returns the word for which the plugin compiles it as -Oz.

    A module that -Oz cannot compile is not kept: nothing can be learnt from it.

    Raises:
        BackendError: there is no place for modules, or it cannot be written to.
        ProtocolError: the plugin broke the protocol.
    """
    if place is None:
        raise BackendError("backend 'capture' is for python -m clang_llm.lab.corpus.collect only; choose another")
    connection.evaluate([])
    baseline = connection.result()
    if baseline.status is not Status.OK:
        return "baseline"
    module = connection.module()
    captured = Captured(
        key=request.key,
        llvm=request.llvm,
        triple=request.target,
        options=module.options,
        # The plugin starts us where clang runs.
        source=str(Path(request.source).resolve()),
        instructions=request.instructions,
        functions=request.functions,
        size=baseline.size,
        bytes=len(module.bitcode),
    )
    try:
        place.mkdir(parents=True, exist_ok=True)
        # The description comes last: a module without one is half of something.
        _write(place / f"{request.key}.bc", module.bitcode)
        _write(place / f"{request.key}.json", json.dumps(asdict(captured)).encode("ascii") + b"\n")
    except OSError as error:
        raise BackendError(f"cannot keep a module in {place} ({error.strerror}); is the disk full?") from error
    return "captured"


def captured_in(place: Path) -> Iterator[Captured]:
    """The modules that a directory holds, by key.

    Raises:
        DataError: a description is not one of ours.
    """
    for path in sorted(place.glob("*.json")):
        try:
            fields = json.loads(path.read_bytes())
            yield Captured(**{**fields, "options": tuple(fields["options"])})
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path} does not describe a module; remove it") from error


def _write(path: Path, data: bytes) -> None:
    """Write a file under a name of its own, then rename it; one that is there is left."""
    if path.exists():
        return
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_bytes(data)
    new.replace(path)
