"""A private cache directory for trying things.

`doctor` and `explain` run the real wrapper and the real plugin; what they leave behind has to vanish, and the user's
own cache directory must stay as it is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system.errors import ToolchainError
from clang_llm.system.settings import PREFIX
from clang_llm.toolchain.plugins import code_directory


@dataclass(frozen=True)
class Sandbox:
    """A private place.

    Attributes:
        root: A directory for files of the trial.
        cache: The private cache directory.
        environ: The given environment, with the private cache directory in it.
    """

    root: Path
    cache: Path
    environ: Mapping[str, str]


@contextmanager
def private(environ: Mapping[str, str], real_cache: Path) -> Iterator[Sandbox]:
    """Make a private cache that has the plugins of the real one, and no plans.

    Args:
        environ: The environment to start from.
        real_cache: The user's cache directory; it need not exist.

    Yields:
        The sandbox; everything in it is removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="clang-llm-tool-") as place:
        root = Path(place).resolve()
        cache = root / "cache"
        cache.mkdir()
        plugins = _plugins(real_cache)
        if plugins is not None and plugins.is_dir():
            # Copies, a megabyte each: what is used is also renewed. Builds that are going on are left out.
            shutil.copytree(plugins, cache / "plugins", ignore=shutil.ignore_patterns("tmp-*", "*.log"))
        for key in real_cache.glob(f"seal-{os.geteuid()}"):
            # What this user measured is believed in the sandbox as it is outside.
            shutil.copy2(key, cache / key.name, follow_symlinks=False)
        private = {PREFIX + "CACHE_DIR": str(cache)}
        if (real_cache / "server").is_dir():
            # A model is loaded once, and the server that holds it is found through this directory.
            private["_" + PREFIX + "SERVER_DIR"] = str(real_cache.resolve() / "server")
        yield Sandbox(root, cache, {**environ, **private})


def _plugins(real_cache: Path) -> Path | None:
    """Return where the plugins for a cache directory are, if there is a place that is safe."""
    try:
        return code_directory(real_cache) / "plugins" if real_cache.exists() else None
    except ToolchainError:
        return None
