"""What `doctor` says about the settings: each value, the file or server that it names, and names that do not exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from clang_llm.backends.scripted import read_lists
from clang_llm.cli.checks import NOTE, OK, WRONG, Finding
from clang_llm.cli.meant import closest, meant_name, problems
from clang_llm.models.asking import bound_s
from clang_llm.system.errors import BackendError, PassListError
from clang_llm.system.settings import PREFIX, Settings
from clang_llm.system.web import WebServer, within

# What a server answers that does not know the key, and one that has no list of models.
_NO_ACCESS, _NO_LIST = frozenset({401, 403}), frozenset({404, 405, 501})


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Values that are not used, names that do not exist, and switches that turn everything off."""
    exists = settings.config.is_file()
    yield Finding(OK, "settings", f"config file {settings.config}" + ("" if exists else " (there is none)"))
    if not exists and settings.origin("CONFIG") == "environment":
        yield Finding(
            NOTE, "settings", f"{PREFIX}CONFIG names a file that is not there", "make it, or unset the variable"
        )
    for problem, remedy in problems(settings):
        yield Finding(WRONG, "settings", problem, remedy)
    for name in settings.unknown:
        close = meant_name(name)
        remedy = f"did you mean {close}?" if close else "`clang-llm-tool config` lists those that exist"
        yield Finding(NOTE, "settings", f"{name} is not a setting", remedy)
    if settings.disable:
        yield Finding(WRONG, "settings", "clang-llm is switched off", f"unset {PREFIX}DISABLE")
    yield from _check_files(settings)
    yield from _check_idle(settings)


def _check_files(settings: Settings) -> Iterator[Finding]:
    """The files and directories that settings name."""
    if not settings.cache_dir.is_absolute():
        text = f"{PREFIX}CACHE_DIR is '{settings.cache_dir}': each compile takes it from the directory that it runs in"
        yield Finding(NOTE, "settings", text, "give an absolute path, so that there is one cache")
    if settings.seed_dir is not None and not settings.seed_dir.is_dir():
        yield Finding(
            WRONG, "settings", f"{PREFIX}SEED_DIR: {settings.seed_dir} is not a directory", "correct the value"
        )
    if settings.log is not None and not _can_be_appended(settings.log):
        text = f"{PREFIX}LOG: {settings.log} cannot be written, so nothing is logged"
        yield Finding(WRONG, "settings", text, "name a file in a directory that you may write")
    if settings.backend == "scripted" and settings.script is not None:
        try:
            read_lists(settings.script)
        except (OSError, ValueError, PassListError) as error:
            text = f"{PREFIX}SCRIPT: {settings.script} cannot be used ({error}); new modules are plain -Oz"
            yield Finding(WRONG, "settings", text, "one recipe on each line")


def _check_idle(settings: Settings) -> Iterator[Finding]:
    """Settings that have no effect beside the backend that is set."""
    for name, backend in (("URL", "openai"), ("SCRIPT", "scripted")):
        if getattr(settings, name.lower()) and settings.backend != backend:
            text = f"{PREFIX}{name} is not used, since {PREFIX}BACKEND is {settings.backend}"
            yield Finding(NOTE, "settings", text, f"set {PREFIX}BACKEND={backend} to use it")


def _can_be_appended(path: Path) -> bool:
    """Whether a log can be written; nothing is made."""
    try:
        return (
            os.access(path, os.W_OK) and not path.is_dir()
            if path.exists()
            else os.access(path.parent, os.W_OK | os.X_OK)
        )
    except OSError:  # such as a name that is too long
        return False


def check_server(settings: Settings) -> Iterator[Finding]:
    """The server of backend `openai`: does it answer, and has it the model?"""
    if settings.backend != "openai" or not settings.url:
        return
    seconds = bound_s(settings)
    until_then = "until then the shipped recipes serve alone"
    try:
        server = WebServer(settings.url, settings.api_key, seconds)
        status, reply = within(seconds, lambda: server.ask("/v1/models"))
    except BackendError as error:
        yield Finding(WRONG, "server", f"{settings.url}: {error}", f"start it, or correct {PREFIX}URL; {until_then}")
        return
    if status in _NO_ACCESS:
        yield Finding(WRONG, "server", f"{settings.url} refuses us ({status})", f"set {PREFIX}API_KEY; {until_then}")
    elif status in _NO_LIST and settings.model:
        yield Finding(NOTE, "server", f"{settings.url} answers, and does not say which models it has")
    elif status != 200:
        text = f"{settings.url} answers {status} when it is asked for its models"
        yield Finding(WRONG, "server", text, f"correct {PREFIX}URL; {until_then}")
    else:
        yield _served(settings, _names(reply))


def _names(reply: object) -> list[str]:
    """Return the models that a server names."""
    some = reply.get("data") if isinstance(reply, dict) else None
    found = [each.get("id") for each in some if isinstance(each, dict)] if isinstance(some, list) else []
    return [name for name in found if isinstance(name, str)]


def _served(settings: Settings, names: list[str]) -> Finding:
    if settings.model and settings.model not in names:
        close = closest(settings.model, names)
        remedy = f"did you mean {close}?" if close else f"it has: {', '.join(names) or 'none'}"
        return Finding(WRONG, "server", f"{settings.url} does not have the model {settings.model}", remedy)
    if not names:
        return Finding(WRONG, "server", f"{settings.url} names no model", f"set {PREFIX}MODEL to the one to ask for")
    return Finding(OK, "server", f"{settings.url} answers; the model is {settings.model or names[0]}")
