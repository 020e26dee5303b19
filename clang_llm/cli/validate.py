"""``clang-llm-tool validate LISTS``: try pass lists on self-testing programs, on each installed LLVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clang_llm.tuning import command

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser("validate", help="try pass lists on self-testing programs, on each installed LLVM")
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)
