"""Build a package's source tree with a given compiler, always in the same directory, and run its tests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clang_llm.lab.packages.recipes import AUTOTOOLS, CMAKE, Recipe, detect_system
from clang_llm.system import process
from clang_llm.system.errors import PackageError, ProcessTimeout

# Bounds against hangs only: the longest build and test suite here takes a few minutes.
STEP_LIMIT_S = 3600.0
# __DATE__ and __TIME__ of every build, so that objects can be compared: 2024-01-01, any fixed moment would do.
_EPOCH = "1704067200"
_PLACEHOLDER = re.compile(r"\{(?:cc|cxx|flags|jobs)\}")


@dataclass(frozen=True)
class Compilers:
    """What CC and CXX are, and the environment they run in."""

    cc: str
    cxx: str
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Project:
    """A source tree, how to build it, the directory its builds go to, and the number of make jobs."""

    recipe: Recipe
    source: Path
    home: Path
    jobs: int = 2


@dataclass(frozen=True)
class Step:
    """One command of a build: ``kind`` is ``configure``, ``build`` or ``test``."""

    kind: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class StepResult:
    """How a step went; ``log`` holds what it said."""

    kind: str
    returncode: int
    cpu_s: float
    wall_s: float
    log: Path


@dataclass(frozen=True)
class Built:
    """A build: the tree where it lies now, and its steps."""

    tree: Path
    steps: tuple[StepResult, ...] = field(default=())

    def cpu_s(self, *kinds: str) -> float:
        """CPU seconds of the steps of these kinds, all processes included."""
        return sum(step.cpu_s for step in self.steps if step.kind in kinds)

    def wall_s(self, *kinds: str) -> float:
        """Wall seconds of the steps of these kinds."""
        return sum(step.wall_s for step in self.steps if step.kind in kinds)

    @property
    def tests_passed(self) -> bool | None:
        """Whether the package's tests passed; None when it has none."""
        tests = [step for step in self.steps if step.kind == "test"]
        return all(step.returncode == 0 for step in tests) if tests else None


def plan_steps(recipe: Recipe, tree: Path, compilers: Compilers, flags: str, jobs: int) -> list[Step]:
    """The commands that configure, build and test a tree.

    Raises:
        PackageError: the tree has no build system that is known here.
    """
    values = {"{cc}": compilers.cc, "{cxx}": compilers.cxx, "{flags}": flags, "{jobs}": str(jobs)}

    def fill(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_PLACEHOLDER.sub(lambda match: values[match.group()], word) for word in words)

    system = recipe.system or detect_system(tree)
    steps: list[Step] = []
    parallel = f"-j{jobs}"
    if system == AUTOTOOLS:
        if not (tree / "configure").exists():
            steps.append(Step("configure", ("autoreconf", "-fi")))
        variables = ("CC={cc}", "CXX={cxx}", "CFLAGS={flags}", "CXXFLAGS={flags}")
        steps.append(Step("configure", fill(("sh", "./configure", *variables, *recipe.configure))))
        steps.append(Step("build", fill(("make", parallel, *recipe.make))))
    elif system == CMAKE:
        # Build type None: the others add optimisation options of their own behind ours.
        options = ["-DCMAKE_BUILD_TYPE=None"]
        options += [f"-DCMAKE_{x}_COMPILER={{{y}}}" for x, y in (("C", "cc"), ("CXX", "cxx"))]
        options += [f"-DCMAKE_{x}_FLAGS={{flags}}" for x in ("C", "CXX")]
        steps.append(Step("configure", fill(("cmake", "-S", ".", "-B", "_build", *options, *recipe.configure))))
        steps.append(Step("build", fill(("cmake", "--build", "_build", parallel, *recipe.make))))
    else:
        variables = ("CC={cc}", "CXX={cxx}", "CFLAGS={flags}", "CXXFLAGS={flags}")
        steps.append(Step("build", fill(("make", parallel, *variables, *recipe.make))))
    if recipe.test:
        steps.append(Step("test", fill(recipe.test)))
    return steps


def build_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a build: ours without what an outer make left, in one locale, at one date."""
    dropped = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS")
    kept = {name: value for name, value in environ.items() if name not in dropped}
    return {**kept, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": _EPOCH}


def _run_step(step: Step, tree: Path, log: Path, environ: Mapping[str, str]) -> StepResult:
    try:
        done = process.run(step.argv, env=environ, cwd=tree, timeout_s=STEP_LIMIT_S)
    except ProcessTimeout as error:
        raise PackageError(f"{step.argv[0]} in {tree} hangs: {error}") from error
    log.write_bytes(done.stdout + b"\n--- standard error ---\n" + done.stderr)
    return StepResult(step.kind, done.returncode, done.cpu_s, done.wall_s, log)


def copy_tree(source: Path, destination: Path) -> None:
    """Copy a source tree, times included: a build system that sees newer inputs would regenerate files."""
    shutil.rmtree(destination, ignore_errors=True)
    shutil.copytree(source, destination, symlinks=True)


def build(project: Project, variant: str, compilers: Compilers, flags: str, *, test: bool = False) -> Built:
    """Build a copy of the project's source in ``<home>/build``, then move it to ``<home>/<variant>``.

    Every variant is built in the same directory, so that paths in debug information and in messages are equal.

    Args:
        project: What to build, and where.
        variant: Name of the finished tree.
        compilers: CC and CXX.
        flags: CFLAGS and CXXFLAGS.
        test: Whether to run the project's tests, too; their failure is a result.

    Raises:
        PackageError: a step other than the tests failed; the message names its log.
    """
    recipe, home = project.recipe, project.home
    place = home / "build"
    copy_tree(project.source, place)
    tree = place / recipe.subdir
    environ = build_environment(compilers.environ)
    results: list[StepResult] = []
    for number, step in enumerate(plan_steps(recipe, tree, compilers, flags, project.jobs)):
        if step.kind == "test" and not test:
            continue
        result = _run_step(step, tree, home / f"{variant}.{number}.{step.kind}.log", environ)
        results.append(result)
        if result.returncode != 0 and step.kind != "test":
            raise PackageError(f"{recipe.name} ({variant}): {' '.join(step.argv)[:200]} failed; see {result.log}")
    shutil.rmtree(home / variant, ignore_errors=True)
    place.replace(home / variant)
    return Built(home / variant, tuple(results))
