"""What the documents say is so: names, tables, links and targets."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.lab.measure import numbers, results
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


@pytest.mark.parametrize(("document", "heading"), [("docs/settings.md", "# Settings")])
def test_settings_tables_name_every_setting(document: str, heading: str) -> None:
    named = [row[0].strip("`") for row in table_after(text(document), heading)]
    assert sorted(named) == sorted(settings.NAMES)


def test_every_setting_is_a_field() -> None:
    bookkeeping = {"unknown", "problems", "origins", "explaining", "explain_to", "unhurried", "corpus"}
    bookkeeping |= {"runtime_dir", "server_dir", "rejected"}
    spelled = {"candidates_set": "candidates"}
    known = {spelled.get(name, name) for name in settings.Settings._fields} - bookkeeping
    assert known == {name.lower() for name in settings.NAMES}


def test_the_effort_table_is_the_programs() -> None:
    lines = text("docs/settings.md")[text("docs/settings.md").index("## Effort") :].splitlines()
    (row,) = [line for line in lines if line.startswith("| candidates")]
    assert tuple(int(cell) for cell in row.strip("|").split("|")[1:]) == settings.EFFORT_TABLE


def test_the_default_effort_is_the_programs() -> None:
    (row,) = [row for row in table_after(text("docs/settings.md"), "# Settings") if row[0] == "`EFFORT`"]
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


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(text("README.md").splitlines()) <= 107


def test_no_number_was_edited_by_hand() -> None:
    stale = [path.name for path, wanted in numbers.written(ROOT).items() if path.read_text(encoding="utf-8") != wanted]
    assert not stale, "run `make numbers`"


RESULTS = sorted((ROOT / "docs" / "results").glob("*.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_result_names_its_command_and_no_machine_or_day(path: Path) -> None:
    result = results.read(path)
    command = re.match(
        r"(?:[A-Z_]+=\S+ )*(?:python -m (?P<module>[\w.]+)|make (?P<target>[a-z-]+)|clang-llm )", result.command
    )
    assert command, result.command
    if command["module"]:
        assert importlib.util.find_spec(command["module"]) is not None
    if command["target"]:
        assert re.search(rf"^{command['target']}:", text("Makefile"), re.MULTILINE)
    assert re.match(r"\d+", result.clang)
    assert result.measured
    assert not re.search(
        r"\b20\d\d-\d\d|\d\d:\d\d|(?<![\w*])/(?:home|root|tmp|work|usr)\b", path.read_text(encoding="utf-8")
    )


def test_every_result_is_quoted() -> None:
    """A result that no document shows is measured for nobody: nobody would notice that it is out of date."""
    marks = {name for _, name in mentions(r"<!-- numbers: ([\w-]+)")}
    of_several = {path.stem for path in RESULTS if path.stem.startswith("tuned-")}
    assert {path.stem for path in RESULTS} - of_several <= marks
    assert len(of_several) == 8


#: A measured number: of bytes saved, or of time beside clang's.
MEASURED = re.compile(r"\d ?(?:%|×)")
#: Tables of counts that nobody measures: efforts, which the program is compared with above, and passes of a vocabulary.
COUNTS = ("| candidates beside `-Oz` |", "| LLVM |")


def tables(document: str) -> list[str]:
    return re.findall(r"(?:^\|.*\n)+", document, re.MULTILINE)


def is_number(cell: str) -> bool:
    return re.fullmatch(r"[-+]?\d[\d,.]*", cell.strip()) is not None


def holds_measurements(table: str) -> bool:
    """Whether a cell has a unit of measurements, or a column besides the first is numbers from top to bottom."""
    rows = [line.strip("|\n").split("|") for line in table.splitlines()[2:]]
    columns = list(zip(*(row[1:] for row in rows), strict=False))
    return bool(MEASURED.search(table)) or any(all(map(is_number, column)) for column in columns if column)


def test_measured_numbers_stand_in_marked_tables_only() -> None:
    found = [
        f"{path.name}: {table.splitlines()[0]}"
        for path in numbers.documents(ROOT)
        for table in tables(numbers.unmarked(path.read_text(encoding="utf-8")))
        if holds_measurements(table) and not any(each in table for each in COUNTS)
    ]
    assert not found, "write a result file and mark the table (`make numbers`)"


def test_a_table_of_measurements_is_known_as_one() -> None:
    head = "| a | b |\n|---|--:|\n"
    assert holds_measurements(head + "| x | 1.5 % |\n| y | none |\n")
    assert holds_measurements(head + "| x | 1,200 |\n| y | +3 |\n")
    assert not holds_measurements(head + "| x | 4 |\n| y | no |\n")


@pytest.mark.parametrize("name", ["README.md", "docs/measurements.md"])
def test_prose_has_no_measured_number(name: str) -> None:
    assert not MEASURED.findall(numbers.unmarked(text(name)))


def test_the_readmes_numbers_name_their_commands() -> None:
    (listed,) = re.findall(r"<!-- numbers: in-short -->\n(.*?)<!-- /numbers -->", text("README.md"), re.DOTALL)
    items = [" ".join(each.split()) for each in re.split(r"^- ", listed, flags=re.MULTILINE)[1:]]
    assert len(items) >= 5
    assert not [item for item in items if not re.search(r"\(`(?:make [a-z-]+|python -m )[^`]*`\)", item)]


def test_the_readmes_build_commands_are_those_that_are_tested() -> None:
    """`tests/integration/test_docs.py` runs the commands of docs/build-systems.md."""
    rows = table_after(text("README.md"), "## Use")
    assert [row[0] for row in rows] == ["make", "CMake"]
    assert all(row in table_after(text("docs/build-systems.md"), "# Build systems") for row in rows)


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
