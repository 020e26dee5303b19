"""``make numbers``: writes the numbers of the documents, and the picture of the README, from ``docs/results``.

``python -m clang_llm.lab.measure.numbers``. A table between ``<!-- numbers: NAME -->`` and ``<!-- /numbers -->`` is
never edited by hand: a measuring command writes a result file (``build/results``), a person copies it to
``docs/results``, and this command writes the tables. NAME is that of a result file and a table of it, as in
``bench.builds``; of tables with the same rows, as in ``evaluate.savings+difference``; or of what `composed` puts
together. ``--check`` writes nothing, and fails when anything would change.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial, reduce
from pathlib import Path

from clang_llm.lab.measure.composed import COMPOSED, Results, caption
from clang_llm.lab.measure.picture import draw
from clang_llm.lab.measure.results import Table, read
from clang_llm.lab.packages.workplace import run_command
from clang_llm.system.errors import DataError
from clang_llm.system.settings import process_environment

CHECKOUT = Path(__file__).resolve().parents[3]
PICTURE = Path("docs") / "savings.svg"

_MARKED = re.compile(r"<!-- numbers: (\S+) -->\n.*?<!-- /numbers -->\n", re.DOTALL)


def load(place: Path) -> Results:
    """Read all result files of a directory, by name; raises DataError."""
    return {path.stem: read(path) for path in sorted(place.glob("*.json"))}


def fill(text: str, results: Results, root: str) -> str:
    """Return a document with its marked tables written anew.

    Args:
        text: The document.
        results: By name.
        root: The way from the document's directory to that of the checkout, for links.

    Raises:
        DataError: A mark names what is not there.
    """
    return _MARKED.sub(partial(_written, results=results, root=root), text)


def unmarked(text: str) -> str:
    """Return a document without its marked tables: what people write."""
    return _MARKED.sub("", text)


def _written(match: re.Match[str], results: Results, root: str) -> str:
    name = match[1]
    body = COMPOSED[name](results, root) if name in COMPOSED else _named(name, results)
    return f"<!-- numbers: {name} -->\n{body}<!-- /numbers -->\n"


def _named(name: str, results: Results) -> str:
    file, _, tables = name.partition(".")
    if file not in results:
        raise DataError(f"no result '{file}'; there are {', '.join([*results, *COMPOSED])}")
    result = results[file]
    wanted = tables.split("+") if tables else list(result.tables)[:1]
    missing = [each for each in wanted if each not in result.tables]
    if missing:
        raise DataError(f"result '{file}' has no table '{missing[0]}'; there are {', '.join(result.tables)}")
    return f"{reduce(Table.joined, (result.tables[each] for each in wanted)).markdown()}\n{caption([result])}"


def documents(checkout: Path) -> list[Path]:
    """Return the documents that may quote numbers."""
    return [checkout / "README.md", *sorted((checkout / "docs").glob("*.md"))]


def written(checkout: Path) -> dict[Path, str]:
    """Return every document, and the picture, as they ought to be; raises DataError."""
    results = load(checkout / "docs" / "results")
    texts = {}
    for path in documents(checkout):
        root = "../" * (len(path.relative_to(checkout).parts) - 1)
        texts[path] = fill(path.read_text(encoding="utf-8"), results, root)
    return {**texts, checkout / PICTURE: draw(results)}


def _stale(texts: Mapping[Path, str]) -> Iterable[Path]:
    return (path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text)


def run(arguments: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Write what changed, or tell; raises DataError."""
    texts = written(arguments.checkout)
    for path in list(_stale(texts)):
        sys.stdout.write(f"{path.relative_to(arguments.checkout)}\n")
        if arguments.check:
            raise DataError(f"{path} has other numbers than docs/results; run `make numbers`")
        path.write_text(texts[path], encoding="utf-8")
    return 0


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Entry of ``python -m clang_llm.lab.measure.numbers``."""
    parser = argparse.ArgumentParser(prog="python -m clang_llm.lab.measure.numbers", description=__doc__)
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help="(default: this one)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a number would change")
    return run_command(parser, run, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
