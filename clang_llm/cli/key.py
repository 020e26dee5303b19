"""``clang-llm-tool key …``: make and look at the keys with which a team signs its plans."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.cli.checks import OK, WRONG, Finding
from clang_llm.plans.store import team
from clang_llm.plans.store.team import TeamKey
from clang_llm.system.errors import DataError
from clang_llm.system.settings import PREFIX, Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

_KINDS = {
    team.SHARED: "shared secret (HMAC-SHA256): signs and verifies",
    team.PRIVATE: "private key (Ed25519): signs and verifies",
    team.PUBLIC: "public key (Ed25519): verifies, cannot sign",
}


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    group = commands.add_parser("key", help="make and show the keys with which a team signs its plans")
    actions = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    new = actions.add_parser("new", help="make a pair of keys: FILE signs, FILE.pub only verifies and may be committed")
    new.add_argument("file", metavar="FILE", type=Path, help="where the key that signs is written, for you alone")
    new.add_argument("--hmac", action="store_true", help="one secret that all share instead; needs no other package")
    new.set_defaults(run=run_new)

    show = actions.add_parser("show", help="print a key's kind and fingerprint, never the secret")
    show.add_argument("file", metavar="FILE", type=Path, help="the key file")
    show.set_defaults(run=run_show)


def run_new(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Make a key."""
    del environ
    key = team.make(team.SHARED if arguments.hmac else team.PRIVATE)
    if arguments.hmac:
        key.write(arguments.file)
        print(f"{arguments.file}: {_KINDS[key.kind]}; fingerprint {key.fingerprint}")
        return 0
    public = team.write_pair(key, arguments.file)
    print(f"{arguments.file}: {_KINDS[key.kind]}; fingerprint {key.fingerprint}")
    print(f"{public}: {_KINDS[team.PUBLIC]}; the same fingerprint")
    return 0


def run_show(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print what may be known of a key."""
    del environ
    key = TeamKey.load(arguments.file)
    print(f"{arguments.file}: {_KINDS[key.kind]}; fingerprint {key.fingerprint}")
    return 0


def check_key(settings: Settings) -> Iterator[Finding]:
    """For `doctor`: whether the key that is set can be used; nothing where none is set."""
    if settings.key_file is None:
        return
    try:
        key = TeamKey.load(settings.key_file)
    except DataError as error:
        problem, _, remedy = str(error).partition("; ")
        yield Finding(WRONG, "key", f"{PREFIX}KEY_FILE: {problem}; what others signed is measured first", remedy)
    else:
        yield Finding(OK, "key", f"{settings.key_file}: {_KINDS[key.kind]}; fingerprint {key.fingerprint}")
