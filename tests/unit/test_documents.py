"""What the documents say is so: names, tables, links and targets."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.system import settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("cache/*.md"), *ROOT.glob("wrappers/*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table_after(document: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its header and rule."""
    below = document[document.index(heading) :]
    rows = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert rows
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[0].splitlines()][2:]


@pytest.mark.parametrize(
    ("document", "heading"), [("README.md", "## Settings"), ("docs/architecture.md", "## 8. Settings")]
)
def test_settings_tables_name_every_setting(document: str, heading: str) -> None:
    named = [row[0].strip("`") for row in table_after(text(document), heading)]
    assert sorted(named) == sorted(settings.NAMES)


def test_every_setting_is_a_field() -> None:
    bookkeeping = {"unknown", "problems", "origins", "explaining", "explain_to", "unhurried", "corpus"}
    bookkeeping |= {"runtime_dir", "server_dir"}
    spelled = {"candidates_set": "candidates", "infer_ms_set": "infer_ms"}
    known = {spelled.get(field.name, field.name) for field in fields(settings.Settings)} - bookkeeping
    assert known == {name.lower() for name in settings.NAMES}


def test_the_effort_table_is_the_programs() -> None:
    lines = text("README.md")[text("README.md").index("### Effort") :].splitlines()
    (row,) = [line for line in lines if line.startswith("| candidates")]
    assert tuple(int(cell) for cell in row.strip("|").split("|")[1:]) == settings.EFFORT_TABLE


def test_the_default_effort_is_the_programs() -> None:
    (row,) = [row for row in table_after(text("README.md"), "## Settings") if row[0] == "`EFFORT`"]
    assert row[1] == str(settings.DEFAULT_EFFORT)


def mentions(pattern: str) -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for match in re.finditer(pattern, document.read_text(encoding="utf-8")):
            yield document, match[1]


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = {target for _, target in mentions(r"`make ([a-z][a-z-]*)")} | {"demo", "test"}
    assert {"demo", "test", "lint", "bench", "savings", "check-packages", "plugin"} <= targets
    assert named <= targets


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    head = text("README.md").splitlines()[:10]
    assert [line.split("#")[0].strip() for line in head if line.startswith("make ")] == ["make demo", "make test"]


def test_tool_commands_exist() -> None:
    parser = cli.build_parser()
    (commands,) = [action for action in parser._actions if action.choices]
    assert commands.choices is not None
    named = {name for _, name in mentions(r"clang-llm-tool ([a-z]+)")}
    assert "doctor" in named
    assert named <= set(commands.choices)


def test_links_lead_somewhere() -> None:
    found = list(mentions(r"\]\((?!#)([^)\s#]+)"))
    assert found
    assert not [f"{document.name}: {link}" for document, link in found if not (document.parent / link).exists()]


def test_contributing_is_short() -> None:
    assert len(text("CONTRIBUTING.md").splitlines()) <= 80


def test_numbers_stand_beside_their_commands() -> None:
    for row in table_after(text("README.md"), "## Numbers"):
        assert re.fullmatch(r"`make [a-z-]+[^`]*`", row[-1]), row
