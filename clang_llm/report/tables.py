"""The tables of the page: parts, sections, files, symbols, what gained nothing and why, recipes."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from clang_llm.report.facts import BINARY, GONE, Bytes, File, Function, Report, add, rows_of_parts
from clang_llm.report.words import change, clean, number, share, things
from clang_llm.system.objects import PARTS

#: What parts are called.
PART_NAMES = {"code": "code", "rodata": "read-only data", "data": "data", "unwind": "unwind tables"}
#: Rows of a table of files and of symbols, names in a list, characters of a name, and of all recipes together: with
#: these a page of 1,000 files has less than a megabyte.
FILES, SYMBOLS, NAMED, NAME, RECIPES = 1000, 200, 12, 160, 150_000

#: What is said of an element without which there is no object that keeps what -Oz's promises.
NEEDED = "needed"


def tables(found: Report) -> Iterator[str]:
    """Yield all tables that have something to say."""
    if found.known:
        yield from _parts(found)
    if found.earned:
        yield from _earned(found)
    if found.sections:
        yield from _sections(found)
    if found.kind != BINARY:
        yield from _files(found)
    if found.functions:
        yield from _functions(found.functions, found.names)
    yield from _nothing_gained(found)
    if found.recipes:
        yield from _recipes(found)


def prose(text: str) -> str:
    """Return a sentence, in which what stands between backquotes is to be typed."""
    said = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(clean(text)))
    # No line may end behind the hyphen of an option; what is to be typed is copied, and has to stay as it is.
    return re.sub(r"(^| )-(?=O)", "\\1-\u2060", said)


def _name(text: str) -> str:
    name = clean(text)
    return html.escape(name if len(name) <= NAME else f"…{name[1 - NAME :]}")


def _table(headers: Sequence[str], rows: Iterable[str], caption: str = "") -> str:
    # HTML lets rows and cells end by themselves, which a fifth of the page would be.
    heads = "".join(f"<th{' class=t' if each.startswith('=') else ''}>{each.lstrip('=')}" for each in headers)
    above = f"<caption>{caption}</caption>" if caption else ""
    body = "\n".join(rows)
    return f'<div class="scroll"><table>{above}<thead><tr>{heads}</thead><tbody>\n{body}\n</tbody></table></div>'


def _row(cells: Iterable[str], kind: str = "") -> str:
    return f"<tr{f' class={kind}' if kind else ''}>" + "".join(f"<td>{each}" for each in cells)


def _saved(before: int, after: int, most: int = 0) -> str:
    """Return two cells: bytes saved with a bar beside them, and percent."""
    saved = before - after
    bar = f' class=s style="--p:{100 * saved / most:.0f}%"' if most and saved > 0 else ""
    return f"<td{bar}>{number(saved)}<td>{share(saved, before) if before else ''}"


def _parts(found: Report) -> Iterator[str]:
    rows = []
    survived: dict[str, int] = {}
    if found.survival is not None:
        of_objects = rows_of_parts(Bytes.of(found.survival.before), Bytes.of(found.survival.after))
        survived = {name: old - new for name, old, new in of_objects}
    for name, old, new in rows_of_parts(found.before, found.after):
        cells = (PART_NAMES.get(name, name), number(old), number(new))
        last = f"<td>{number(survived.get(name, 0))}" if survived else ""
        rows.append(_row(cells, "sum" if name == "total" else "") + _saved(old, new) + last)
    more = ["its objects saved"] if survived else []
    yield "<h2>What the bytes are</h2>"
    yield _table(["", *found.names, "saved", "", *more], rows)


def _earned(found: Report) -> Iterator[str]:
    most = max((each.bytes or 0 for each in found.earned), default=0)
    rows = []
    for each in (each for each in found.earned if each.bytes != 0):
        cells = _row((_name(each.name), each.kind))
        if each.bytes is None:
            rows.append(f"{cells}<td>{NEEDED}" + "<td>" * len(PARTS))
            continue
        bar = f' class=s style="--p:{100 * each.bytes / most:.0f}%"' if most and each.bytes > 0 else ""
        parts = [change(size) for size in each.parts.listed()] if each.parts else [""] * len(PARTS)
        rows.append(f"{cells}<td{bar}>{change(each.bytes)}" + "".join(f"<td>{size}" for size in parts))
    caption = (
        "By so many bytes the object would be larger without it, wherever it stands in the recipe. One does what "
        f"another left, so they do not add up. {NEEDED.capitalize()}: without it the recipe makes no sound object, or "
        "does not fit the module's functions."
    )
    idle = found.dispensable()
    yield "<h2>What earned the bytes</h2>"
    yield _table(["element", "", "earned", *PARTS], rows, caption)
    if idle:
        yield f'<p class="soft">Earned nothing alone: {html.escape(clean(", ".join(idle)))}.</p>'


def _sections(found: Report) -> Iterator[str]:
    most = max((each.before - each.after for each in found.sections), default=0)
    rows = [
        _row((_name(each.name), PART_NAMES[each.part], number(each.before), number(each.after)))
        + _saved(each.before, each.after, most)
        for each in found.sections
    ]
    yield "<h2>Sections</h2>"
    yield _table(["section", "", *found.names, "saved", ""], rows)


def _files(found: Report) -> Iterator[str]:
    there = [each for each in found.files if each.state != GONE]
    gone = [each for each in found.known if each.state == GONE]
    if not found.files:
        return
    most = max((each.saved for each in there), default=0)
    shown = there[:FILES]
    told = any(each.by or each.why or each.state for each in shown)
    rows = [_sizes(each, most) + (_remarks(each, found) if told else "") for each in shown]
    for name, some in ((f"{things(len(there) - FILES, 'more object')}", there[FILES:]), (_gone(gone), gone)):
        if some:
            known = [each for each in some if each.known]
            rows.append(
                _sizes(
                    File(name, before=add(each.before for each in known), after=add(each.after for each in known)), 0
                )
            )
    where = f"Below <code>{_name(found.root)}</code>. " if found.root else ""
    caption = f"{where}Of the bytes saved, so many are code, read-only data, data and unwind tables."
    yield "<h2>Files</h2>"
    more = ["=proposed by", "recipe", "=remark"] if told else []
    yield _table(["object", *found.names, "saved", "", *PARTS, *more], rows, caption)


def _gone(files: Sequence[File]) -> str:
    return f"{things(len(files), 'object')} now gone"


def _sizes(each: File, most: int) -> str:
    """Return the cells with numbers, and the file's name before them."""
    before, after = (number(size.total) if size else "–" for size in (each.before, each.after))
    cells = _row((_name(each.name), before, after))
    if not each.known or each.before is None or each.after is None:
        return cells + "<td>" * (2 + len(PARTS))
    cells += _saved(each.before.total, each.after.total, most)
    if each.before.parts is None or each.after.parts is None:
        return cells + "<td>" * len(PARTS)
    return cells + "".join(f"<td>{number(size)}" for size in (each.before.parts - each.after.parts).listed())


def _remarks(each: File, found: Report) -> str:
    link = f"<a href=#r{each.recipe}>{each.recipe + 1}</a>" if each.recipe is not None else ""
    remark = found.meanings.get(each.why, each.why) if not each.state else each.state
    return f"<td class=t>{_name(each.by)}<td>{link}<td class=w>{prose(remark)}"


def _functions(functions: Sequence[Function], names: tuple[str, str]) -> Iterator[str]:
    changed = sorted(
        (each for each in functions if each.saved), key=lambda each: (-abs(each.saved), each.file, each.name)
    )
    several = len({each.file for each in functions}) > 1
    most = max((each.saved for each in changed), default=0)
    rows = [
        _row((_name(each.name), PART_NAMES.get(each.part, each.part), _count(each.before), _count(each.after)))
        + _saved(each.before or 0, each.after or 0, most)
        + (f"<td class=t>{_name(each.file)}" if several else "")
        for each in changed[:SYMBOLS]
    ]
    cut = f"; the {SYMBOLS} largest changes" if len(changed) > SYMBOLS else ""
    caption = f"{things(len(functions), 'symbol')}, {number(len(changed))} of another size{cut}."
    yield "<h2>Functions and other symbols</h2>"
    yield _table(["symbol", "", *names, "saved", "", *(["=file"] if several else [])], rows, caption)


def _count(size: int | None) -> str:
    return "–" if size is None else number(size)


def _nothing_gained(found: Report) -> Iterator[str]:
    files: dict[str, list[str]] = defaultdict(list)
    for each in found.files:
        if each.why and each.state != GONE:
            files[each.why].append(each.name)
    rows = []
    for word, names in sorted(files.items(), key=lambda pair: -len(pair[1])):
        more = f" and {number(len(names) - NAMED)} more" if len(names) > NAMED else ""
        rows.append(_reason("objects as with -Oz", word, len(names), found.meanings, ", ".join(names[:NAMED]) + more))
    for prefix, what in (("bypass", "commands left to clang"), ("error", "compiles that failed on our side")):
        rows += [_reason(what, word, count, found.meanings) for word, count in found.counted(prefix)]
    for word, count in found.rejected().most_common():
        kind, _, detail = word.partition(":")
        meaning = {word: f"{found.meanings.get(kind, kind)}{f': {detail}' if detail else ''}"}
        rows.append(_reason("candidates refused", word, count, meaning))
    if rows:
        yield "<h2>Where nothing was gained, and what was refused</h2>"
        yield _table(["", "count", "=why", "=which"], rows)


def _reason(what: str, word: str, count: int, meanings: Mapping[str, str], which: str = "") -> str:
    why = prose(f"{meanings.get(word, word)} ({word})")
    names = html.escape(clean(which))
    return f"{_row((html.escape(what), number(count)))}<td class=w>{why}<td class=w>{names}"


def _recipes(found: Report) -> Iterator[str]:
    files: dict[int, list[File]] = defaultdict(list)
    for each in found.known:
        if each.recipe is not None:
            files[each.recipe].append(each)
    yield "<h2>Recipes</h2>"
    stages = "passes for the module | for functions | for the module"
    yield f'<p class="soft">What was run in the place of -Oz: {stages}.</p>'
    order = sorted(files, key=lambda place: -sum(each.saved for each in files[place]))
    room = RECIPES
    for shown, place in enumerate(order):
        text = found.recipes[place]
        room -= len(text)
        if room < 0:
            yield f"<p>{things(len(order) - shown, 'more recipe')}: in <code>--json</code>.</p>"
            return
        some = files[place]
        named = ", ".join(clean(each.name) for each in some[:3]) + ("…" if len(some) > 3 else "")
        told = f"{place + 1}: {number(sum(each.saved for each in some))} bytes on {html.escape(named[-NAME:])}"
        yield f"<details id=r{place}><summary>{told}</summary><pre>{html.escape(clean(text))}</pre></details>"
