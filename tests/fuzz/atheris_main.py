"""Runs one target of `parsers` under atheris: ``python -m fuzz.atheris_main TARGET [libFuzzer's options]``."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run."""
    atheris = importlib.import_module("atheris")
    name = sys.argv[1]
    with atheris.instrument_imports(include=["clang_llm", "json"]):
        parsers = importlib.import_module("fuzz.parsers")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: parsers.run(name, bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
