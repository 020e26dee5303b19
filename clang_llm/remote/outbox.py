"""Plans that wait to be sent: a note in the cache directory for each, left by who stored the plan.

A note is an empty file ``outbox-<uid>/<key>``. The courier of the next build, or of this one, takes it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from clang_llm.plans.types import is_key
from clang_llm.remote.address import is_proposed_change, parse
from clang_llm.system.settings import Settings

#: Notes that wait at most: a large project, searched while its store was away.
MAX_NOTES = 65_536
#: Seconds after which a note is thrown away: whoever wants the plan has searched himself by then.
STALE_S = 14 * 24 * 3600.0


def _directory(root: Path) -> Path:
    return root / f"outbox-{os.geteuid()}"


def _is_ours(directory: Path) -> bool:
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def leave(settings: Settings, environ: Mapping[str, str], key: str) -> bool:
    """Leave a note that a plan was stored; return whether it is to be sent. Never fails."""
    if not may_send(settings, environ):
        return False
    directory = _directory(settings.cache_dir)
    try:
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700, parents=True)
        if not _is_ours(directory):
            return False
        os.close(os.open(directory / key, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True


def may_send(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether what this build finds goes to the team's store."""
    if not settings.remote or settings.readonly or settings.explaining or is_proposed_change(environ):
        return False
    return any(not each.read_only for each in parse(settings.remote)[0])


def waiting(root: Path) -> list[str]:
    """Return the keys of the plans that wait; what is too old or too much is thrown away."""
    directory, found = _directory(root), list[str]()
    try:
        if not _is_ours(directory):
            return []
        with os.scandir(directory) as listing:
            for note in listing:
                if len(found) < MAX_NOTES and note.stat(follow_symlinks=False).st_mtime > time.time() - STALE_S:
                    if is_key(note.name):
                        found.append(note.name)
                else:
                    Path(note.path).unlink()
    except OSError:
        pass
    return found


def take(root: Path, key: str) -> None:
    """Remove the note of a plan."""
    with suppress(OSError):
        (_directory(root) / key).unlink()
