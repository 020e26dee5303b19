"""``clang-llm-tool doctor``: is everything there and does it work? One line for each thing, and how to mend it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from clang_llm.cli import checks, sharing, values
from clang_llm.cli.checks import NOTE, OK, WRONG, Finding
from clang_llm.cli.frozen import check_plans
from clang_llm.cli.key import check_key
from clang_llm.cli.model import check_model
from clang_llm.cli.remote import check_remote
from clang_llm.system.errors import ToolchainError
from clang_llm.system.settings import Settings
from clang_llm.toolchain import plugins as toolchain

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

_MARKS = {OK: "ok   ", NOTE: "note ", WRONG: "WRONG"}


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "doctor", help="check the installation, build and try the plugin, say how to mend what is wrong"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--all", action="store_true", help="every clang that is installed, not only the one in use")
    parser.set_defaults(run=run)


def examine(settings: Settings, environ: Mapping[str, str], *, every: bool) -> Iterator[Finding]:
    """Yield all findings, in the order in which one mends them."""
    yield from checks.check_python()
    yield from checks.check_helper(settings)
    yield from values.check_settings(settings)
    yield from checks.check_cache(settings)
    yield from sharing.check_files(settings)
    yield from check_key(settings)
    yield from check_plans(settings)
    try:
        in_use = checks.find_compiler(settings, environ)
    except ToolchainError as error:
        remedy = checks.other_clang(settings) or "sudo apt-get install clang-19 llvm-19-dev   (or: clang llvm-dev)"
        yield Finding(WRONG, "clang", str(error), remedy)
    else:
        compilers = [in_use]
        if every:
            compilers += [other for other in toolchain.installed_compilers(environ) if other.real != in_use.real]
        for compiler in compilers:
            yield from checks.check_compiler(compiler, settings, environ)
    yield from check_model(settings)
    yield from values.check_server(settings)
    yield from check_remote(settings, environ)
    yield from checks.check_memory(settings, environ)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the findings as they come; 1 when one of them is wrong."""
    settings = Settings.load(environ)
    findings = []
    for finding in examine(settings, environ, every=arguments.all):
        findings.append(finding)
        if not arguments.json:
            _tell(finding)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    return int(any(finding.level == WRONG for finding in findings))


def _tell(finding: Finding) -> None:
    print(f"{_MARKS[finding.level]}  {finding.subject:<9} {finding.text}")
    if finding.remedy:
        print(f"       {'':<9} -> {finding.remedy}")
    sys.stdout.flush()  # the next check may build a plugin, which takes a while
