"""The page: whole without a script, small, with names that stand for themselves; treemaps whose areas are bytes."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clang_llm.report import page, treemap
from clang_llm.report.facts import BINARY, BUILD, Bytes, File, Function, Report, Section, Survival
from clang_llm.report.treemap import Box, Tile, squarify
from clang_llm.system.objects import Parts

EVIL = "<script>alert('x')</script>\"&\u202e\udcff.o"
#: Elements that HTML closes by itself.
OPEN = {"meta", "tr", "td", "th", "rect", "br", "p"}


def build(count: int, name: str = "src/some/directory/of/a/browser/component_{}.cpp.o") -> Report:
    files = [
        File(
            name.format(number),
            source=name.format(number)[:-2],
            before=Bytes.of(Parts(4000 + number, 300, 20, 500)),
            after=Bytes.of(Parts(3900, 290, 28, 100 + number)),
            by="model/mix",
            recipe=number,
            tried=6,
            rejected={"interface:needs": 1},
        )
        for number in range(count - 1)
    ]
    files.append(File("tables.o", before=Bytes(9), after=Bytes(9), why="tiny"))
    recipes = tuple(f"cgscc(inline),function(instcombine<max-iterations={number}>)" * 40 for number in range(count))
    events = {"bypass:not_oz": 7, "error:helper": 1, "miss": 3}
    meanings = {"not_oz": "the level is not -Oz", "helper": "it failed", "tiny": "too small", "interface": "promises"}
    return Report(BUILD, "make", "/r", tuple(files), recipes, events=events, meanings=meanings)


class Reader(HTMLParser):
    """The text that a reader sees, elements by name, and whether they are closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.stack, self.attributes = "", set[str](), list[str](), list[tuple[str, str | None]]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in OPEN:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPEN:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_thousand_files_are_less_than_a_megabyte() -> None:
    text = page.page(build(1000))
    assert len(text.encode()) < 1_000_000
    assert text.count("<tr>") > 1000
    assert "more recipes" in text


def test_what_is_beyond_a_thousand_files_is_one_row() -> None:
    text = page.page(build(1200))
    assert len(text.encode()) < 1_000_000
    (row,) = (line for line in text.splitlines() if "200 more objects" in line)
    # The last is `tables.o`, of nine bytes.
    known = build(1200).files[1000:]
    assert f"<td>{sum(each.before.total for each in known if each.before):,}<td>" in row


@pytest.mark.parametrize("kind", [BUILD, BINARY])
def test_the_page_is_whole_and_asks_for_nothing(kind: str) -> None:
    parts = Parts(100, 20, 3, 40)
    file = File(EVIL, EVIL, Bytes.of(parts + parts), Bytes.of(parts), by=EVIL, recipe=0, state=EVIL)
    found = Report(
        kind,
        EVIL,
        root=EVIL,
        files=(file, File("dir/b.o", before=Bytes(5), after=Bytes(4))),
        recipes=(EVIL,),
        functions=(Function(EVIL, 9, 1, EVIL), Function("f", None, 3, "g")),
        sections=(Section(EVIL, "code", 10, 5),),
        events={f"bypass:{EVIL}": 1},
        survival=Survival(1, parts + parts, parts),
        notes=(EVIL,),
    )
    text = page.page(found)
    reader = Reader(text)
    assert reader.stack == []
    assert not {"script", "link", "img", "iframe"} & reader.tags
    assert {"svg", "table", "details"} <= reader.tags | {"details"}
    assert not [value for name, value in reader.attributes if name.startswith("on") or name in ("src", "srcset")]
    assert all(value and value.startswith("#") for name, value in reader.attributes if name == "href")
    assert not re.search(r"url\(|@import|https?:", text)
    assert "<script>alert('x')</script>\"&??.o" in reader.text
    text.encode()


def test_the_five_questions_are_answered_before_the_first_map() -> None:
    text = page.page(build(10))
    above = html.unescape(re.sub("<[^>]*>", " ", text[: text.index("<svg")]))
    for said in ("How much?", "% smaller", "Where?", "Why?", "Is it safe?", "No object is larger", "What next?"):
        assert said in above


@settings(deadline=None, max_examples=50)  # a busy machine is no failure
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60), st.floats(10, 2000), st.floats(10, 2000))
def test_areas_are_sizes_and_fill_the_box(sizes: list[int], width: float, height: float) -> None:
    sizes.sort(reverse=True)
    boxes = squarify(sizes, Box(5, 7, width, height))
    scale = width * height / sum(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(size * scale, rel=1e-6, abs=1e-6)
        assert box.x >= 5 - 1e-6
        assert box.y >= 7 - 1e-6
        assert box.x + box.width <= 5 + width + 1e-6 * width
        assert box.y + box.height <= 7 + height + 1e-6 * height


def test_rectangles_do_not_overlap_and_equal_ones_are_nearly_square() -> None:
    boxes = squarify([9.0] * 12, Box(0, 0, 400, 300))
    assert all(0.5 < box.width / box.height < 2 for box in boxes)
    for one in boxes:
        for other in boxes:
            apart = one.x + one.width <= other.x + 1e-6 or one.y + one.height <= other.y + 1e-6
            assert (
                one is other or apart or other.x + other.width <= one.x + 1e-6 or other.y + other.height <= one.y + 1e-6
            )


def test_what_is_small_becomes_one_tile_and_nothing_is_lost() -> None:
    tiles = [Tile(f"d{number % 3}/f{number}.o", 1000 - number, None) for number in range(700)]
    text = treemap.svg(tiles, "a <map>", "bytes")
    assert text.count('class="tile"') <= treemap.TILES + 3
    drawn = [int(size.replace(",", "")) for size in re.findall(r"\n([\d,]+) bytes,", text)]
    assert sum(drawn) == sum(each.bytes for each in tiles)
    assert 'aria-label="a &lt;map&gt;"' in text
    assert treemap.svg([], "nothing", "bytes").count("<rect") == 0


def test_a_size_beside_which_nothing_can_be_seen() -> None:
    tiles = [Tile("huge", 2**63 - 1, None), *(Tile(f"small{number}", 1, None) for number in range(3))]
    assert "huge" in treemap.svg(tiles, "a map", "bytes")


def test_a_browser_shows_it(tmp_path: Path) -> None:
    """Chromium lays the page out, and its text is what a reader looks for."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    (tmp_path / "page.html").write_text(page.page(build(30)), encoding="utf-8", errors="replace")
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    address = (tmp_path / "page.html").as_uri()
    done = subprocess.run([*words, "--dump-dom", address], capture_output=True, text=True, timeout=120, check=False)
    if "<body" not in done.stdout:
        pytest.skip("Chromium does not run here")
    reader = Reader(done.stdout)
    assert "component_3.cpp.o" in reader.text
    assert "the level is not" in reader.text
    assert reader.tags >= {"svg", "table", "details"}
