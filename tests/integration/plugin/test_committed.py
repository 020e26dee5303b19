"""Plans of a file that a project commits: whose are applied at once, and what a frozen build does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from integration import plugin_support
from integration.plugin_support import Bench

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store import committed, team
from clang_llm.plans.store.committed import Row
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.team import TeamKey
from clang_llm.plans.store.vouched import is_vouched
from clang_llm.system import ledger
from clang_llm.toolchain import plugins as toolchain

SQUARES = "int squares(int n) { int s = 0; for (int i = 0; i < n; i++) s += i * i; return s; }\n"
#: A link-time assertion: -Oz folds the call away, and a plan that inlines nothing does not.
ASSERTED = """
extern void width_is_wrong(void);
static int width(int kind) { switch (kind) { case 4: return 32; case 8: return 64; default: return 0; } }
int get(void) { if (width(sizeof(int)) != 32) width_is_wrong(); return 7; }
"""


@pytest.fixture
def bench(builds: Path, tmp_path: Path) -> Bench:
    compiler = plugin_support.compiler_of(19)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip("clang-19 and llvm-19-dev are not installed")
    made = Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)
    made.environment["CLANG_LLM_BACKEND"] = "coreset"
    made.environment["CLANG_LLM_SEED_DIR"] = os.devnull
    return made


@pytest.fixture
def key(tmp_path: Path) -> TeamKey:
    made = team.make(team.SHARED)
    made.write(tmp_path / "team.key")
    return made


def write(bench: Bench, text: str) -> Path:
    path = bench.root / "source.c"
    path.write_text(text, encoding="utf-8")
    return path


def found(bench: Bench, source: Path) -> tuple[Plan, bytes]:
    """Search, and return the plan with its object; the cache is as empty as before."""
    ours = bench.compile(source)
    plan = LocalStore(bench.cache).get(bench.key(source))
    assert plan is not None
    assert plan.recipe is not None
    empty(bench)
    return committed.canonical(plan), ours


def empty(bench: Bench) -> None:
    LocalStore(bench.cache).clear()
    (bench.cache / "events").unlink(missing_ok=True)


def commit(bench: Bench, rows: Sequence[Row], **variables: str) -> Path:
    """Write the file and set it."""
    file = bench.root / "committed.plans"
    file.write_bytes(committed.render(rows))
    bench.environment["CLANG_LLM_PLANS"] = str(file)
    bench.environment |= {f"CLANG_LLM_{name}": value for name, value in variables.items()}
    return file


def signed(plan: Plan, key: TeamKey) -> Row:
    return Row(plan, key.sign(Row(plan).checksum))


def no_helper(bench: Bench) -> None:
    """From now on a helper that is started leaves a mark."""
    program = bench.root / "marking"
    program.write_text(f"#!/bin/sh\ntouch {bench.root / 'started'}\n")
    program.chmod(0o755)
    (bench.plugin / "helper").write_text(f"{program}\n/nowhere\n")


def started(bench: Bench) -> bool:
    return (bench.root / "started").exists()


Rows = Callable[[Plan, TeamKey], Row]


@pytest.mark.parametrize("frozen", ["0", "1"])
def test_a_signed_plan_is_applied_without_a_measurement(bench: Bench, key: TeamKey, frozen: str) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    strange = plan._replace(budget=32)
    commit(bench, [signed(strange, key)], KEY_FILE=str(bench.root / "team.key"), FROZEN=frozen)
    assert bench.compile(source) == ours
    assert bench.events() == ["miss", "plans:adopted", "applied"]
    store = LocalStore(bench.cache)
    assert store.get(plan.key) == strange
    assert store.is_sealed(plan.key)
    no_helper(bench)
    assert bench.compile(source) == ours
    assert bench.events()[3:] == ["hit", "applied"]
    assert not started(bench)


@pytest.mark.parametrize("frozen", ["0", "1"])
@pytest.mark.parametrize("signature", ["none", "another key"])
def test_another_plan_is_measured_once(bench: Bench, key: TeamKey, signature: str, frozen: str) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    plan = plan._replace(budget=32)
    row = Row(plan) if signature == "none" else signed(plan, team.make(team.SHARED))
    assert not key.verifies(row.checksum, row.signature)
    commit(bench, [row], KEY_FILE=str(bench.root / "team.key"), FROZEN=frozen)
    assert bench.compile(source) == ours
    assert bench.events() == ["miss", "stored", "applied"]
    assert LocalStore(bench.cache).get(plan.key) == plan
    no_helper(bench)
    assert bench.compile(source) == ours
    assert bench.events()[3:] == ["hit", "applied"]
    assert not started(bench)


@pytest.mark.parametrize("frozen", ["0", "1"])
def test_pipelines_that_nobody_vouches_for_are_not_believed(bench: Bench, key: TeamKey, frozen: str) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    recipe = Recipe("function(sroa,early-cse,simplifycfg),globaldce,function(sroa),globaldce")
    plan = plan._replace(recipe=recipe)
    commit(bench, [Row(plan)], FROZEN=frozen)
    assert bench.compile(source) == (bench.plain(source) if frozen == "1" else ours)
    expected = ["miss", "plans:unvetted", *(["bypass:frozen"] if frozen == "1" else ["stored", "applied"])]
    assert bench.events() == expected
    assert not is_vouched(bench.cache, 19, recipe)
    empty(bench)
    commit(bench, [signed(plan, key)], KEY_FILE=str(bench.root / "team.key"))
    assert bench.compile(source) == bench.applied(source, recipe.module)
    assert bench.events()[:3] == ["miss", "plans:adopted", "applied"]


def test_a_frozen_build_without_a_line_is_plain_and_starts_nothing(bench: Bench) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    others = [Row(plan._replace(key=f"{number:02x}" * 32)) for number in range(256)]
    commit(bench, others, FROZEN="1")
    no_helper(bench)
    assert bench.compile(source) == bench.plain(source) != ours
    assert bench.events() == ["miss", "bypass:frozen"]
    assert not started(bench)
    (compiled,) = ledger.read(bench.cache).compiles.values()
    assert compiled.size is None


@pytest.mark.parametrize("number", [0, 1, 2, 3, 30, 299])
def test_the_plugin_finds_every_line(bench: Bench, key: TeamKey, number: int) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    keys = [f"{(int(plan.key[:4], 16) + each - number) % 65536:04x}{plan.key[4:]}" for each in range(300)]
    assert plan.key in keys
    rows = [signed(plan._replace(key=each), key) for each in keys[: number + 1]]
    commit(bench, rows, KEY_FILE=str(bench.root / "team.key"), FROZEN="1")
    assert bench.compile(source) == ours
    commit(bench, [row for row in rows if row.plan.key != plan.key])
    empty(bench)
    assert bench.compile(source) != ours
    assert bench.events() == ["miss", "bypass:frozen"]


def test_a_frozen_build_does_not_depend_on_the_users_cache(bench: Bench, key: TeamKey) -> None:
    """A better plan that was found here, and one for a module that the project has none for: neither is applied."""
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    weak = plan._replace(size=plan.size_oz - 1, recipe=read_coreset(19).lists[0], parts=None, budget=1)
    assert weak.recipe is not None
    theirs = committed.canonical(weak)
    bench.compile(source)
    commit(bench, [signed(theirs, key)], KEY_FILE=str(bench.root / "team.key"))
    assert bench.compile(source) == ours
    frozen = bench.compile(source, CLANG_LLM_FROZEN="1")
    assert frozen != ours
    assert LocalStore(bench.cache).get(plan.key) == theirs
    empty(bench)
    assert bench.compile(source, CLANG_LLM_FROZEN="1") == frozen
    empty(bench)
    bench.environment["CLANG_LLM_PLANS"] = ""
    bench.compile(source)
    commit(bench, [])
    assert bench.compile(source, CLANG_LLM_FROZEN="1") == bench.plain(source)


def test_frozen_without_files_applies_what_the_cache_has(bench: Bench) -> None:
    source = write(bench, SQUARES)
    ours = bench.compile(source)
    (bench.cache / "events").unlink()
    bench.environment |= {"CLANG_LLM_FROZEN": "1", "CLANG_LLM_RECACHE": "1", "CLANG_LLM_EFFORT": "9"}
    no_helper(bench)
    assert bench.compile(source) == ours
    assert bench.events() == ["hit", "applied"]
    source = write(bench, SQUARES.replace("squares", "others"))
    assert bench.compile(source) == bench.plain(source)
    assert bench.events()[2:] == ["miss", "bypass:frozen"]
    assert not started(bench)


def test_a_line_that_says_that_oz_is_best(bench: Bench) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    plan = plan._replace(recipe=None, size=plan.size_oz, parts=None, budget=32)
    commit(bench, [Row(plan)], FROZEN="1")
    (decision,) = [line for line in bench.explain(source) if line["event"] == "decision"]
    assert (decision["do"], decision["reason"]) == ("oz", "best")
    assert bench.compile(source) == bench.plain(source) != ours
    assert bench.compile(source) == bench.plain(source)
    assert bench.events() == ["miss", "hit:oz"]


def test_a_committed_plan_that_does_not_hold_is_not_applied(bench: Bench) -> None:
    source = write(bench, ASSERTED)
    weak = next(recipe for recipe in read_coreset(19).lists if recipe.staged and recipe.module == "always-inline")
    plan = Plan(bench.key(source), "19.1.7", "x86_64-pc-linux-gnu", weak, 100, 90, 6, {"backend": "coreset"})
    commit(bench, [Row(plan)], FROZEN="1")
    for _ in range(2):
        (bench.cache / "events").unlink(missing_ok=True)
        assert bench.compile(source) == bench.plain(source)
        assert bench.events() == ["miss", "refused:needs", "plans:refused", "bypass:frozen"]


@pytest.mark.parametrize("effort", ["0", "4"])
def test_effort_and_size_of_the_module_do_not_matter_where_there_is_a_line(
    bench: Bench, key: TeamKey, effort: str
) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    commit(bench, [signed(plan, key)], KEY_FILE=str(bench.root / "team.key"), FROZEN="1", MIN_INSTRUCTIONS="1000")
    assert bench.compile(source, CLANG_LLM_EFFORT=effort) == ours
    other = write(bench, SQUARES.replace("squares", "others"))
    assert bench.compile(other, CLANG_LLM_EFFORT=effort) == bench.plain(other)
    assert bench.events()[-1] == ("bypass:effort_0" if effort == "0" else "bypass:tiny")


@pytest.mark.parametrize("signs", [True, False])
def test_a_cache_that_is_only_read_is_left_as_it_is(bench: Bench, key: TeamKey, signs: bool) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    row = signed(plan, key) if signs else Row(plan)
    commit(bench, [row], KEY_FILE=str(bench.root / "team.key"), FROZEN="1", READONLY="1")
    for _ in range(2):
        assert bench.compile(source) == ours
    assert list(LocalStore(bench.cache).entries()) == []
    assert bench.events() == []


def test_of_several_files_the_first_with_a_line_counts(bench: Bench, key: TeamKey) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    file = commit(bench, [signed(plan, key)], KEY_FILE=str(bench.root / "team.key"), FROZEN="1")
    (bench.root / "other.plans").write_bytes(committed.render([Row(plan._replace(key="00" * 32))]))
    bench.environment["CLANG_LLM_PLANS"] = f"/none:other.plans::{bench.root}:{file}"
    assert bench.compile(source) == ours
    assert bench.events() == ["miss", "plans:adopted", "applied"]


#: What stands in the place of the file, made of its path and what was in it.
BROKEN: dict[str, Callable[[Path, bytes], object]] = {
    "fifo": lambda file, _: os.mkfifo(file),
    "directory": lambda file, _: file.mkdir(),
    "zero": lambda file, _: file.symlink_to("/dev/zero"),
    "loop": lambda file, _: file.symlink_to(file),
    "no end": lambda file, data: file.write_bytes(data[:18] + b"0" * (3 << 20)),
    "no header": lambda file, data: file.write_bytes(data[18:]),
    "cut": lambda file, data: file.write_bytes(data[:90]),
    "empty": lambda file, _: file.write_bytes(b""),
    "newlines": lambda file, data: file.write_bytes(data[:18] + b"\n" * 100_000),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_lies_in_the_place_of_the_file_is_a_miss(bench: Bench, kind: str) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    file = commit(bench, [Row(plan)])
    data = file.read_bytes()
    file.unlink()
    BROKEN[kind](file, data)
    assert bench.compile(source) == ours
    assert bench.events() == ["miss", "stored", "applied"]
    assert bench.compile(source, CLANG_LLM_FROZEN="1") == bench.plain(source)
    assert bench.events()[3:] == ["miss", "bypass:frozen"]


def test_damage_of_a_line_is_seen(bench: Bench, key: TeamKey) -> None:
    source = write(bench, SQUARES)
    plan, _ = found(bench, source)
    row = signed(plan, key)
    file = commit(bench, [row], KEY_FILE=str(bench.root / "team.key"), FROZEN="1")
    file.write_text(file.read_text().replace(f" {plan.size_oz} {plan.size} ", f" {plan.size_oz} {plan.size - 1} "))
    assert bench.compile(source) == bench.plain(source)
    assert bench.events() == ["miss", "bypass:frozen"]


def test_explain_tells(bench: Bench) -> None:
    source = write(bench, SQUARES)
    plan, _ = found(bench, source)
    commit(bench, [Row(plan._replace(key="00" * 32))], FROZEN="1")
    (decision,) = [line for line in bench.explain(source) if line["event"] == "decision"]
    assert (decision["do"], decision["reason"]) == ("oz", "frozen")


def test_the_config_file_sets_it_too(bench: Bench, key: TeamKey) -> None:
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    file = commit(bench, [signed(plan, key)])
    del bench.environment["CLANG_LLM_PLANS"]
    config = bench.root / "config"
    config.write_text(f"plans = /none:{file}\nfrozen = yes\nkey_file = {bench.root / 'team.key'}\n", encoding="utf-8")
    bench.environment["CLANG_LLM_CONFIG"] = str(config)
    assert bench.compile(source) == ours
    assert bench.events() == ["miss", "plans:adopted", "applied"]
    other = write(bench, SQUARES.replace("squares", "others"))
    assert bench.compile(other) == bench.plain(other)
    assert bench.events()[3:] == ["miss", "bypass:frozen"]


@pytest.mark.parametrize("major", [14, 15, 16, 22])
def test_every_llvm_looks_for_lines(builds: Path, tmp_path: Path, key: TeamKey, major: int) -> None:
    compiler = plugin_support.compiler_of(major)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip(f"clang-{major} and llvm-{major}-dev are not installed")
    bench = Bench(compiler, toolchain.build_plugin(compiler, builds), tmp_path)
    bench.environment |= {"CLANG_LLM_BACKEND": "coreset", "CLANG_LLM_SEED_DIR": str(tmp_path)}
    source = write(bench, SQUARES)
    plan, ours = found(bench, source)
    rows = [signed(plan._replace(key=each), key) for each in (plan.key, *(f"{n:02x}" * 32 for n in range(0, 256, 5)))]
    commit(bench, rows, KEY_FILE=str(tmp_path / "team.key"), FROZEN="1")
    assert bench.compile(source) == ours
    assert bench.events() == ["miss", "plans:adopted", "applied"]
    commit(bench, rows[1:])
    empty(bench)
    assert bench.compile(source) == bench.plain(source)
    assert bench.events() == ["miss", "bypass:frozen"]
