"""What a report makes of the ledger, of plans and of a log, without a compiler."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.report import build
from clang_llm.report.answers import answers
from clang_llm.report.facts import CHANGED, UNMEASURED, Report
from clang_llm.system import ledger
from clang_llm.system.ledger import Compiled, Mark
from clang_llm.system.objects import Parts

KEYS = [f"{number:064x}" for number in range(4)]


def line(name: str) -> str:
    return f"{KEYS[0]}\t9\t8\t9,0,0,0\t8,0,0,0\tcoreset\t/s/{name}.c\t/o/{name}.o\n"


def append(cache: Path, *names: str) -> None:
    with ledger.path(cache).open("a") as file:
        file.writelines(map(line, names))


def names(found: ledger.Ledger) -> list[str]:
    return [Path(each).stem for each in found.compiles]


def test_a_mark_parts_what_was_compiled_before(tmp_path: Path) -> None:
    first = ledger.mark(tmp_path)
    append(tmp_path, "a", "b")
    begun = ledger.mark(tmp_path)
    append(tmp_path, "b", "c")
    assert names(ledger.since(tmp_path, begun)) == ["b", "c"]
    assert names(ledger.since(tmp_path, first)) == ["a", "b", "c"]
    assert names(ledger.since(tmp_path, ledger.mark(tmp_path))) == []


def test_a_mark_holds_while_the_ledger_is_folded(tmp_path: Path) -> None:
    append(tmp_path, "a")
    begun = ledger.mark(tmp_path)
    append(tmp_path, "b")
    ledger.fold(tmp_path, at_least=0)
    append(tmp_path, "c")
    assert names(ledger.since(tmp_path, begun)) == ["b", "c"]
    # Folded again: nothing tells any more where it was, and more is better than less.
    os.utime(ledger.path(tmp_path).with_name(f"{ledger.path(tmp_path).name}.old"), (0, 0))
    ledger.fold(tmp_path, at_least=0)
    assert names(ledger.since(tmp_path, begun)) == ["a", "b", "c"]
    assert names(ledger.since(tmp_path, Mark(0, 0))) == []


def compiled(key: str, name: str, sizes: tuple[int, int] | None) -> Compiled:
    before, after = (Parts(sizes[0]), Parts(sizes[1])) if sizes else (None, None)
    bytes_before, bytes_after = sizes or (None, None)
    source, output = f"/p/{name}.c", f"/p/o/{name}.o"
    return Compiled(key, bytes_before, bytes_after, before, after, "model/mix", source, output)


def plan(key: str, size: int, recipe: Recipe | None) -> Plan:
    told = {"backend": "model", "tried": 6, "rejected": {"interface:needs": 2, "odd": "x"}}
    return Plan(key, "19.1.7", "x86_64", recipe, 100, size, 6, told)


@pytest.fixture
def found() -> Report:
    plans = {
        KEYS[0]: plan(KEYS[0], 80, Recipe("globaldce")),
        KEYS[1]: plan(KEYS[1], 100, None),
        # A later search found a smaller one; the object is of before.
        KEYS[2]: plan(KEYS[2], 60, Recipe("mergefunc")),
    }
    counted = [compiled(KEYS[1], "same", (100, 100)), compiled(KEYS[2], "early", (100, 70))]
    counted += [compiled(KEYS[0], "best", (100, 80)), compiled(KEYS[3], "tiny", None)]
    changed = [compiled(KEYS[0], "other", (100, 80))]
    return build.report("t", counted, changed, plans.get, {"bypass:link": 2}, {KEYS[3]: "tiny"})


def test_files_come_in_the_order_of_savings_with_what_is_known(found: Report) -> None:
    files = {each.name: each for each in found.files}
    assert list(files) == ["o/early.o", "o/best.o", "o/same.o", "o/other.o", "o/tiny.o"]
    assert found.root == "/p"
    assert (files["o/best.o"].recipe, files["o/best.o"].by) == (0, "model/mix")
    assert found.recipes == ("globaldce",)
    assert files["o/early.o"].recipe is None
    assert (files["o/same.o"].why, files["o/same.o"].rejected) == ("best", {"interface:needs": 2})
    assert files["o/tiny.o"].why == "tiny"
    assert files["o/other.o"].state == CHANGED
    # What something else made since does not count.
    assert (found.before.total, found.saved) == (300, 50)


def test_answers_say_what_the_report_has(found: Report) -> None:
    said = {each.question: (each.short, " ".join(each.more)) for each in answers(found)}
    assert said["How much?"][0] == "16.67 % smaller: 50 bytes"
    assert "Code alone: 16.67 % smaller." in said["How much?"][1]
    assert said["Where?"][0] == "100.00 % of it in code"
    assert "Proposed by model/mix (2)." in said["Why?"][1]
    assert "6 candidates that did not, or failed, were refused." in said["Is it safe?"][1]
    assert "1 object made again by something else since" in said["Is it safe?"][1]
    assert "tune" in said["What next?"][0]


def test_a_log_tells_why_a_compile_was_plain() -> None:
    log = (
        f"plugin[1]: a file.c key {KEYS[0]} apply globaldce | sroa |\n"
        f"plugin[2]: b.c key {KEYS[1]} oz tiny\n"
        f"plugin[3]: c.c key {KEYS[2]} oz <script>\n"
        "plugin[4]: bypass empty\npython[5]: anything\n"
    )
    assert build.reasons_in(log) == {KEYS[0]: "", KEYS[1]: "tiny", KEYS[2]: ""}


def test_what_was_not_measured_has_a_reason() -> None:
    report = build.report("t", [compiled(KEYS[0], "a", None)], [], lambda _: None, {})
    assert [each.why for each in report.files] == [UNMEASURED]
    assert answers(report)[0].short == "Nothing to compare"
