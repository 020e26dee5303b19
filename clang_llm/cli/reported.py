"""What ``clang-llm-tool report`` says on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from clang_llm.cli.output import human_count, percent, printable, shorten, table
from clang_llm.report import words
from clang_llm.report.answers import answers, largest
from clang_llm.report.comparing import Comparison
from clang_llm.report.facts import GONE, Bytes, File, Function, Report, add, rows_of_parts
from clang_llm.report.tables import NEEDED
from clang_llm.system.objects import PARTS, Parts

#: Rows of a table on a terminal, and characters of a name; `--html` and `--json` have all.
ROWS, NAME = 20, 60


def tell(found: Report) -> list[str]:
    """Return a report as lines."""
    lines = [f"Size report: {printable(found.title)}", *(f"Attention: {printable(note)}" for note in found.notes)]
    for answer in answers(found):
        lines.append(f"{answer.question:<12} {printable(answer.short)}")
        lines += [f"{'':<12} {printable(each)}" for each in answer.more]
    if found.known:
        lines += ["", *_parts(found)]
    for some in (_earned(found), _sections(found), _files(found), _functions(found.functions, found.names)):
        lines += ["", *some] if some else []
    return lines


def _parts(found: Report) -> list[str]:
    """Return the table of parts; of a linked file also what its objects saved of each."""
    of_objects: dict[str, int] = {}
    if found.survival is not None:
        rows = rows_of_parts(Bytes.of(found.survival.before), Bytes.of(found.survival.after))
        of_objects = {name: old - new for name, old, new in rows}
    cells = []
    for name, old, new in rows_of_parts(found.before, found.after):
        saved = (human_count(old - new), percent(old - new, old) if old else "")
        cells.append((name, human_count(old), human_count(new), *saved, human_count(of_objects.get(name, 0))))
    if of_objects:
        return table(cells, "<>>>>>", ("bytes", *found.names, "saved", "", "objects saved"))
    return table([row[:-1] for row in cells], "<>>>>", ("bytes", *found.names, "saved", ""))


def _files(found: Report) -> list[str]:
    shown = largest(found, ROWS)
    if len(found.files) < 2:
        return []
    rows = [
        (
            shorten(printable(each.name), NAME),
            *_sizes(each),
            each.by or ("-Oz" if each.known else ""),
            each.state or each.why,
        )
        for each in shown
    ]
    there = sum(each.state != GONE for each in found.files)
    gone = [each for each in found.known if each.state == GONE]
    if gone:
        name = f"{words.things(len(gone), 'object')} now gone"
        sizes = File(name, before=add(each.before for each in gone), after=add(each.after for each in gone))
        rows.append((name, *_sizes(sizes), "", ""))
    left = there - len(shown)
    more = [f"… {human_count(left)} more; --html OUT and --json OUT have all"] if left else []
    where = [f"Files below {printable(found.root)}"] if found.root else []
    return [*where, *table(rows, "<>>>><<", ("file", *found.names, "saved", "", "by", "")), *more]


def _sizes(each: File) -> tuple[str, str, str, str]:
    before = human_count(each.before.total) if each.before else "-"
    after = human_count(each.after.total) if each.after else "-"
    if not each.known or not each.before:
        return before, after, "-", ""
    return before, after, human_count(each.saved), percent(each.saved, each.before.total)


def _earned(found: Report) -> list[str]:
    rows = [
        (each.name, each.kind, words.change(each.bytes) if each.bytes is not None else NEEDED, *_each_part(each.parts))
        for each in found.earned
        if each.bytes != 0
    ]
    if not found.earned:
        return []
    none = found.dispensable()
    idle = [f"{words.things(len(none), 'other element')} earned nothing alone: {', '.join(none)}"] if none else []
    head = "What earned the bytes: without it the object would have so many more, wherever it stands in the recipe"
    return [head, *table(rows, "<<>>>>>", ("", "", "total", *PARTS)), *idle]


def _each_part(parts: Parts | None) -> list[str]:
    return [words.change(size) for size in parts.listed()] if parts is not None else [""] * len(PARTS)


def _sections(found: Report) -> list[str]:
    rows = [
        (printable(each.name), each.part, *map(human_count, (each.before, each.after, each.before - each.after)))
        for each in found.sections[:ROWS]
        if each.before != each.after
    ]
    return table(rows, "<<>>>", ("section", "", *found.names, "saved")) if rows else []


def _functions(functions: Sequence[Function], names: tuple[str, str]) -> list[str]:
    changed = sorted(
        (each for each in functions if each.saved), key=lambda each: (-abs(each.saved), each.file, each.name)
    )
    several = len({each.file for each in functions}) > 1
    rows = [
        (shorten(printable(each.name), NAME), each.part, *map(_count, (each.before, each.after, each.saved)))
        + ((shorten(printable(each.file), NAME),) if several else ())
        for each in changed[:ROWS]
    ]
    if not functions:
        return []
    most = f"{words.things(len(functions), 'symbol')}, {human_count(len(changed))} of another size"
    headers = ("symbol", "", *names, "saved", *(["file"] if several else []))
    return [most, *(table(rows, "<<>>>" + "<" * several, headers) if rows else [])]


def tell_comparisons(found: Sequence[Comparison]) -> list[str]:
    """Return the comparison of two reports as lines, in the manner of bloat-o-meter."""
    lines: list[str] = []
    for each in found:
        rows = [
            (shorten(printable(row.name), NAME), _count(row.old), _count(row.new), words.change(row.change))
            for row in each.rows
        ]
        lines += [each.headline(), *(table(rows, "<>>>", (each.what, "old", "new", "change")) if rows else []), ""]
    return [*lines, found[0].total()]


def _count(size: int | None) -> str:
    return "-" if size is None else human_count(size)
