"""``python -m clang_llm.toolchain.prepare CLANG MEMO_DIR [MEMO_DIR]``: the wrapper's way to get a plugin for a clang.

It prints nothing and always exits with 0, because a compile must never fail because of us. What became of it is in the
memo directory.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from clang_llm.system import log, process, settings
from clang_llm.system.errors import ClangLlmError
from clang_llm.toolchain import plugins as toolchain


def main(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Prepare the plugin for the clang `argv[0]` and leave the outcome in one of the directories `argv[1:]`."""
    chosen = settings.Settings.load(environ)
    if len(argv) not in (2, 3) or not all(Path(word).is_absolute() for word in argv) or chosen.disable:
        return
    if process.is_short():
        log.write_log(chosen.log, f"prepare {argv[0]}: not under the limits of this process")
        return
    clang, memo, *own = map(Path, argv)
    try:
        result = toolchain.prepare(clang, memo, chosen.cache_dir, chosen.python, own[0] if own else None)
        outcome = f"plugin in {result.build.directory}" if result.build else f"no plugin: {result.reason}"
    except (ClangLlmError, OSError, ImportError) as error:
        outcome = f"no plugin: {error}"
    log.write_log(chosen.log, f"prepare {clang}: {outcome}")


if __name__ == "__main__":
    # The wrapper's standard streams belong to the compile; what goes wrong here is told by the memo.
    with suppress(Exception):
        main(sys.argv[1:], settings.process_environment())
