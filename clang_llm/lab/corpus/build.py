"""Build one package for the corpus: capture what compiles, within a limit, and never fail for a package's sake."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clang_llm.lab.corpus.targets import capturing
from clang_llm.lab.packages.build import Compilers, Step, build_environment, copy_tree, plan_steps
from clang_llm.lab.packages.recipes import Recipe, recipe_for
from clang_llm.lab.packages.workplace import Workplace
from clang_llm.system import process
from clang_llm.system.errors import ClangLlmError, ProcessError, ProcessTimeout

# What configure is asked for where it knows the word: one set of objects instead of two, and fewer requirements.
_LEANER = ("shared", "nls", "gtk-doc")


@dataclass(frozen=True)
class Listed:
    """One line of a package list: the package, what it is written in, binary packages that its build needs."""

    name: str
    language: str = "C"
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a build went.

    Attributes:
        version: Of the source package.
        problem: Why it is not complete; empty when it is.
    """

    version: str
    problem: str = ""


@dataclass(frozen=True)
class PackageBuilder:
    """Fetches and builds packages with the corpus's compilers, one after the other.

    Attributes:
        place: Sources, build trees and the real clang.
        cc: The capturing C compiler.
        cxx: The capturing C++ compiler.
        jobs: Jobs of make.
        limit_s: Wall seconds for one package, its download aside.
    """

    place: Workplace
    cc: Path
    cxx: Path
    jobs: int
    limit_s: float

    def tree(self, package: str) -> Path:
        """Where a package is built."""
        return self.place.home(package) / "build"

    def build(self, listed: Listed, targets: Sequence[str], captures: Path) -> Outcome:
        """Build a package; its modules go to ``<captures>/<target>``. Source and objects are removed afterwards.

        Raises:
            ClangLlmError: it cannot be fetched.
        """
        recipe = _recipe(listed)
        source = self.place.source(recipe)
        try:
            copy_tree(source.tree, self.tree(listed.name))
            problem = self._build(recipe, targets, captures)
        except (ClangLlmError, OSError) as error:  # a tree that cannot be copied or read is the package's fault, too
            problem = str(error)
        finally:
            shutil.rmtree(self.tree(listed.name), ignore_errors=True)
            shutil.rmtree(source.tree, ignore_errors=True)
            (self.place.home(listed.name) / "source.version").unlink(missing_ok=True)
        return Outcome(source.version, problem)

    def _build(self, recipe: Recipe, targets: Sequence[str], captures: Path) -> str:
        """Run the steps of a build until the time is up; returns what went wrong."""
        tree = self.tree(recipe.name) / recipe.subdir
        ours = self.place.rig.ours(backend="capture")
        compilers = Compilers(str(self.cc), str(self.cxx), build_environment(ours.environ))
        deadline = time.monotonic() + self.limit_s
        log = self.place.home(recipe.name) / "log"
        log.unlink(missing_ok=True)
        for step in plan_steps(_leaner(recipe, tree), tree, compilers, "-Oz", self.jobs):
            if step.kind == "test":
                continue
            switches = capturing(targets, captures) if step.kind == "build" else {"CLANG_LLM_DISABLE": "1"}
            try:
                status = _run(step, tree, {**compilers.environ, **switches}, deadline - time.monotonic(), log)
            except ProcessTimeout:
                return "timeout"
            except ProcessError as error:
                return str(error)
            if status != 0:
                return f"{step.argv[0]} ({step.kind}): exit status {status}"
        return ""


def _recipe(listed: Listed) -> Recipe:
    """The package's recipe, with what the list says it needs."""
    recipe = recipe_for(listed.name)
    return replace(recipe, language=listed.language, needs=(*recipe.needs, *listed.needs))


def _leaner(recipe: Recipe, tree: Path) -> Recipe:
    """Ask the package's configure for less, where it knows how."""
    script = tree / "configure"
    text = script.read_text(encoding="utf-8", errors="replace") if script.is_file() else ""
    words = [f"--disable-{word}" for word in _LEANER if f"able-{word}" in text]
    return replace(recipe, configure=(*words, *recipe.configure))


def _run(step: Step, tree: Path, environ: Mapping[str, str], limit_s: float, log: Path) -> int:
    """Run one step, going on behind errors where it can; what it said is appended to the log."""
    argv = step.argv
    if step.kind == "build":
        argv = (*argv, "-k") if argv[0] == "make" else (*argv, "--", "-k")
    done = process.run(argv, env=environ, cwd=tree, timeout_s=max(1.0, limit_s))
    with log.open("ab") as file:
        file.write(b" ".join(word.encode() for word in argv) + b"\n" + done.stdout + done.stderr)
    return done.returncode
