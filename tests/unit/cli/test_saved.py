"""``clang-llm-tool stats`` and ``cache`` on a ledger and plans of the test's own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest

from clang_llm import cli
from clang_llm.cli import saved
from clang_llm.plans.plan import Plan
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import ledger, process, settings
from clang_llm.system.objects import Parts, allocated_size
from clang_llm.toolchain.compiler import find_clang

Tool = Callable[..., str]
KEYS = [f"{number:064x}" for number in range(4)]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def tool(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    mine = {**os.environ, "CLANG_LLM_CACHE_DIR": str(cache)}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str) -> str:
        assert cli.main(words) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run


def compiled(
    cache: Path, output: str, oz: Parts | int | None, ours: Parts | int | None, *, source: str = "", key: str = KEYS[0]
) -> None:
    """Write what the plugin writes."""

    def size(parts: Parts | int | None) -> str:
        return "-" if parts is None else str(parts if isinstance(parts, int) else parts.total)

    def listed(parts: Parts | int | None) -> str:
        return ",".join(map(str, parts.listed())) if isinstance(parts, Parts) else "-"

    names = (quote_from_bytes(os.fsencode(each)) for each in (source or output.replace(".o", ".c"), output))
    fields = (key, size(oz), size(ours), listed(oz), listed(ours), "model/mix", *names)
    ledger.path(cache).touch(0o600)
    with ledger.path(cache).open("a") as file:
        file.write("\t".join(fields) + "\n")


@pytest.fixture
def build(cache: Path, tmp_path: Path) -> Path:
    """Three objects that are there, one of them without parts, one that is gone, one linked at once."""
    for name in ("a.o", "b.o", "old.o"):
        (tmp_path / name).touch()
    root = str(tmp_path)
    compiled(cache, f"{root}/a.o", Parts(999), Parts(1))
    compiled(cache, f"{root}/a.o", Parts(100, 10, 20, 70), Parts(90, 10, 20, 30))
    compiled(cache, f"{root}/b.o", Parts(200, 0, 0, 0), Parts(190, 5, 0, 0), key=KEYS[1])
    compiled(cache, f"{root}/old.o", 300, 290, key=KEYS[2])
    compiled(cache, f"{root}/conftest.o", Parts(40), Parts(39), key=KEYS[3])
    compiled(cache, "/tmp/main-00ff12.o", Parts(50), Parts(48), source=f"{root}/main.c", key=KEYS[3])
    return tmp_path


def stats(tool: Tool) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tool("stats", "--json"))
    return found


@pytest.mark.usefixtures("build")
def test_what_was_saved_is_told_first(tool: Tool) -> None:
    lines = tool("stats").splitlines()
    assert lines[1] == "Saved since its first use"
    assert lines[2].strip() == "5 objects (1 of them gone since), counted once however often compiled"
    rows = {line.split()[0]: line.split()[1:] for line in lines[5:11]}
    assert rows["code"] == ["390", "367", "23", "5.90", "%"]
    assert rows["rodata"] == ["10", "15", "-5", "-50.00", "%"]
    assert rows["unwind"] == ["70", "30", "40", "57.14", "%"]
    assert rows["not"] == ["divided", "300", "290", "10", "3.33", "%"]
    assert rows["total"] == ["790", "722", "68", "8.61", "%"]
    assert lines[-1] == "All plans that the cache holds, of this and other builds: 0 (0 B)"


def test_for_programs_there_is_everything(tool: Tool, build: Path) -> None:
    found = stats(tool)
    assert {name: found["saved"][name] for name in ("objects", "gone", "unmeasured", "oz", "ours")} == {
        "objects": 5,
        "gone": 1,
        "unmeasured": 0,
        "oz": 790,
        "ours": 722,
    }
    assert found["saved"]["parts"]["oz"] == {"code": 390, "rodata": 10, "data": 20, "unwind": 70}
    first = found["files"][0]
    assert (first["object"], first["source"], first["saved"]) == (f"{build}/a.o", f"{build}/a.c", 50)
    assert (first["by"], first["gone"], first["parts"]) == (
        "model/mix",
        False,
        {"code": 90, "rodata": 10, "data": 20, "unwind": 30},
    )


def table(text: str) -> dict[str, list[str]]:
    """Rows of a table of files by their first cell."""
    rows = [line.split("  ") for line in text.splitlines()]
    return {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}


def test_files(tool: Tool, build: Path) -> None:
    text = tool("stats", "--files")
    assert f"below {build}." in text
    rows = table(text)
    assert rows["a.o"] == ["a.c", "200", "150", "50", "25.00 %", "10", "0", "0", "40", "model/mix"]
    assert rows["b.o"] == ["b.c", "200", "195", "5", "2.50 %", "10", "-5", "0", "0", "model/mix"]
    assert rows["old.o"] == ["old.c", "300", "290", "10", "3.33 %", "-", "-", "-", "-", "model/mix"]
    assert rows["(linked at once)"][:4] == ["main.c", "50", "48", "2"]
    assert rows["1 object now gone"][:3] == ["40", "39", "1"]
    assert rows["total"] == ["790", "722", "68", "8.61 %", "23", "-5", "0", "40"]
    assert "conftest" not in text


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("saved", ["a.o", "old.o", "b.o", "(linked"]),
        ("size", ["old.o", "b.o", "a.o", "(linked"]),
        ("name", ["a.o", "b.o", "(linked", "old.o"]),
    ],
)
@pytest.mark.usefixtures("build")
def test_orders(tool: Tool, order: str, names: list[str]) -> None:
    lines = tool("stats", "--files", "--sort", order).splitlines()[3:7]
    assert [line.split()[0] for line in lines] == names


PLAIN, OURS = "int f(int x) { return x * 7 + x / 3; }", "int f(int x) { return x; }"


def clang(source: str, output: Path) -> int:
    """Compile with a real clang, and return what the object has."""
    program = find_clang(None, os.environ)
    done = process.run([program, "-Oz", "-x", "c", "-c", "-", "-o", output], stdin=source.encode(), timeout_s=60)
    assert done.ok
    return allocated_size(output.read_bytes())


def test_an_object_that_was_made_again_without_us_saves_nothing(tool: Tool, build: Path, cache: Path) -> None:
    ours = clang(OURS, build / "again.o")
    compiled(cache, f"{build}/again.o", ours + 100, ours)
    assert "again.o" in table(tool("stats", "--files"))
    assert (stats(tool)["saved"]["oz"], stats(tool)["saved"]["changed"]) == (790 + ours + 100, 0)
    assert clang(PLAIN, build / "again.o") > ours
    found = stats(tool)
    assert [found["saved"][name] for name in ("objects", "oz", "ours", "changed")] == [5, 790, 722, 1]
    assert [each["object"] for each in found["files"] if each["changed"]] == [f"{build}/again.o"]
    text = tool("stats", "--files")
    assert text.splitlines()[-1] == "Not counted: 1 object made again without clang-llm, or with another cache."
    assert "again.o" not in text
    assert "1 object made again without clang-llm, or with another cache: not counted" in tool("stats")
    (build / "again.o").unlink()
    assert stats(tool)["saved"]["oz"] == 790 + ours + 100


def test_a_file_that_two_names_lead_to_counts_once(tool: Tool, build: Path, cache: Path) -> None:
    (build / "link").symlink_to(build)
    compiled(cache, f"{build}/link/a.o", Parts(100), Parts(60))
    assert stats(tool)["saved"]["objects"] == 5
    assert stats(tool)["saved"]["oz"] == 690


def test_zero_begins_again(tool: Tool, build: Path, cache: Path) -> None:
    assert tool("stats", "--zero") == ""
    assert stats(tool)["saved"]["objects"] == 0
    assert tool("stats", "--files") == "Nothing was compiled.\n"
    compiled(cache, f"{build}/a.o", 100, 90)
    assert stats(tool)["saved"]["oz"] == 100
    assert tool("stats").splitlines()[1].startswith("Saved since 2")


def test_what_was_not_measured_counts_no_bytes(tool: Tool, build: Path, cache: Path) -> None:
    compiled(cache, f"{build}/a.o", None, None)
    assert stats(tool)["saved"]["unmeasured"] == 1
    assert stats(tool)["saved"]["oz"] == 590
    assert "1 plain -Oz, not measured" in tool("stats")
    assert table(tool("stats", "--files"))["a.o"] == ["a.c", *["-"] * 8, "-Oz"]


def test_hostile_names_reach_no_terminal(tool: Tool, cache: Path, tmp_path: Path) -> None:
    odd = tmp_path / "x\n\x1b[2J\udcff\u202e.o"
    odd.touch()
    compiled(cache, str(odd), Parts(10), Parts(9))
    for words in (("stats", "--files"), ("stats",)):
        text = tool(*words)
        assert all(letter.isprintable() or letter == "\n" for letter in text)
        text.encode()
    assert "x??[2J??.o" in tool("stats", "--files")
    assert stats(tool)["files"][0]["object"] == str(odd)


def test_long_names_fit_into_the_line(tool: Tool, cache: Path, tmp_path: Path) -> None:
    for number in range(3):
        deep = tmp_path / f"{'d' * 60}{number}" / f"{'e' * 60}.o"
        deep.parent.mkdir()
        deep.touch()
        compiled(cache, str(deep), Parts(10**6, 10**6, 0, 10**6), Parts(10**5, 10**6, 0, 10**5))
    lines = tool("stats", "--files").splitlines()[1:]
    assert max(map(len, lines)) <= saved.COLUMNS
    assert lines[2].startswith("…")
    assert ".o  …" in lines[2]


def test_the_cache_names_sources(tool: Tool, cache: Path, build: Path) -> None:
    store = LocalStore(cache)
    parts = (Parts(100, 10, 20, 70), Parts(90, 10, 20, 30))
    for key, divided in ((KEYS[0], parts), (KEYS[2], None), ("f" * 64, None)):
        size = 200 if divided else 300
        plan = Plan(key, "19.1.7", "x86_64", Recipe("globaldce"), size, 150, 4, {"backend": "coreset"}, parts=divided)
        assert store.put(plan)
    compiled(cache, f"{build}/b.o", parts[0], parts[1], key=KEYS[0])
    rows = [line.split() for line in tool("cache", "list").splitlines()[2:]]
    assert rows[0][5:9] == ["90", "10", "20", "30"]
    assert rows[0][-4:] == ["a.c", "and", "1", "more"]
    assert rows[1][5:9] == ["-"] * 4
    assert [row[-1] for row in rows[1:]] == ["old.c", "-"]
    shown = tool("cache", "show", KEYS[0])
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("source")] == [
        f"{build}/a.c",
        f"{build}/b.c",
    ]
    assert any(line.split() == ["unwind", "70", "30", "40", "57.14", "%"] for line in shown.splitlines())
    assert any(line.split() == ["unwind", "-", "-", "-"] for line in tool("cache", "show", KEYS[2]).splitlines())
    listed = json.loads(tool("cache", "list", "--json"))
    assert listed[0]["sources"] == [f"{build}/a.c", f"{build}/b.c"]
    assert listed[0]["parts"] == {"oz": [100, 10, 20, 70], "ours": [90, 10, 20, 30]}
    assert "parts" not in listed[1]
    found = stats(tool)["plans"]
    assert (found["entries"], found["oz_bytes"], found["our_bytes"]) == (3, 800, 450)
    assert found["parts"]["ours"]["unwind"] == 30


@pytest.mark.usefixtures("build")
def test_clear_cleanup_and_verify_know_the_ledger(tool: Tool, cache: Path) -> None:
    tool("cache", "clear")
    assert stats(tool)["saved"]["objects"] == 5
    assert tool("cache", "verify") == "0 sound, 0 of other versions\n"
    ledger.path(cache).touch(0o600)
    with ledger.path(cache).open("a") as file:
        file.write("nonsense\n")
    assert "lines of the ledger that are none, and are left out: 1" in tool("cache", "verify")
    tool("cache", "cleanup")
    assert not ledger.path(cache).exists()
    assert stats(tool)["saved"]["objects"] == 5
