"""Plans as a text file: what is in it, that it is the same whoever writes it, merging, bisection, damage."""

import os
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from clang_llm.plans import store as stores
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store import committed, plansfile, team
from clang_llm.plans.store.committed import NOTHING, Row, merge, read_row, render
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.plansfile import PlansFile
from clang_llm.system.errors import DataError, PlanError
from clang_llm.system.objects import Parts

RECIPES = [recipe for recipe in read_coreset(19).lists if recipe.staged]


def key_of(number: int) -> str:
    return random.Random(number).randbytes(32).hex()


def make_row(number: int, size: int = 90, budget: int = 6, **changes: object) -> Row:
    recipe = RECIPES[number % len(RECIPES)]
    mixed = recipe._replace(functions=(*recipe.functions[:1], ""), use=(0,) * (number % 9) + (1, 0, 1, 1))
    parts = (Parts(80, 10, 6, 4), Parts(size - 20, 10, 6, 4))
    plan = Plan(
        key_of(number), "19.1.7", "x86_64-pc-linux-gnu", mixed, 100, size, budget, {"backend": "coreset"}, parts=parts
    )
    return Row(plan._replace(**changes), source=f"file{number}.c")  # type: ignore[arg-type]


def by_key(*rows: Row) -> dict[str, Row]:
    return {row.plan.key: row for row in rows}


def seeds() -> list[Row]:
    assert stores.SEED is not None
    store = LocalStore(stores.SEED, read_only=True)
    plans = (store.get(key) for key, _ in store.entries())
    return [Row(committed.canonical(plan), source="source.c") for plan in plans if plan is not None]


def written(path: Path, rows: Mapping[str, Row] | list[Row]) -> Path:
    path.write_bytes(render(rows.values() if isinstance(rows, Mapping) else rows))
    return path


ROWS = [
    make_row(1),
    make_row(2, recipe=None, size=100, parts=None),
    make_row(3, recipe=Recipe("function(sroa),globaldce")),
    make_row(4, parts=None),
    replace(make_row(5), signature=team.make(team.SHARED).sign("0" * 64), source=""),
    make_row(6, provenance={}),
]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    found = plansfile.read(written(tmp_path / "f", ROWS))
    assert found.problems == []
    assert found.rows == by_key(*ROWS)
    for row in ROWS:
        assert row.sound() == row.plan


def test_the_file_is_plain_text_in_the_order_of_its_bytes() -> None:
    data = render(ROWS)
    first, *lines = data.decode("ascii").split("\n")[:-1]
    assert first == "clang-llm-plans 1"
    assert lines == sorted(set(lines))
    assert not re.search(rb"[^ -~\n]", data)
    assert sum(line.startswith(row.plan.key) for row in ROWS for line in lines) == len(ROWS)


def test_the_same_plans_give_the_same_bytes_and_pipelines_are_there_once() -> None:
    rows = [make_row(number) for number in range(50)]
    data = render(rows)
    random.Random(0).shuffle(rows)
    assert render(rows) == data
    pipes = [line for line in data.splitlines() if line.startswith(b"pipe:")]
    assert len(pipes) <= 3 * len(RECIPES)


def test_real_plans_take_little_room() -> None:
    """What a project pays for each module: the shipped seeds, real modules at the highest effort."""
    rows = seeds()
    data = render(rows)
    lines = [line for line in data.decode().splitlines() if re.match("[0-9a-f]{64} ", line)]
    assert len(lines) == len(rows) > 50
    assert len(data) / len(rows) < 400
    found = {row.plan.key: row for row in rows}
    assert all(read_row(line, lambda name: "".join(shared(data, name))).plan == found[line[:64]].plan for line in lines)


def test_a_thousand_modules_take_little_room() -> None:
    """Real plans under other keys, as if a project had a thousand modules, signed; one that changes is one line."""
    key, plans = team.make(team.SHARED), seeds()
    rows = [Row(plans[n % len(plans)].plan._replace(key=key_of(n)), source="source.c") for n in range(1000)]
    rows = [replace(row, signature=key.sign(row.checksum)) for row in rows]
    data = render(rows)
    assert len(data) < 350_000
    rows[500] = replace(rows[500], plan=rows[500].plan._replace(budget=64))
    changed = set(data.splitlines()) ^ set(render(rows).splitlines())
    assert [line[:64].decode() for line in changed] == [key_of(500)] * 2


def test_a_line_cannot_ask_for_much(tmp_path: Path) -> None:
    """A recipe of more pipelines than any plan has, each as long as it may be."""
    row = make_row(1)
    long = Recipe("globaldce", ("x" * 60_000,) * 1025)
    file = written(tmp_path / "f", [replace(row, plan=row.plan._replace(recipe=long))])
    assert "more than 1024 pipelines" in plansfile.read(file).problems[0]
    assert PlansFile(file).get(row.plan.key) is None
    file = written(tmp_path / "f", [replace(row, plan=row.plan._replace(recipe=Recipe("x" * 300_000)))])
    assert "damaged" in plansfile.read(file).problems[0]
    assert PlansFile(file).get(row.plan.key) is None


def shared(data: bytes, name: str) -> list[str]:
    return [line.partition(" ")[2] for line in data.decode().splitlines() if line.startswith(f"{name} ")]


def test_provenance_of_one_search_is_left_out() -> None:
    plan = make_row(1).plan._replace(
        provenance={"tried": 6, "version": "0.1.0", "rejected": {"a": 1}, "backend": "model", "list": 3, "x": "/home"},
    )
    assert list(committed.canonical(plan).provenance.items()) == [("backend", "model"), ("version", "0.1.0")]


def test_merging_is_the_same_from_both_sides() -> None:
    base = by_key(*(make_row(number) for number in range(8)))
    ours, theirs = dict(base), dict(base)
    ours[key_of(1)] = make_row(1, size=80)
    theirs[key_of(1)] = make_row(1, size=70)
    ours[key_of(2)] = make_row(2, budget=8)
    theirs[key_of(3)] = make_row(3, size=95)
    del ours[key_of(4)]
    del ours[key_of(5)]
    theirs[key_of(5)] = make_row(5, size=60)
    del theirs[key_of(6)]
    ours[key_of(20)] = make_row(20)
    theirs[key_of(21)] = make_row(21)
    merged = merge(base, ours, theirs)
    assert render(merged.values()) == render(merge(base, theirs, ours).values())
    assert merged == {
        **{key_of(number): make_row(number) for number in (0, 3, 7, 20, 21)},
        key_of(1): make_row(1, size=70),
        key_of(2): make_row(2, budget=8),
        key_of(5): make_row(5, size=60),
    }


@pytest.mark.parametrize("seed", range(20))
def test_merging_is_commutative_and_repeats_itself(seed: int) -> None:
    chance = random.Random(seed)

    def some() -> dict[str, Row]:
        rows = (make_row(n, size=chance.randint(88, 90), budget=chance.choice((4, 6))) for n in range(12))
        return by_key(*(row for row in rows if chance.random() < 0.8))

    base, ours, theirs = some(), some(), some()
    one = merge(base, ours, theirs)
    assert one == merge(base, theirs, ours)
    assert merge(ours, ours, ours) == ours
    assert merge({}, one, one) == one


def test_of_equal_plans_the_signed_one_stays() -> None:
    plain = make_row(1)
    signed = replace(plain, signature=team.make(team.SHARED).sign(plain.checksum))
    assert merge({}, by_key(plain), by_key(signed)) == merge({}, by_key(signed), by_key(plain)) == by_key(signed)


def test_every_line_is_found_by_bisection(tmp_path: Path) -> None:
    rows = [make_row(number) for number in range(300)]
    file = PlansFile(written(tmp_path / "f", rows))
    for row in rows:
        assert file.look_up(row.plan.key) == (row.plan, False)
    for number in range(1000, 1200):
        assert file.look_up(key_of(number)) == (None, False)
    for key in ("0" * 64, "f" * 64):
        assert file.get(key) is None
    for row in rows[:3]:
        assert PlansFile(written(tmp_path / "one", [row])).get(row.plan.key) == row.plan
    assert PlansFile(written(tmp_path / "none", [])).get(rows[0].plan.key) is None


def test_a_signature_counts_with_its_key_alone(tmp_path: Path) -> None:
    key, other = team.make(team.SHARED), team.make(team.SHARED)
    row = make_row(1)
    row = replace(row, signature=key.sign(row.checksum))
    path = written(tmp_path / "f", [row, replace(make_row(2), signature=row.signature)])
    assert PlansFile(path, lambda: key).look_up(row.plan.key) == (row.plan, True)
    assert PlansFile(path, lambda: other).look_up(row.plan.key) == (row.plan, False)
    assert PlansFile(path).look_up(row.plan.key) == (row.plan, False)
    assert PlansFile(path, lambda: key).look_up(key_of(2)) == (make_row(2).plan, False)


def test_what_is_no_regular_file_is_a_miss(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, tmp_path / "none", Path("/dev/zero")):
        assert PlansFile(path).look_up(key_of(1)) == (None, False)
        if path != Path("/dev/zero"):
            with pytest.raises(DataError, match="plans export"):
                plansfile.read(path)


@pytest.mark.parametrize("fill", [b"x" * (3 << 20), b"\n" * 100_000, b"", b"\0" * 4096])
def test_a_file_of_something_else_is_a_miss(tmp_path: Path, fill: bytes) -> None:
    for data in (fill, b"clang-llm-plans 1\n" + fill, b"clang-llm-plans 2\n" + render([make_row(1)])):
        (tmp_path / "f").write_bytes(data)
        assert PlansFile(tmp_path / "f").look_up(key_of(1)) == (None, False)


@pytest.mark.parametrize("seed", range(8))
def test_damage_costs_plans_and_nothing_else(tmp_path: Path, seed: int) -> None:
    """A byte changed, lost or doubled: what is still found is what was written."""
    rows = [make_row(number) for number in range(12)]
    data = render(rows)
    chance = random.Random(seed)
    for _ in range(60):
        at = chance.randrange(len(data))
        hurt = chance.choice((data[:at], data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :], data[:at] * 2))
        (tmp_path / "f").write_bytes(hurt)
        for row in chance.sample(rows, 4):
            plan, signed = PlansFile(tmp_path / "f").look_up(row.plan.key)
            assert plan in (None, row.plan)
            assert not signed


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (r"^([0-9a-f]{64}) [0-9a-f]{16}", r"\1 0123456789abcdef", "checksum"),
        (r" 100 90 6 ", " 100 89 6 ", "malformed"),
        (r"^(pipe:[0-9a-f]{16}) .*$", r"\1 globaldce", "damaged"),
        (r"^pipe:[0-9a-f]{16} .*\n", "", "missing"),
        (r"^made:.*\n", "", "missing"),
        (r"0\*", "0*9999999", "no line of a plan|malformed"),
        (r"0\*(\d)", "0*65535,1*65535", "malformed"),
        (r"# file", "#file", "no line of a plan"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = render([make_row(number) for number in range(9)]).decode()
    changed = re.sub(old, new, text, flags=re.MULTILINE)
    assert changed != text
    (tmp_path / "f").write_text(changed)
    assert re.search(problem, "\n".join(plansfile.read(tmp_path / "f").problems))


def test_order_repetition_and_leftovers_are_told(tmp_path: Path) -> None:
    first, *lines = render([make_row(number) for number in range(4)]).decode().splitlines()
    for changed, problem in (
        ([*lines[1:2], lines[0], *lines[2:]], "line 3: not in the order of its bytes"),
        ([lines[0], *lines], "line 3: twice"),
    ):
        (tmp_path / "f").write_text("\n".join([first, *changed, ""]))
        assert any(problem in each for each in plansfile.read(tmp_path / "f").problems)
    (tmp_path / "f").write_text("\n".join([first, *lines, "pipe:zz globaldce", ""]))
    assert plansfile.read(tmp_path / "f").problems == []
    assert plansfile.read(tmp_path / "f").leftovers == ["pipe:zz"]
    (tmp_path / "f").write_text("\n".join([first, *lines]))
    assert plansfile.read(tmp_path / "f").problems[0] == "the last line has no end"


def test_a_plan_that_is_none_is_not_sound() -> None:
    with pytest.raises(PlanError):
        make_row(1, recipe=Recipe("no-such-pass")).sound()
    with pytest.raises(PlanError):
        make_row(1, size=100, parts=None).sound()


def test_nothing_is_written_to_a_file_by_a_compile(tmp_path: Path) -> None:
    path = written(tmp_path / "f", ROWS)
    before = path.read_bytes()
    assert not PlansFile(path).put(make_row(9).plan)
    assert path.read_bytes() == before
    assert NOTHING in before.decode()
