"""``clang-llm-tool``: looks into what clang-llm does and keeps its cache in order.

One module for each group of commands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from clang_llm import __version__
from clang_llm.cli import (
    advise,
    cache,
    config,
    doctor,
    explain,
    key,
    path,
    plans,
    report,
    serve,
    stats,
    streams,
    train,
    tune,
    validate,
    warm,
)
from clang_llm.system import settings
from clang_llm.system.errors import ClangLlmError

# What a shell reports for a command that the user interrupted: 128 + SIGINT.
INTERRUPTED = 130

_GROUPS = (doctor, stats, report, explain, advise, cache, plans, key, config, validate, warm, tune, train, serve, path)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; commands set ``run``, called with arguments and environment."""
    parser = argparse.ArgumentParser(
        prog="clang-llm-tool",
        description="Look into what clang-llm does, keep its cache in order. To compile: clang-llm and clang-llm++.",
        epilog="Settings are CLANG_LLM_* variables or lines of the config file; `clang-llm-tool config` shows them. "
        "Exit status: 0; 1 when something is wrong (doctor, verify) or cannot be written; 2 for a command line that is "
        "none; 3 for settings, 4 for clang or the plugin, 7 for the cache, 13 for what a command was given; "
        "docs/troubleshooting.md has all.",
    )
    parser.add_argument("--version", action="version", version=f"clang-llm {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in _GROUPS:
        group.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; the one place where errors become text."""
    streams.make_ready()
    try:
        return _run(argv)
    except ClangLlmError as error:
        streams.complain(str(error))
        return error.exit_code
    except ModuleNotFoundError as error:
        remedy = f"{sys.executable} -m pip install {error.name}"
        streams.complain(f"this Python has no module {error.name}; {remedy}")
        return 1
    except BrokenPipeError:
        # The reader has seen enough (`| head`).
        streams.drop(sys.stdout)
        return 0
    except OSError as error:
        streams.drop(sys.stdout)
        streams.complain(streams.in_words(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = build_parser().parse_args(argv)
        status: int = arguments.run(arguments, settings.process_environment())
        return status
    finally:
        # What cannot be written is an error of ours, not one that the interpreter finds when it ends.
        sys.stdout.flush()
