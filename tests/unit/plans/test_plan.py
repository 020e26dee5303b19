import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clang_llm.plans.plan import Plan, as_data, decode, encode
from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import PlanError, PlanFormatError
from clang_llm.system.objects import Parts

KEY = "ab" * 32
PLAN = Plan(
    key=KEY,
    llvm="19.1.7",
    target="x86_64-pc-linux-gnu",
    recipe=Recipe("function(mem2reg),globaldce"),
    size_oz=1234,
    size=1200,
    budget=8,
    provenance={"backend": "coreset", "list": 5, "tried": 8, "rejected": {"interface": 1}, "validated": "0011"},
)
BEST_IS_OZ = PLAN._replace(recipe=None, size=1234)
DIVIDED = PLAN._replace(parts=(Parts(1000, 34, 0, 200), Parts(970, 34, 6, 190)))


def entry(**changes: object) -> bytes:
    """An entry with a right checksum and other fields."""
    body = {**as_data(PLAN), **changes}
    data = json.dumps({name: value for name, value in body.items() if value is not ...}).encode() + b"\n"
    return b"clang-llm-plan 1 " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data


@pytest.mark.parametrize(
    "plan",
    [PLAN, BEST_IS_OZ, DIVIDED, BEST_IS_OZ._replace(parts=(Parts(1234), Parts(1234)))],
    ids=["plan", "negative", "divided", "negative-divided"],
)
def test_a_plan_survives(plan: Plan) -> None:
    assert decode(encode(plan), KEY) == plan


def test_the_bytes_are_the_documented_ones() -> None:
    data = encode(PLAN)
    header, body = data.split(b"\n", 1)
    assert header == b"clang-llm-plan 1 " + hashlib.sha256(body).hexdigest().encode()
    assert list(json.loads(body)) == (
        [
            "key",
            "llvm",
            "objective",
            "target",
            "module",
            "functions",
            "use",
            "closing",
            "size_oz",
            "size",
            "budget",
            "provenance",
        ]
    )
    assert json.loads(body)["functions"] == []
    assert json.loads(body)["closing"] is None
    assert data == encode(PLAN)


def test_every_flipped_bit_is_noticed() -> None:
    data = bytearray(encode(PLAN))
    for at in range(len(data)):
        data[at] ^= 1
        with pytest.raises(PlanError):
            decode(bytes(data), KEY)
        data[at] ^= 1


def test_every_truncation_is_noticed() -> None:
    data = encode(PLAN)
    for length in range(len(data)):
        with pytest.raises(PlanError):
            decode(data[:length], KEY)


def test_an_entry_of_another_key_is_refused() -> None:
    with pytest.raises(PlanError, match="another key"):
        decode(encode(PLAN), "cd" * 32)


@pytest.mark.parametrize(
    "changes",
    [
        {"module": "function(structurizecfg)"},
        {"module": "function(instcombine)"},
        {"module": "-load-pass-plugin=x.so"},
        {"module": ""},
        {"module": 1},
        {"size": 1234},
        {"size": 2000},
        {"module": None},
        {"size": -1},
        {"size": True},
        {"size": "1200"},
        {"size": 1200.0},
        {"budget": None},
        {"objective": "speed"},
        {"llvm": "nineteen"},
        {"llvm": 19},
        {"provenance": []},
        {"key": ...},
        {"budget": ...},
        {"provenance": ...},
    ],
    ids=str,
)
def test_what_an_entry_must_not_say(changes: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match="cache verify"):
        decode(entry(**changes), KEY)


def test_the_parts_are_readable() -> None:
    assert json.loads(encode(DIVIDED).partition(b"\n")[2])["parts"] == {
        "oz": [1000, 34, 0, 200],
        "ours": [970, 34, 6, 190],
    }


@pytest.mark.parametrize(
    "parts",
    [
        None,
        [],
        {},
        {"oz": [1234, 0, 0, 0]},
        {"oz": [1234, 0, 0, 0], "ours": [1200, 0, 0, 0], "theirs": [0, 0, 0, 0]},
        {"oz": [1234, 0, 0, 0], "ours": [1201, 0, 0, 0]},
        {"oz": [1233, 0, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": [1235, -1, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": [1234, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": [1234, 0, 0, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": [1233, True, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": [1234.0, 0, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": ["1234", 0, 0, 0], "ours": [1200, 0, 0, 0]},
        {"oz": "1234", "ours": [1200, 0, 0, 0]},
    ],
    ids=str,
)
def test_parts_that_do_not_add_up_are_damage(parts: object) -> None:
    with pytest.raises(PlanError, match="cache verify"):
        decode(entry(parts=parts), KEY)


def test_oz_has_the_parts_of_oz() -> None:
    with pytest.raises(PlanError, match="another size"):
        decode(entry(module=None, size=1234, parts={"oz": [1234, 0, 0, 0], "ours": [1233, 1, 0, 0]}), KEY)


@pytest.mark.parametrize(
    ("provenance", "by"),
    [({}, "-"), ({"backend": "tune"}, "tune"), ({"backend": "model", "origin": "mix"}, "model/mix")],
)
def test_who_proposed(provenance: dict[str, object], by: str) -> None:
    assert PLAN._replace(provenance=provenance).by == by


STAGED = PLAN._replace(recipe=Recipe("globalopt", ("sroa,gvn", "", "sroa"), (0, 2, 1, 1), "globaldce"))


def test_a_staged_plan_survives() -> None:
    assert decode(encode(STAGED), KEY) == STAGED


@pytest.mark.parametrize(
    "changes",
    [
        {"functions": [{"name": "f"}]},
        {"functions": ["sroa"], "use": [1]},
        {"functions": ["sroa"], "use": ["0"]},
        {"functions": ["sroa"], "use": [-1]},
        {"functions": ["globaldce"]},
        {"functions": ["sroa),globaldce,function(sroa"]},
        {"closing": "no-such-pass"},
        {"use": None},
    ],
    ids=str,
)
def test_a_staged_plan_that_is_not_sound_is_damage(changes: dict[str, object]) -> None:
    with pytest.raises(PlanError):
        decode(entry(**changes), KEY)


def test_another_format_number_is_not_damage() -> None:
    with pytest.raises(PlanFormatError):
        decode(encode(PLAN).replace(b"plan 1 ", b"plan 2 ", 1), KEY)


@given(st.binary(max_size=300))
def test_garbage_is_never_worse_than_a_plan_error(data: bytes) -> None:
    with pytest.raises(PlanError):
        decode(data, KEY)
    with pytest.raises(PlanError):
        decode(b"clang-llm-plan 1 " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data, KEY)


def test_deeply_nested_json_is_refused() -> None:
    data = b"[" * 50_000
    with pytest.raises(PlanError):
        decode(b"clang-llm-plan 1 " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data, KEY)


@pytest.mark.parametrize(
    ("size", "budget", "wins"),
    [(1199, 8, True), (1199, 1, True), (1200, 9, True), (1200, 8, False), (1200, 7, False), (1201, 99, False)],
)
def test_a_plan_is_replaced_only_by_a_smaller_or_a_better_searched_one(size: int, budget: int, wins: bool) -> None:
    assert PLAN._replace(size=size, budget=budget).beats(PLAN) is wins
