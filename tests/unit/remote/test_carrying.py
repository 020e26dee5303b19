"""Between the local cache and stores, without a courier: what is kept, what is sent, what replaces what."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from clang_llm.plans.plan import Plan, decode, encode, seal_on
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.team import SHARED, TeamKey, make
from clang_llm.plans.vetted import shipped
from clang_llm.remote import outbox
from clang_llm.remote.address import parse
from clang_llm.remote.delivering import STORED, deliver
from clang_llm.remote.fetching import fetch
from clang_llm.remote.guarded import OFF, Guarded
from clang_llm.remote.signing import Signing
from clang_llm.system.errors import RemoteError
from clang_llm.system.settings import Settings

KEY = "ab" * 32
#: Plain -Oz needs neither a seal nor a vetted recipe.
BEST = Plan(KEY, "19.1.7", "x86_64-pc-linux-gnu", None, 100, 100, 4)
OTHERS = Plan(KEY, "19.1.7", "x86_64-pc-linux-gnu", Recipe("globaldce"), 100, 90, 4)


class Team:
    """A store in a directory, and hosts with a cache each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "store").mkdir()
        self.entry = root / "store" / "clang-llm" / "1" / KEY[:2] / KEY[2:]
        (found,), _ = parse(f"file:{root / 'store'}")
        self.store = Guarded(found, {})
        self.key = make(SHARED)
        self.key.write(root / "key")

    def settings(self, host: str, *, key: bool = False, **environ: str) -> Settings:
        environ |= {"CLANG_LLM_KEY_FILE": str(self.root / "key")} if key else {}
        names = {"HOME": str(self.root), "CLANG_LLM_REMOTE": f"file:{self.root / 'store'}"}
        return Settings.load({**names, "CLANG_LLM_CACHE_DIR": str(self.root / host), **environ})

    def give(self, host: str, plan: Plan, *, key: bool = False) -> list[str]:
        """Store a plan on a host as a search does, and send what waits."""
        settings = self.settings(host, key=key)
        local = LocalStore(settings.cache_dir)
        local.put(plan, replace_any=True)
        assert outbox.leave(settings, {}, plan.key)
        return list(deliver([self.store], local, Signing(settings)))

    def take(self, host: str, *, key: bool = False) -> tuple[bool, str]:
        settings = self.settings(host, key=key)
        return fetch(KEY, 19, [self.store], LocalStore(settings.cache_dir), Signing(settings))

    def plan(self) -> Plan:
        return decode(self.entry.read_bytes(), KEY)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def test_a_plan_goes_from_host_to_host(team: Team) -> None:
    assert team.give("a", BEST) == [STORED]
    assert not outbox.waiting(team.root / "a")
    assert team.entry.read_bytes() == encode(BEST)
    assert team.take("b") == (True, "")
    assert LocalStore(team.root / "b").get(KEY) == BEST
    assert team.take("b") == (True, ""), "it is there, whoever brought it"


def test_nobody_has_it(team: Team) -> None:
    assert team.take("b") == (False, "")


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        (BEST, BEST._replace(budget=8), True),
        (BEST, BEST._replace(budget=2), False),
        (BEST, BEST, False),
        (BEST, OTHERS, True),
        (OTHERS, BEST._replace(budget=100), False),
    ],
)
def test_only_a_better_plan_replaces_another(team: Team, old: Plan, new: Plan, replaced: bool) -> None:
    team.give("a", old)
    assert team.give("b", new) == [STORED] * replaced
    assert team.plan() == (new if replaced else old)
    assert not outbox.waiting(team.root / "b")


def test_a_signed_plan_is_replaced_by_signed_ones_only(team: Team) -> None:
    team.give("a", BEST, key=True)
    assert team.key.verifies(*seal_on(team.entry.read_bytes()))
    # Who has no key cannot tell, and goes by the sizes.
    assert team.give("b", BEST._replace(budget=2), key=False) == []
    assert team.give("c", BEST._replace(budget=8), key=True) == [STORED]


def test_a_signed_plan_replaces_one_that_claims_to_be_better(team: Team) -> None:
    team.give("a", OTHERS._replace(size=1, budget=99))
    assert team.give("b", OTHERS, key=True) == [STORED]
    assert team.plan() == OTHERS


def test_what_the_team_signed_is_adopted(team: Team) -> None:
    team.give("a", OTHERS, key=True)
    assert team.take("b", key=True) == (True, "")
    local = LocalStore(team.root / "b")
    assert local.is_sealed(KEY)
    assert local.get(KEY) == OTHERS


def test_what_nobody_signed_is_kept_without_a_seal(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.give("a", OTHERS)
    assert team.take("b", key=True) == (False, "unvetted")
    assert LocalStore(team.root / "b").get(KEY) is None
    monkeypatch.setattr("clang_llm.remote.fetching.is_vouched", lambda *_: True)
    assert team.take("b", key=True) == (True, "")
    local = LocalStore(team.root / "b")
    assert local.get(KEY) == OTHERS
    assert not local.is_sealed(KEY)
    assert shipped(19)


def test_another_teams_signature(team: Team) -> None:
    team.entry.parent.mkdir(parents=True)
    team.entry.write_bytes(encode(OTHERS, make(SHARED).sign))
    assert team.take("b", key=True) == (False, "signature")


@pytest.mark.parametrize("data", [b"", b"x" * 1000, encode(BEST._replace(key="cd" * 32)), encode(BEST)[:-5]])
def test_damage_is_dropped_and_replaced(team: Team, data: bytes) -> None:
    team.entry.parent.mkdir(parents=True)
    team.entry.write_bytes(data)
    assert team.take("b") == (False, "damaged")
    assert team.give("b", BEST) == [STORED]
    assert team.take("c") == (True, "")


@pytest.mark.parametrize("kind", ["fifo", "directory", "zero"])
def test_what_is_no_file_is_one_bad_entry(team: Team, kind: str) -> None:
    """Whoever can write one entry cannot make everybody leave the store alone."""
    team.entry.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(team.entry)
    elif kind == "directory":
        team.entry.mkdir()
    else:
        team.entry.symlink_to("/dev/zero")
    assert team.take("two") == (False, "damaged")
    assert not team.store.down


def test_an_entry_of_another_format_is_left_alone(team: Team) -> None:
    team.entry.parent.mkdir(parents=True)
    team.entry.write_bytes(encode(BEST).replace(b"clang-llm-plan 1", b"clang-llm-plan 2", 1))
    assert team.take("b") == (False, "")
    assert team.give("b", BEST) == []
    assert team.entry.read_bytes().startswith(b"clang-llm-plan 2")


def test_a_plan_for_another_llvm(team: Team) -> None:
    team.give("a", BEST._replace(llvm="16.0.6"))
    assert team.take("b") == (False, "damaged")


def test_what_others_measured_is_not_sent(team: Team) -> None:
    settings = team.settings("a")
    local = LocalStore(settings.cache_dir)
    local.take(OTHERS)
    assert outbox.leave(settings, {}, KEY)
    assert list(deliver([team.store], local, Signing(settings))) == []
    assert not outbox.waiting(settings.cache_dir)
    assert not team.entry.exists()


def test_what_cannot_be_sent_waits(team: Team) -> None:
    team.root.joinpath("store").rename(team.root / "away")
    assert team.give("a", BEST) == ["remote:error:unreachable"]
    assert outbox.waiting(team.root / "a") == [KEY]
    assert team.take("b") == (False, OFF), "which was told when it could not be sent"
    team.root.joinpath("away").rename(team.root / "store")
    team.store._next = 0.0
    assert team.store.probe(5.0)
    settings = team.settings("a")
    assert list(deliver([team.store], LocalStore(settings.cache_dir), Signing(settings))) == [STORED]


def test_no_note_where_nothing_is_to_be_sent(team: Team) -> None:
    proposed = {"CI": "true", "CI_MERGE_REQUEST_ID": "1"}
    assert not outbox.leave(team.settings("a"), proposed, KEY)
    assert not outbox.leave(team.settings("a", CLANG_LLM_READONLY="1"), {}, KEY)
    assert not outbox.leave(team.settings("a", CLANG_LLM_REMOTE="file:/x|read-only"), {}, KEY)
    assert not outbox.leave(team.settings("a", CLANG_LLM_REMOTE=""), {}, KEY)
    assert not (team.root / "a").exists()


def test_old_notes_are_thrown_away(team: Team) -> None:
    settings = team.settings("a")
    assert outbox.leave(settings, {}, KEY)
    (note,) = settings.cache_dir.glob("outbox-*/*")
    os.utime(note, (0, 0))
    assert outbox.waiting(settings.cache_dir) == []
    assert not note.exists()


def test_writers_at_one_moment_leave_the_best(team: Team) -> None:
    plans = [BEST._replace(budget=budget) for budget in range(20)]

    def send(plan: Plan) -> None:
        (found,), _ = parse(f"file:{team.root / 'store'}")

        def choose(old: bytes | None) -> bytes | None:
            return encode(plan) if old is None or plan.beats(decode(old, KEY)) else None

        Guarded(found, {}).update(KEY, choose, 20.0)

    threads = [threading.Thread(target=send, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert team.plan() == plans[-1]


@pytest.mark.parametrize(("text", "package"), [("redis://h", "redis"), ("http:" + "//h", "urllib3")])
def test_a_package_that_is_not_installed(text: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (found,), _ = parse(text)
    store = Guarded(found, {})
    assert store.down == "package"
    assert "pip install" in store.why
    assert not store.probe(1.0)
    with pytest.raises(RemoteError):
        store.get(KEY, 1.0)


def test_a_key_that_cannot_be_read_signs_nothing(team: Team) -> None:
    (team.root / "key").write_text("nonsense")
    team.give("a", BEST, key=True)
    assert team.entry.read_bytes() == encode(BEST)
    with pytest.raises(Exception, match="key"):
        TeamKey.load(team.root / "key")
