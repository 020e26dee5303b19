"""A report as one static page: no server, no script, everything in it; what is large is cut, and `--json` has all."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from clang_llm import __version__
from clang_llm.report import treemap
from clang_llm.report.answers import Answer, answers
from clang_llm.report.facts import GONE, Bytes, Report
from clang_llm.report.tables import PART_NAMES, prose, tables
from clang_llm.report.treemap import Tile
from clang_llm.report.words import clean, number, share
from clang_llm.system.objects import PARTS, Parts

_CSS = Path(__file__).resolve().parents[1] / "data" / "report.css"


def page(found: Report) -> str:
    """Return the page."""
    title = html.escape(clean(f"Size report: {found.title}"))
    where = f'<p class="soft">Files below <code>{html.escape(clean(found.root))}</code></p>' if found.root else ""
    body = [
        f"<header><h1>{title}</h1>{where}</header>",
        *_notes(found.notes),
        *_top(found),
        *_maps(found),
        *tables(found),
    ]
    body.append(
        f"<footer>clang-llm {html.escape(__version__)}. Bytes are those of allocated sections without .bss. "
        "<code>clang-llm-tool report --json OUT</code> writes all of it for programs.</footer>"
    )
    style = f"<style>{_CSS.read_text(encoding='utf-8')}</style>"
    sized = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<head><meta charset="utf-8">{sized}<title>{title}</title>{style}</head>'
    return "\n".join(["<!doctype html>", f'<html lang="en">{head}', "<body>", *body, "</body></html>", ""])


def _notes(notes: Sequence[str]) -> list[str]:
    return [f'<p class="note">{html.escape(clean(each))}</p>' for each in notes]


def _top(found: Report) -> Iterator[str]:
    """Yield the five answers: they are seen before anybody scrolls."""
    first, *others = answers(found)
    bad = " bad" if found.saved < 0 else ""
    yield f'<section class="top"><div><p class="q">{first.question}</p>'
    yield f'<p class="big{bad}">{html.escape(first.short.partition(":")[0])}</p>'
    yield "".join(f"<p>{prose(each)}</p>" for each in (_saved(found), *first.more) if each)
    yield f"</div>{_bars(found)}</section>"
    yield f'<section class="cards">{"".join(map(_card, others))}</section>'


def _saved(found: Report) -> str:
    return f"{number(abs(found.saved))} bytes {'saved' if found.saved >= 0 else 'more'}." if found.known else ""


def _card(answer: Answer) -> str:
    more = "".join(f"<p>{prose(each)}</p>" for each in answer.more)
    return f'<div class="card"><p class="q">{answer.question}</p><p class="a">{prose(answer.short)}</p>{more}</div>'


def _bars(found: Report) -> str:
    before, after = found.before, found.after
    if before.parts is None or after.parts is None or not max(before.total, after.total):
        return ""
    whole = max(before.total, after.total)
    rows = [_bar(name, size, whole) for name, size in zip(found.names, (before, after), strict=True)]
    keys = "".join(
        f'<span class="k-{name}">{PART_NAMES[name]} {_less(old, new)}</span>'
        for name, old, new in zip(PARTS, before.parts.listed(), after.parts.listed(), strict=True)
    )
    return f'<div class="bars">{"".join(rows)}<p class="legend">{keys}</p></div>'


def _less(old: int, new: int) -> str:
    """Return by how much a part changed, in percent, with a sign."""
    return f"<b>{'−' if new < old else '+'}{share(abs(old - new), old)}</b>" if old and old != new else "±0"


def _bar(name: str, size: Bytes, whole: int) -> str:
    parts = zip(PARTS, size.parts.listed() if size.parts else (), strict=False)
    pieces = "".join(
        f'<span class="k-{part}" style="width:{100 * count / whole:.2f}%" title="{PART_NAMES[part]}: {count:,}"></span>'
        for part, count in parts
        if count > 0
    )
    track = f'<div class="track">{pieces}</div>'
    return f'<div class="bar"><span>{html.escape(name)}</span>{track}<span>{number(size.total)}</span></div>'


def _maps(found: Report) -> Iterator[str]:
    symbols = [_one(each.name, each.after or 0, each.part) for each in found.functions]
    shrunk = [_one(each.name, each.saved, each.part) for each in found.functions]
    if len(found.files) == 1 and (found.sections or symbols):
        sections = [_one(each.name, each.after, each.part) for each in found.sections]
        yield from _map("Where the bytes are", "sections after", sections, "bytes")
        yield from _map("The largest symbols", "symbols after", symbols, "bytes")
        yield from _map("What shrank", "bytes saved by symbol", shrunk, "bytes saved")
        return
    there = [each for each in found.known if each.state != GONE]
    now = [Tile(each.name, each.after.total, each.after.parts) for each in there if each.after]
    yield from _map("Where the bytes are", "bytes of each object as it is now", now, "bytes")
    saved = [Tile(each.name, each.saved, _difference(each.before, each.after)) for each in there]
    yield from _map("What was saved", "bytes saved on each object", saved, "bytes saved")


def _one(name: str, size: int, part: str) -> Tile:
    """Return the tile of a section or symbol, whose name is no path."""
    return Tile(name.replace("/", "\u2215"), size, Parts(**{part: max(0, size)}))


def _difference(before: Bytes | None, after: Bytes | None) -> Parts | None:
    if before is None or after is None or before.parts is None or after.parts is None:
        return None
    return before.parts - after.parts


def _map(title: str, label: str, tiles: Sequence[Tile], what: str) -> Iterator[str]:
    total = sum(each.bytes for each in tiles if each.bytes > 0)
    if not total:
        return
    largest = max(tiles, key=lambda each: each.bytes)
    told = f"{number(total)} {what}; the largest has {share(largest.bytes, total)}"
    above = f'<h2>{title}</h2><p class="soft">{html.escape(label.capitalize())}: area is bytes. {told}.</p>'
    yield f"<section>{above}{treemap.svg(tiles, f'Treemap: {label}', what)}</section>"
