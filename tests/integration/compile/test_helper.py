"""Plugin, helper and cache together, in a real clang: what a build with `clang-llm` does, without the wrapper."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from integration.plugin_support import Bench

from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log, objects
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler

SOURCE = """
struct node { struct node *left, *right; int key; };
int sum(struct node *t) { int a = 0; while (t) { a += sum(t->left) + t->key; t = t->right; } return a; }
int mix(const int *a, int n) {
  int s = 0;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < i; j++) s += a[i] * a[j];
    switch (a[i]) {
      case 1: s++; break;
      case 2: s += 4; break;
      case 3: s -= 3; break;
      case 4: s *= 2; break;
      default: s += 7;
    }
  }
  return s;
}
"""
#: One that -Oz beats, one that is refused, and one that is as good as -Oz.
POOR = "function(reassociate)"
SAME = "default<Oz>"


@pytest.fixture
def bench(each_compiler: Compiler, builds: Path, tmp_path: Path) -> Bench:
    return make_bench(each_compiler, builds, tmp_path)


@pytest.fixture
def one(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Bench:
    return make_bench(a_compiler, builds, tmp_path)


def make_bench(compiler: Compiler, builds: Path, root: Path) -> Bench:
    if compiler.llvm_config is None:
        pytest.skip(f"llvm-{compiler.major}-dev is not installed")
    bench = Bench(compiler, toolchain.build_plugin(compiler, builds), root)
    bench.environment |= {"CLANG_LLM_LOG": str(root / "log"), "CLANG_LLM_BACKEND": "coreset"}
    return bench


def source(bench: Bench, text: str = SOURCE, name: str = "x.c") -> Path:
    (bench.root / name).write_text(text)
    return bench.root / name


def script(bench: Bench, *lists: str) -> None:
    (bench.root / "script").write_text("\n".join(lists))
    bench.environment |= {"CLANG_LLM_BACKEND": "scripted", "CLANG_LLM_SCRIPT": str(bench.root / "script")}
    bench.environment["CLANG_LLM_CANDIDATES"] = str(len(lists))


def plans(bench: Bench) -> list[dict[str, object]]:
    store = LocalStore(bench.cache)
    return [json.loads(path.read_bytes().split(b"\n")[1]) for _, path in store.entries()]


def counts(bench: Bench) -> Counter[str]:
    return log.fold_events(bench.cache)


def test_cold_and_warm_give_the_same_smaller_object(bench: Bench) -> None:
    plain = objects.allocated_size(bench.plain(source(bench)))
    cold = bench.compile(source(bench))
    warm = bench.compile(source(bench))
    assert cold == warm
    (plan,) = plans(bench)
    assert plan["size_oz"] == plain
    assert plan["size"] == objects.allocated_size(cold) <= plain
    assert plan["llvm"] == bench.compiler.version
    assert LocalStore(bench.cache).verify().sound == 1
    expected = Counter({"miss": 1, "stored": 1})
    expected += Counter({"hit": 1, "applied": 2} if plan["module"] else {"hit:oz": 1})
    assert counts(bench) == expected


def test_a_list_that_is_no_better_gives_clangs_object(one: Bench) -> None:
    script(one, POOR, SAME)
    for _ in range(2):
        assert one.compile(source(one)) == one.plain(source(one))
    (plan,) = plans(one)
    assert (plan["module"], plan["size"]) == (None, plan["size_oz"])
    assert counts(one) == Counter({"miss": 1, "stored": 1, "hit:oz": 1})


def test_more_effort_searches_again_and_less_does_not(one: Bench) -> None:
    for candidates in (1, 1, 3, 2, 3):
        one.compile(source(one), CLANG_LLM_CANDIDATES=str(candidates))
    (plan,) = plans(one)
    assert plan["budget"] == 3
    seen = counts(one)
    assert (seen["miss"], seen["weaker"], seen["hit"] + seen["hit:oz"]) == (1, 1, 3)


def test_recache_searches_again_and_replaces(one: Bench) -> None:
    one.compile(source(one))
    (path,) = [path for _, path in LocalStore(one.cache).entries()]
    before = path.stat().st_ino
    one.compile(source(one), CLANG_LLM_RECACHE="1")
    assert path.stat().st_ino != before
    assert counts(one)["recache"] == 1


def test_reading_only_uses_plans_and_leaves_no_trace(one: Bench) -> None:
    cold = one.compile(source(one))
    before = {path: path.stat().st_mtime_ns for path in one.cache.rglob("*")}
    assert one.compile(source(one), CLANG_LLM_READONLY="1") == cold
    other = source(one, SOURCE.replace("s += 7", "s += 8"), "y.c")
    smaller = one.compile(other, CLANG_LLM_READONLY="1")
    assert objects.allocated_size(smaller) <= objects.allocated_size(one.plain(other))
    assert {path: path.stat().st_mtime_ns for path in one.cache.rglob("*")} == before


def test_a_damaged_entry_is_counted_quarantined_and_found_again(one: Bench) -> None:
    cold = one.compile(source(one))
    ((key, path),) = LocalStore(one.cache).entries()
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    assert one.compile(source(one)) == cold
    assert path.read_bytes() == whole
    assert (one.cache / "quarantine" / key).read_bytes() == whole[:-2]
    seen = counts(one)
    assert (seen["corrupt"], seen["stored"]) == (1, 2)


def test_a_poisoned_entry_costs_nothing(one: Bench) -> None:
    """An entry with a right checksum and a pass that nobody vouches for is treated as damage."""
    import hashlib

    cold = one.compile(source(one))
    ((key, path),) = LocalStore(one.cache).entries()
    body = json.loads(path.read_bytes().split(b"\n")[1]) | {"module": "function(structurizecfg)", "size": 1}
    data = json.dumps(body).encode() + b"\n"
    path.write_bytes(b"clang-llm-plan 1 " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    assert one.compile(source(one)) == cold
    assert (one.cache / "quarantine" / key).exists()


@pytest.mark.parametrize("backend", ["nobody", "scripted"])
def test_a_backend_that_fails_gives_clangs_object_and_a_reason(one: Bench, backend: str) -> None:
    one.environment["CLANG_LLM_BACKEND"] = backend
    assert one.compile(source(one)) == one.plain(source(one))
    assert plans(one) == []
    assert counts(one) == Counter({"miss": 1, "error:backend": 1})
    assert "CLANG_LLM_" in (one.root / "log").read_text()


def test_explaining_writes_nothing(one: Bench) -> None:
    lines = one.explain(source(one))
    assert [line["event"] for line in lines][:2] == ["key", "lookup"]
    assert lines[-1]["event"] == "decision"
    assert list(one.cache.iterdir()) == []


def test_many_compiles_of_one_module_search_once(one: Bench) -> None:
    command = [str(one.compiler.path), f"-fpass-plugin={one.plugin / 'stub.so'}", "-Oz", "-c", str(source(one)), "-o"]
    outputs = [one.root / f"{number}.o" for number in range(6)]
    running = [
        subprocess.Popen([*command, str(output)], env=one.environment, stderr=subprocess.PIPE) for output in outputs
    ]
    assert [child.communicate(timeout=120)[1] for child in running] == [b""] * len(outputs)
    assert len({output.read_bytes() for output in outputs}) == 1
    assert counts(one)["stored"] == 1
    assert not [event for event in counts(one) if event.startswith("error")]


def test_many_modules_at_once_keep_exact_counts(one: Bench) -> None:
    children = []
    for number in range(8):
        file = source(one, SOURCE.replace("s += 7", f"s += {number + 70}"), f"{number}.c")
        command = [str(one.compiler.path), f"-fpass-plugin={one.plugin / 'stub.so'}", "-Oz", "-c", str(file), "-o"]
        children.append(subprocess.Popen([*command, f"{file}.o"], env=one.environment, stderr=subprocess.PIPE))
    assert [child.communicate(timeout=120)[1] for child in children] == [b""] * 8
    seen = counts(one)
    assert (seen["miss"], seen["stored"]) == (8, 8)
    assert LocalStore(one.cache).verify().sound == 8
