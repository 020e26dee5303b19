"""A report as JSON: written for programs, and read again to compare two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from clang_llm.report.facts import BINARY, BUILD, OBJECTS, Bytes, File, Function, Report
from clang_llm.system.errors import DataError
from clang_llm.system.files import read_regular

#: Changes when a reader of before would be wrong.
FORMAT = 1
#: Bytes of a report that are read: a browser's, with every symbol, has a tenth of it.
MAX_BYTES = 1 << 30


def document(found: Report) -> dict[str, object]:
    """Return a report for ``json.dumps``; what is not UTF-8 in a name is there as escaped surrogates."""
    survival = found.survival
    return {
        "clang-llm-report": FORMAT,
        "kind": found.kind,
        "title": found.title,
        "root": found.root,
        "names": list(found.names),
        "before": _size(found.before),
        "after": _size(found.after),
        "files": [_file(each) for each in found.files],
        "recipes": list(found.recipes),
        "functions": [each._asdict() for each in found.functions],
        "sections": [each._asdict() for each in found.sections],
        "earned": [{**each._asdict(), "parts": each.parts and each.parts._asdict()} for each in found.earned],
        "events": dict(sorted(found.events.items())),
        "meanings": dict(sorted(found.meanings.items())),
        "survival": survival
        and {
            "objects": survival.objects,
            "before": survival.before._asdict(),
            "after": survival.after._asdict(),
        },
        "notes": list(found.notes),
    }


def _size(size: Bytes | None) -> dict[str, int] | None:
    return None if size is None else {"bytes": size.total, **(size.parts._asdict() if size.parts else {})}


def _file(each: File) -> dict[str, object]:
    return {
        "name": each.name,
        "source": each.source,
        "before": _size(each.before),
        "after": _size(each.after),
        "by": each.by,
        "recipe": each.recipe,
        "why": each.why,
        "tried": each.tried,
        "rejected": dict(each.rejected),
        "target": each.target,
        "state": each.state,
    }


def read(path: Path) -> Report:
    """Read as much of a report as is compared: files and functions with their sizes.

    Raises:
        DataError: It cannot be read, or is none.
    """
    try:
        told = json.loads(read_regular(path, MAX_BYTES))
        if told["clang-llm-report"] != FORMAT:
            raise DataError(f"{path} has another format; make it again with this version's clang-llm-tool report")
        kind = told["kind"]
        if kind not in (BUILD, OBJECTS, BINARY):
            raise ValueError(f"there is no kind {str(kind)[:40]!r}")
        files = tuple(_read_file(each) for each in told["files"])
        functions = tuple(_read_function(each) for each in told["functions"])
        return Report(kind, _text(told["title"]), _text(told["root"]), files, functions=functions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {str(error)[:100]}"
        raise DataError(f"{path} is no report ({what}); write one with clang-llm-tool report --json") from error


def _read_file(told: Mapping[str, object]) -> File:
    before, after = _read_size(told["before"]), _read_size(told["after"])
    return File(_text(told["name"]), before=before, after=after, state=_text(told["state"]))


def _read_size(told: object) -> Bytes | None:
    if told is None:
        return None
    if not isinstance(told, dict):
        raise TypeError("a size is no object")
    return Bytes(_count(told["bytes"]) or 0)


def _read_function(told: Mapping[str, object]) -> Function:
    return Function(
        _text(told["name"]), _count(told["before"]), _count(told["after"]), _text(told["file"]), _text(told["part"])
    )


def _count(told: object) -> int | None:
    if told is None or (isinstance(told, int) and not isinstance(told, bool) and told >= 0):
        return told
    raise TypeError(f"{str(told)[:40]!r} is not a count")


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{str(told)[:40]!r} is not text")
    return told
