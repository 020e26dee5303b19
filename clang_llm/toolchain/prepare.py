"""``python -m clang_llm.toolchain.prepare CLANG MEMO_DIR [MEMO_DIR]``: the wrapper's way to get a plugin for a clang.

It prints nothing and always exits with 0, because a compile must never fail because of us. What became of it is in the
memo directory.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from clang_llm.system import limits, log, settings
from clang_llm.system.errors import ClangLlmError
from clang_llm.toolchain import plugins as toolchain


def main(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Prepare the plugin for the clang `argv[0]` and leave the outcome in one of the directories `argv[1:]`."""
    if len(argv) not in (2, 3) or not all(Path(word).is_absolute() for word in argv):
        return
    clang, memo, *own = map(Path, argv)
    try:
        chosen = settings.Settings.load(environ)
        if not chosen.disable:
            _prepare(clang, memo, own[0] if own else None, chosen)
    except ModuleNotFoundError as error:
        # Such a Python would fail on every miss, too. What is installed later lands in this directory.
        with suppress(OSError):
            reason = f"{sys.executable} has no module {error.name}; {sys.executable} -m pip install {error.name}"
            toolchain.give_up(memo, reason, sysconfig.get_path("purelib"))


def _prepare(clang: Path, memo: Path, own: Path | None, chosen: settings.Settings) -> None:
    if limits.is_short():
        log.write_log(chosen.log, f"prepare {clang}: not under the limits of this process")
        return
    try:
        result = toolchain.prepare(clang, memo, chosen.cache_dir, chosen.python, own)
        outcome = f"plugin in {result.build.directory}" if result.build else f"no plugin: {result.reason}"
    except (ClangLlmError, OSError) as error:
        outcome = f"no plugin: {error}"
    log.write_log(chosen.log, f"prepare {clang}: {outcome}")


if __name__ == "__main__":
    # The wrapper's standard streams belong to the compile; what goes wrong here is told by the memo.
    with suppress(Exception):
        main(sys.argv[1:], settings.process_environment())
