"""``clang-llm-tool config``: every setting, its value and where the value comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clang_llm.cli.output import human_size, table
from clang_llm.system.settings import NAMES, PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser("config", help="show every setting and where it comes from")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def effective(settings: Settings, name: str) -> object:
    """Return the value in use for a setting (upper case name), in a form that JSON knows."""
    value = settings.candidates if name == "CANDIDATES" else getattr(settings, name.lower())
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the settings."""
    settings = Settings.load(environ)
    rows = [(name, effective(settings, name), settings.origin(name)) for name in NAMES]
    if arguments.json:
        print(json.dumps({name.lower(): {"value": value, "origin": origin} for name, value, origin in rows}, indent=2))
        return 0
    cells = [(PREFIX + name, _text(name, value), f"({origin})") for name, value, origin in rows]
    print("\n".join(table(cells, "<<<")))
    return 0


def _text(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name == "MAX_SIZE" and isinstance(value, int):
        return human_size(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
