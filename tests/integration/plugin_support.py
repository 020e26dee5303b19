"""Drive the plugin inside a real clang without the wrapper: one compile, told what to decide, and what it says."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clang_llm.compile.evaluator import Evaluator
from clang_llm.plans.recipe import Recipe
from clang_llm.system import objects, process
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler, installed_compilers
from clang_llm.toolchain.plugins import PluginBuild

#: A program that answers for the helper: proposes the lists of a file, then does what `verdict` says with the results.
FAKE_HELPER = """#!/usr/bin/python3
import json, socket, sys, time
stream = socket.socket(fileno=0).makefile("rwb", 0)
say = lambda message: stream.write(json.dumps(message).encode() + b"\\n")
hear = lambda: json.loads(stream.readline())
request = hear()
lists = [line for line in open({lists!r}).read().splitlines() if line]
{body}
"""

#: Ask for every list, then say that -Oz is best.
ONLY_MEASURE = """
say({"do": "evaluate", "lists": lists})
results = [hear() for _ in range(len(lists) + 1)]
say({"do": "oz", "reason": "best"})
"""

#: Ask for every list, then apply the smallest.
APPLY_SMALLEST = """
say({"do": "evaluate", "lists": lists})
results = [hear() for _ in range(len(lists) + 1)]
usable = [r for r in results if r["status"] == "ok"]
best = min(usable, key=lambda r: (r["size"], r["id"]))
say({"do": "apply", "id": best["id"]} if best["id"] >= 0 else {"do": "oz", "reason": "best"})
"""


def compiler_of(major: int) -> Compiler | None:
    """Return the installed clang of one major version."""
    return next((compiler for compiler in installed_compilers() if compiler.major == major), None)


@dataclass
class Bench:
    """A directory in which to compile with one clang and its plugin."""

    compiler: Compiler
    build: PluginBuild
    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cache = self.root / "cache"
        self.cache.mkdir()
        self.plugin = self.root / "plugin"
        shutil.copytree(self.build.directory, self.plugin)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_MIN_INSTRUCTIONS": "0",
        }

    def helper(self, lists: list[str], body: str) -> None:
        """Put a scripted answer in the helper's place."""
        (self.root / "lists").write_text("\n".join(lists), encoding="utf-8")
        program = self.root / "helper"
        text = FAKE_HELPER.replace("{lists!r}", repr(str(self.root / "lists"))).replace("{body}", body)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
        (self.plugin / "helper").write_text(f"{program}\n/nowhere\n", encoding="utf-8")
        self.environment["CLANG_LLM_CANDIDATES"] = str(len(lists))

    def plain(self, source: Path, *options: str) -> bytes:
        """Return the object of clang alone."""
        return self._compile([self.compiler.path], source, options, {})

    def compile(self, source: Path, *options: str, **environment: str) -> bytes:
        """Return the object of clang with the plugin."""
        return self._compile(
            [self.compiler.path, f"-fpass-plugin={self.plugin / 'stub.so'}"], source, options, environment
        )

    def applied(self, source: Path, pipeline: str, *options: str) -> bytes:
        """Return the object that a pass list makes."""
        return self.compile(source, *options, _CLANG_LLM_APPLY=pipeline)

    def explain(self, source: Path, *options: str, **environment: str) -> list[dict[str, Any]]:
        """Return what the plugin says about a compile; no object is written."""
        file = self.root / "explained"
        file.write_text("", encoding="utf-8")
        command: list[str | Path] = [self.compiler.path, f"-fpass-plugin={self.plugin / 'stub.so'}"]
        output = self.root / "explained.o"
        command = [*command, *(options or ("-Oz",)), "-c", source, "-o", output]
        done = process.run(
            command, env={**self.environment, **environment, "_CLANG_LLM_EXPLAIN": str(file)}, cwd=self.root
        )
        assert done.stderr == b""
        assert not output.exists()
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def measured(self, source: Path, *options: str) -> list[tuple[str, int]]:
        """Return status and size of -Oz and of each list of the scripted helper."""
        lines = self.explain(source, *options)
        return [(line["status"], line["size"]) for line in lines if line["event"] == "result"]

    def key(self, source: Path, *options: str) -> str:
        """Return the cache key of a compile."""
        lines = self.explain(source, *options, CLANG_LLM_EFFORT="0", CLANG_LLM_CANDIDATES="0")
        return next(str(line["key"]) for line in lines if line["event"] == "key")

    def bypass(self, source: Path, *options: str) -> str:
        """Return why the plugin leaves a compile alone."""
        lines = self.explain(source, *options)
        return next(str(line["reason"]) for line in lines if line["event"] == "bypass")

    def events(self) -> list[str]:
        """Return the events counted so far."""
        file = self.cache / "events"
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    def _compile(
        self, command: list[Any], source: Path, options: tuple[str, ...], environment: dict[str, str]
    ) -> bytes:
        output = self.root / "out.o"
        output.unlink(missing_ok=True)
        command = [*command, *(options or ("-Oz",)), "-c", source, "-o", output]
        done = process.run(command, env={**self.environment, **environment}, cwd=self.root)
        assert done.ok, done.stderr
        assert done.stderr == b""
        return output.read_bytes()


def size(data: bytes) -> int:
    """Bytes of allocated, non-bss sections, by a reader that is not LLVM's where there is one."""
    return objects.allocated_size(data)


class Box:
    """One clang with its plugin and a directory; the test is skipped where that clang is not installed."""

    def __init__(self, major: int, builds: Path, root: Path) -> None:
        compiler = compiler_of(major)
        if compiler is None or compiler.llvm_config is None:
            pytest.skip(f"clang-{major} and llvm-{major}-dev are not installed")
        self.compiler, self.root, self.major = compiler, root, major
        self.stub = toolchain.build_plugin(compiler, builds).stub
        self.cache = root / "cache"

    def open(self, *words: str | Path, jobs: int = 1) -> Evaluator:
        """Return an evaluator for a compile."""
        argv = [str(self.compiler.path), "-Oz", *map(str, words), "-c", "-o", str(self.root / "never.o")]
        return Evaluator(argv, self.stub, self.cache, {"PATH": os.environ["PATH"]}, jobs)

    def applied(self, recipe: Recipe, *words: str | Path) -> Path:
        """Return the object that a recipe makes."""
        output = self.root / "applied.o"
        argv = [self.compiler.path, f"-fpass-plugin={self.stub}", "-Oz", *words, "-c", "-o", output]
        environ = {
            "PATH": os.environ["PATH"],
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "_CLANG_LLM_APPLY": json.dumps(recipe.message()) if recipe.staged else recipe.module,
        }
        done = process.run(argv, env=environ, cwd=self.root)
        assert done.ok, done.stderr
        return output
