"""Units of work: modules that a build captured, each searched wherever there is a processor.

A unit has all that a search needs, and nothing of where it comes from: the unoptimised module, clang's options, and
the key of the module. So any worker finds the same plan, twice the same unit is the same work, and whoever asked for it
keeps the plan (docs/tuning.md).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clang_llm import __version__, backends
from clang_llm.backends.model import resolved
from clang_llm.compile.capture import Captured, captured_in
from clang_llm.compile.evaluator import Evaluator, Measuring
from clang_llm.compile.search import Search
from clang_llm.plans.plan import encode
from clang_llm.system.errors import ClangLlmError, ToolchainError
from clang_llm.system.settings import PREFIX, Settings, compiler_environment, process_environment
from clang_llm.toolchain.compiler import Compiler, find_clang, inspect, said_by
from clang_llm.toolchain.plugins import build_plugin

#: What the build took is taken here, too.
_TINY_TOO = {PREFIX + "MIN_INSTRUCTIONS": "0"}


@dataclass(frozen=True)
class Unit:
    """One module."""

    module: Captured
    bitcode: bytes


@dataclass(frozen=True)
class Order:
    """What the units of one run have in common.

    Attributes:
        backend: Who proposes.
        candidates: Compilations for each module.
        clang: The clang of the build, as it is found.
        says: What it says of itself: another clang makes other objects.
        version: Of clang-llm.
        cache: The cache directory, for workers on this machine; None: that of whoever works.
    """

    backend: str
    candidates: int
    clang: str
    says: str
    version: str
    cache: str | None

    @classmethod
    def of(cls, settings: Settings, backend: str, candidates: int, *, here: bool) -> Order:
        """Return an order of this user; raises ToolchainError where there is no clang."""
        clang = find_clang(settings.clang, process_environment())
        cache_dir = str(settings.cache_dir.absolute()) if here else None
        return cls(backend, candidates, str(clang), said_by(clang), __version__, cache_dir)


@dataclass(frozen=True)
class Outcome:
    """What came of a unit.

    Attributes:
        entry: The plan entry, without a seal; empty when there is none.
        problem: Why there is none.
    """

    key: str
    entry: bytes = b""
    problem: str = ""


def units_in(place: Path) -> Iterator[Unit]:
    """Yield what a build captured in a directory, read one by one; raises DataError for what is no module."""
    for module in captured_in(place):
        yield Unit(module, (place / f"{module.key}.bc").read_bytes())


def search(order: Order, unit: Unit) -> Outcome:
    """Search the plan of one module, in the process and on the machine that are to work on it. Never fails."""
    key = unit.module.key
    try:
        return Outcome(key, _search(order, unit))
    except ClangLlmError as error:
        return Outcome(key, problem=str(error))
    except (OSError, ValueError) as error:
        return Outcome(key, problem=f"{type(error).__name__}: {error}")


def _search(order: Order, unit: Unit) -> bytes:
    if order.version != __version__:
        raise ToolchainError(f"the worker has clang-llm {__version__}, the build {order.version}; install the same")
    module = unit.module
    compiler, stub, settings = _tools(order)
    with tempfile.NamedTemporaryFile(suffix=".bc") as file:
        file.write(unit.bitcode)
        file.flush()
        argv = [str(compiler.real), "-cc1", *module.options, "-x", "ir", file.name, "-emit-obj", "-o", os.devnull]
        with Evaluator(argv, stub, settings.cache_dir, compiler_environment(_TINY_TOO)) as evaluator:
            if (evaluator.request.target, evaluator.request.llvm) != (module.triple, module.llvm):
                raise ToolchainError(f"{compiler.path} compiles for {evaluator.request.target}, not {module.triple}")
            # The promise of a plan is about the very object: when -Oz has another size here, this is another compile.
            if evaluator.size_oz != module.size:
                raise ToolchainError(f"-Oz has {evaluator.size_oz} bytes here and {module.size} in the build")
            request = evaluator.request._replace(key=module.key, budget=order.candidates)
            chosen = resolved(settings, request.major, request.machine)
            plan, _ = Search(
                Measuring(evaluator), request, backends.create(chosen.backend, chosen), chosen.backend
            ).run()
    return encode(plan)


@cache
def _tools(order: Order) -> tuple[Compiler, Path, Settings]:
    """Return this machine's clang with its plugin, and its settings: the build's matter only where they are here."""
    settings = Settings.load(process_environment())
    if order.cache is not None:
        settings = settings._replace(cache_dir=Path(order.cache))
    compiler = inspect(find_clang(order.clang, process_environment()))
    if said_by(compiler.path) != order.says:
        raise ToolchainError(f"{compiler.path} of the worker is another clang than the build's ({order.says})")
    cache_dir = settings.cache_dir.absolute()
    stub = build_plugin(compiler, cache_dir, settings.python).stub
    return compiler, stub, settings._replace(clang=str(compiler.path), backend=order.backend, cache_dir=cache_dir)
