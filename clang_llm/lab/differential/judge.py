"""One program and its plans: everything is compiled by two clangs, linked and run, and what differs is told."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clang_llm.lab.differential.machines import Linker, Machine, Outcome, Runner, run_once
from clang_llm.lab.differential.plans import Plan
from clang_llm.lab.differential.program import Program
from clang_llm.plans.recipe import Recipe
from clang_llm.system import process
from clang_llm.system.errors import ProcessTimeout, ToolchainError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning.building import cxx_of
from clang_llm.tuning.engines import PluginEngine

_COMPILE_LIMIT_S = 300.0
#: A reference that takes longer is no program to run many times.
_REFERENCE_LIMIT_S = 2.0
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize=function", "-fno-sanitize-recover=all", "-g0")
_SANITIZER_WORDS = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=0"}


@dataclass(frozen=True)
class Difference:
    """A plan that changed what a program does.

    Attributes:
        plan: The plan.
        how: ``link``, ``timeout``, ``signal``, ``exit`` or ``output``.
        expected: What the program does without a plan.
        got: What it did.
    """

    plan: Plan
    how: str
    expected: str
    got: str


@dataclass
class Judgement:
    """What became of one program and its plans.

    Attributes:
        excluded: Why the program is no judge; empty when it is.
        statuses: Plans by the status that the plugin gave them.
        kinds: Accepted plans by kind.
        executed: Programs that were run: equal objects are run once.
        differences: Plans that changed what it does.
    """

    excluded: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    executed: int = 0
    differences: list[Difference] = field(default_factory=list)


class Excluded(Exception):  # noqa: N818 - an outcome, not a mistake
    """The program is no judge; the message says why."""


@dataclass(frozen=True)
class Emitted:
    """Objects of one program: the one of -Oz, and for each plan its status and object (None where there is none)."""

    reference: Path
    plain: Path
    statuses: tuple[str, ...]
    objects: tuple[Path | None, ...]


class Judge:
    """Tries plans on programs, for one clang and one machine.

    Args:
        compiler: The clang.
        machine: For what it compiles.
        cache_dir: Where the plugin is built.
        environ: Environment of all commands, without switches of ours.
        sanitizing: The clang whose sanitizers look for undefined behaviour; None: nobody looks.
    """

    def __init__(
        self,
        compiler: Compiler,
        machine: Machine,
        cache_dir: Path,
        environ: Mapping[str, str],
        sanitizing: Compiler | None,
    ) -> None:
        self.compiler, self.machine = compiler, machine
        self._cache_dir, self._environ, self._sanitizing = cache_dir, dict(environ), sanitizing
        self.engine = PluginEngine.build(compiler, cache_dir)
        self._linker = Linker(machine, compiler, environ)
        self._runner = Runner(machine, environ)

    def judge(self, program: Program, plans: Sequence[Plan]) -> Judgement:
        """Try all plans on a program; raises ToolchainError when the tools do not do their work."""
        with tempfile.TemporaryDirectory(prefix="clang-llm-differential-") as place:
            try:
                return self._judge(program, plans, Path(place))
            except Excluded as reason:
                return Judgement(str(reason))

    def _judge(self, program: Program, plans: Sequence[Plan], place: Path) -> Judgement:
        emitted = self.compile(program, [plan.recipe for plan in plans], place)
        expected = self._expected(program, emitted, place)
        found = Judgement(statuses=Counter(emitted.statuses))
        same: dict[str, list[Plan]] = {}
        objects: dict[str, Path] = {}
        for plan, item in zip(plans, emitted.objects, strict=True):
            if item is not None:
                digest = hashlib.sha256(item.read_bytes()).hexdigest()
                same.setdefault(digest, []).append(plan)
                objects.setdefault(digest, item)
                found.kinds[plan.kind] += 1
        plain = hashlib.sha256(emitted.plain.read_bytes()).hexdigest()
        objects.pop(plain, None)
        for digest, (how, got) in self._try(program, objects, expected).items():
            found.differences += [Difference(plan, how, expected.text(), got) for plan in same[digest]]
        found.executed = len(objects)
        return found

    def compile(self, program: Program, recipes: Sequence[Recipe], place: Path) -> Emitted:
        """Compile a program at its reference level, at -Oz and with every recipe; raises Excluded."""
        source = place / f"program{program.suffix}"
        source.write_text(program.text, encoding="utf-8")
        for name, text in program.files:
            (place / name).write_text(text, encoding="utf-8")
        out = place / "out"
        out.mkdir(exist_ok=True)
        lines = [json.dumps(recipe.message()) + "\n" for recipe in recipes]
        (out / "recipes").write_text("".join(lines), encoding="utf-8")
        reference, plain = place / "reference.o", place / "plain.o"
        self._clang(program, [program.reference], reference, {})
        told = {"_CLANG_LLM_EMIT": str(out), "CLANG_LLM_CACHE_DIR": str(self._cache_dir), "CLANG_LLM_READONLY": "1"}
        try:
            self._clang(program, ["-Oz", f"-fpass-plugin={self.engine.stub}"], plain, told)
        except Excluded:
            # The stub ends a compile that wants objects of a plugin that is not to be had: nothing more would mean
            # anything then.
            self._check(told)
            raise Excluded("clang fails with the plugin") from None
        return self._emitted(len(recipes), reference, plain, out)

    def _emitted(self, count: int, reference: Path, plain: Path, out: Path) -> Emitted:
        try:
            lines = (out / "results").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise Excluded("left to clang") from None
        results = list(map(json.loads, lines))
        found = {each["id"]: f"{each['status']} {each.get('reason', '')}".strip() for each in results}
        if found.get(-1) != "ok":
            raise Excluded(f"-Oz is {found.get(-1)}")
        if len(found) != count + 1:
            raise ToolchainError(f"the plugin told of {len(found) - 1} of {count} recipes; try again")
        statuses = tuple(found[number] for number in range(count))
        objects = tuple(out / f"{number}.o" if status == "ok" else None for number, status in enumerate(statuses))
        return Emitted(reference, plain, statuses, objects)

    def _check(self, told: Mapping[str, str]) -> None:
        """Make sure that the plugin does its work at all; raises ToolchainError."""
        argv: list[str | Path] = [self.compiler.path, "-Oz", f"-fpass-plugin={self.engine.stub}", "-x", "c", "-", "-c"]
        with tempfile.TemporaryDirectory(prefix="clang-llm-differential-") as place:
            (Path(place) / "recipes").write_text('"globaldce"\n', encoding="utf-8")
            environ = {**self._environ, **told, "_CLANG_LLM_EMIT": place}
            argv += ["-o", f"{place}/check.o"]
            done = process.run(argv, env=environ, stdin=b"int f(void) { return 1; }", timeout_s=_COMPILE_LIMIT_S)
        if not done.ok:
            raise ToolchainError(
                f"the plugin {self.engine.stub} does nothing; was clang or the plugin's source changed? try again"
            )

    def _clang(self, program: Program, words: Sequence[str], output: Path, told: Mapping[str, str]) -> None:
        driver = cxx_of(self.compiler) if program.is_cxx else self.compiler.path
        argv: list[str | Path] = [driver, *self.machine.options, *program.options, "-w", *words]
        argv += ["-c", f"program{program.suffix}", "-o", str(output)]
        try:
            done = process.run(argv, env={**self._environ, **told}, cwd=output.parent, timeout_s=_COMPILE_LIMIT_S)
        except ProcessTimeout:
            raise Excluded("clang hangs") from None
        if not done.ok:
            raise Excluded("does not compile")

    def _expected(self, program: Program, emitted: Emitted, place: Path) -> Outcome:
        """Return what the program does without a plan; raises Excluded when that is not certain."""
        names = []
        for item in (emitted.reference, emitted.plain):
            names.append(item.with_suffix(""))
            failed = self._linker.link(item, names[-1], program.is_cxx)
            if failed is not None:
                raise Excluded("does not link")
        reference = self._runner.run_all(names[:1], _REFERENCE_LIMIT_S)[0]
        if reference.status is None:
            raise Excluded("takes too long")
        plain = self._runner.run_all(names[1:])[0]
        if reference != plain:
            raise Excluded(f"-Oz differs from {program.reference}")
        if program.sanitised and self._sanitizing is not None:
            self._sanitise(program, self._sanitizing, reference, place)
        return reference

    def _sanitise(self, program: Program, compiler: Compiler, expected: Outcome, place: Path) -> None:
        driver = cxx_of(compiler) if program.is_cxx else compiler.path
        options = self.machine.options if self.machine.native else ()
        argv: list[str | Path] = [driver, *options, *program.options, "-w", "-O0", *_SANITIZERS]
        argv += [f"program{program.suffix}", "-o", "sanitised", "-lm"]
        done = process.run(argv, env=self._environ, cwd=place, timeout_s=_COMPILE_LIMIT_S)
        if not done.ok:
            raise Excluded("sanitizers do not compile it")
        told = {**self._environ, **_SANITIZER_WORDS}
        found = run_once(["./sanitised"], place, told, 5 * _REFERENCE_LIMIT_S)
        # On another machine numbers may differ; there it only has to be silent.
        if found.status is None or found.status != expected.status or b"runtime error:" in found.output:
            raise Excluded("a sanitizer speaks")
        if self.machine.native and found != expected:
            raise Excluded("differs with sanitizers")

    def _try(self, program: Program, objects: Mapping[str, Path], expected: Outcome) -> dict[str, tuple[str, str]]:
        """Link and run objects; returns how those differ that do."""
        found: dict[str, tuple[str, str]] = {}
        linked: dict[str, Path] = {}
        for digest, item in objects.items():
            failed = self._linker.link(item, item.with_suffix(""), program.is_cxx)
            if failed is not None:
                found[digest] = ("link", failed)
            else:
                linked[digest] = item.with_suffix("")
        for digest, got in zip(linked, self._runner.run_all(list(linked.values())), strict=True):
            if got != expected:
                # Once more: a machine that is short of everything is no miscompilation.
                again = self._runner.run_all([linked[digest]])[0]
                if again != expected:
                    found[digest] = (_how(expected, again), again.text())
        for path in linked.values():
            path.unlink(missing_ok=True)
        return found


def _how(expected: Outcome, got: Outcome) -> str:
    if got.status is None:
        return "timeout"
    if got.status != expected.status:
        return "signal" if got.status < 0 or got.status > 128 else "exit"
    return "output"
