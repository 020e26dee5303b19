"""``clang-llm-tool serve``: the server that holds a model. Compiles start it by themselves; this shows or stops it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clang_llm import backends
from clang_llm.backends.model import directory_of
from clang_llm.cli.output import human_count, human_size, table, working
from clang_llm.models import TABLE
from clang_llm.models.asking import backlog, client
from clang_llm.models.asking.place import Place
from clang_llm.models.asking.starting import start
from clang_llm.system.errors import BackendError, SettingsError
from clang_llm.system.settings import PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands


#: Seconds after which a server leaves at the latest when nobody asks it: a month.
MAX_IDLE_S = 30 * 24 * 3600


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "serve",
        help="start, show or stop the server that holds a large model; compiles start it by themselves",
        description="The model is that of CLANG_LLM_BACKEND and CLANG_LLM_MODEL.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="show the server; 1 when none runs")
    what.add_argument("--stop", action="store_true", help="end the server")
    parser.add_argument("--json", action="store_true", help="the status for programs")
    parser.add_argument(
        "--idle", type=int, default=client.DEFAULT_IDLE_S, metavar="SECONDS", help="then it leaves (%(default)s)"
    )
    parser.set_defaults(run=run)


def place_of(settings: Settings) -> Place:
    """Return the place of the server for the configured large model.

    Raises:
        BackendError: The backend has no server, or no model is set.
        ServerError: There is no place for its socket.
    """
    if settings.backend not in TABLE:
        known = ", ".join(sorted(TABLE))
        raise BackendError(f"backend '{settings.backend}' has no server; set CLANG_LLM_BACKEND to one of: {known}")
    return Place.of(settings.backend, directory_of(settings), settings)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Start, show or stop."""
    settings = Settings.load(environ)
    place = place_of(settings)
    if arguments.stop:
        pid = client.stop(place)
        print("no server runs" if pid is None else f"server {pid} has left")
        return 0
    if not 1 <= arguments.idle <= MAX_IDLE_S:
        raise SettingsError(f"--idle {arguments.idle}: give a number from 1 to {MAX_IDLE_S}")
    if not arguments.status:
        if not place.model.is_dir():
            raise BackendError(f"{place.model} is not a directory; set {PREFIX}MODEL to the directory of a model")
        with working(f"loading {place.model} ..."):
            start(place, arguments.idle, settings.cache_dir.absolute() if not settings.readonly else None)
    found = client.status(place)
    if arguments.json:
        print(json.dumps(document(place, settings, found), indent=2))
    else:
        print("\n".join(describe(place, settings, found)))
    return int(found is None)


def document(place: Place, settings: Settings, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the status for programs."""
    return {
        "running": found is not None,
        "backend": place.backend,
        "model": str(place.model),
        "socket": str(place.socket),
        "log": str(place.log),
        "failure": place.failure() if found is None else None,
        "not_started": (why_not_started(place, settings) or None) if found is None else None,
        "queue": backlog.length(settings.cache_dir),
        "server": None if found is None else dict(found),
    }


def why_not_started(place: Place, settings: Settings) -> str:
    """Return why no compile with these settings starts the server, or nothing."""
    missing = backends.missing_packages()
    if settings.disable:
        return f"{PREFIX}DISABLE is set, so no compile asks for one"
    if missing:
        return f"it needs {', '.join(missing)}: pip install 'clang-llm[model]'"
    if not place.model.is_dir():
        return f"{place.model} is not a directory; set {PREFIX}MODEL"
    if settings.candidates == 0:
        return "nothing is searched with effort 0, so no compile asks for one"
    if settings.readonly and settings.infer == "background":
        return f"with {PREFIX}READONLY and {PREFIX}INFER=background no compile asks for one"
    return ""


def describe(place: Place, settings: Settings, found: Mapping[str, Any] | None) -> list[str]:
    """Return the status for people."""
    rows: list[tuple[str, str]] = [("Model", f"{place.model} ({place.backend})"), ("Socket", str(place.socket))]
    rows.append(("Waiting in the queue", human_count(backlog.length(settings.cache_dir))))
    if found is None:
        reason = place.failure() or why_not_started(place, settings)
        rows.append(("Server", f"none runs; {reason or 'the next miss starts one'}"))
        return table(rows, "<<")
    rows.append(("Server", f"{found['state']}, process {found['pid']}, up {found['uptime_s']:.0f} s"))
    memory = found.get("resident_bytes")
    rows.append(("Memory", "-" if memory is None else human_size(memory)))
    failed = f", {human_count(found['failed'])} failed" if found["failed"] else ""
    rows.append(("Requests", f"{human_count(found['answered'])} answered{failed}, {found['waiting']} waiting"))
    if found["median_ms"] is not None:
        rows.append(("Latency", f"{found['median_ms']:.0f} ms median, {found['p95_ms']:.0f} ms for 95 in 100"))
    dropped = f", {human_count(found['dropped'])} dropped" if found["dropped"] else ""
    worked = f"{human_count(found['worked_off'])} modules, {human_count(found['improved'])} smaller plans{dropped}"
    rows.append(("Worked off", worked))
    if found["last_failure"]:
        rows.append(("Last failure", found["last_failure"]))
    return table(rows, "<<")
