"""The differential factory with real compilers: a small run that finds nothing, wrong plans that are found."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from clang_llm.lab.differential import own
from clang_llm.lab.differential.factory import MAKERS, Factory, Line, Options
from clang_llm.lab.differential.judge import Emitted, Judge
from clang_llm.lab.differential.ledger import Ledger
from clang_llm.lab.differential.machines import machines
from clang_llm.lab.differential.plans import Plan, Plans
from clang_llm.lab.differential.program import Program
from clang_llm.lab.differential.reduce import PlanReducer, reduce_program
from clang_llm.lab.differential.report import report
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.system.settings import compiler_environment
from clang_llm.toolchain.compiler import Compiler, installed_compilers
from clang_llm.tuning.engines import OptEngine, PluginEngine
from clang_llm.tuning.targets import runnable

MACHINES = machines()
#: Programs of each source and plans for each on x86-64; what the gate takes one minute of a core for.
PROGRAMS, PLANS = 20, 10
#: The same on the other machines.
FEW_PROGRAMS, FEW_PLANS = 4, 4
SEED = 13

MODULE = """
#include <stdio.h>
#include <setjmp.h>
static jmp_buf place;
__attribute__((weak)) int twice(int x) { return 2 * x; }
static int table[40];
static int sum(int n) { int s = 0; for (int i = 0; i < n; ++i) s += table[i] * twice(i); return s; }
static void leave(int x) { if (x > 3) longjmp(place, x); table[x] = x; }
int main(void) {
  volatile int i = 0;
  if (setjmp(place)) i += 10;
  while (i < 6) leave(i++);
  printf("%d %d\\n", sum(40), i);
  return 0;
}
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return compiler_environment({"CLANG_LLM_CACHE_DIR": str(tmp_path / "cache")})


def judge_for(compiler: Compiler, machine: str, builds: Path, environ: dict[str, str]) -> Judge:
    try:
        return Judge(compiler, MACHINES[machine], builds, environ, compiler)
    except ToolchainError as error:
        pytest.skip(str(error))


def mixed(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Whole recipes, and one in which functions differ, for more functions than there are."""
    staged = [recipe for recipe in recipes if recipe.staged]
    head = [recipe for recipe in staged if recipe.module == staged[0].module]
    some = tuple(dict.fromkeys(recipe.functions[0] for recipe in head))[:3]
    mix = Recipe(head[0].module, some, tuple(place % len(some) for place in range(64)), head[0].closing)
    return [*recipes[:6], *([mix] if len(some) > 1 else [])]


def test_what_is_emitted_is_what_a_plan_gives(
    each_compiler: Compiler, builds: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    judge = judge_for(each_compiler, "x86-64", builds, environ)
    program = Program("module", "own", ".c", MODULE, ("-std=gnu11",))
    shipped = read_coreset(each_compiler.major).for_target("x86_64-pc-linux-gnu")
    recipes = mixed(list(all_usable(shipped, each_compiler.major)))
    emitted = judge.compile(program, recipes, tmp_path)
    assert "ok" in emitted.statuses
    stub, applied = judge.engine.stub, tmp_path / "applied.o"
    command: list[str | Path] = [each_compiler.path, "-std=gnu11", "-w", "-Oz", "-c", "program.c", "-o", applied]
    assert process.run(command, env=environ, cwd=tmp_path).ok
    assert emitted.plain.read_bytes() == applied.read_bytes()
    for recipe, item in zip(recipes, emitted.objects, strict=True):
        if item is not None:
            told = json.dumps(recipe.message()) if recipe.staged else recipe.module
            command_with = [*command, f"-fpass-plugin={stub}"]
            done = process.run(command_with, env={**environ, "_CLANG_LLM_APPLY": told}, cwd=tmp_path)
            assert done.ok, done.stderr
            assert item.read_bytes() == applied.read_bytes(), recipe.text


def test_what_cannot_be_read_is_told(
    a_compiler: Compiler, builds: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    judge = judge_for(a_compiler, "x86-64", builds, environ)
    (tmp_path / "recipes").write_text('{"module": 3}\n')
    argv: list[str | Path] = [a_compiler.path, "-Oz", f"-fpass-plugin={judge.engine.stub}", "-x", "c", "-", "-c"]
    argv += ["-o", tmp_path / "a.o"]
    done = process.run(argv, env={**environ, "_CLANG_LLM_EMIT": str(tmp_path)}, stdin=b"int f(void) { return 1; }")
    assert not done.ok
    assert b"recipes to emit" in done.stderr


def line_for(compiler: Compiler, machine: str, options: Options, builds: Path, environ: dict[str, str]) -> Line:
    missing = runnable(MACHINES[machine].target, compiler, environ)
    if missing[".c"]:
        pytest.skip(missing[".c"])
    there = (
        MACHINES[machine] if not missing[".cpp"] else replace(MACHINES[machine], has=MACHINES[machine].has - {"c++"})
    )
    # The plugins that other tests built.
    options.work.mkdir(parents=True, exist_ok=True)
    (options.work / "cache").symlink_to(builds)
    try:
        return Line(compiler, there, options, Ledger(options.work), environ, compiler)
    except ToolchainError as error:
        pytest.skip(str(error))


def run(line: Line, options: Options) -> None:
    Factory([line], options, lambda _: None).run()
    assert not [name for row in line.rows for name in row.differences], report(line.rows)


def sources() -> tuple[str, ...]:
    """All that are here; programs of the suite are tried by other tests in bulk."""
    return tuple(name for name in ("own", "csmith") if MAKERS[name](SEED, 0, MACHINES["x86-64"]) is not None)


@pytest.mark.timeout(1200)  # one minute of a core, on a machine that may be busy
def test_no_plan_changes_what_a_program_does(
    a_compiler: Compiler, builds: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    options = Options(tmp_path / "work", SEED, sources(), PLANS, programs=PROGRAMS)
    line = line_for(a_compiler, "x86-64", options, builds, environ)
    run(line, options)
    judged = [row for row in line.rows if not row.excluded]
    # Programs that prove nothing would make this a test that cannot fail.
    assert len(judged) >= PROGRAMS * 3 // 4, report(line.rows)
    assert line.runs >= len(judged) * PLANS // 2
    assert sum(row.executed for row in judged) >= len(judged) * 3
    # What was run is not run again.
    before = list(line.ledger.rows)
    again = Line(a_compiler, line.machine, options, Ledger(options.work), environ, a_compiler)
    run(again, options)
    assert again.ledger.rows == before


@pytest.mark.parametrize("machine", sorted(set(MACHINES) - {"x86-64"}))
def test_nor_on_other_machines(
    machine: str, a_compiler: Compiler, builds: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    options = Options(tmp_path / "work", SEED, sources(), FEW_PLANS, programs=FEW_PROGRAMS)
    line = line_for(a_compiler, machine, options, builds, environ)
    run(line, options)
    assert line.runs >= FEW_PLANS


class Unguarded(Judge):
    """Forces lists that the plugin refuses: with opt, which checks nothing."""

    def compile(self, program: Program, recipes: Sequence[Recipe], place: Path) -> Emitted:
        plain = super().compile(program, [], place)
        driver = PluginEngine(self.compiler, self.engine.stub).compiler.path
        bitcode = place / "program.bc"
        source = f"program{program.suffix}"
        words: list[str | Path] = [f"{driver}".replace("clang", "clang++") if program.is_cxx else driver]
        words += [*program.options, "-w", "-Oz", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c", source]
        done = process.run([*words, "-o", bitcode], cwd=place)
        assert done.ok, done.stderr
        engine = OptEngine.find(self.compiler)
        objects = [place / f"forced{number}.o" for number in range(len(recipes))]
        failed = [
            engine.compile(bitcode, recipe.text, item, compiler_environment())
            for recipe, item in zip(recipes, objects, strict=True)
        ]
        statuses = tuple("ok" if each is None else "crashed" for each in failed)
        return replace(
            plain,
            statuses=statuses,
            objects=tuple(None if each else item for each, item in zip(failed, objects, strict=True)),
        )


#: What finds loops that a library function does.
IDIOM = "simplifycfg,loop-mssa(loop-rotate),instcombine<no-verify-fixpoint>,loop(indvars),loop(loop-idiom)"
#: A list that is wrong, a fragment that shows it, how, and the pass to blame.
WRONG = (
    ("function(sroa,early-cse,simplifycfg),function(lower-invoke),globaldce", "exceptions", "signal", "lower-invoke"),
    ("globalopt,internalize,globaldce", "recursion", "link", "internalize"),
    ("globaldce,function(sroa,early-cse,simplifycfg),iroutliner,constmerge", "returnaddress", "output", "iroutliner"),
    (f"function(sroa,early-cse,simplifycfg),mergefunc,function({IDIOM}),globaldce", "twins", "signal", "mergefunc"),
)


def program_of(fragment: str, seed: int) -> Program:
    (found,) = [each for each in own.fragments() if each.name == fragment]
    machine = replace(MACHINES["x86-64"], has=frozenset())
    return own.compose(
        f"{fragment}-{seed}", random.Random(seed), [found], MACHINES["x86-64"] if machine.elf else machine
    )


@pytest.mark.parametrize(("passes", "fragment", "how", "blamed"), WRONG, ids=[each[3] for each in WRONG])
def test_a_wrong_plan_is_found_and_its_pass_named(
    passes: str, fragment: str, how: str, blamed: str, a_compiler: Compiler, builds: Path, environ: dict[str, str]
) -> None:
    judge = judge_for(a_compiler, "x86-64", builds, environ)
    forced = Unguarded(a_compiler, MACHINES["x86-64"], builds, environ, a_compiler)
    wrong = Plan("whole", Recipe(passes))
    right = Plan("whole", Recipe("function(sroa,early-cse,simplifycfg),globaldce"))
    tried = {seed: forced.judge(program_of(fragment, seed), [right, wrong]) for seed in range(4)}
    assert not any(judgement.excluded for judgement in tried.values())
    shown = {seed: judgement.differences for seed, judgement in tried.items() if judgement.differences}
    assert shown, "no program shows what is wrong with the list"
    seed, found = next(iter(shown.items()))
    program = program_of(fragment, seed)
    assert [each.plan for each in found] == [wrong]
    assert found[0].how in {how, "exit"}
    assert blamed in PlanReducer(forced, program).reduce(wrong.recipe).text
    # And the plugin does not let it happen: it refuses the list, or the pass leaves such functions alone.
    assert judge.judge(program, [wrong]).differences == []


def still_differs(builds: Path, passes: str) -> int:
    """Ask, as `probe` does, of the program that is named last on the command line, in a process of its own."""
    compiler = next(each for each in installed_compilers() if each.major == 19)
    environ = compiler_environment({"CLANG_LLM_CACHE_DIR": str(builds.parent / "cache")})
    forced = Unguarded(compiler, MACHINES["x86-64"], builds, environ, compiler)
    text = Path(sys.argv[-1]).read_text(encoding="utf-8", errors="replace")
    variant = replace(program_of("returnaddress", 0), text=text)
    return 0 if PlanReducer(forced, variant).differing([Recipe(passes)]) else 1


@pytest.mark.projects
@pytest.mark.timeout(3600)
def test_cvise_makes_a_program_small(
    a_compiler: Compiler, builds: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    """Half an hour at most: each question builds and runs the program several times."""
    if not shutil.which("cvise"):
        pytest.skip("cvise is not installed")
    passes, fragment, _, _ = WRONG[2]
    judge_for(a_compiler, "x86-64", builds, environ)
    program = program_of(fragment, 0)
    tests = str(Path(__file__).resolve().parents[2])
    code = f"import sys; from pathlib import Path; from {__name__} import still_differs; "
    code += f"sys.exit(still_differs(Path({str(builds)!r}), {passes!r}))"
    python = {**environ, "PYTHONPATH": os.pathsep.join([tests, str(Path(tests).parent)])}
    asking = ["env", f"PYTHONPATH={python['PYTHONPATH']}", sys.executable, "-c", code]
    said = reduce_program(tmp_path, program, python, asking)
    small = (tmp_path / "cvise" / f"program{program.suffix}").read_text(encoding="utf-8")
    assert said == f"program reduced: cvise/program{program.suffix}\n"
    assert len(small) < len(program.text) / 2
    assert "return_address" in small


def test_plans_are_there_for_every_llvm(each_compiler: Compiler) -> None:
    plans = Plans(each_compiler.major, "x86_64-pc-linux-gnu")
    assert len(plans.draw(random.Random(1), 24, 0)) == 24


def test_a_plugin_that_steps_aside_ends_the_run(
    a_compiler: Compiler, builds: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    judge = judge_for(a_compiler, "x86-64", builds, environ)
    # As after an update of clang: the stub finds another identity than the one that it was built for.
    stale = tmp_path / "stale"
    shutil.copytree(judge.engine.stub.parent, stale)
    identity = stale / "identity"
    identity.chmod(0o644)
    identity.write_text(identity.read_text().replace("exe ", "exe 1", 1))
    judge.engine = PluginEngine(a_compiler, stale / judge.engine.stub.name)
    with pytest.raises(ToolchainError, match="does nothing"):
        judge.judge(program_of("switches", 1), [Plan("whole", Recipe("globaldce"))])
