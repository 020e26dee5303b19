"""A report as Markdown: a summary that a bot puts under a pull request, and finds again by its first line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from clang_llm.report.answers import answers, largest
from clang_llm.report.comparing import Comparison, Row, of_one
from clang_llm.report.facts import BINARY, Report, rows_of_parts
from clang_llm.report.words import change, clean, number, share

#: The first line: whoever finds it in a comment replaces that comment instead of writing another one.
MARKER = "<!-- clang-llm-size-report -->"
#: Rows of a table: a comment is read at a glance, and may have 65,536 characters.
ROWS = 15

# What would be read as Markdown or HTML inside a line; in a table also the bar between cells.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&@$])")


def escaped(name: str) -> str:
    """Return a name that stands for itself, whatever is in it, mentions and links included."""
    return _SPECIAL.sub(r"\\\1", clean(name)).replace("\\@", "@\u200b")


def sentence(text: str) -> str:
    """Return one of our sentences: names in it stand for themselves, and what stands between backquotes is code."""
    pieces = clean(text).split("`")
    if len(pieces) % 2 == 0:
        return escaped(text)
    return "".join(f"`{piece}`" if number % 2 else escaped(piece) for number, piece in enumerate(pieces))


def of_report(found: Report, verdict: str = "") -> list[str]:
    """Return a report as lines of Markdown.

    Args:
        found: The report.
        verdict: What became of a size budget; nothing where there is none.
    """
    before, after = found.names
    lines = [MARKER, f"### Size: {answers(found)[0].short}", "", *_verdict(verdict)]
    lines += [
        f"- **{each.question}** {sentence(each.short)}. {sentence(' '.join(each.more))}".rstrip()
        for each in answers(found)[1:]
    ]
    if found.known:
        rows = [
            (name, number(old), number(new), change(new - old), share(new - old, old))
            for name, old, new in rows_of_parts(found.before, found.after)
        ]
        lines += ["", *_table(("bytes", before, after, "change", ""), rows)]
    if found.kind == BINARY:
        return [*lines, *_changes(of_one(found))]
    files = [each for each in largest(found, len(found.files)) if each.known and each.before and each.after]
    shown = [
        (escaped(each.name), number(each.before.total), number(each.after.total), number(each.saved), escaped(each.by))
        for each in files[:ROWS]
        if each.before and each.after
    ]
    if shown:
        table = _table(("file", before, after, "saved", "by"), shown)
        lines += ["", *_folded(f"{number(len(files))} files, the {len(shown)} with the largest savings", table)]
    return lines + (_changes(of_one(found)) if found.functions else [])


def of_comparisons(found: Sequence[Comparison], verdict: str = "") -> list[str]:
    """Return the comparison of two reports as lines of Markdown; `verdict` is as for `of_report`."""
    first = found[0]
    grown = first.new - first.old
    lines = [MARKER, f"### Size: {change(grown)} bytes ({share(grown, first.old)})", "", *_verdict(verdict)]
    lines.append(f"{number(first.old)} bytes before, {number(first.new)} bytes after.")
    for each in found:
        lines += _changes(each)
    return lines


def _verdict(verdict: str) -> list[str]:
    return [f"**{escaped(verdict)}**", ""] if verdict else []


def _changes(found: Comparison) -> list[str]:
    if not found.rows:
        return []
    shown = sorted(found.rows, key=lambda row: (-abs(row.change), row.name))[:ROWS]
    rows = [(escaped(row.name), _size(row.old), _size(row.new), _change(row)) for row in shown]
    return ["", *_folded(found.headline(), _table((found.what, "before", "after", "change"), rows))]


def _size(size: int | None) -> str:
    return "–" if size is None else number(size)


def _change(row: Row) -> str:
    return f"{change(row.change)} ({share(row.change, row.old)})" if row.old else change(row.change)


def _folded(summary: str, lines: Iterable[str]) -> list[str]:
    return ["<details>", f"<summary>{escaped(summary)}</summary>", "", *lines, "", "</details>"]


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---", *["--:"] * (len(headers) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (headers, rule, *rows)]
