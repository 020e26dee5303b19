"""A user's project: its build, or the commands of its compile_commands.json, run with our wrappers."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from clang_llm.cli.database import check_database
from clang_llm.cli.output import repeat
from clang_llm.system import layout, process
from clang_llm.system.errors import DataError, ProcessError
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import find_clang


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how a project is told: a build command, or a compilation database."""
    parser.add_argument("--compile-commands", type=Path, metavar="FILE", help="compile_commands.json, not a build")
    parser.add_argument("--jobs", "-j", type=int, default=1, help="commands of FILE at once (%(default)s)")
    parser.add_argument(
        "build", nargs=argparse.REMAINDER, metavar="CMD", help="such as: -- make -j2; or FILE, when it is a .json"
    )


def compilers(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make a build use our wrappers with the clang that is in use.

    Raises:
        ToolchainError: The wrappers or clang cannot be found.
    """
    return {
        "CC": str(layout.wrapper()),
        "CXX": str(layout.wrapper(cxx=True)),
        "CLANG_LLM_CLANG": str(find_clang(settings.clang, environ)),
    }


@dataclass(frozen=True)
class Build:
    """What is to be compiled.

    Attributes:
        command: The build; empty for the commands of a file.
        commands: compile_commands.json.
        jobs: Commands of the file at once.
        apart: What the build says goes to standard error, because standard output is for programs.
    """

    command: tuple[str, ...]
    commands: Path | None
    jobs: int
    apart: bool = False

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Build:
        """Read what `add_build_arguments` declared, and look at the file.

        Raises:
            DataError: There is neither a build nor a file, there are both, or the file is none.
        """
        command = tuple(arguments.build[1:] if arguments.build[:1] == ["--"] else arguments.build)
        if arguments.build[:1] != ["--"] and command and command[0].endswith(".json"):
            if len(command) > 1 or arguments.compile_commands is not None:
                raise DataError(f"give options before {command[0]}, and nothing after it")
            commands, command = Path(command[0]), ()
        else:
            commands = arguments.compile_commands
        if bool(command) == (commands is not None):
            raise DataError("give a build command after --, or --compile-commands FILE")
        check_database(commands)
        return cls(command, commands, arguments.jobs)

    def run(self, environ: Mapping[str, str], outputs: Path | None = None) -> int:
        """Compile everything; returns an exit status, and says what the build said.

        Args:
            environ: The environment of the build.
            outputs: Where the objects of a file's commands are left; None throws them away.
        """
        if self.commands is not None:
            return _commands(self.commands, environ, self.jobs, outputs)
        return repeat(process.run(self.command, env=environ), apart=self.apart)


@dataclass(frozen=True)
class Command:
    """One entry of compile_commands.json, as it is run: by the wrapper, with no object."""

    argv: tuple[str, ...]
    directory: Path


def read_commands(path: Path) -> list[Command]:
    """Read compile_commands.json.

    Raises:
        DataError: It cannot be read.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [_command(entry, path.parent) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path} is no compile_commands.json ({error}); cmake and meson write one") from error


def _command(entry: Mapping[str, object], home: Path) -> Command:
    arguments = entry.get("arguments")
    words = [str(word) for word in arguments] if isinstance(arguments, list) else shlex.split(str(entry["command"]))
    wrapper = layout.wrapper(cxx="++" in Path(words[0]).name)
    kept = []
    rest = iter(words[1:])
    for word in rest:
        # No object and no dependency file: the project's own stay as they are.
        if word in ("-o", "-MF", "-MT", "-MQ"):
            next(rest, None)
        elif word not in ("-MD", "-MMD", "-MP"):
            kept.append(word)
    return Command((str(wrapper), *kept, "-o", os.devnull), home / str(entry["directory"]))


def _may_be_oz(command: Command) -> bool:
    """Whether a command may compile at -Oz: its last level says so, or there is none and it may stand in a file."""
    levels = [word for word in command.argv if word.startswith("-O")]
    return levels[-1] == "-Oz" if levels else any(word.startswith(("@", "--config")) for word in command.argv)


def _commands(path: Path, environ: Mapping[str, str], jobs: int, outputs: Path | None) -> int:
    def compile_one(numbered: tuple[int, Command]) -> int:
        number, command = numbered
        argv = command.argv if outputs is None else (*command.argv[:-1], str(outputs / f"{number}.o"))
        try:
            return process.run(argv, env=environ, cwd=command.directory).returncode
        except ProcessError as error:
            sys.stderr.write(f"clang-llm-tool: {error}\n")
            return 1

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        every = list(enumerate(read_commands(path)))
        wanted = [each for each in every if _may_be_oz(each[1])]
        failed = sum(status != 0 for status in pool.map(compile_one, wanted))
    if len(wanted) < len(every):
        sys.stderr.write(f"{len(every) - len(wanted)} of {len(every)} commands are not at -Oz and were left out\n")
    if failed:
        sys.stderr.write(f"{failed} commands failed; see them with clang itself\n")
    return 1 if failed else 0
