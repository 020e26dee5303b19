"""What setup.cfg cannot say: whole trees of files that are installed beside the package, with their directories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from setuptools import setup

#: Below the prefix, and where it is here; clang_llm/system/layout.py finds them again.
TREES = {"share/clang-llm/seed": "cache/seed", "share": "wrappers/share"}
#: For CMake and Meson.
FILES = ["wrappers/clang-llm.cmake", "wrappers/clang-llm-native.ini"]


def data_files() -> Iterator[tuple[str, list[str]]]:
    """Yield directories below the prefix with the files that go there."""
    yield "share/clang-llm", FILES
    for target, source in TREES.items():
        files = sorted(path for path in Path(source).rglob("*") if path.is_file())
        for directory in sorted({path.parent for path in files}):
            inside = [path.as_posix() for path in files if path.parent == directory]
            yield (Path(target) / directory.relative_to(source)).as_posix(), inside


setup(data_files=list(data_files()))
