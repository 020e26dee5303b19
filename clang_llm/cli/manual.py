"""``make manual``: writes the manual pages and the shells' completions of ``wrappers/share`` (they are committed).

``python -m clang_llm.cli.manual [--out DIR]``. Pages and completions of ``clang-llm-tool`` come from its
parser, by shtab and argparse-manpage (extra ``dev``); settings come from the table in ``docs/settings.md``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from clang_llm import __version__
from clang_llm.cli import build_parser
from clang_llm.cli.commands import Commands
from clang_llm.system import process
from clang_llm.system.errors import ClangLlmError, DataError
from clang_llm.system.layout import HOME
from clang_llm.system.settings import NAMES, PREFIX, process_environment

SHARE = HOME / "wrappers" / "share"
SETTINGS = HOME / "docs" / "settings.md"
TOOL = "clang-llm-tool"
_PARSER = "clang_llm.cli.manual.brief_parser"
#: Where each shell looks below ``share``.
COMPLETIONS = {
    "bash": f"bash-completion/completions/{TOOL}",
    "zsh": f"zsh/site-functions/_{TOOL}",
    "fish": f"fish/vendor_completions.d/{TOOL}.fish",
}
_PURPOSE = "look into what clang-llm does, keep its cache in order"
_INSTALLATION = re.compile(r"^# (?:AUTOMATICALLY GENERATED|Usage:|See also:|\d\) | +\S).*\n", re.MULTILINE)
_COMPILER = r"""
.SH NAME
clang\-llm, clang\-llm++ \- clang that makes \-Oz objects smaller
.SH SYNOPSIS
.B clang\-llm
.RI [ "clang's options" "] " file " ..."
.br
.B clang\-llm
.I compiler
.RI [ "its options" "] " file " ..."
.SH DESCRIPTION
Used exactly like
.BR clang (1)
and
.BR clang++ (1).
For every module compiled at
.B \-Oz
it tries several lists of LLVM passes beside \-Oz itself, and emits the smallest object. A cache remembers the answer,
so that a warm build costs what clang costs. Everything else, and whatever goes wrong, is left to clang: nothing is
printed, and the build goes on.
.PP
In front of another clang (the second form) it is a launcher, such as for CMAKE_C_COMPILER_LAUNCHER.
.SH ENVIRONMENT
Each of these is also a line of the config file:
.I name = value
without the prefix, in lower case.
"""
_END = r"""
.SH FILES
.TP
.I ~/.config/clang\-llm/clang\-llm.conf
the config file; # starts a comment
.TP
.I ~/.cache/clang\-llm
plans, plugins, counters
.SH EXIT STATUS
That of clang; 127 when there is no clang.
.SH SEE ALSO
.BR clang\-llm\-tool (1),
.BR clang (1)
"""


def escape(text: str) -> str:
    """Return text for roff, without Markdown and its links to elsewhere."""
    text = re.sub(r" \(\[[^\]]*\]\([^)]*\)\)|[:;,]? see (below|above)", "", text)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").replace("…", "...").replace(r"\|", "|")
    return re.sub(r"^([.'])", r"\\&\1", plain.replace("\\", r"\e").replace("-", r"\-"), flags=re.MULTILINE)


def meanings(document: str) -> dict[str, tuple[str, str]]:
    """Return the default of each setting and what it means, by the table in `docs/settings.md`.

    Raises:
        DataError: One is missing there.
    """
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$", document, re.MULTILINE)
    found = {name: (default, meaning) for name, default, meaning in rows}
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise DataError(f"docs/settings.md has no row for {', '.join(missing)}")
    return {name: found[name] for name in NAMES}


def compiler_page(document: str) -> str:
    """Return the page of ``clang-llm``."""
    rows = [
        f".TP\n.B {PREFIX}{name}\n{escape(meaning)}\n.br\nDefault: {escape(default)}\n"
        for name, (default, meaning) in meanings(document).items()
    ]
    return f'.TH CLANG\\-LLM 1 "" "clang\\-llm {__version__}"' + _COMPILER + "".join(rows) + _END.lstrip("\n")


def brief_parser() -> argparse.ArgumentParser:
    """Return the parser of the tool with one line for each command, for lists of commands."""
    parser = build_parser()
    for above in _with_commands(parser):
        for listed in above._choices_actions:  # noqa: SLF001  (argparse shows what a command is for and does not say it)
            above.choices[listed.dest].description = listed.help
    return parser


def _with_commands(parser: argparse.ArgumentParser) -> Iterator[Commands]:
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield action
            for child in action.choices.values():
                yield from _with_commands(child)


def _ask(module: str, *words: str, environ: Mapping[str, str]) -> str:
    """Run one of the generators; what it writes depends on neither the terminal nor the day."""
    code = f"from {module} import main; main()"
    fixed = {"COLUMNS": "100", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "0", "NO_COLOR": "1"}
    path = os.pathsep.join(filter(None, (str(HOME), environ.get("PYTHONPATH"))))
    done = process.run([sys.executable, "-c", code, *words], env={**environ, **fixed, "PYTHONPATH": path})
    if not done.ok:
        said = os.fsdecode(done.stderr).strip().rpartition("\n")[2]
        raise DataError(f"{module}: {said}; pip install 'clang-llm[dev]'")
    return done.output


def tool_page(environ: Mapping[str, str]) -> str:
    """Return the page of ``clang-llm-tool``."""
    words = ["--module", "clang_llm.cli", "--function", "build_parser", "--prog", TOOL, "--project-name", "clang-llm"]
    words += ["--format", "single-commands-section", "--version", __version__, "--description", _PURPOSE]
    text = _ask("argparse_manpage.cli", *words, environ=environ)
    end = ".SH SEE ALSO\n.BR clang\\-llm (1)\n"
    # No date: the page is made again whenever the source changes.
    text = re.sub(r"\A\.TH .*\n", f'.TH CLANG\\\\-LLM\\\\-TOOL 1 "" "clang\\\\-llm {__version__}"\n', text)
    return text.rstrip("\n") + "\n\n" + end


def completion(shell: str, environ: Mapping[str, str]) -> str:
    """Return the completions for a shell, without advice on where to put them."""
    text = _INSTALLATION.sub("", _ask("shtab.main", f"--shell={shell}", "--prog", TOOL, _PARSER, environ=environ))
    return re.sub(r"\n{3,}", "\n\n", text).lstrip("\n")


def everything(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield all files, by their path below ``share``."""
    yield "man/man1/clang-llm.1", compiler_page(SETTINGS.read_text(encoding="utf-8"))
    yield "man/man1/clang-llm++.1", ".so man1/clang-llm.1\n"
    yield f"man/man1/{TOOL}.1", tool_page(environ)
    for shell, path in COMPLETIONS.items():
        yield path, completion(shell, environ)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="make manual", description=__doc__)
    parser.add_argument("--out", type=Path, default=SHARE, help="where to (default: wrappers/share)")
    out: Path = parser.parse_args(argv).out
    try:
        for name, text in everything(environ):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text, encoding="utf-8")
    except ClangLlmError as error:
        print(f"make manual: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
