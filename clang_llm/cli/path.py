"""``clang-llm-tool path THING``: where the wrappers, the files for build systems and the seeds are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clang_llm.system import layout

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "path",
        help="print where a part of clang-llm is",
        description="wrappers: the directory of clang-llm and clang-llm++; cmake: the toolchain file; meson: the "
        "native file; seed: the plans that come with clang-llm. Such as: cmake -B build "
        "-DCMAKE_TOOLCHAIN_FILE=$(clang-llm-tool path cmake) -DCMAKE_BUILD_TYPE=MinSizeRel",
    )
    parser.add_argument("part", choices=tuple(layout.PLACES))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print one path."""
    del environ
    print(layout.path_of(arguments.part))
    return 0
