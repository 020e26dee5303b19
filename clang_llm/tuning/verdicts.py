"""The verdict of PassListEval on a list, and where verdicts are remembered."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from clang_llm import __version__


@dataclass(frozen=True)
class Verdict:
    """The outcome of one list on one LLVM.

    Attributes:
        pipeline: The list as it was run (normalised for this LLVM).
        llvm: Full version of LLVM.
        accepted: Whether every program compiled, linked, and said what it should.
        reason: Why not; empty when accepted.
        program: The first failing program, or the batch when the compiler failed.
        programs: Number of programs the list was tried on.
    """

    pipeline: str
    llvm: str
    accepted: bool
    reason: str
    program: str
    programs: int


class VerdictStore:
    """Verdicts as small JSON files under ``<cache_dir>/verdicts/``, so that a stopped run goes on where it was."""

    def __init__(self, cache_dir: Path) -> None:
        self._place = cache_dir / "verdicts"

    def _path(self, pipeline: str, prepared_digest: str, engine: str) -> Path:
        # The tool's version is part of the key: what the plugin does around a list may change with it.
        text = f"{__version__}\n{engine}\n{prepared_digest}\n{pipeline}"
        return self._place / hashlib.sha256(text.encode()).hexdigest()[:40]

    def get(self, pipeline: str, prepared_digest: str, engine: str) -> Verdict | None:
        """Return the remembered verdict; an unreadable one counts as none."""
        try:
            data = json.loads(self._path(pipeline, prepared_digest, engine).read_text(encoding="utf-8"))
            return Verdict(**data)
        except (OSError, ValueError, TypeError):
            return None

    def put(self, verdict: Verdict, prepared_digest: str, engine: str) -> None:
        """Remember a verdict; written to a temporary name and renamed, so that no reader sees half of it."""
        self._place.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._place, prefix="new-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(verdict), file)
        Path(name).replace(self._path(verdict.pipeline, prepared_digest, engine))
