"""Entries of a cache and what becomes of them: whose word counts, and the way back from a plan that does not fit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from integration import plugin_support
from integration.plugin_support import Bench

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.vouched import vouch
from clang_llm.system import ledger, process
from clang_llm.toolchain import plugins as toolchain

#: A link-time assertion: -Oz folds the call away, and a plan that inlines nothing does not.
ASSERTED = """
extern void width_is_wrong(void);
static int width(int kind) { switch (kind) { case 4: return 32; case 8: return 64; default: return 0; } }
int get(void) { if (width(sizeof(int)) != 32) width_is_wrong(); return 7; }
int main(void) { return get() - 7; }
"""
MANY = "\n".join(
    f"int f{n}(int a, int *p) {{ int s = {n}; for (int i = 0; i < a; i++) s += p[i] * (i ^ {n}); return s % 9; }}"
    for n in range(40)
)


@pytest.fixture
def bench(builds: Path, tmp_path: Path) -> Bench:
    compiler = plugin_support.compiler_of(19)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip("clang-19 and llvm-19-dev are not installed")
    made = Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)
    made.environment["CLANG_LLM_BACKEND"] = "coreset"
    return made


def write(bench: Bench, text: str) -> Path:
    path = bench.root / "source.c"
    path.write_text(text, encoding="utf-8")
    return path


def entry(bench: Bench, source: Path, recipe: Recipe, *options: str) -> Plan:
    key = bench.key(source, *(options or ("-Oz",)))
    return Plan(key, "19.1.7", "x86_64-pc-linux-gnu", recipe, 1 << 20, 1, 32, {})


def said_to_be_saved(bench: Bench) -> int:
    """Bytes that the ledger says of the one object; nobody has measured what became of it."""
    (compiled,) = ledger.read(bench.cache).compiles.values()
    assert compiled.size is None
    return compiled.saved


def leave(bench: Bench, plan: Plan, *, sealed: bool) -> None:
    """Put an entry into the cache, as this user's own measurement or as anybody's file with a right checksum."""
    store = LocalStore(bench.cache)
    if sealed:
        assert store.put(plan)
        return
    store.path(plan.key).parent.mkdir(parents=True, exist_ok=True)
    store.path(plan.key).write_bytes(encode(plan))


def shipped(wanted: Callable[[Recipe], bool]) -> Recipe:
    return next(recipe for recipe in read_coreset(19).lists if recipe.staged and wanted(recipe))


def links_and_runs(bench: Bench) -> bool:
    linked = process.run([bench.compiler.path, bench.root / "out.o", "-o", bench.root / "program"])
    return linked.ok and process.run([bench.root / "program"]).ok


@pytest.mark.parametrize("sealed", [False, True])
def test_what_nobody_vetted_is_a_counted_miss(bench: Bench, sealed: bool) -> None:
    source = write(bench, ASSERTED)
    leave(bench, entry(bench, source, Recipe("globaldce")), sealed=sealed)
    bench.compile(source)
    assert bench.events()[0] == "unvetted"
    assert links_and_runs(bench)
    (bench.cache / "events").unlink()
    bench.compile(source)
    assert bench.events()[0] in ("hit", "hit:oz")


@pytest.mark.parametrize(
    "pipeline", ["function(loop(licm))", "function(instcombine<max-iterations=1>)", "iroutliner", "no-such-pass"]
)
def test_what_may_not_run_is_damage(bench: Bench, pipeline: str) -> None:
    source = write(bench, ASSERTED)
    leave(bench, entry(bench, source, Recipe(pipeline)), sealed=True)
    bench.compile(source)
    assert bench.events()[0] == "corrupt"
    assert links_and_runs(bench)


def test_vetted_pieces_that_somebody_else_put_together_are_measured_first(bench: Bench) -> None:
    source = write(bench, ASSERTED)
    weak = shipped(lambda recipe: recipe.module == "always-inline")
    leave(bench, entry(bench, source, weak), sealed=False)
    bench.compile(source)
    assert bench.events()[:2] == ["unsealed", "refused:needs"]
    assert links_and_runs(bench)


def test_a_sound_plan_of_somebody_else_is_kept_as_ours(bench: Bench) -> None:
    source = write(bench, "int squares(int n) { int s = 0; for (int i = 0; i < n; i++) s += i * i; return s; }")
    bench.compile(source)
    key = bench.key(source)
    store = LocalStore(bench.cache)
    theirs = store.get(key)
    assert theirs is not None
    assert theirs.recipe is not None
    own = bench.compile(source)
    leave(bench, theirs._replace(budget=32), sealed=False)
    (bench.cache / "events").unlink()
    assert bench.compile(source) == own
    assert bench.events() == ["unsealed", "stored", "applied"]
    assert store.is_sealed(key)
    assert store.get(key) == theirs._replace(budget=32)
    (bench.cache / "events").unlink()
    assert bench.compile(source) == own
    assert bench.events() == ["hit", "applied"]


def test_without_a_search_a_plan_of_somebody_else_is_measured_too(bench: Bench) -> None:
    source = write(bench, ASSERTED)
    leave(bench, entry(bench, source, shipped(lambda recipe: recipe.module == "always-inline")), sealed=False)
    bench.compile(source, CLANG_LLM_EFFORT="0")
    assert bench.events() == ["unsealed", "bypass:effort_0"]
    assert links_and_runs(bench)


def test_a_plan_for_other_functions_ends_as_plain_clang(bench: Bench) -> None:
    source = write(bench, ASSERTED)
    recipe = shipped(lambda recipe: "function-simplification" in recipe.functions[0])
    leave(bench, entry(bench, source, recipe._replace(use=(0,) * 9)), sealed=True)
    assert bench.compile(source) == bench.plain(source)
    assert bench.events() == ["hit", "error:unfit", "bypass:disabled"]
    assert said_to_be_saved(bench) == 0


def test_from_standard_input_such_a_plan_is_tried_first(bench: Bench) -> None:
    source = write(bench, ASSERTED)
    recipe = shipped(lambda recipe: "function-simplification" in recipe.functions[0])
    leave(bench, entry(bench, source, recipe._replace(use=(0,) * 9)), sealed=True)
    objects = []
    for plugin in ([], [f"-fpass-plugin={bench.plugin / 'stub.so'}"]):
        output = bench.root / "stdin.o"
        command: list[str | Path] = [bench.compiler.path, *plugin, "-Oz", "-x", "c", "-", "-c", "-o", output]
        done = process.run(command, env=bench.environment, stdin=ASSERTED.encode())
        assert (done.ok, done.stderr) == (True, b"")
        objects.append(output.read_bytes())
    assert bench.events() == ["hit", "error:unfit"]
    assert said_to_be_saved(bench) == 0
    assert objects[0] == objects[1]


@pytest.mark.parametrize("broken_by", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_while_a_plan_is_applied_ends_as_plain_clang(bench: Bench, broken_by: signal.Signals) -> None:
    source = write(bench, "int unused_static; static int never(void) { return 1; }\n" + MANY)
    slow = Recipe(",".join(["default<O3>"] * 300))
    assert vouch(bench.cache, 19, slow)
    leave(bench, entry(bench, source, slow, "-Oz", "-w"), sealed=True)
    output = bench.root / "out.o"
    command: list[str | Path] = [
        bench.compiler.path,
        f"-fpass-plugin={bench.plugin / 'stub.so'}",
        "-Oz",
        "-Wall",
        "-c",
        source,
        "-o",
        output,
    ]
    reproducers = bench.root / "reproducers"
    reproducers.mkdir()
    environ = {**bench.environment, "TMPDIR": str(reproducers)}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 60
        while "hit" not in bench.events() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)  # the head is at its first hundred passes now
        os.kill(running.pid, broken_by)
        said = running.communicate(timeout=120)[1].decode()
    assert running.returncode == 0, said
    assert said.count("warning:") == 1  # clang's own, once
    assert "Stack dump" not in said
    assert list(reproducers.iterdir()) == []
    assert [path.name for path in bench.root.glob("*.tmp")] == []
    assert bench.events() == ["hit", "error:crashed", "bypass:disabled"]
    assert said_to_be_saved(bench) == 0
    ours = output.read_bytes()
    assert ours == bench.plain(source, "-Oz", "-w")
