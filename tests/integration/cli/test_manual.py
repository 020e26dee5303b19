"""Manual pages and completions: those that are committed are current, and shells and man take them."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from clang_llm import cli
from clang_llm.cli.manual import COMPLETIONS, SHARE, TOOL, everything
from clang_llm.system.settings import NAMES, PREFIX

#: The versions that wrote the files; others may lay the same out differently.
WRITERS = {"shtab": "1.13.0", "argparse-manpage": "4.8"}
PAGE = SHARE / "man" / "man1" / f"{TOOL}.1"
BASH = """\
source "$1"; shift
[[ $(complete -p clang-llm-tool) =~ -F\\ ([^ ]+) ]] || exit 9
COMP_WORDS=(clang-llm-tool "$@") COMP_CWORD=$#
"${BASH_REMATCH[1]}" clang-llm-tool "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def parsers(parser: argparse.ArgumentParser, above: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """All parsers, by the words that lead to them."""
    yield above, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from parsers(child, f"{above} {name}".lstrip())


def long_options(parser: argparse.ArgumentParser) -> list[str]:
    return sorted(word for action in parser._actions for word in action.option_strings if word.startswith("--"))


def commands(words: str) -> list[str]:
    """The commands that may follow some words."""
    return sorted(
        name.split()[-1]
        for name, _ in parsers(cli.build_parser())
        if name and name != words and name.rpartition(" ")[0] == words
    )


def run(*command: object, environ: Mapping[str, str] | None = None) -> str:
    """Run a program that has nothing to complain about."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", **(environ or {})},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def complete(*words: str) -> list[str]:
    """What bash offers for the last word."""
    return sorted(run("bash", "--norc", "-c", BASH, "bash", SHARE / COMPLETIONS["bash"], *words).split())


def test_the_committed_files_are_current() -> None:
    """`make manual` writes them again."""
    for name, version in WRITERS.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed: pip install 'clang-llm[dev]'")
        if found != version:
            pytest.skip(f"{name} is {found}; the files were written by {version}")
    made = dict(everything(os.environ))
    assert sorted(made) == sorted(str(path.relative_to(SHARE)) for path in SHARE.rglob("*") if path.is_file())
    # How lines are broken is not the same for all versions of Python.
    stale = [name for name, text in made.items() if text.split() != (SHARE / name).read_text().split()]
    assert not stale, "make manual"


@pytest.mark.parametrize("path", [*COMPLETIONS.values(), f"man/man1/{TOOL}.1"])
def test_every_option_is_there(path: str) -> None:
    """Stale files are noticed without the programs that write them, too."""
    text = (SHARE / path).read_text().replace("\\-", "-")
    missing = []
    for name, parser in parsers(cli.build_parser()):
        # fish spells them `-l json`.
        wanted = [option for option in long_options(parser) if option != "--help"]
        missing += [word for word in name.split() if not re.search(rf"\b{word}\b", text)]
        missing += [word for word in wanted if not re.search(rf"(--|-l ){word[2:]}\b", text)]
    assert not missing, "make manual"


def test_every_setting_is_there() -> None:
    text = (SHARE / "man" / "man1" / "clang-llm.1").read_text()
    assert re.findall(rf"^\.B {PREFIX}([A-Z_]+)$", text, re.MULTILINE) == list(NAMES)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize("words", ["", "cache"])
def test_bash_offers_the_commands(words: str) -> None:
    assert complete(*words.split(), "") == commands(words) != []


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize("name", [name for name, _ in parsers(cli.build_parser())])
def test_bash_offers_the_options(name: str) -> None:
    assert complete(*name.split(), "--") == long_options(dict(parsers(cli.build_parser()))[name])


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["path", "m"], ["meson"]),
        (["validate", "--engine", ""], ["opt", "plugin"]),
        (["doctor", "--a"], ["--all"]),
        (["cache", "ver"], ["verify"]),
    ],
)
def test_bash_offers_what_fits(words: list[str], offered: list[str]) -> None:
    assert complete(*words) == offered


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_reads_its_completions() -> None:
    run("zsh", "-n", SHARE / COMPLETIONS["zsh"])


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_offers_the_commands() -> None:
    said = run("fish", "--no-config", "-c", f"source {SHARE / COMPLETIONS['fish']}; complete -C '{TOOL} cache '")
    assert sorted(line.split("\t")[0] for line in said.splitlines()) == commands("cache")


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clang-llm", "clang that makes -Oz objects smaller"),
        ("clang-llm++", "clang that makes -Oz objects smaller"),
        (TOOL, "clang-llm-tool cache verify"),
    ],
)
def test_man_shows_the_pages(name: str, said: str) -> None:
    assert said in run("man", "--warnings", "-P", "cat", "-M", SHARE / "man", name)
