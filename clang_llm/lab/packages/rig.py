"""The compilers that are compared: plain clang, and our wrapper around the same clang in different states."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clang_llm.lab.packages.build import Compilers
from clang_llm.system import layout, log, process
from clang_llm.system.errors import DataError

# Building the plugin for a new clang takes half a minute of one core.
_WARM_UP_LIMIT_S = 600.0
_WARM_UP_TRIES = 3
# Something that a pass list may make smaller or not, but that is not empty.
_WARM_UP = "int f(int a, int b) { int s = 0; while (a-- > b) s += a * b; return s; }\n"


@dataclass(frozen=True)
class Rig:
    """One real clang, our wrapper around it, and a cache directory that is used for nothing else.

    Attributes:
        clang: Path of clang.
        clangxx: Path of the clang++ beside it.
        cache_dir: Private cache; the built plugin stays in it, its plans are removed by `cold`.
        environ: Environment without any setting of ours.
    """

    clang: Path
    clangxx: Path
    cache_dir: Path
    environ: Mapping[str, str]

    def plain(self) -> Compilers:
        """The real clang."""
        return Compilers(str(self.clang), str(self.clangxx), self.environ)

    def ours(self, **settings: str) -> Compilers:
        """The wrapper, with settings given by name: ``effort="0"`` sets CLANG_LLM_EFFORT."""
        ours = {f"CLANG_LLM_{name.upper()}": value for name, value in settings.items()}
        environ = {
            **self.environ,
            "CLANG_LLM_CLANG": str(self.clang),
            "CLANG_LLM_CACHE_DIR": str(self.cache_dir),
            # What is measured here is a search, not what others found.
            "CLANG_LLM_SEED_DIR": os.devnull,
            **ours,
        }
        return Compilers(str(layout.wrapper()), str(layout.wrapper(cxx=True)), environ)

    def cold(self) -> None:
        """Forget all plans and counts; the plugin stays built."""
        for name in ("plans", "quarantine"):
            shutil.rmtree(self.cache_dir / name, ignore_errors=True)
        log.zero(self.cache_dir)

    def counts(self) -> Counter[str]:
        """Events since the last `cold`."""
        return log.fold_events(self.cache_dir)

    def warm_up(self) -> None:
        """Compile a few lines with each wrapper, so that the plugin is built before anything is timed.

        Raises:
            DataError: clang does not work, or no plan was made: every comparison would be clang with clang.
        """
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        ours = self.ours()
        # A few lines are too little for a search otherwise.
        environ = {**ours.environ, "CLANG_LLM_MIN_INSTRUCTIONS": "0"}
        for compiler, suffix in ((ours.cc, ".c"), (ours.cxx, ".cpp")):
            source = self.cache_dir / f"warm-up{suffix}"
            source.write_text(_WARM_UP, encoding="utf-8")
            # A plugin that is out of date is noticed by one compile, which does without, and built again by the next.
            if not any(self._plans(compiler, source, environ) for _ in range(_WARM_UP_TRIES)):
                said = ", ".join(sorted(self.counts())) or "nothing"
                raise DataError(f"{compiler} does nothing here (events: {said}); run clang-llm-tool doctor")
        self.cold()

    def _plans(self, compiler: str, source: Path, environ: Mapping[str, str]) -> bool:
        """Compile one file at -Oz; tells whether a plan was looked up. Raises DataError when the compile fails."""
        self.cold()
        argv = [compiler, "-Oz", "-c", str(source), "-o", str(source.with_suffix(".o"))]
        done = process.run(argv, env=environ, timeout_s=_WARM_UP_LIMIT_S)
        if not done.ok:
            raise DataError(f"{compiler} cannot compile: {done.stderr.decode(errors='replace')[:300]}")
        counts = self.counts()
        return any(counts[name] for name in ("miss", "hit", "hit:oz"))
