"""What configure and cmake found out with two compilers, compared: nothing but names may differ."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

# Logs and results of the configuration step, wherever they lie in a tree. config.status and Makefile repeat config.log.
_NAMES = (
    "config.log",
    "config.h",
    "CMakeCache.txt",
    "CMakeCCompiler.cmake",
    "CMakeCXXCompiler.cmake",
    "CMakeOutput.log",
    "CMakeError.log",
    "CMakeConfigureLog.yaml",
)

# What differs between any two runs of the same configuration.
_NOISE = (
    (re.compile(r"/tmp/[\w.+-]+"), "/tmp/@TEMPORARY@"),
    (re.compile(r"\bcmTC_[0-9a-f]+"), "cmTC_@TEMPORARY@"),
    (re.compile(r"CMakeScratch/TryCompile-\w+"), "CMakeScratch/TryCompile-@TEMPORARY@"),
    (re.compile(r"\bconftest[.\w-]*\d+[.\w-]*"), "conftest@TEMPORARY@"),
    (re.compile(r"(?m)^.*hostname.*$"), "@HOST@"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "@TIME@"),
    (re.compile(r"confdir-?\w*\d+\w*"), "confdir@TEMPORARY@"),
    # The option that makes our clang load the plugin, where clang -v prints its own command line.
    (re.compile(r'\s"?-fpass-plugin=[^\s"]+"?'), ""),
)


def normalise(text: str, names: Mapping[str, str]) -> str:
    """Replace compiler names (longest first) and everything that changes from run to run by fixed words."""
    for name in sorted(names, key=len, reverse=True):
        # A name ends where a path or an option goes on: clang-19 is no part of clang-19.1 here.
        text = re.sub(rf"(?<![\w/.+-]){re.escape(name)}(?![\w+-])", names[name], text)
    for pattern, word in _NOISE:
        text = pattern.sub(word, text)
    return text


def _files(tree: Path) -> Iterator[Path]:
    for name in _NAMES:
        for path in sorted(tree.rglob(name)):
            yield path.relative_to(tree)


def differences(plain: Path, ours: Path, plain_names: Mapping[str, str], our_names: Mapping[str, str]) -> list[str]:
    """Lines that the configuration files of two trees do not share after normalisation, as a unified diff.

    Args:
        plain: A tree that was configured with clang.
        ours: The same source configured with our compiler.
        plain_names: How clang is written there → the word that stands for it.
        our_names: The same for our compiler; must map to the same words.
    """
    found: list[str] = []
    for relative in sorted(set(_files(plain)) | set(_files(ours))):
        before = _lines(plain / relative, plain_names)
        after = _lines(ours / relative, our_names)
        found += difflib.unified_diff(before, after, f"plain/{relative}", f"ours/{relative}", lineterm="", n=0)
    return found


def _lines(path: Path, names: Mapping[str, str]) -> list[str]:
    """Normalised lines of a file; none when there is no such file."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return normalise(text, names).splitlines()
