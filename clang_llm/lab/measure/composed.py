"""Tables and sentences that are put together from several results: what the README shows, and comparisons."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from clang_llm.lab.measure import aims
from clang_llm.lab.measure.results import Cell, Column, ResultFile, Table
from clang_llm.system.errors import DataError
from clang_llm.system.objects import PARTS
from clang_llm.system.settings import DEFAULT_EFFORT, EFFORT_TABLE

Results: TypeAlias = Mapping[str, ResultFile]

#: Stands at numbers of what was shipped once.
DAGGER = "†"
#: Targets of the README's table → result of `tuned` on it.
TARGETS = {
    "x86-64": "tuned",
    "x86-64, no unwind tables": "tuned-x86_64-bare",
    "Thumb-2 (Cortex-M4)": "tuned-armv7m",
    "AArch64": "tuned-aarch64",
    "RISC-V 32": "tuned-riscv32",
    "WebAssembly": "tuned-wasm32",
}
TOTAL, CODE = "per function", "per function, code alone"

_PERCENT, _COLD, _WARM = Column("", "%", 2), Column("", "×", 1), Column("", "×", 2)
_DEFAULT, _MOST = str(EFFORT_TABLE[DEFAULT_EFFORT]), str(EFFORT_TABLE[-1])
#: Modules that have a target of the Makefile which hands their words on.
_TARGETS = {
    "clang_llm.lab.measure.demo": "make demo",
    "clang_llm.lab.measure.packages": "make check-packages",
    "clang_llm.lab.measure.bench": "make bench",
}
_WIDTH = 120
#: A space at which no line ends: a character that no document has.
_HELD = "\0"


def marked(text: str, *results: ResultFile) -> str:
    """Return a text with a dagger, where one of the results it is of is outdated."""
    return f"{DAGGER} {text}" if any(result.outdated for result in results) else text


def caption(results: Sequence[ResultFile]) -> str:
    """Return what stands below a table: what was measured with what, and by which command."""
    lines = []
    for result in results:
        commit = f" ({result.commit})" if result.commit else ""
        versions = f"clang {result.clang}, clang-llm {result.clang_llm}{commit}"
        lines.append(marked(f"{result.measured}; {versions}: `{result.command}`", result))
    return "\n\n".join(wrap(line) for line in lines) + "\n"


def wrap(text: str, indent: str = "") -> str:
    """Return a paragraph in lines of the documents' length; what stands in backquotes stays in one line."""
    held = re.sub(r"`[^`]*`", lambda match: match[0].replace(" ", _HELD), text)
    lines = textwrap.fill(held, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace(_HELD, " ")


def _table(results: Results, name: str, table: str) -> Table:
    try:
        return results[name].tables[table]
    except KeyError as error:
        raise DataError(f"docs/results/{name}.json with a table '{table}' is missing") from error


def _cells(results: Results, name: str, table: str, title: str) -> dict[str, Cell]:
    return _table(results, name, table).column(title)


def overview(results: Results, root: str) -> str:
    """The README's table: what is saved on each target, and of what."""
    columns = [Column("saved over `-Oz`, without the model"), Column("modules")]
    columns += [
        Column(title, "%", 2)
        for effort in ("default effort", f"effort {len(EFFORT_TABLE) - 1}")
        for title in (effort, f"{effort}, code alone")
    ]
    rows: list[list[Cell]] = []
    for target, name in TARGETS.items():
        total, code = (_cells(results, name, "recipes", title) for title in (TOTAL, CODE))
        sizes = [kind[budget] for budget in (_DEFAULT, _MOST) for kind in (total, code)]
        rows.append([marked(target, results[name]), results[name].modules, *(_or_dash(each) for each in sizes)])
    clang = results["tuned"].clang
    told = f"Modules of Debian packages that were not searched on, clang {clang}, geometric mean; `make tuned`."
    return f"{Table(columns, rows).markdown()}\n{wrap(told)}\n{legend(results, root)}"


def _or_dash(cell: Cell) -> Cell:
    return "–" if cell is None else cell


def legend(results: Results, root: str) -> str:
    """Say what the dagger means; raises DataError when results are outdated in several ways."""
    reasons = sorted({result.outdated for result in results.values() if result.outdated})
    if len(reasons) > 1:
        raise DataError(f"several results are outdated, and not alike: {reasons}")
    lines = [f"{DAGGER} measured {each}, and not again since;" for each in reasons]
    return "".join(
        wrap(f"{line} what that cost: [soundness]({root}docs/soundness.md), section 5.") + "\n" for line in lines
    )


def in_short(results: Results, root: str) -> str:
    """Return the other numbers of the README, one line for each command."""
    del root
    lines = [_linked(results), *_packages(results), *_model(results), *_time(results)]
    return "".join(wrap(f"- {line}", "  ") + "\n" for line in lines)


def _linked(results: Results) -> str:
    """What was saved of linked programs, and of which bytes: most on x86-64 is unwind tables, and that is said."""
    demo = results["demo"]
    told = []
    for _, file, before, after, _, *pairs in demo.tables["kinds"].rows:
        if isinstance(file, str) and isinstance(before, int) and isinstance(after, int):
            if file.endswith(" objects"):
                continue
            sizes = [each for each in pairs if isinstance(each, Sequence) and not isinstance(each, str)]
            kinds = ", ".join(f"{name} {saved:,}" for name, (_, saved) in zip(PARTS, sizes, strict=True))
            told.append(f"{PurePosixPath(file).name} {before - after:,} of {before:,} bytes ({kinds})")
    return marked(f"Linked programs at the default effort, with the model: {'; '.join(told)} ({_make(demo)}).", demo)


def _packages(results: Results) -> list[str]:
    best, every = results["packages-effort9"], results["packages"]
    saved = best.tables["packages"].column("saved")
    names = ", ".join(f"{name} {_PERCENT.show(cell)}" for name, cell in saved.items())
    parts = [_promises(result.tables["packages"]) for result in (best, every)]
    text = f"Debian packages at effort {len(EFFORT_TABLE) - 1}, with the model: {names} smaller; {parts[0]}"
    return [
        marked(f"{text} ({_make(best)}).", best),
        marked(f"At the default effort: {parts[1]} ({_make(every)}).", every),
    ]


def _promises(table: Table) -> str:
    tests, larger, objects = (table.column(title) for title in ("own tests", "larger", "objects"))
    passed = sum(cell == "pass" for cell in tests.values())
    return f"{passed} of {len(tests)} pass their own tests, {_sum(larger)} of {_sum(objects)} objects are larger"


def _sum(cells: Mapping[str, Cell]) -> int:
    return sum(int(cell) for cell in cells.values() if isinstance(cell, (int, float)))


def _model(results: Results) -> list[str]:
    found = results["evaluate"]
    model, coreset = (found.tables["savings"].column(way) for way in ("model, then coreset", "coreset"))
    pairs = [
        f"at {effort} {_mean(model[count])} with the model, {_mean(coreset[count])} without"
        for count, effort in ((str(EFFORT_TABLE[1]), "effort 1"), (_DEFAULT, f"effort {DEFAULT_EFFORT}"))
    ]
    return [marked(f"{found.modules} x86-64 modules: {'; '.join(pairs)} ({_make(found)}).", found)]


def _mean(cell: Cell) -> str:
    return _PERCENT.show(cell[0] if isinstance(cell, (list, tuple)) else cell)


def _time(results: Results) -> list[str]:
    bench = results["bench"]
    builds = bench.tables["builds"]
    cold, warm = (
        ", ".join(f"{column.show(cell)} ({name})" for name, cell in builds.column(way).items() if name != "all")
        for way, column in (("cold", _COLD), ("warm", _WARM))
    )
    short = bench.tables["promises"].column("measured")["short command"]
    text = f"CPU time beside clang's, without the model: a cold build {cold}, a warm build {warm}"
    return [marked(f"{text}; a command with nothing to gain {short} at most ({_make(bench)}).", bench)]


def _make(result: ResultFile) -> str:
    """Return the command of a result, by the target of the Makefile where one takes its words."""
    python, _, module, *words = shlex.split(result.command)
    if python != "python" or module not in _TARGETS:
        return f"`{result.command}`"
    # The target finds clang itself.
    at = words.index("--clang") if "--clang" in words else len(words)
    asked = shlex.join([word for word in [*words[:at], *words[at + 2 :]] if word != "--fresh"])
    return f'`{_TARGETS[module]} PROJECT="{asked}"`' if asked else f"`{_TARGETS[module]}`"


def _side_by_side(results: Results, names: Mapping[str, str], commands: Sequence[str]) -> str:
    """Return what is saved by compilations, a column for each title → result, and the captions of some of them."""
    columns = [_cells(results, name, "recipes", TOTAL) for name in names.values()]
    headers = [Column("compilations"), *(Column(title, "%", 2) for title in names)]
    rows: list[list[Cell]] = [[int(budget), *(column[budget] for column in columns)] for budget in columns[0]]
    return f"{Table(headers, rows).markdown()}\n{caption([results[name] for name in commands])}"


def targets(results: Results, root: str) -> str:
    """Return what is saved on other targets, side by side."""
    del root
    names = {target: name for target, name in TARGETS.items() if name != "tuned"}
    return _side_by_side(results, names, list(names.values()))


def withdrawal(results: Results, root: str) -> str:
    """Return what withdrawing passes cost: the same modules before and after, by the same command."""
    del root
    return _side_by_side(results, {"before": "tuned-before", "after": "tuned"}, ["tuned"])


def aimed(results: Results, root: str) -> str:
    """Return the aims, and whether they are met."""
    del root
    return aims.table(results).markdown()


COMPOSED: Mapping[str, Callable[[Results, str], str]] = {
    "overview": overview,
    "aims": aimed,
    "in-short": in_short,
    "legend": legend,
    "targets": targets,
    "withdrawal": withdrawal,
}
