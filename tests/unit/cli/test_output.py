import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clang_llm.cli.output import counted, human_count, human_size, percent, progress, table, working


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (3 * 1024**5, "3072.0 TiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_sizes_have_one_decimal_and_a_binary_unit(size: int, text: str) -> None:
    assert human_size(size) == text


@given(st.integers(min_value=0, max_value=1024**4))
def test_a_size_never_shows_four_digits_before_the_point(size: int) -> None:
    number = human_size(size).split()[0]
    assert float(number) < 1024 or human_size(size).endswith(" TiB")


def test_counts_have_separators() -> None:
    assert human_count(1234567) == "1,234,567"


def test_one_thing_is_no_plural() -> None:
    assert [counted(number, "module") for number in (0, 1, 1200)] == ["0 modules", "1 module", "1,200 modules"]
    assert [counted(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_percent_of_nothing_is_a_dash() -> None:
    assert percent(1, 3) == "33.33 %"
    assert percent(0, 0) == "-"


def test_table_aligns_columns_and_leaves_no_blanks_at_the_end() -> None:
    assert table([("a", 1), ("bbb", 100)], "<>", ("name", "n")) == [
        "name    n",
        "----    -",
        "a       1",
        "bbb   100",
    ]
    assert table([("a", ""), ("bb", "")], "<<") == ["a", "bb"]
    assert table([], "<>") == []


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_going_on_is_told_to_terminals_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with working("building ..."):
        pass
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with working("building ..."):
        assert terminal.getvalue() == "building ..."
    assert terminal.getvalue().endswith("\x1b[K")


def test_progress_on_a_terminal_yields_the_same_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(iter("abc"), "counting", total=3)) == ["a", "b", "c"]
