"""What a reader asks first: how much, where, why, is it safe, what next. The answers stand on top of every report."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

from clang_llm.report.facts import BINARY, BUILD, CHANGED, GONE, UNKNOWN, File, Report, rows_of_parts
from clang_llm.report.words import listed, number, share, things

#: From which share of all bytes on unwind tables are worth a word.
_MUCH_UNWIND = 0.05
#: Candidates of a search after which a longer one is no advice.
_THOROUGH = 100
#: Files that are named, and characters of a name.
_NAMED, _NAME = 3, 40
# What a user can do about compiles that were left to clang, for reasons that he can change.
_REMEDIES = {
    "not_oz": "give it `-Oz`, in CFLAGS and CXXFLAGS",
    "lto": "compile without `-flto` to have it measured",
    "no_plugin": "run `clang-llm-tool doctor`",
    "untrusted": "run `clang-llm-tool doctor`",
    "effort_0": "set `CLANG_LLM_EFFORT` to 1 or more",
    "stale": "build once more",
    "limits": "raise the limits of the process (`ulimit`)",
}
_PARTS = {"code": "code", "rodata": "read-only data", "data": "data", "unwind": "unwind tables"}


class Answer(NamedTuple):
    """A question, the answer in a few words, and the sentences behind it."""

    question: str
    short: str
    more: tuple[str, ...]


def answers(found: Report) -> list[Answer]:
    """Return the five answers."""
    found_ones = (_how_much(found), _where(found), _why(found), _is_it_safe(found), _what_next(found))
    return [Answer(each.question, _begun(each.short), tuple(map(_begun, each.more))) for each in found_ones]


def _begun(text: str) -> str:
    """Return a sentence with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def _how_much(found: Report) -> Answer:
    before, after = found.before.total, found.after.total
    if not found.known:
        return Answer("How much?", "nothing to compare", ("No file has a size with and without clang-llm.",))
    saved = before - after
    word = "smaller" if saved >= 0 else "larger"
    more = [f"{number(before)} bytes {found.names[0]}, {number(after)} bytes {found.names[1]}."]
    if found.kind != BINARY and len(found.known) > 1:
        better = sum(each.saved > 0 for each in found.known)
        more.append(f"{number(better)} of {things(len(found.known), 'object')} became smaller.")
    more += _code_alone(found)
    unknown = [each for each in found.files if each.why == UNKNOWN]
    if unknown:
        size = sum(each.after.total for each in unknown if each.after)
        more.append(f"Not counted: {things(len(unknown), 'object')} that nobody measured, {number(size)} bytes.")
    return Answer("How much?", f"{share(abs(saved), before)} {word}: {things(abs(saved), 'byte')}", tuple(more))


def _code_alone(found: Report) -> list[str]:
    """Return what is said of instructions: of all savings they are the hardest, and what many readers look for."""
    before, after = found.before.parts, found.after.parts
    if before is None or after is None or not before.code:
        return []
    word = "smaller" if after.code <= before.code else "larger"
    return [f"Code alone: {share(abs(before.code - after.code), before.code)} {word}."]


def _where(found: Report) -> Answer:
    rows = [(name, before - after) for name, before, after in rows_of_parts(found.before, found.after)[:-1]]
    saved = found.saved
    won = sorted((row for row in rows if row[1] > 0), key=lambda row: -row[1])
    if not won or saved <= 0:
        return Answer("Where?", "nowhere", ())
    short = f"{share(won[0][1], sum(size for _, size in won))} of it in {_PARTS.get(won[0][0], won[0][0])}"
    more = [listed([f"{_PARTS.get(name, name)} {number(size)}" for name, size in won]) + " bytes less."]
    lost = [f"{_PARTS.get(name, name)} {number(-size)}" for name, size in rows if size < 0]
    more += [listed(lost) + " bytes more: the total is what is minimised."] if lost else []
    top = [each for each in found.known if each.saved > 0][:_NAMED]
    if found.kind != BINARY and len(found.known) > 1:
        named = listed([f"{_short(each.name)} ({number(each.saved)})" for each in top])
        have = things(len(top), "file has", "files have")
        more.append(f"{have} {share(sum(each.saved for each in top), saved)} of it: {named}.")
    return Answer("Where?", short, tuple(more))


def _short(name: str) -> str:
    name = PurePosixPath(name).name.replace("`", "'")  # which marks commands in a sentence
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"


def _why(found: Report) -> Answer:
    if found.kind == BINARY:
        return _survived(found)
    better = [each for each in found.known if each.saved > 0]
    by = Counter(each.by for each in better if each.by)
    more = []
    if by:
        more.append("Proposed by " + listed([f"{name} ({number(count)})" for name, count in by.most_common(4)]) + ".")
    elif better:
        more.append("The ledger does not know these objects, so nothing tells who proposed their passes.")
    most = [each for each in found.earned if each.bytes and each.bytes > 0][:_NAMED]
    if most:
        more.append("Earned most: " + listed([f"{each.name} ({number(each.bytes or 0)})" for each in most]) + ".")
    recipes = {each.recipe for each in better if each.recipe is not None}
    if recipes:
        more.append(f"{things(len(recipes), 'recipe')} of passes for {things(len(better), 'object')}.")
    more += _nothing_gained(found)
    short = f"{things(len(better), 'object')} took other passes than -Oz" if better else "no object took other passes"
    return Answer("Why?", short, tuple(more))


def _nothing_gained(found: Report) -> list[str]:
    why = Counter(each.why for each in found.files if each.why and each.state != GONE)
    meant = found.meanings
    lines = [f"{things(count, 'object')} as with -Oz: {meant.get(word, word)}." for word, count in why.most_common(3)]
    left = found.counted("bypass")
    total = sum(count for _, count in left)
    if total:
        word, count = left[0]
        lines.append(f"{things(total, 'command')} left to clang; {number(count)} of them: {meant.get(word, word)}.")
    return lines


def _survived(found: Report) -> Answer:
    survival = found.survival
    if survival is None or found.saved <= 0:
        return Answer("Why?", "see sections and symbols", ("What its objects saved is not known here.",))
    saved = survival.before.total - survival.after.total
    kept = share(found.saved, saved)
    told = f"{things(survival.objects, 'object')} in it saved {number(saved)} bytes; {number(found.saved)} are left."
    return Answer("Why?", f"{kept} of what its objects saved survived linking", (told,))


def _is_it_safe(found: Report) -> Answer:
    larger = [each for each in found.known if each.saved < 0]
    first = found.names[0]
    if found.kind == BINARY:
        grown = f"{share(-found.saved, found.before.total)} larger" if found.saved < 0 else "not larger"
        return Answer("Is it safe?", grown, (*found.facts, "Run the program's own tests on both: sizes tell nothing."))
    short = (
        f"no object is larger than {first}" if not larger else f"{things(len(larger), 'object')} larger than {first}"
    )
    rejected = sum(found.rejected().values())
    more = []
    if any(each.by for each in found.files):
        more.append("Each candidate had to keep what -Oz's object promises: symbols, sections, protectors, TLS, notes.")
    if rejected:
        more.append(f"{things(rejected, 'candidate')} that did not, or failed, were refused.")
    changed = sum(each.state == CHANGED for each in found.files)
    if changed:
        more.append(f"{things(changed, 'object')} made again by something else since: not counted.")
    elif found.kind == BUILD and not found.earned:
        more.append("None was made again by something else since, as far as sizes tell.")
    failed = sum(count for _, count in found.counted("error"))
    if failed:
        more.append(f"{things(failed, 'compile')} failed on our side, and are exactly clang's.")
    more.append("What ran to show it is in docs/soundness.md; run the program's own tests, too.")
    return Answer("Is it safe?", short, tuple(more))


def _what_next(found: Report) -> Answer:
    steps = []
    if found.kind == BINARY:
        steps.append("Hold the size in CI: `clang-llm-tool report --binary OLD NEW --fail-over 1%`.")
    else:
        if not found.known:
            steps.append("`clang-llm-tool explain CMD` says what becomes of a compile command, and why.")
        if any(each.tried and each.tried < _THOROUGH for each in found.files):
            steps.append("Search longer, once: `make clean`, `clang-llm-tool tune -- make`.")
        steps += [
            f"{things(count, 'command')}: {_REMEDIES[word]}."
            for word, count in found.counted("bypass")
            if word in _REMEDIES
        ]
    parts = found.after.parts
    if parts and parts.unwind > _MUCH_UNWIND * found.after.total and _is_optional(found):
        steps.append(
            f"Unwind tables are {share(parts.unwind, found.after.total)}; C that needs neither exceptions nor "
            "backtraces can do without them: `-fno-asynchronous-unwind-tables`."
        )
    if found.kind == BUILD and found.known and not found.earned:
        steps.append("Ask what earned the bytes of one: `clang-llm-tool report --why -- clang-llm -Oz -c a.c`.")
    if found.kind != BINARY:
        steps.append("Compare linked programs: `clang-llm-tool report --binary PLAIN OURS`.")
    return Answer("What next?", steps[0].rstrip("."), tuple(steps[1:]))


def _is_optional(found: Report) -> bool:
    """Whether an option of clang leaves unwind tables out; it has none for those of 32-bit ARM."""
    if found.kind == BINARY:
        return any(each.name == ".eh_frame" for each in found.sections)
    targets = {each.target for each in found.known if each.target}
    return bool(targets) and not any(each.startswith(("arm", "thumb")) for each in targets)


def largest(found: Report, most: int) -> list[File]:
    """Return the files that are shown: those that are there, the first so many."""
    return [each for each in found.files if each.state != GONE][:most]
