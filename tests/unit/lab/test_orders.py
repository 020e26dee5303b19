"""Orders for families of targets: what is new is validated before it is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from clang_llm.lab.shipping import coreset, orders
from clang_llm.lab.shipping.orders import best_heads, lead_of, read_order, under_heads
from clang_llm.plans.coreset import read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Result, Status
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning.greedy import Choice, Row, choose

SHIPPED = Recipe("always-inline,globaldce")
NEW = Recipe("always-inline,globalopt,function(sroa,simplifycfg),globaldce")
BAD = Recipe("always-inline,mergefunc,globaldce")


def test_an_order_is_read_with_its_family(tmp_path: Path) -> None:
    path = tmp_path / "order.txt"
    path.write_text(f"{NEW.text}\n\n{SHIPPED.text}\n")
    assert read_order(f"arm={path}") == ("arm", [NEW, SHIPPED])
    with pytest.raises(DataError, match="aarch64, arm, riscv, wasm, x86"):
        read_order(f"z80={path}")
    with pytest.raises(DataError, match="choose --order"):
        read_order(f"arm={tmp_path / 'nowhere'}")


class Judge:
    """Stands for PassListEval on one LLVM: rejects one recipe and has words for the rest."""

    asked: ClassVar[list[Recipe]] = []

    def __init__(self, *_: object) -> None: ...

    def rejected(self, recipes: Sequence[Recipe]) -> dict[Recipe, str]:
        self.asked.extend(recipes)
        return {recipe: "does not link" for recipe in recipes if recipe == BAD}

    def evidence(self, compiler: Compiler) -> str:
        return f"judged on LLVM {compiler.version}"


def test_what_is_new_is_validated_and_what_fails_is_left_out(
    compilers: dict[int, Compiler], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if 19 not in compilers:
        pytest.skip("clang-19 is not installed")
    for module in (orders, coreset):
        monkeypatch.setattr(module, "Acceptance", Judge)
    write_coreset(19, [SHIPPED], ["it passed"], tmp_path / "sets", orders={"wasm": [SHIPPED]})
    (tmp_path / "arm.txt").write_text(f"{BAD.text}\n{NEW.text}\n{SHIPPED.text}\n")
    argv = ["add", f"arm={tmp_path / 'arm.txt'}", "--majors", "19", "--sets", str(tmp_path / "sets")]
    status = orders.main([*argv, "--work", str(tmp_path / "work")], process_environment())
    assert (status, capsys.readouterr().err) == (0, f"rejected: {BAD.text}: does not link\n")
    written = read_coreset(19, tmp_path / "sets")
    assert written.lists == (SHIPPED, NEW)
    assert list(written.for_target("thumbv7m-none-eabi")) == [NEW, SHIPPED]
    # Another family keeps what it had.
    assert written.orders["wasm"] == (0,)
    assert written.evidence[0] == f"judged on LLVM {compilers[19].version}"


def test_what_is_shipped_keeps_its_evidence(
    compilers: dict[int, Compiler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if 19 not in compilers:
        pytest.skip("clang-19 is not installed")
    for module in (orders, coreset):
        monkeypatch.setattr(module, "Acceptance", Judge)
    monkeypatch.setattr(Judge, "asked", [])
    one = [Recipe("globalopt", (function,), (), "globaldce") for function in ("sroa", "gvn", "dce")]
    two = [Recipe("always-inline", (function,), (), "globaldce") for function in ("sroa", "gvn")]
    write_coreset(19, [*one[:2], *two], ["it passed"], tmp_path / "sets", ["mergefunc,globaldce"])
    (tmp_path / "x86.txt").write_text(f"{one[2].text}\n{two[0].text}\n")
    argv = ["add", f"x86={tmp_path / 'x86.txt'}", "--only-new", "--majors", "19", "--sets", str(tmp_path / "sets")]
    assert orders.main([*argv, "--work", str(tmp_path / "work")], process_environment()) == 0
    # The new one by itself; then mixes under its head, as they are and with the closing stage that passed before.
    assert Judge.asked[0] == one[2]
    assert {(each.module, each.closing) for each in Judge.asked[1:]} == {
        ("globalopt", "globaldce"),
        ("globalopt", "mergefunc,globaldce"),
    }
    assert all(len(each.functions) == 3 for each in Judge.asked[1:])
    written = read_coreset(19, tmp_path / "sets")
    assert (written.lists, written.closings) == ((*one[:2], *two, one[2]), ("mergefunc,globaldce",))
    assert written.in_order("x86") == (one[2], two[0])


def test_what_is_shipped_gets_another_order_without_validation(tmp_path: Path) -> None:
    for major in (16, 19):
        write_coreset(major, [SHIPPED, NEW], ["it passed"], tmp_path, ["globaldce"], {"wasm": [SHIPPED]})
    (tmp_path / "x86.txt").write_text(f"{BAD.text}\n{NEW.text}\n")
    argv = ["reorder", f"x86={tmp_path / 'x86.txt'}", "--sets", str(tmp_path)]
    assert orders.main(argv, process_environment()) == 0
    for major in (16, 19):
        written = read_coreset(major, tmp_path)
        assert (written.lists, written.evidence, written.closings) == ((SHIPPED, NEW), ("it passed",), ("globaldce",))
        # What is not shipped does not come in this way.
        assert written.orders == {"wasm": (0,), "x86": (1,)}
        assert list(written.for_target("i686-pc-linux-gnu")) == [NEW, SHIPPED]
        assert list(written.for_target("sparc64")) == [SHIPPED, NEW]


def test_pipelines_are_tried_under_the_heads_that_help_most() -> None:
    one, two = Recipe("globalopt", ("sroa",), (), "globaldce"), Recipe("ipsccp", ("gvn",), (), "globaldce")
    three, whole = Recipe("inferattrs", ("dce",), (), "globaldce"), Recipe("globaldce")
    choice = Choice((one, whole, two, three), (0.01, 0.05, 0.07, 0.071))
    heads = best_heads(choice, 2)
    assert heads == [two.head, one.head]
    assert under_heads([one, three, whole], heads, [two]) == [
        two,
        Recipe("ipsccp", ("sroa",), (), "globaldce"),
        Recipe("ipsccp", ("dce",), (), "globaldce"),
        one,
        Recipe("globalopt", ("dce",), (), "globaldce"),
        whole,
    ]


def test_an_order_is_led_by_what_can_be_mixed() -> None:
    """Alone the recipe of the other head is the best, and so the greedy choice begins with it."""
    same = [Recipe("ipsccp", (each,), (), "globaldce") for each in ("gvn", "sroa", "dce")]
    other = Recipe("globalopt", ("gvn",), (), "globaldce")
    sizes = {same[0]: (40, 100), same[1]: (100, 40), same[2]: (95, 95), other: (65, 65)}
    results = {recipe: Result(0, Status.OK, sum(parts) + 10, parts) for recipe, parts in sizes.items()}
    rows = [Row(210, results)]
    assert choose(rows, list(sizes), 2).recipes[0] == other
    assert lead_of(rows, list(sizes), 2, ()) == same[:2]
    assert lead_of(rows, list(sizes), 0, ()) == []
    assert lead_of(rows, [Recipe("globaldce")], 2, ()) == []
