"""What the plugin writes down of every compile, and the entry's sizes that it reads for that."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.plugin_support import APPLY_SMALLEST, ONLY_MEASURE, Bench, size

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan, as_data
from clang_llm.plans.recipe import usable
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.seal import key_of, seal_of
from clang_llm.system import ledger, process
from clang_llm.system.ledger import Compiled
from clang_llm.system.objects import Parts, parts_of
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

SOURCE = """\
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
const char *names[] = {"one", "two"};
int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; ++i) s += length(v[i]) * 8; return s; }
"""
#: Does nothing, so that -Oz stays the best, and a list that is smaller on x86-64.
NOTHING, SMALLER = "globaldce", "default<Oz>,function(codegen<frame-pointer>)"


@pytest.fixture
def bench(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Bench:
    made = Bench(a_compiler, build_plugin(a_compiler, builds), tmp_path)
    made.environment["CLANG_LLM_BACKEND"] = "coreset"
    (tmp_path / "a.c").write_text(SOURCE)
    return made


def source(bench: Bench) -> Path:
    return bench.root / "a.c"


def last(bench: Bench) -> Compiled:
    found = list(ledger.read(bench.cache).compiles.values())
    assert found
    return found[-1]


def lines(bench: Bench) -> list[bytes]:
    path = ledger.path(bench.cache)
    return path.read_bytes().splitlines() if path.exists() else []


def use_coreset(bench: Bench) -> None:
    """The real helper, with the shipped recipes."""
    bench.environment["CLANG_LLM_CANDIDATES"] = "6"


def test_a_search_and_its_hit(bench: Bench) -> None:
    use_coreset(bench)
    plain = parts_of(bench.plain(source(bench)))
    made = parts_of(bench.compile(source(bench)))
    cold = last(bench)
    assert (cold.parts_oz, cold.parts, cold.by) == (plain, made, "coreset")
    assert (cold.source, cold.object) == (str(source(bench)), str(bench.root / "out.o"))
    assert cold.size is not None
    assert cold.size_oz == plain.total > cold.size == made.total
    assert cold.key == bench.key(source(bench))
    bench.compile(source(bench))
    assert lines(bench) == [lines(bench)[0]] * 2
    assert bench.events()[-2:] == ["hit", "applied"]
    plan = LocalStore(bench.cache).get(cold.key)
    assert plan is not None
    assert plan.parts == (plain, made)


def test_one_line_for_each_compile_whatever_became_of_it(bench: Bench) -> None:
    total = size(bench.plain(source(bench)))
    use_coreset(bench)
    bench.environment["CLANG_LLM_BACKEND"] = "scripted"
    (bench.root / "script").write_text(NOTHING + "\n")
    bench.environment["CLANG_LLM_SCRIPT"] = str(bench.root / "script")
    for event in ("stored", "hit:oz"):
        bench.compile(source(bench))
        assert bench.events()[-1] == event
        assert (last(bench).size_oz, last(bench).size, last(bench).by) == (total, total, "scripted")
    assert len(lines(bench)) == 2


def test_what_was_not_measured_is_said_to_be_so(bench: Bench) -> None:
    use_coreset(bench)
    bench.compile(source(bench))
    bench.compile(source(bench), CLANG_LLM_CACHE_DIR=str(bench.cache), CLANG_LLM_RECACHE="1", CLANG_LLM_CANDIDATES="0")
    (found,) = ledger.read(bench.cache).compiles.values()
    assert (found.size, found.saved) == (None, 0)


def test_a_helper_that_fails_leaves_the_measured_size_of_oz(bench: Bench) -> None:
    bench.helper([NOTHING], ONLY_MEASURE.replace('"best"', '"timeout"'))
    total = size(bench.compile(source(bench)))
    assert bench.events()[-1] == "error:timeout"
    assert (last(bench).size_oz, last(bench).size, last(bench).by) == (total, total, "-")


def test_who_the_helper_names_is_a_plain_word(bench: Bench) -> None:
    for word, kept in (("model/mix", "model/mix"), ("\x1b[2J", "-"), ("a\tb\nc", "-"), ("x" * 41, "-"), (7, "-")):
        body = APPLY_SMALLEST.replace('"id": best["id"]}', f'"id": best["id"], "by": {word!r}}}')
        bench.helper([SMALLER], body)
        bench.compile(source(bench))
        assert bench.events()[-1] == "applied"
        assert last(bench).by == kept
    assert len(lines(bench)) == 5


def run(bench: Bench, *words: str, text: bytes = b"") -> None:
    command = [str(bench.compiler.path), f"-fpass-plugin={bench.plugin / 'stub.so'}", "-Oz", *words]
    done = process.run(command, env=bench.environment, cwd=bench.root, stdin=text)
    assert (done.returncode, done.stderr) == (0, b"")


HOSTILE = ["x\ny.c", "x\ty.c", "x y.c", "%41.c", "x\r.c", "\x1b[2J.c", "\udcff\udc80.c", "é.c", "'\"\\.c"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_name_breaks_a_line(bench: Bench, name: str) -> None:
    use_coreset(bench)
    bench.compile(source(bench))
    odd = bench.root / name
    odd.write_text(SOURCE)
    run(bench, "-c", name)
    assert len(lines(bench)) == 2
    assert all(32 <= byte < 127 or byte == 9 for line in lines(bench) for byte in line)
    assert (last(bench).source, last(bench).object) == (str(odd), str(odd.with_suffix(".o")))
    assert not last(bench).gone


def test_compiles_without_an_object_that_lasts(bench: Bench) -> None:
    use_coreset(bench)
    path = str(source(bench))
    run(bench, "-shared", "-fPIC", "a.c", "-o", "a.so")
    assert (last(bench).name, last(bench).gone) == (f"{path} ({ledger.LINKED})", False)
    run(bench, "-c", "a.c", "-o", "/dev/null")
    assert last(bench).name == f"{path} ({ledger.DROPPED})"
    run(bench, "-c", "a.c", "-o", "-")
    assert last(bench).name == f"{path} ({ledger.PIPED})"
    run(bench, "-x", "c", "-c", "-", "-o", "b.o", text=SOURCE.encode())
    assert (last(bench).source, last(bench).object) == ("-", str(bench.root / "b.o"))


def test_a_path_that_is_too_long_is_left_out(bench: Bench) -> None:
    use_coreset(bench)
    name = "./" * 2028 + "a.c"  # the system takes it; with the directory in front it is longer than any path
    run(bench, "-c", name, "-o", "x.o")
    assert (last(bench).source, last(bench).object) == ("-", str(bench.root / "x.o"))


@pytest.mark.parametrize(
    "switch", [{"CLANG_LLM_READONLY": "1"}, {"CLANG_LLM_DISABLE": "1"}, {"_CLANG_LLM_APPLY": NOTHING}]
)
def test_nothing_is_written_where_nothing_is_to_be(bench: Bench, switch: dict[str, str]) -> None:
    use_coreset(bench)
    bench.compile(source(bench), **switch)
    bench.explain(source(bench))
    assert not ledger.path(bench.cache).exists()


def test_it_is_for_this_user_alone_in_a_shared_cache(bench: Bench) -> None:
    use_coreset(bench)
    bench.cache.chmod(0o2777)
    before = os.umask(0)
    try:
        bench.compile(source(bench))
    finally:
        os.umask(before)
    status = ledger.path(bench.cache).stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o600, os.geteuid())
    assert ledger.path(bench.cache).name == f"savings-{os.geteuid()}"


def _another_users(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes files of others")
    path.write_text("precious\n")
    path.chmod(0o600)
    os.chown(path, 12345, 12345)


def _readable(path: Path) -> None:
    path.write_text("precious\n")
    path.chmod(0o644)


def _linked(path: Path) -> None:
    (path.parent / "precious").write_text("precious\n")
    (path.parent / "precious").chmod(0o600)
    path.symlink_to("precious")


def _hard(path: Path) -> None:
    _linked(path)
    path.unlink()
    path.hardlink_to(path.parent / "precious")


@pytest.mark.parametrize("plant", [_another_users, _readable, _linked, _hard, os.mkfifo, os.mkdir])
def test_a_file_that_is_not_ours_alone_stays_as_it_is(bench: Bench, plant: Callable[[Path], None]) -> None:
    use_coreset(bench)
    plant(ledger.path(bench.cache))
    before = ledger.path(bench.cache).lstat()
    bench.compile(source(bench))
    after = ledger.path(bench.cache).lstat()
    assert (after.st_mode, after.st_size, after.st_uid) == (before.st_mode, before.st_size, before.st_uid)
    if ledger.path(bench.cache).is_file():
        assert ledger.path(bench.cache).read_text() == "precious\n"
    assert bench.events()[-1] == "applied"


def test_a_ledger_without_end_grows_no_more(bench: Bench) -> None:
    use_coreset(bench)
    path = ledger.path(bench.cache)
    bench.compile(source(bench))
    os.truncate(path, 64 << 20)
    bench.compile(source(bench))
    assert bench.events()[-2:] == ["hit", "applied"]
    assert path.stat().st_size == 64 << 20


def test_a_search_folds_a_long_ledger(bench: Bench) -> None:
    use_coreset(bench)
    path = ledger.path(bench.cache)
    path.touch(0o600)
    os.truncate(path, ledger.FOLD_BYTES + 1)
    bench.compile(source(bench))
    assert bench.events()[-2:] == ["stored", "applied"]
    assert path.with_name(path.name + ".old").stat().st_size == ledger.FOLD_BYTES + 1
    assert len(lines(bench)) == 1


def plant_entry(bench: Bench, **changes: object) -> None:
    """Put an entry with this user's seal into the cache."""
    key = bench.key(source(bench))
    recipe = usable(read_coreset(bench.compiler.major).lists[0], bench.compiler.major)
    plan = Plan(key, bench.compiler.version, "x", recipe, 1000, 900, 1, {"backend": "model", "origin": "mix"})
    body = json.dumps(
        {name: value for name, value in {**as_data(plan), **changes}.items() if value is not ...}
    ).encode()
    checksum = hashlib.sha256(body + b"\n").hexdigest()
    own = key_of(bench.cache, create=True)
    assert own is not None
    path = LocalStore(bench.cache).path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"clang-llm-plan 1 {checksum} {seal_of(own, checksum)}\n".encode() + body + b"\n")


def test_a_hit_on_an_entry_of_before_tells_the_totals(bench: Bench) -> None:
    bench.environment["CLANG_LLM_CANDIDATES"] = "1"
    plant_entry(bench)
    bench.compile(source(bench))
    assert bench.events()[-2:] == ["hit", "applied"]
    found = last(bench)
    assert (found.size_oz, found.size, found.parts_oz, found.parts, found.by) == (1000, 900, None, None, "model/mix")
    plant_entry(bench, parts={"oz": [900, 0, 0, 100], "ours": [850, 0, 0, 50]})
    bench.compile(source(bench))
    assert (last(bench).parts_oz, last(bench).parts) == (Parts(900, 0, 0, 100), Parts(850, 0, 0, 50))


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": None},
        {"parts": []},
        {"parts": {"oz": [900, 0, 0, 100]}},
        {"parts": {"oz": [900, 0, 0, 101], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": [900, 0, 0, 100], "ours": [850, 0, 0, 49]}},
        {"parts": {"oz": [1001, 0, 0, -1], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": [900, 0, 100], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": [900, 0, 0, 100, 0], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": ["900", 0, 0, 100], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": [900.5, 0, 0, 99.5], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": [1 << 63, 1 << 63, 1000, 0], "ours": [850, 0, 0, 50]}},
        {"parts": {"oz": [900, 0, 0, 100], "ours": [850, 0, 0, 50], "more": 1}},
        {"size": 1000},
        {"size": 1001},
        {"size": -1},
        {"size": "900"},
        {"size_oz": ...},
        {"module": None},
    ],
    ids=str,
)
def test_sizes_that_do_not_add_up_are_a_damaged_entry(bench: Bench, changes: dict[str, object]) -> None:
    plant_entry(bench, **changes)
    told = bench.explain(source(bench), CLANG_LLM_CANDIDATES="0")
    lookups = [each["result"] for each in told if each["event"] == "lookup"]
    assert lookups == ["corrupt"]
