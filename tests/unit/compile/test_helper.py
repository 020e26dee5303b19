"""The helper as the plugin starts it, against a plugin played by the test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store import committed, team
from clang_llm.plans.store.committed import Row
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.team import TeamKey
from clang_llm.system import log
from clang_llm.system.objects import Parts

ROOT = Path(__file__).resolve().parents[3]
#: As in plugin/helper.cpp.
CODE = (
    "import gc, sys; gc.disable(); sys.path.insert(0, sys.argv[1]); from clang_llm.compile.helper import main; main()"
)
KEY = "ab" * 32
LISTS = ["globaldce", "function(mem2reg)", "function(instcombine)", "default<O2>", "function(adce)"]
#: What the lists above are for LLVM 19.
NORMAL = [*LISTS[:2], "function(instcombine<no-verify-fixpoint>)", *LISTS[3:]]


class PluginSide:
    """The plugin's end of one conversation."""

    def __init__(self, environment: Mapping[str, str], code: str = CODE) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(30)
        command = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
        self.process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            cwd="/",
        )
        theirs.close()
        self.stream = self.socket.makefile("rb")

    def say(self, **message: object) -> None:
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, **changes: object) -> None:
        """Send the first message."""
        request: dict[str, object] = {
            "protocol": 1,
            "key": KEY,
            "llvm": "19.1.7",
            "major": 19,
            "target": "x86_64",
            "budget": 3,
        }
        request |= {"lookup": "miss", "instructions": 10, "functions": 1, "unwind": True, "source": "x.c"}
        self.say(**request | changes)

    def hear(self) -> dict[str, Any]:
        line = self.stream.readline()
        assert line.endswith(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def measure(self, oz: int | str, *sizes: int | str, parts: Sequence[object] = ()) -> list[str]:
        """Receive `evaluate` and report a size, or a status, for -Oz and for each list; return the lists.

        Of the first results it tells the `parts`, too.
        """
        message = self.hear()
        assert message["do"] == "evaluate"
        for identity, size in enumerate([oz, *sizes], -1):
            status = "ok" if isinstance(size, int) else size
            divided = {"parts": parts[identity + 1]} if identity + 1 < len(parts) else {}
            self.say(id=identity, status=status, size=size if isinstance(size, int) else 0, **divided)
        lists: list[str] = message["lists"]
        assert len(lists) == len(sizes)
        return lists

    def end(self) -> None:
        """The helper has nothing more to say, on any stream, and exits with 0."""
        assert self.stream.read() == b""
        assert self.process.stderr is not None
        assert self.process.stderr.read() == b""
        assert self.process.wait(30) == 0

    def close(self) -> None:
        self.stream.close()
        self.socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "script").write_text("\n".join(["# lists", *LISTS]) + "\n")
    (tmp_path / "cache").mkdir()
    return {
        "HOME": str(tmp_path),
        "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"),
        "CLANG_LLM_LOG": str(tmp_path / "log"),
        "CLANG_LLM_BACKEND": "scripted",
        "CLANG_LLM_SCRIPT": str(tmp_path / "script"),
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., PluginSide]]:
    sides: list[PluginSide] = []

    def start_one(**extra: str) -> PluginSide:
        sides.append(PluginSide({**environment, **extra}))
        return sides[-1]

    yield start_one
    for side in sides:
        side.close()


Start = Callable[..., PluginSide]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "cache")


def make_plan(size: int = 90, budget: int = 3, module: str | None = "globaldce") -> Plan:
    recipe = None if module is None else Recipe(module)
    return Plan(KEY, "19.1.7", "x86_64", recipe, 100, size, budget)


def test_the_smallest_is_stored_and_then_applied(start: Start, store: LocalStore) -> None:
    side = start()
    side.ask()
    assert side.measure(100, 99, 90, 95) == NORMAL[:3]
    assert side.hear() == {"do": "apply", "id": 1, "by": "scripted"}
    # The entry is there before the answer.
    plan = store.get(KEY)
    assert plan is not None
    assert (plan.recipe and plan.recipe.text, plan.size_oz, plan.size, plan.budget) == (NORMAL[1], 100, 90, 3)
    assert (plan.llvm, plan.target) == ("19.1.7", "x86_64")
    assert plan.provenance == {
        "backend": "scripted",
        "list": 1,
        "tried": 3,
        "rejected": {},
        "validated": None,
        "version": "0.1.0",
    }
    side.end()
    assert log.fold_events(store.root) == Counter(stored=1)


@pytest.mark.parametrize(
    ("sizes", "best"),
    [((90, 90, 90), 0), ((91, 90, 90), 1), ((100, 100, 100), None), ((101, 120, 100), None), (("crashed", 99, 100), 1)],
)
def test_ties_go_to_oz_and_then_to_the_first(
    start: Start, store: LocalStore, sizes: tuple[int | str, ...], best: int | None
) -> None:
    side = start()
    side.ask()
    side.measure(100, *sizes)
    assert side.hear() == (
        {"do": "oz", "reason": "best", "by": "scripted"}
        if best is None
        else {"do": "apply", "id": best, "by": "scripted"}
    )
    plan = store.get(KEY)
    assert plan is not None
    assert plan.recipe == (None if best is None else Recipe(NORMAL[best]))


def test_a_plan_says_what_the_sizes_are_made_of(start: Start, store: LocalStore) -> None:
    side = start()
    side.ask()
    side.measure(100, 99, 90, 95, parts=[[70, 10, 0, 20], [70, 9, 0, 20], [60, 10, 5, 15]])
    assert side.hear() == {"do": "apply", "id": 1, "by": "scripted"}
    plan = store.get(KEY)
    assert plan is not None
    assert plan.parts == (Parts(70, 10, 0, 20), Parts(60, 10, 5, 15))


@pytest.mark.parametrize("parts", [[70, 10, 0, 21], [101, 0, 0, -1], [100, 0, 0], [True, 99, 0, 0], "abcd", None, 100])
def test_parts_that_do_not_add_up_are_no_result(start: Start, store: LocalStore, parts: object) -> None:
    side = start()
    side.ask()
    assert side.hear()["do"] == "evaluate"
    side.say(id=-1, status="ok", size=100, parts=parts)
    assert side.hear() == {"do": "oz", "reason": "protocol"}
    assert store.get(KEY) is None


def test_a_negative_entry_says_so(start: Start, store: LocalStore) -> None:
    side = start()
    side.ask()
    side.measure(100, "interface", "interface", "unverified")
    assert side.hear() == {"do": "oz", "reason": "best", "by": "scripted"}
    plan = store.get(KEY)
    assert plan is not None
    assert (plan.recipe, plan.size, plan.size_oz) == (None, 100, 100)
    assert plan.provenance["rejected"] == {"interface": 2, "unverified": 1}
    assert "list" not in plan.provenance


def test_time_decides_nothing(start: Start, store: LocalStore) -> None:
    side = start()
    side.ask()
    side.measure(100, 50, "timeout", 60)
    assert side.hear() == {"do": "oz", "reason": "timeout"}
    assert store.get(KEY) is None
    assert log.fold_events(store.root) == Counter()


def test_without_a_baseline_nothing_is_believed(start: Start, store: LocalStore) -> None:
    side = start()
    side.ask()
    side.measure("failed", "failed", "failed", "failed")
    assert side.hear() == {"do": "oz", "reason": "baseline"}
    assert store.get(KEY) is None


def test_repetitions_after_normalisation_and_what_is_not_allowed_are_left_out(start: Start, tmp_path: Path) -> None:
    lists = ["globaldce", "globaldce", "function(instcombine)", "function(instcombine<no-verify-fixpoint>)"]
    lists += ["function(structurizecfg)", "elim-avail-extern", "function(dce)"]
    (tmp_path / "script").write_text("\n".join(lists))
    side = start()
    side.ask(budget=10)
    assert side.measure(100, 99, 99, 98) == ["globaldce", "function(instcombine<no-verify-fixpoint>)", "function(dce)"]
    assert side.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    plan = LocalStore(tmp_path / "cache").get(KEY)
    assert plan is not None
    assert (plan.provenance["list"], plan.provenance["tried"], plan.budget) == (2, 3, 10)


def test_lists_are_normalised_for_the_llvm_that_asks(start: Start) -> None:
    side = start()
    side.ask(llvm="14.0.6", major=14)
    assert side.measure(100, 99, 99, 99) == LISTS[:3]


def test_more_lists_than_fit_into_a_line_come_in_rounds(start: Start, tmp_path: Path) -> None:
    long = ["function(" + ",".join(["adce"] * 3000) + f",simplifycfg<bonus-inst-threshold={n}>)" for n in range(40)]
    (tmp_path / "script").write_text("\n".join(long))
    side = start()
    side.ask(budget=40)
    seen, rounds = 0, 0
    while seen < 40:
        lists = side.hear()["lists"]
        if not seen:
            side.say(id=-1, status="ok", size=100)
        for _ in lists:
            side.say(id=seen, status="ok", size=100 - seen)
            seen += 1
        rounds += 1
    assert rounds == 3
    assert side.hear() == {"do": "apply", "id": 39, "by": "scripted"}


def test_an_entry_that_has_arrived_meanwhile_is_pointed_at(start: Start, store: LocalStore) -> None:
    store.put(make_plan())
    for lookup in ("miss", "weaker"):
        side = start()
        side.ask(lookup=lookup)
        assert side.hear() == {"do": "lookup"}
        side.end()


def test_an_entry_from_a_smaller_search_is_searched_again(start: Start, store: LocalStore) -> None:
    store.put(make_plan(size=95, budget=2))
    side = start()
    side.ask(lookup="weaker")
    side.measure(100, 94, 98, 98)
    assert side.hear() == {"do": "apply", "id": 0, "by": "scripted"}
    plan = store.get(KEY)
    assert plan is not None
    assert (plan.size, plan.budget) == (94, 3)


def test_a_better_entry_from_a_smaller_search_stays_and_is_used(start: Start, store: LocalStore) -> None:
    store.put(make_plan(size=80, budget=2))
    side = start()
    side.ask(lookup="weaker")
    side.measure(100, 94, 98, 98)
    assert side.hear() == {"do": "lookup"}
    assert store.get(KEY) == make_plan(size=80, budget=3)


def test_recache_replaces_whatever_was_believed(start: Start, store: LocalStore) -> None:
    store.put(make_plan(size=10, budget=9))
    side = start()
    side.ask(lookup="recache")
    side.measure(100, 99, 98, 97)
    assert side.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    plan = store.get(KEY)
    assert plan is not None
    assert (plan.size, plan.budget) == (97, 3)


def test_a_corrupt_entry_is_quarantined_and_replaced(start: Start, store: LocalStore) -> None:
    store.put(make_plan())
    store.path(KEY).write_bytes(encode(make_plan())[:-1])
    side = start()
    side.ask(lookup="corrupt")
    side.measure(100, 99, 98, 97)
    assert side.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    assert (store.root / "quarantine" / KEY).exists()
    plan = store.get(KEY)
    assert plan is not None
    assert plan.size == 97


def test_an_entry_that_only_the_plugin_calls_corrupt_is_replaced(start: Start, store: LocalStore) -> None:
    store.put(make_plan(size=10, budget=9))
    side = start()
    side.ask(lookup="corrupt")
    side.measure(100, 99, 98, 97)
    assert side.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    plan = store.get(KEY)
    assert plan is not None
    assert plan.size == 97


def test_a_second_process_waits_for_the_first_and_takes_its_answer(start: Start) -> None:
    first, second = start(), start()
    first.ask()
    assert first.hear()["do"] == "evaluate"
    second.ask()
    second.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        second.socket.recv(1, socket.MSG_PEEK)
    second.socket.settimeout(30)
    for identity, size in ((-1, 100), (0, 99), (1, 98), (2, 97)):
        first.say(id=identity, status="ok", size=size)
    assert first.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    assert second.hear() == {"do": "lookup"}


def test_a_second_process_takes_over_when_the_first_dies(start: Start, store: LocalStore) -> None:
    first, second = start(), start()
    first.ask()
    assert first.hear()["do"] == "evaluate"
    second.ask()
    first.process.send_signal(signal.SIGKILL)
    second.measure(100, 99, 98, 97)
    assert second.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    assert store.get(KEY) is not None


@pytest.mark.parametrize("switch", ["CLANG_LLM_READONLY", "_CLANG_LLM_EXPLAIN"])
def test_reading_only_searches_and_writes_nothing(start: Start, store: LocalStore, switch: str) -> None:
    side = start(**{switch: "1"})
    side.ask()
    side.measure(100, 99, 98, 97)
    assert side.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    side.end()
    assert list(store.root.iterdir()) == []


def test_a_cache_that_cannot_be_written_changes_nothing_else(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    side = start(CLANG_LLM_CACHE_DIR=str(tmp_path / "file" / "cache"))
    side.ask()
    side.measure(100, 99, 98, 97)
    assert side.hear() == {"do": "apply", "id": 2, "by": "scripted"}
    side.end()


@pytest.mark.parametrize(
    ("environment_changes", "request_changes", "reason"),
    [
        ({"CLANG_LLM_BACKEND": "nobody"}, {}, "backend"),
        ({"CLANG_LLM_SCRIPT": "/no/such/file"}, {}, "backend"),
        ({"CLANG_LLM_SCRIPT": ""}, {}, "backend"),
        ({"CLANG_LLM_BACKEND": "coreset"}, {"major": 13, "llvm": "13.0.1"}, "unvalidated"),
        ({"CLANG_LLM_SCRIPT": os.devnull}, {}, "no_lists"),
        ({}, {"budget": 0}, "no_lists"),
        ({}, {"protocol": 2}, "protocol"),
        ({}, {"protocol": None}, "protocol"),
        ({}, {"key": "../../../../etc/passwd"}, "protocol"),
        ({}, {"key": KEY.upper()}, "protocol"),
        ({}, {"key": None}, "protocol"),
        ({}, {"llvm": "../x"}, "protocol"),
        ({}, {"major": "19"}, "protocol"),
        ({}, {"budget": -1}, "protocol"),
        ({}, {"lookup": "perhaps"}, "protocol"),
        ({}, {"source": 7}, "protocol"),
    ],
    ids=str,
)
def test_what_goes_wrong_becomes_plain_oz_and_is_logged(
    start: Start,
    tmp_path: Path,
    environment_changes: dict[str, str],
    request_changes: dict[str, object],
    reason: str,
) -> None:
    side = start(**environment_changes)
    side.ask(**request_changes)
    assert side.hear() == {"do": "oz", "reason": reason}
    side.end()
    assert LocalStore(tmp_path / "cache").get(KEY) is None
    if reason != "no_lists":
        # A backend that there is not is a setting that is not used, which is a line of its own.
        lines = 2 if environment_changes.get("CLANG_LLM_BACKEND") == "nobody" else 1
        assert (tmp_path / "log").read_text().count("\n") == lines


@pytest.mark.parametrize(
    "garbage", [b"\n", b"null\n", b"[1]\n", b"\xff\xfe\n", b"{" * 2000 + b"\n", b"x" * 70000 + b"\n"]
)
def test_garbage_becomes_plain_oz(start: Start, garbage: bytes) -> None:
    side = start()
    side.socket.sendall(garbage)
    assert side.hear() == {"do": "oz", "reason": "protocol"}
    side.end()


@pytest.mark.parametrize(
    "message",
    [
        {"id": 0, "status": "ok", "size": 1},
        {"id": -1, "status": "splendid", "size": 1},
        {"id": -1, "status": "ok", "size": -1},
        {"id": -1, "status": "ok"},
        {"id": "-1", "status": "ok", "size": 1},
    ],
    ids=str,
)
def test_results_that_break_the_protocol(start: Start, store: LocalStore, message: dict[str, object]) -> None:
    side = start()
    side.ask()
    side.hear()
    side.say(**message)
    assert side.hear() == {"do": "oz", "reason": "protocol"}
    assert store.get(KEY) is None


def test_results_out_of_order(start: Start) -> None:
    side = start()
    side.ask()
    side.hear()
    side.say(id=-1, status="ok", size=100)
    side.say(id=1, status="ok", size=90)
    assert side.hear() == {"do": "oz", "reason": "protocol"}


@pytest.mark.parametrize("moment", ["before", "within a line", "after the request", "between results"])
def test_a_plugin_that_goes_away_is_not_missed(start: Start, store: LocalStore, moment: str) -> None:
    side = start()
    if moment == "within a line":
        side.socket.sendall(b'{"protocol": 1,')
    if moment in ("after the request", "between results"):
        side.ask()
    if moment == "between results":
        side.hear()
        side.say(id=-1, status="ok", size=100)
    side.socket.shutdown(socket.SHUT_RDWR)
    assert side.process.wait(30) == 0
    assert side.process.stderr is not None
    assert side.process.stderr.read() == b""
    assert store.get(KEY) is None


def test_a_script_that_is_no_text_is_plain_oz(start: Start, tmp_path: Path) -> None:
    (tmp_path / "script").write_bytes(b"\xff\xfe not text\n")
    side = start()
    side.ask()
    assert side.hear() == {"do": "oz", "reason": "backend"}
    side.end()
    assert "check CLANG_LLM_SCRIPT" in (tmp_path / "log").read_text()


def test_a_crash_inside_is_plain_oz(environment: dict[str, str], tmp_path: Path) -> None:
    """An error that nobody foresaw, put into the process of the helper."""
    broken = "from clang_llm.backends import scripted; scripted.read_lists = lambda _: 1 // 0"
    head, run = CODE.split("; from clang_llm.compile.helper", 1)
    side = PluginSide(environment, f"{head}; {broken}; from clang_llm.compile.helper{run}")
    side.ask()
    assert side.hear() == {"do": "oz", "reason": "helper"}
    side.end()
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()
    side.close()


def test_unknown_settings_are_in_the_log(start: Start, tmp_path: Path) -> None:
    side = start(CLANG_LLM_EFORT="3")
    side.ask()
    side.measure(100, 99, 98, 97)
    side.hear()
    side.end()
    assert "CLANG_LLM_EFORT" in (tmp_path / "log").read_text()


def test_the_coreset_takes_its_recipes_in_order(start: Start) -> None:
    recipes = list(read_coreset(19).for_target("x86_64"))
    side = start(CLANG_LLM_BACKEND="coreset")
    side.ask(budget=5)
    # One compilation is kept for a mix; the sizes told here have no functions to mix, so one more recipe is tried.
    assert side.measure(100, 99, 98) == [each.message() for each in recipes[:2]]
    assert side.hear() == {"do": "evaluate", "lists": [each.message() for each in recipes[2:4]]}
    side.say(id=2, status="ok", size=97)
    side.say(id=3, status="ok", size=96)
    assert side.hear() == {"do": "evaluate", "lists": [recipes[4].message()]}
    side.say(id=4, status="ok", size=95)
    assert side.hear() == {"do": "apply", "id": 4, "by": "coreset"}


def test_the_helper_ends_at_once_after_its_answer(start: Start) -> None:
    side = start()
    side.ask()
    side.measure(100, 99, 98, 97)
    side.hear()
    started = time.monotonic()
    side.process.wait(30)
    assert time.monotonic() - started < 1


def commit(tmp_path: Path, plan: Plan, key: TeamKey | None) -> str:
    """Write a file of plans, as the one of a project; return its path."""
    row = Row(committed.canonical(plan))
    row = row if key is None else Row(row.plan, key.sign(row.checksum))
    (tmp_path / "p.plans").write_bytes(committed.render([row]))
    return str(tmp_path / "p.plans")


@pytest.mark.parametrize("frozen", ["", "1"])
def test_a_committed_plan_that_the_team_signed_is_taken_over(
    start: Start, store: LocalStore, tmp_path: Path, frozen: str
) -> None:
    key = team.make(team.SHARED)
    key.write(tmp_path / "key")
    plans = commit(tmp_path, make_plan(module="globaldce,function(adce)"), key)
    plugin = start(CLANG_LLM_PLANS=plans, CLANG_LLM_KEY_FILE=str(tmp_path / "key"), CLANG_LLM_FROZEN=frozen)
    plugin.ask()
    assert plugin.hear() == {"do": "lookup"}
    plugin.end()
    assert store.is_sealed(KEY)
    assert log.fold_events(store.root) == Counter({"plans:adopted": 1})


def test_a_key_that_cannot_be_used_is_logged_and_the_plan_is_a_proposal(
    start: Start, store: LocalStore, tmp_path: Path
) -> None:
    shipped = next(recipe for recipe in read_coreset(19).lists if recipe.staged)
    plan = Plan(KEY, "19.1.7", "x86_64", shipped, 100, 90, 3)
    (tmp_path / "key").write_text("no key\n")
    plans = commit(tmp_path, plan, team.make(team.SHARED))
    plugin = start(CLANG_LLM_PLANS=plans, CLANG_LLM_KEY_FILE=str(tmp_path / "key"))
    plugin.ask()
    assert plugin.measure(100, 90) == [shipped.message()]
    assert plugin.hear()["do"] == "apply"
    plugin.end()
    assert store.is_sealed(KEY)
    assert "holds no key" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("size", "kept"), [(90, True), (100, False), ("interface", False)])
def test_a_frozen_build_measures_the_committed_plan_alone(
    start: Start, store: LocalStore, tmp_path: Path, size: int | str, kept: bool
) -> None:
    shipped = next(recipe for recipe in read_coreset(19).lists if recipe.staged)
    plan = Plan(KEY, "19.1.7", "x86_64", shipped, 100, 90, 1)
    plugin = start(CLANG_LLM_PLANS=commit(tmp_path, plan, None), CLANG_LLM_FROZEN="1")
    plugin.ask(budget=1)
    assert plugin.measure(100, size) == [shipped.message()]
    answer = plugin.hear()
    plugin.end()
    assert answer == ({"do": "apply", "id": 0, "by": "-"} if kept else {"do": "oz", "reason": "frozen", "by": "-"})
    assert (store.get(KEY) == plan) == kept
    assert log.fold_events(store.root)["plans:refused"] == (not kept)


def test_a_frozen_build_without_a_plan_proposes_nothing(start: Start, store: LocalStore, tmp_path: Path) -> None:
    plugin = start(CLANG_LLM_PLANS=str(tmp_path / "none"), CLANG_LLM_FROZEN="1")
    plugin.ask()
    assert plugin.hear() == {"do": "oz", "reason": "frozen"}
    plugin.end()
    assert store.get(KEY) is None
