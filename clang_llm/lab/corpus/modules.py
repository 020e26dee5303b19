"""Modules of a corpus, chosen and opened for measuring: what learning and its evaluation share."""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from clang_llm.compile.evaluator import Evaluator
from clang_llm.lab.corpus.collect import DEFAULT_WORK as DEFAULT_CORPUS
from clang_llm.lab.packages.split import Split
from clang_llm.lab.packages.workplace import say
from clang_llm.system.errors import ClangLlmError, DataError
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import Compiler, find_clang, inspect
from clang_llm.toolchain.plugins import build_plugin
from clang_llm.tuning.validate import clean_environment

#: Bytes of bitcode of the modules that the published numbers are about, and ours.
SMALLEST, LARGEST = 3_000, 60_000

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


@dataclass(frozen=True)
class CorpusModule:
    """One module of a corpus.

    Attributes:
        bitcode: The file.
        options: Code-generation options of clang -cc1.
        bytes: Length of the bitcode.
    """

    key: str
    package: str
    source: str
    target: str
    language: str
    bitcode: Path
    options: tuple[str, ...]
    bytes: int

    @property
    def name(self) -> str:
        """Package and source file, for people."""
        return f"{self.package}/{self.source}"


@dataclass(frozen=True)
class Bench:
    """A clang with its plugin, to open modules with; picklable, for worker processes."""

    clang: Path
    stub: Path
    cache_dir: Path
    environ: Mapping[str, str]
    version: str

    @property
    def major(self) -> int:
        """Major version of LLVM."""
        return int(self.version.partition(".")[0])

    @classmethod
    def of(cls, clang: str | None, cache_dir: Path, environ: Mapping[str, str]) -> Bench:
        """Find clang and build the plugin for it; raises ToolchainError."""
        compiler: Compiler = inspect(find_clang(clang or Settings.load(environ).clang, environ))
        clean = clean_environment(environ)
        build = build_plugin(compiler, cache_dir.absolute())
        return cls(compiler.real, build.stub, cache_dir.absolute(), clean, compiler.version)

    def open(self, module: CorpusModule) -> Evaluator:
        """Start clang on a module; raises ToolchainError."""
        argv = [str(self.clang), "-cc1", *module.options, "-x", "ir", str(module.bitcode)]
        return Evaluator([*argv, "-emit-obj", "-o", "/dev/null"], self.stub, self.cache_dir, self.environ)


def choose_modules(
    corpus: Path,
    split: Split,
    count: int,
    *,
    per_package: int = 4,
    target: str = "x86_64",
    seed: int = 0,
) -> list[CorpusModule]:
    """Draw modules of one split, at most some of each package; the same arguments and corpus give the same.

    Raises:
        DataError: The corpus has none.
    """
    manifest = corpus / "manifest.jsonl"
    try:
        lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"{manifest} cannot be read ({error}); make a corpus with `make corpus`") from error
    fitting = [
        line
        for line in lines
        if (line["split"], line["target"], line["conflict"]) == (split.value, target, False)
        and SMALLEST <= line["bytes"] <= LARGEST
    ]
    fitting.sort(key=lambda line: line["key"])
    random.Random(seed).shuffle(fitting)
    taken: Counter[str] = Counter()
    chosen: list[CorpusModule] = []
    for line in fitting:
        if taken[line["package"]] < per_package and len(chosen) < count:
            taken[line["package"]] += 1
            chosen.append(_module(corpus, line))
    if not chosen:
        raise DataError(f"{manifest} has no module of {split.value} for {target}; let `make corpus` run on")
    return chosen


def measure_once(module: CorpusModule, bench: Bench, path: Path, work: Callable[[Evaluator], object]) -> str:
    """Measure a module and keep what was found as JSON, unless that was done; returns a problem or "".

    Args:
        module: The module.
        bench: Opens it.
        path: The file; compressed when its name ends in ``.gz``.
        work: Measures, and returns what JSON can hold; a ClangLlmError of it is the problem.
    """
    if path.exists():
        return ""
    try:
        with bench.open(module) as evaluator:
            found = work(evaluator)
    except ClangLlmError as error:
        return str(error)
    data = (json.dumps(found) + "\n").encode("ascii")
    new = path.with_suffix(".new")
    new.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    new.replace(path)
    return ""


def _module(corpus: Path, line: Mapping[str, object]) -> CorpusModule:
    key = str(line["key"])
    bitcode = corpus / "modules" / key[:2] / f"{key}.bc"
    known = json.loads(bitcode.with_suffix(".json").read_text(encoding="utf-8"))
    return CorpusModule(
        key=key,
        package=str(line["package"]),
        source=str(line["source"]),
        target=str(line["target"]),
        language=str(line["language"]),
        bitcode=bitcode,
        options=tuple(known["options"]),
        bytes=int(str(line["bytes"])),
    )


def in_parallel(
    work: Callable[[_Input], _Output], inputs: Sequence[_Input], jobs: int, label: str
) -> Iterator[tuple[_Input, _Output]]:
    """Work on inputs in processes of their own and yield each with its result as it comes; a bar on a terminal."""
    with ProcessPoolExecutor(jobs) as pool:
        futures: dict[Future[_Output], _Input] = {pool.submit(work, each): each for each in inputs}
        for future in with_bar(as_completed(futures), len(futures), label):
            yield futures[future], future.result()


class Named(Protocol):
    """What has a name for people."""

    @property
    def name(self) -> str:
        """The name."""


_NamedInput = TypeVar("_NamedInput", bound=Named)


def tell_problems(work: Callable[[_NamedInput], str], inputs: Sequence[_NamedInput], jobs: int, label: str) -> None:
    """Work on inputs in parallel and tell a person of those that came back with a problem."""
    for each, problem in in_parallel(work, inputs, jobs, label):
        if problem:
            say(f"{each.name}: {problem}\n")


def with_bar(items: Iterable[_Input], total: int, label: str) -> Iterator[_Input]:
    """Pass items on with a progress bar, if anybody is there to see it."""
    if not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, total=total, desc=label, file=sys.stderr)


def add_arguments(parser: argparse.ArgumentParser, work: Path) -> None:
    """Options of every command that measures modules."""
    parser.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, help="what `make corpus` made (%(default)s)")
    parser.add_argument("--work", type=Path, default=work, help="results; a stopped run goes on (%(default)s)")
    parser.add_argument("--clang", help="the real clang (default: the one clang-llm uses)")
    parser.add_argument("--jobs", type=int, default=2, help="modules at once (default: 2)")
    parser.add_argument("--target", default="x86_64", help="target of the modules (default: %(default)s)")
