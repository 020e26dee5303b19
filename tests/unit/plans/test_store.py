import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from clang_llm.plans import store as stores
from clang_llm.plans.plan import MAX_BYTES, Plan, encode
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store import eviction, local
from clang_llm.plans.store.local import QUARANTINED, LocalStore
from clang_llm.plans.store.seal import key_of, seal_of
from clang_llm.plans.vetted import digests_of
from clang_llm.plans.vetted import shipped as shipped_pieces
from clang_llm.system.settings import Settings

KEY = "ab" * 32


def make_plan(key: str = KEY, size: int = 90, budget: int = 4) -> Plan:
    return Plan(key, "19.1.7", "x86_64-pc-linux-gnu", Recipe("globaldce"), 100, size, budget)


def number_key(number: int, shard: int = 0) -> str:
    return f"{shard:02x}{number:062x}"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "cache")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_what_was_put_is_found(store: LocalStore) -> None:
    assert store.get(KEY) is None
    assert store.put(make_plan())
    assert store.get(KEY) == make_plan()
    assert store.path(KEY).read_bytes() == encode(make_plan(), partial(seal_of, key_of(store.root) or b""))
    assert store.is_sealed(KEY)
    assert [key for key, _ in store.entries()] == [KEY]


def test_a_larger_plan_never_replaces_a_smaller_one(store: LocalStore) -> None:
    assert store.put(make_plan(size=90, budget=8))
    assert not store.put(make_plan(size=91, budget=8))
    assert not store.put(make_plan(size=90, budget=8))
    assert store.get(KEY) == make_plan(size=90, budget=8)
    assert store.put(make_plan(size=89, budget=1))
    assert store.get(KEY) == make_plan(size=89, budget=1)


def test_a_larger_search_that_finds_nothing_smaller_is_remembered(store: LocalStore) -> None:
    store.put(make_plan(size=90, budget=2))
    assert store.put(make_plan(size=90, budget=4))
    assert store.get(KEY) == make_plan(size=90, budget=4)
    assert not store.put(make_plan(size=95, budget=8))
    assert store.get(KEY) == make_plan(size=90, budget=8)


def test_replacing_whatever_is_there(store: LocalStore) -> None:
    store.put(make_plan(size=50))
    assert store.put(make_plan(size=90), replace_any=True)
    assert store.get(KEY) == make_plan(size=90)


@pytest.mark.parametrize(
    "data", [b"", b"garbage", encode(make_plan())[:-5], encode(make_plan("cd" * 32)), b"x" * 2 * MAX_BYTES]
)
def test_a_corrupt_entry_is_moved_aside_and_replaced(store: LocalStore, data: bytes) -> None:
    store.put(make_plan())
    store.path(KEY).write_bytes(data)
    assert store.get(KEY) is None
    assert not store.path(KEY).exists()
    assert (store.root / "quarantine" / KEY).read_bytes() == data
    assert store.put(make_plan())
    assert store.get(KEY) == make_plan()


def test_a_corrupt_entry_does_not_stop_a_plan_that_is_put_over_it(store: LocalStore) -> None:
    store.put(make_plan())
    store.path(KEY).write_bytes(b"garbage")
    assert store.put(make_plan())
    assert store.get(KEY) == make_plan()


def test_an_entry_of_another_format_is_a_miss_and_left_alone(store: LocalStore) -> None:
    store.put(make_plan())
    newer = encode(make_plan()).replace(b"plan 1 ", b"plan 2 ", 1)
    store.path(KEY).write_bytes(newer)
    assert store.get(KEY) is None
    assert not store.put(make_plan(size=10))
    assert store.path(KEY).read_bytes() == newer


def test_the_quarantine_does_not_grow_without_end(store: LocalStore) -> None:
    for number in range(QUARANTINED + 5):
        key = number_key(number)
        store.put(make_plan(key))
        store.path(key).write_bytes(b"garbage")
        assert store.quarantine(key)
    assert len(list((store.root / "quarantine").iterdir())) == QUARANTINED


def test_verify_sorts_the_sound_from_the_rest(store: LocalStore) -> None:
    keys = [number_key(number) for number in range(4)]
    for key in keys:
        store.put(make_plan(key))
    store.path(keys[1]).write_bytes(b"garbage")
    store.path(keys[2]).write_bytes(b"clang-llm-plan 9 x\n")
    found = store.verify()
    assert (found.sound, found.foreign, found.corrupt) == (2, 1, (keys[1],))
    assert store.verify().corrupt == ()


def test_reading_only_writes_nothing(store: LocalStore) -> None:
    store.put(make_plan())
    store.path(KEY).write_bytes(b"garbage")
    before = sorted(path for path in store.root.rglob("*"))
    reader = LocalStore(store.root, read_only=True)
    assert reader.get(KEY) is None
    assert not reader.put(make_plan())
    assert not reader.quarantine(KEY)
    assert reader.verify().corrupt == (KEY,)
    assert sorted(path for path in store.root.rglob("*")) == before


def test_a_directory_that_cannot_be_written_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    store = LocalStore(tmp_path / "file" / "cache", max_bytes=1)
    assert store.get(KEY) is None
    assert not store.put(make_plan())
    assert not store.quarantine(KEY)
    with store.lock(KEY, 0) as held:
        assert not held
    assert list(store.entries()) == []
    assert capfd.readouterr() == ("", "")


def test_a_write_that_fails_half_way_publishes_nothing(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(make_plan(size=95))

    def full_disk(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "write_new", full_disk)
    assert not store.put(make_plan(size=90))
    assert store.get(KEY) == make_plan(size=95)
    assert [path.name for path in store.path(KEY).parent.iterdir()] == [KEY[2:]]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664), (0o000, 0o666)])
def test_entries_have_the_mode_that_the_umask_leaves(
    store: LocalStore, umask: Callable[[int], int], mask: int, mode: int
) -> None:
    umask(mask)
    store.put(make_plan())
    assert stat.S_IMODE(store.path(KEY).stat().st_mode) == mode
    assert stat.S_IMODE(store.path(KEY).parent.stat().st_mode) == mode | (mode & 0o444) >> 2


def test_readers_never_see_half_an_entry(store: LocalStore) -> None:
    plans = [make_plan(size=size) for size in range(99, 0, -1)]
    store.put(plans[0])
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            plan = store.get(KEY)
            seen.add(plan.size if plan else -1)

    reader = threading.Thread(target=read)
    reader.start()
    for plan in plans[1:]:
        store.put(plan)
    done.set()
    reader.join()
    assert -1 not in seen
    assert not (store.root / "quarantine").exists()


def used(store: LocalStore, number: int, seconds_ago: float, shard: int = 0) -> str:
    """Put a plan that was used some time ago."""
    key = number_key(number, shard)
    assert store.put(make_plan(key))
    moment = time.time() - seconds_ago
    os.utime(store.path(key), (moment, moment))
    return key


def on_disk(store: LocalStore, key: str) -> int:
    status = store.path(key).stat()
    return max(status.st_size, status.st_blocks * 512)


def test_cleanup_removes_the_least_recently_used(store: LocalStore) -> None:
    keys = [used(store, number, seconds_ago=1000 - number, shard=number) for number in range(10)]
    one = on_disk(store, keys[0])
    assert store.cleanup(10 * one) == 0
    # To nine tenths of the limit, so that the next entry does not evict again.
    assert store.cleanup(5 * one) == 6
    assert [key for key, _ in store.entries()] == keys[6:]
    assert store.cleanup(0) == 4
    assert list(store.entries()) == []


def test_a_small_cache_keeps_its_limit_by_itself(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    one = on_disk(store, used(store, 0, seconds_ago=5000))
    store.max_bytes = 10 * one
    for number in range(1, 40):
        used(store, number, seconds_ago=1000 - number, shard=number)
        assert len(list(store.entries())) <= 10
    assert store.get(number_key(39, 39)) is not None
    assert store.get(number_key(0)) is None


def test_a_large_cache_looks_at_one_shard_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    one = on_disk(store, used(store, 0, seconds_ago=5000, shard=1))
    monkeypatch.setattr(eviction, "EVEN_BYTES", one)
    store.max_bytes = eviction.SHARDS * 5 * one
    for number in range(20):
        used(store, number, seconds_ago=1000 - number, shard=2)
    assert sum(key.startswith("02") for key, _ in store.entries()) <= 5
    assert store.get(number_key(0, 1)) is not None
    assert store.get(number_key(19, 2)) is not None


def test_what_dead_writers_left_goes_and_what_is_being_written_stays(store: LocalStore) -> None:
    key = used(store, 0, seconds_ago=10)
    shard = store.path(key).parent
    (shard / ".tmp-1-dead").write_bytes(b"half")
    os.utime(shard / ".tmp-1-dead", (0, 0))
    (shard / ".tmp-2-alive").write_bytes(b"half")
    store.cleanup(1 << 30)
    assert sorted(path.name for path in shard.iterdir()) == [".tmp-2-alive", key[2:]]
    assert [found for found, _ in store.entries()] == [key]


def test_clear_removes_entries_and_quarantine_and_nothing_else(store: LocalStore) -> None:
    for number in range(3):
        used(store, number, seconds_ago=1)
    store.path(number_key(0)).write_bytes(b"garbage")
    store.verify()
    (store.root / "plugins").mkdir()
    (store.root / "events").write_text("hit\n")
    assert store.clear() == 2
    assert list(store.entries()) == []
    assert list((store.root / "quarantine").iterdir()) == []
    assert (store.root / "plugins").is_dir()
    assert (store.root / "events").read_text() == "hit\n"


def test_clearing_nothing_is_no_error(store: LocalStore) -> None:
    assert store.clear() == 0
    assert store.cleanup(0) == 0
    assert store.verify().sound == 0


def test_the_stores_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"HOME": str(tmp_path), "CLANG_LLM_CACHE_DIR": str(tmp_path / "c"), "CLANG_LLM_MAX_SIZE": "7K"}
    local = stores.open_local(Settings.load(environ))
    assert (local.root, local.read_only, local.max_bytes) == (tmp_path / "c", False, 7168)
    assert stores.open_local(Settings.load({**environ, "CLANG_LLM_READONLY": "1"})).read_only
    assert stores.open_local(Settings.load({**environ, "_CLANG_LLM_EXPLAIN": "file"})).read_only
    for missing in (tmp_path / "none", None):
        monkeypatch.setattr(stores, "SEED", missing)
        assert stores.behind_local(Settings.load(environ)) == []


def test_a_seed_is_a_store_that_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalStore(tmp_path).put(make_plan()._replace(provenance={"backend": "seed"}))
    monkeypatch.setattr(stores, "SEED", tmp_path)
    (seed,) = stores.behind_local(Settings.load({"HOME": str(tmp_path)}))
    assert seed.get(KEY) == make_plan()._replace(provenance={"backend": "seed"})
    assert not seed.put(make_plan(size=1))


def test_another_seed_may_be_named(tmp_path: Path) -> None:
    LocalStore(tmp_path / "ours").put(make_plan())
    named = Settings.load({"HOME": str(tmp_path), "CLANG_LLM_SEED_DIR": str(tmp_path / "ours")})
    (seed,) = stores.behind_local(named)
    assert seed.get(KEY) == make_plan()
    assert stores.behind_local(Settings.load({"HOME": str(tmp_path), "CLANG_LLM_SEED_DIR": "/dev/null"})) == []


def test_the_shipped_seeds_are_sound() -> None:
    assert stores.SEED is not None
    shipped = LocalStore(stores.SEED, read_only=True)
    keys = [key for key, _ in shipped.entries()]
    assert keys
    for key in keys:
        plan = shipped.get(key)
        assert plan is not None
        assert plan.size <= plan.size_oz
        assert plan.provenance["validated"]
        assert plan.recipe is None or digests_of(plan.recipe) <= shipped_pieces(plan.major)


def test_a_link_that_somebody_planted_is_not_written_through(store: LocalStore, tmp_path: Path) -> None:
    """A shared directory's temporary names can be guessed."""
    (tmp_path / "mine").write_text("precious")
    path = store.path(KEY)
    path.parent.mkdir(parents=True)
    (path.parent / f".tmp-{os.getpid()}-{path.name[:8]}").symlink_to(tmp_path / "mine")
    assert store.put(make_plan())
    assert (tmp_path / "mine").read_text() == "precious"
    assert store.get(KEY) == make_plan()
