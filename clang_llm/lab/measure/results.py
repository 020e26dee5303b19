"""What a measuring command found, as a file: tables of numbers, the command that made them, and what it ran on.

The tables that a command prints, those in its file and those in the documents (`numbers`) are the same ones. A file
holds no date, host or path: the same command on the same versions is to give the same file, but for times.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from clang_llm import __version__
from clang_llm.lab.packages.workplace import markdown
from clang_llm.system import process
from clang_llm.system.errors import ClangLlmError, DataError

#: Where commands leave their files; what the documents quote is copied to `docs/results`.
DEFAULT_PLACE = Path("build") / "results"

_CHECKOUT = Path(__file__).resolve().parents[3]
#: Options that say where to work or what to write, not what to measure.
_PLACES = ("--json", "--work", "--output", "--markdown", "--plot")
#: What stands behind a number of a unit; other units stand in the title.
_SIGNS = {"%": " %", "×": " ×"}

Cell: TypeAlias = str | float | bool | Sequence[float] | None


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: Its title.
        unit: ``%`` for fractions, ``points`` for differences of fractions, ``×`` for ratios, ``±`` for other
            differences; empty for what the title says.
        digits: After the decimal point.
    """

    title: str
    unit: str = ""
    digits: int = 0

    def as_dict(self) -> dict[str, str | int]:
        """Return what is not usual of it, for JSON."""
        return {name: value for name, value in vars(self).items() if value}

    def show(self, cell: Cell) -> str:
        """Return a cell's text; several numbers in one cell stand side by side."""
        if cell is None:
            return ""
        if isinstance(cell, str):
            return cell
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        numbers = [cell] if isinstance(cell, (int, float)) else cell
        scale = 100 if self.unit in ("%", "points") else 1
        sign = "+" if self.unit in ("points", "±") else ""
        texts = [f"{scale * number:{sign},.{self.digits}f}" for number in numbers]
        return " / ".join(texts) + _SIGNS.get(self.unit, "")


@dataclass(frozen=True)
class Table:
    """Rows under columns; the first column names the row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> str:
        """Return the table; columns in which nothing was measured are left out."""
        used = [place for place in range(len(self.columns)) if any(row[place] is not None for row in self.rows)]
        text = [all(isinstance(row[place], (str, bool, type(None))) for row in self.rows) for place in used]
        headers = [self.columns[place].title for place in used]
        rows = [[self.columns[place].show(row[place]) for place in used] for row in self.rows]
        return markdown(headers, "".join("<" if each else ">" for each in text), rows)

    def column(self, title: str) -> dict[str, Cell]:
        """Return a column's cells by the texts of their rows' names; raises DataError."""
        titles = [column.title for column in self.columns]
        if title not in titles:
            raise DataError(f"no column '{title}'; there are {', '.join(titles)}")
        return {self.columns[0].show(row[0]): row[titles.index(title)] for row in self.rows}

    def joined(self, other: Table) -> Table:
        """Return this table with the columns of another, row by row; raises DataError when their rows differ."""
        if [row[0] for row in self.rows] != [row[0] for row in other.rows]:
            raise DataError("tables with different rows cannot stand side by side")
        rows = [[*mine, *theirs[1:]] for mine, theirs in zip(self.rows, other.rows, strict=True)]
        return Table([*self.columns, *other.columns[1:]], rows)


@dataclass(frozen=True)
class ResultFile:
    """What one run of a command found.

    Attributes:
        command: The command.
        measured: On what, in words.
        clang: Version of clang.
        tables: By name.
        clang_llm: Version of this package.
        commit: Its commit, with ``-dirty`` when files were changed; None where that is not known.
        modules: How many modules, objects or programs were measured, if that says something.
        outdated: When, if what is shipped has changed since: "before …". Empty for numbers of what is shipped.
    """

    command: str
    measured: str
    clang: str
    tables: Mapping[str, Table]
    clang_llm: str = __version__
    commit: str | None = None
    modules: int | None = None
    outdated: str = ""

    def markdown(self) -> str:
        """Return all of it for people."""
        tables = (f"\n{name}:\n\n{table.markdown()}" for name, table in self.tables.items())
        return f"{self.measured}\n" + "".join(tables)

    def encode(self) -> str:
        """Return the file: a line for each column and row, so that differences can be read."""
        head = {name: value for name, value in vars(self).items() if name != "tables"}
        lines = [f" {_json(name)}: {_json(value)}," for name, value in head.items()]
        tables = []
        for name, table in self.tables.items():
            columns = ",\n   ".join(_json(column.as_dict()) for column in table.columns)
            rows = ",\n   ".join(_json(row) for row in table.rows)
            tables.append(f'  {_json(name)}: {{\n  "columns": [\n   {columns}\n  ],\n  "rows": [\n   {rows}\n  ]\n  }}')
        return "\n".join(["{", *lines, ' "tables": {', ",\n".join(tables), " }", "}", ""])

    def write(self, path: Path) -> None:
        """Write the file, and the directory where there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.encode(), encoding="utf-8")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read(path: Path) -> ResultFile:
    """Read a file; raises DataError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        tables = {
            name: Table(tuple(Column(**each) for each in table["columns"]), tuple(map(tuple, table["rows"])))
            for name, table in data.pop("tables").items()
        }
        return ResultFile(**data, tables=tables)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no result of a measuring command ({error}); let the command write it") from error


def add_argument(parser: argparse.ArgumentParser, module: str, argv: Sequence[str]) -> None:
    """Declare where the result goes, and remember the command.

    Args:
        parser: Of the command.
        module: The command's module.
        argv: Its words.
    """
    path = DEFAULT_PLACE / f"{module.rpartition('.')[2].replace('_', '-')}.json"
    parser.add_argument("--json", type=Path, default=path, help="write the result to this file (default: %(default)s)")
    parser.set_defaults(command=command_of(module, argv))


def command_of(module: str, argv: Sequence[str]) -> str:
    """Return a command as it can be given on any machine: without places of work, absolute paths by their names."""
    words: list[str] = []
    skip = False
    for word in argv:
        if not skip and word not in _PLACES and not word.startswith(tuple(f"{each}=" for each in _PLACES)):
            words.append(Path(word).name if word.startswith("/") else word)
        skip = word in _PLACES
    return shlex.join(["python", "-m", module, *words])


def tell(arguments: argparse.Namespace, result: ResultFile, environ: Mapping[str, str]) -> None:
    """Print the tables of a result and keep it."""
    sys.stdout.write(result.markdown())
    keep(arguments, result, environ)


def keep(arguments: argparse.Namespace, result: ResultFile, environ: Mapping[str, str]) -> None:
    """Write a result where the arguments say, with the commit that measured it."""
    replace(result, commit=commit(environ)).write(arguments.json)
    sys.stderr.write(f"the result is in {arguments.json}\n")


def commit(environ: Mapping[str, str]) -> str | None:
    """Return the commit of this checkout, or None."""
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = process.run(command, env=environ)
    except ClangLlmError:
        return None
    return done.stdout.decode("ascii", "replace").strip() if done.ok else None
