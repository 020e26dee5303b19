"""The differential factory without a compiler: programs and plans follow from seeds, the ledger survives a stop."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from clang_llm.lab.differential import bundled, own
from clang_llm.lab.differential.judge import Difference, Judgement
from clang_llm.lab.differential.ledger import Ledger, Row, add_judgement
from clang_llm.lab.differential.machines import machines
from clang_llm.lab.differential.plans import SHARES, Plan, Plans
from clang_llm.lab.differential.program import Program
from clang_llm.lab.differential.reduce import leaves, load
from clang_llm.lab.differential.report import report
from clang_llm.lab.differential.templates import expand
from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import DataError

X86 = "x86_64-pc-linux-gnu"


def test_a_template_is_decided_by_its_seed() -> None:
    text = "$[a ~~ b[1] ~~ $[c ~~ d]] $[N=3..9] $N f@ $[u8]\n%repeat I 2..2\nx$I $[1..1]\n%end\n"
    found = {expand(text, random.Random(seed), "7") for seed in range(40)}
    assert len(found) > 10
    assert found == {expand(text, random.Random(seed), "7") for seed in range(40)}
    for each in found:
        first, number, again, function, constant = each.splitlines()[0].split()
        assert first in {"a", "b[1]", "c", "d"}
        assert number == again
        assert 3 <= int(number) <= 9
        assert function == "f7"
        assert int(constant.rstrip("u"), 16) < 256
        assert each.splitlines()[1:] == ["x0 1", "x1 1"]


def test_every_fragment_can_be_in_a_program_of_the_first_machine() -> None:
    has = machines()["x86-64"].has
    everything = own.fragments()
    assert len(everything) > 40
    assert {each.is_cxx for each in everything} == {True, False}
    # A misspelt need would leave a fragment out for ever.
    assert [each.name for each in everything if not each.needs <= has] == []
    assert [each.name for each in everything if "u32 run@(u32 x)" not in each.text] == []


def test_programs_follow_from_seed_and_number() -> None:
    machine = machines()["x86-64"]
    some = [own.make(1, number, machine) for number in range(60)]
    assert some == [own.make(1, number, machine) for number in range(60)]
    assert len({each.digest for each in some}) == 60
    assert some[0].text != own.make(2, 0, machine).text
    assert sum(each.is_cxx for each in some) == 30
    left = [each.text for each in some if "$[" in each.text or "@" in each.text]
    assert left == []


def test_machines_get_programs_that_they_can_run() -> None:
    wasm = machines()["wasm32"]
    texts = [own.make(1, number, wasm).text for number in range(80)]
    assert not [text for text in texts if "setjmp" in text or "section(" in text or " throw " in text]


def test_the_packages_programs_are_among_the_programs() -> None:
    assert {"bundled-hash_table", "bundled-containers"} <= {each.name for each in bundled.programs()}


def test_plans_follow_from_their_seed_and_share_heads() -> None:
    plans = Plans(19, X86)
    some = plans.draw(random.Random(5), 32, 0)
    assert some == plans.draw(random.Random(5), 32, 0)
    assert some != plans.draw(random.Random(6), 32, 0)
    assert len({plan.recipe for plan in some}) == len(some) == 32
    assert {plan.kind for plan in some} == {"whole", *SHARES}
    modules = [plan.recipe.module for plan in some]
    assert modules == sorted(modules)


def test_no_shipped_recipe_and_no_closing_stage_is_left_out() -> None:
    plans = Plans(19, X86)
    whole: set[Recipe] = set()
    closings: Counter[str] = Counter()
    for number in range(60):
        for plan in plans.draw(random.Random(number), 24, number * 6):
            whole |= {plan.recipe} if plan.kind == "whole" else set()
            closings[plan.recipe.closing] += 1
    assert whole == set(plans.whole)
    assert set(closings) >= set(plans.closings)


def test_shuffles_reach_what_no_set_has() -> None:
    plans = Plans(19, X86)
    found = [
        plan for number in range(20) for plan in plans.draw(random.Random(number), 32, 0) if plan.kind == "shuffle"
    ]
    new = [plan for plan in found if not set(plan.recipe.functions) <= set(plans.of_head[plan.recipe.module])]
    assert len(new) > 20


def row(**changes: object) -> Row:
    values: dict[str, object] = {
        "machine": "x86-64", "llvm": "19.1.7", "basis": "b", "program": "own-1-1", "source": "own", "language": "C",
        "digest": "d", "plans": 3,
    }  # fmt: skip
    return Row(**{**values, **changes})  # type: ignore[arg-type]


PROGRAM = Program("own-1-1", "own", ".c", "int main(void) { return 0; }\n", ("-std=gnu11",), files=(("a.h", "//\n"),))
DIFFERENCE = Difference(
    Plan("mix", Recipe("globaldce", ("gvn", "dse"), (0, 1), "constmerge")), "exit", "exit 0: ", "exit 1: "
)


def test_a_torn_line_is_run_again_and_the_others_are_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(row())
    ledger.add(row(program="own-1-2"))
    path = tmp_path / "runs.jsonl"
    path.write_text(path.read_text()[:-20])
    again = Ledger(tmp_path)
    assert [each.program for each in again.rows] == ["own-1-1"]
    assert again.knows("x86-64", "19.1.7", "b", "own-1-1")
    assert not again.knows("x86-64", "19.1.7", "b", "own-1-2")
    assert not again.knows("x86-64", "19.1.7", "other", "own-1-1")
    again.add(row(program="own-1-2"))
    assert [each.program for each in Ledger(tmp_path).rows] == ["own-1-1", "own-1-2"]


def test_a_difference_leaves_all_that_it_takes_to_see_it_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    judgement = Judgement("", Counter(ok=2, interface=1), Counter(mix=2), 2, [DIFFERENCE])
    added = add_judgement(ledger, PROGRAM, row(), judgement, 1.5)
    (name,) = added.differences
    program, recipe, told = load(tmp_path / "findings" / name)
    assert program == PROGRAM
    assert recipe == DIFFERENCE.plan.recipe
    assert (told["how"], told["machine"]) == ("exit", "x86-64")
    text = report(Ledger(tmp_path).rows)
    assert f"- {name}" in text
    assert "| x86-64 | 19.1.7 | b | 1 | 0 | 3 | 2 | 2 | 1 | 0 | 1 |" in text


def test_what_is_no_finding_is_told(tmp_path: Path) -> None:
    (tmp_path / "finding.json").write_text(json.dumps({"suffix": ".c"}))
    with pytest.raises(DataError, match="no finding"):
        load(tmp_path)


def test_excluded_programs_are_no_runs() -> None:
    text = report([row(excluded="left to clang", statuses={"ok": 3}), row(program="own-1-2", statuses={"ok": 3})])
    assert "| x86-64 | 19.1.7 | b | 1 | 0 | 3 | 3 |" in text
    assert "| own: left to clang | 1 |" in text
    assert text.endswith("none\n")


def test_pipelines_are_cut_into_passes() -> None:
    text = "globaldce,cgscc(inline,function(sroa,loop-mssa(licm)))"
    assert leaves(text) == (
        "globaldce", "cgscc(inline)", "cgscc(function(sroa))", "cgscc(function(loop-mssa(licm)))",
    )  # fmt: skip
    assert leaves("") == ()
