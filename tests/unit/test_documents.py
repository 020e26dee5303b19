"""What the documents say is so: names, tables, links and targets."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.system import settings

ROOT = Path(__file__).resolve().parents[2]
#: What people write; the model's card is written by `clang_llm.lab.training.card`.
DOCUMENTS = sorted(
    ROOT / name
    for pattern in ("*.md", "docs/*.md", "cache/*.md", "wrappers/*.md", "clang_llm/lab/**/*.md")
    for name in ROOT.glob(pattern)
)
#: Where pages of `docs/` are named.
SOURCES = sorted(
    path
    for folder in ("clang_llm", "tests", "wrappers", "scripts", "docs", ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".md", ".txt", ".c", ".cpp", ".h", ".cmake", ".ini", ".sh", ""} and path.is_file()
)
#: Characters of a line, as in the code.
WIDTH = 120
#: One page, at so many characters a line.
ARCHITECTURE_LINES = 90


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table_after(document: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its header and rule."""
    below = document[document.index(heading) :]
    rows = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert rows
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[0].splitlines()][2:]


@pytest.mark.parametrize(("document", "heading"), [("README.md", "## Settings"), ("docs/settings.md", "# Settings")])
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


def anchors(document: Path) -> set[str]:
    """Names of a document's headings, as links spell them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(document: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (document.parent / name) if name else document
    return target.exists() and (not anchor or anchor in anchors(target))


def test_links_lead_somewhere() -> None:
    found = list(mentions(r"\]\(([^)\s]+)\)"))
    assert found
    assert not [f"{document.name}: {link}" for document, link in found if not leads_somewhere(document, link)]


def test_pages_that_are_named_exist() -> None:
    found = [
        (path, match[1])
        for path in [*SOURCES, *ROOT.glob("*.*"), ROOT / "Makefile"]
        if path.is_file()
        for match in re.finditer(r"\b(docs/[\w-]+\.md(?:#[\w-]+)?)", path.read_bytes().decode(errors="replace"))
    ]
    assert {path.suffix for path, _ in found} >= {".py", ".h", ".c", ".md"}
    assert not [f"{path.name}: {name}" for path, name in found if not leads_somewhere(ROOT / "README.md", name)]


def prose(document: Path) -> Iterator[str]:
    """Lines that can be wrapped: neither code, nor rows of tables, nor comments, nor one long word."""
    fenced = False
    for line in document.read_text(encoding="utf-8").splitlines():
        fence = line.lstrip().startswith("```")
        fenced = fenced != fence
        if not fenced and not fence and not line.lstrip().startswith(("|", "<!--")) and " " in line.strip(" -"):
            yield line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_fit(document: Path) -> None:
    assert not [line for line in prose(document) if len(line) > WIDTH]


@pytest.mark.parametrize("document", sorted(ROOT.glob("docs/*.md")), ids=lambda path: str(path.name))
def test_pages_begin_with_what_they_are_for(document: Path) -> None:
    title, blank, first, *_ = document.read_text(encoding="utf-8").splitlines()
    assert title.startswith("# ")
    assert not blank
    assert first[:1].isalpha()


def test_the_architecture_is_one_page() -> None:
    assert len(text("docs/architecture.md").splitlines()) <= ARCHITECTURE_LINES


def test_the_table_of_rooms_is_the_tree() -> None:
    rooms = {path.parent.name for path in ROOT.glob("clang_llm/*/__init__.py")}
    named = [row[0].strip("`…/") for row in table_after(text("docs/architecture.md"), "## The rooms")]
    assert sorted(named) == sorted(rooms)
    houses = {path.parent.name for path in ROOT.glob("clang_llm/lab/*/__init__.py")}
    assert houses <= set(re.findall(r"`(\w+)`\s[(\[]", text("docs/architecture.md")))


def test_no_section_is_told_by_its_number() -> None:
    """Numbers change with every section that comes or goes; links have anchors, code names pages."""
    numbered = re.compile(r"(?:architecture|design)(?:\.md)?\)?,? sections? \d|§\d", re.IGNORECASE)
    found = [path for path in [*SOURCES, *DOCUMENTS] if path != Path(__file__).resolve()]
    assert not [path.name for path in found if numbered.search(path.read_bytes().decode(errors="replace"))]


def test_contributing_is_short() -> None:
    assert len(text("CONTRIBUTING.md").splitlines()) <= 80


def test_numbers_stand_beside_their_commands() -> None:
    for row in table_after(text("README.md"), "## Numbers"):
        assert re.fullmatch(r"`make [a-z-]+[^`]*`", row[-1]), row


def test_internal_variables_are_told() -> None:
    sources = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in {"clang_llm", "wrappers"}]
    named = {name for path in sources for name in re.findall(rb"\b_CLANG_LLM_[A-Z_]+", path.read_bytes())}
    assert len(named) > 5
    assert {name.decode() for name in named} <= set(re.findall(r"`(_CLANG_LLM_[A-Z_]+)", text("docs/settings.md")))


def test_reasons_to_leave_a_compile_to_clang_are_told() -> None:
    frontend = text("clang_llm/plugin/frontend.cpp")
    found = set(re.findall(r"\bwhy='?([a-z_]{3,})", text("wrappers/clang-llm")))
    found |= set(re.findall(r'(?:\breturn |, )"([a-z_]{3,})"(?:;|},|}})', frontend))
    for name in ("plugin.cpp", "stub.c"):
        found |= set(re.findall(r'(?:"bypass:|bypass\(S, ")([a-z_0-9]+)', text(f"clang_llm/plugin/{name}")))
    told = text("docs/plugin.md")[text("docs/plugin.md").index("## Compiles that are left to clang") :]
    assert {"not_oz", "lto", "bisection", "untrusted"} <= found
    assert found <= set(re.findall(r"`(\w+)`", told))
