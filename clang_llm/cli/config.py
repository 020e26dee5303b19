"""``clang-llm-tool config``: every setting, its value and where the value comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clang_llm.cli.meant import meant, meant_name
from clang_llm.cli.output import human_size, table
from clang_llm.cli.remote import shown
from clang_llm.system.settings import AUTO_JOBS, NAMES, PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser("config", help="show every setting and where it comes from")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def effective(settings: Settings, name: str) -> object:
    """Return the value in use for a setting (upper case name), in a form that JSON knows; a key is not shown."""
    if name == "API_KEY" and settings.api_key:
        return "set, not shown"
    if name == "REMOTE" and settings.remote:
        return shown(settings.remote)
    value = settings.candidates if name == "CANDIDATES" else getattr(settings, name.lower())
    if isinstance(value, tuple):
        return ("," if name == "LEVELS" else ":").join(map(str, value)) or None
    if name == "JOBS" and value is None:
        return AUTO_JOBS
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the settings."""
    settings = Settings.load(environ)
    rows = [(name, effective(settings, name), settings.origin(name)) for name in NAMES]
    if arguments.json:
        shown = {
            name.lower(): {"value": value, "origin": origin, **_rejection(settings, name)}
            for name, value, origin in rows
        }
        print(json.dumps(shown, indent=2))
        return 0
    cells = [(PREFIX + name, _text(name, value), f"({origin}{_mark(settings, name)})") for name, value, origin in rows]
    cells += [(name, "", f"(not a setting{_question(meant_name(name))})") for name in settings.unknown]
    print("\n".join(table(cells, "<<<")))
    return 0


def _rejection(settings: Settings, name: str) -> dict[str, str]:
    """Return what was rejected of a setting, and what was meant if that is clear; for programs."""
    if name not in settings.rejected:
        return {}
    close = meant(settings, name)
    return {"rejected": settings.rejected[name].value, **({"meant": close} if close else {})}


def _mark(settings: Settings, name: str) -> str:
    if name not in settings.rejected:
        return ""
    return f"; '{settings.rejected[name].value}' is rejected{_question(meant(settings, name))}"


def _question(close: str) -> str:
    return f", did you mean '{close}'?" if close else ""


def _text(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name == "MAX_SIZE" and isinstance(value, int):
        return human_size(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
