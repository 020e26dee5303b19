"""The queue of modules that wait for a model: compiles leave them, the model's idle server takes them.

An entry is ``queue/<key>.bc``, the unoptimised module, and ``queue/<key>.json``, which is written last. The server
renames the latter to ``.working`` before it begins, so that an entry that kills it is not begun twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from clang_llm.plans.types import Module
from clang_llm.system.errors import ServerError
from clang_llm.system.files import read_regular
from clang_llm.system.settings import MIB

#: Most bytes of the modules that wait, and most of them: a night's work for a server.
MAX_BYTES, MAX_ENTRIES = 512 * MIB, 4096
#: Largest module in bytes that waits: the same as the largest message to a server.
MAX_MODULE = 64 * MIB

_WAITING, _WORKING, _BITCODE = ".json", ".working", ".bc"


@dataclass(frozen=True)
class Entry:
    """One module that waits.

    Attributes:
        key: The module's key.
        llvm: Version of LLVM, such as "19.1.7".
        budget: How many candidates may be compiled.
        options: Code-generation options of clang -cc1.
        clang: The clang that compiled it, or None when that is not known.
        backend: Whose model is to propose.
        model: The model's directory.
        max_size: Size limit of the cache's plans in bytes.
    """

    key: str
    llvm: str
    target: str
    budget: int
    options: tuple[str, ...]
    clang: str | None
    backend: str
    model: str
    max_size: int


def leave(cache_dir: Path, entry: Entry, module: Module) -> bool:
    """Add a module to the queue; return whether it waits there now. Never fails: what cannot wait does not."""
    queue = cache_dir / "queue"
    path = queue / f"{entry.key}{_WAITING}"
    try:
        queue.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return True
        sizes = [size for _, size in _files(queue, _BITCODE)]
        if len(module.bitcode) > MAX_MODULE or len(sizes) >= MAX_ENTRIES:
            return False
        if sum(sizes) + len(module.bitcode) > MAX_BYTES:
            return False
        for target, data in ((path.with_suffix(_BITCODE), module.bitcode), (path, json.dumps(asdict(entry)).encode())):
            temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
            temporary.write_bytes(data)
            temporary.replace(target)
    except OSError:
        return False
    return True


def length(cache_dir: Path) -> int:
    """Return how many modules wait."""
    return len(list(_files(cache_dir / "queue", _WAITING)))


def waiting(cache_dir: Path, backend: str, model: Path) -> Iterator[Path]:
    """Yield the entries for one model, oldest first; what cannot be read is removed."""
    for path, _ in sorted(_files(cache_dir / "queue", _WAITING), key=lambda each: _age(each[0])):
        try:
            entry = read(path)
        except ServerError:
            drop(path)
            continue
        if entry.backend == backend and Path(entry.model).resolve() == model.resolve():
            yield path


def read(path: Path) -> Entry:
    """Read an entry.

    Raises:
        ServerError: It is damaged, or gone.
    """
    try:
        data = json.loads(read_regular(path, MIB))
        entry = Entry(**{**data, "options": tuple(data["options"])})
        texts = [entry.key, entry.llvm, entry.target, entry.backend, entry.model, *entry.options]
        if not all(isinstance(each, str) for each in texts):
            raise TypeError("not text")
        if not all(type(each) is int for each in (entry.budget, entry.max_size)):
            raise TypeError("not a number")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServerError(f"{path} is no entry of the queue ({error!r}); it may be removed") from error
    return entry


def claim(path: Path) -> Path | None:
    """Begin an entry: return its name while it is worked on, or None when another process has it."""
    working = path.with_suffix(_WORKING)
    try:
        path.rename(working)
    except OSError:
        return None
    return working


def abandoned(cache_dir: Path) -> list[Path]:
    """Return entries that were begun and never finished."""
    return [path for path, _ in _files(cache_dir / "queue", _WORKING)]


def bitcode_of(path: Path) -> Path:
    """Return where the module of an entry is."""
    return path.with_suffix(_BITCODE)


def drop(path: Path) -> None:
    """Remove an entry and its module."""
    for each in (path, bitcode_of(path)):
        with suppress(OSError):
            each.unlink()


def _files(queue: Path, suffix: str) -> Iterator[tuple[Path, int]]:
    """Yield path and bytes of the files with a suffix, those that are being written left out."""
    try:
        with os.scandir(queue) as listing:
            for file in listing:
                if file.name.endswith(suffix) and not file.name.startswith("."):
                    with suppress(OSError):
                        yield Path(file.path), file.stat().st_size
    except OSError:
        return


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
