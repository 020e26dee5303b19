"""What the model's server does in its spare time: plans for modules that compiles left in the queue."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from clang_llm import backends
from clang_llm.compile.evaluator import Evaluator, Measuring
from clang_llm.compile.search import Search
from clang_llm.models.asking import backlog
from clang_llm.models.asking.place import Place
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.vouched import vouch
from clang_llm.system import log
from clang_llm.system.errors import ClangLlmError, ServerError, ToolchainError
from clang_llm.system.settings import Settings, compiler_environment
from clang_llm.toolchain.compiler import Compiler, inspect, installed_compilers
from clang_llm.toolchain.plugins import build_plugin

#: Seconds without a question after which the spare time begins: within one, the next compile of a build has asked.
QUIET_S = 2.0
#: Seconds between looks for work.
LOOK_S = 0.5
#: The lowest priority, for this thread and the compilers that it starts: whatever else runs comes first.
NICE = 19


class SpareTime:
    """A thread that works off queues.

    Args:
        place: Whose model it is.
        settings: Of the user's config file.
        quiet_s: Seconds since a compile waited for the model.
    """

    def __init__(self, place: Place, settings: Settings, quiet_s: Callable[[], float]) -> None:
        self._place = place
        self._settings = settings
        self._quiet_s = quiet_s
        self._caches: dict[Path, None] = {}
        self._compilers: dict[str, Compiler] = {}
        self._stubs: dict[tuple[Path, Path], Path] = {}
        #: Modules worked off, plans that became smaller, and modules that were dropped.
        self.done = self.improved = self.dropped = 0
        self.working = False
        self._thread = threading.Thread(target=self._run, name="spare time", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def visit(self, cache: Path) -> None:
        """Work off the queue of a cache directory, too."""
        self._caches[cache] = None

    def left(self) -> int:
        """Return how many modules wait in the queues."""
        return sum(backlog.length(cache) for cache in list(self._caches))

    def busy(self) -> bool:
        """Whether there is work, now or waiting."""
        return self.working or any(True for cache in list(self._caches) for _ in self._waiting(cache))

    def _waiting(self, cache: Path) -> Sequence[Path]:
        return list(backlog.waiting(cache, self._place.backend, self._place.model))

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        seen: set[Path] = set()
        while True:
            for cache in list(self._caches):
                if cache not in seen:
                    seen.add(cache)
                    self._drop_abandoned(cache)
                for path in self._waiting(cache):
                    while self._quiet_s() < QUIET_S:
                        time.sleep(LOOK_S)
                    self._take(cache, path)
            time.sleep(LOOK_S)

    def _drop_abandoned(self, cache: Path) -> None:
        """Drop what was begun by a server that died over it; this is the only server of its model."""
        for path in backlog.abandoned(cache):
            with suppress(ServerError):
                entry = backlog.read(path)
                if (entry.backend, Path(entry.model).resolve()) != (self._place.backend, self._place.model.resolve()):
                    continue
            self._drop(cache, path, "a server died over it")

    def _take(self, cache: Path, path: Path) -> None:
        claimed = backlog.claim(path)
        if claimed is None:
            return
        self.working = True
        try:
            entry = backlog.read(claimed)
            if self._improve(cache, entry, backlog.bitcode_of(claimed)):
                self.improved += 1
                log.append_event(cache, "model:improved")
        except Exception as error:  # noqa: BLE001 - one module must not keep the others waiting
            self._drop(cache, claimed, f"{type(error).__name__}: {error}")
        else:
            self.done += 1
            backlog.drop(claimed)
        finally:
            self.working = False

    def _drop(self, cache: Path, path: Path, why: str) -> None:
        self.dropped += 1
        log.write_log(self._place.log, f"{path.stem} leaves the queue without a plan: {why}")
        log.append_event(cache, "model:dropped")
        backlog.drop(path)

    def _improve(self, cache: Path, entry: backlog.Entry, bitcode: Path) -> bool:
        """Search with the model's recipes; return whether the cache has a smaller plan now."""
        compiler = self._compiler(entry)
        settings = self._settings._replace(
            clang=str(compiler.path),
            backend=entry.backend,
            model=entry.model,
            cache_dir=cache,
            infer="wait",
            unhurried=True,
            log=self._place.log,
        )
        backend = backends.create(entry.backend, settings)
        argv = [str(compiler.real), "-cc1", *entry.options, "-x", "ir", str(bitcode), "-emit-obj", "-o", os.devnull]
        with Evaluator(argv, self._stub(compiler, cache), cache, compiler_environment()) as evaluator:
            if (evaluator.request.target, evaluator.request.llvm) != (entry.target, entry.llvm):
                raise ToolchainError(f"{compiler.path} compiles for {evaluator.request.target}, not {entry.target}")
            request = evaluator.request._replace(key=entry.key, budget=entry.budget)
            plan, _ = Search(Measuring(evaluator), request, backend, entry.backend).run()
        store = LocalStore(cache, max_bytes=entry.max_size)
        known = store.get(entry.key)
        # The promise of a plan is about the very object: when -Oz has another size here, this is another compile.
        if known is not None and known.size_oz != plan.size_oz:
            raise ToolchainError(f"plain -Oz has {plan.size_oz} bytes here and {known.size_oz} in the build")
        if known is None or plan.size >= known.size:
            return False
        if plan.recipe is not None:
            vouch(cache, plan.major, plan.recipe)
        return store.put(plan)

    def _compiler(self, entry: backlog.Entry) -> Compiler:
        """Find the clang that compiled a module, or one of its version."""
        name = entry.clang or entry.llvm
        if name not in self._compilers:
            named = []
            if entry.clang is not None:
                with suppress(ClangLlmError):
                    named.append(inspect(Path(entry.clang)))
            found = [each for each in named if each.version == entry.llvm]
            found = found or [each for each in installed_compilers() if each.version == entry.llvm]
            if not found:
                raise ToolchainError(f"there is no clang {entry.llvm}; name it in CLANG_LLM_CLANG")
            self._compilers[name] = found[0]
        return self._compilers[name]

    def _stub(self, compiler: Compiler, cache: Path) -> Path:
        where = (compiler.real, cache)
        if where not in self._stubs:
            self._stubs[where] = build_plugin(compiler, cache, self._settings.python).stub
        return self._stubs[where]
