"""The programs of the package's own validation suite, one by one."""

from __future__ import annotations

from functools import cache

from clang_llm.lab.differential.program import Program
from clang_llm.tuning.suite import load_suite


@cache
def programs() -> tuple[Program, ...]:
    """Return all of them."""
    suite = load_suite()
    headers = tuple((path.name, path.read_text(encoding="utf-8")) for path in sorted(suite.directory.glob("*.h")))
    return tuple(
        Program(
            f"bundled-{each.name}",
            "bundled",
            each.path.suffix,
            each.path.read_text(encoding="utf-8"),
            ("-std=c++20",) if each.path.suffix == ".cpp" else ("-std=gnu11",),
            files=headers,
        )
        for each in suite.programs
    )
