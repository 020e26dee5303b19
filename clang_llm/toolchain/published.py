"""Finished builds of the plugin: never written again, and removed a month after they were prepared last."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system.files import replace_file

#: Seconds after which a build that no memo points to is removed: one that is in use may be needed by a compile that has
#: not opened it yet, and who comes back to it within weeks need not build it again. 0.2 MiB each.
KEPT_S = 30 * 86400.0
#: Mode of a stub: nobody writes it any more; the sticky bit, which only a file's owner can set, says that we made it.
STUB_MODE = 0o1555


@dataclass(frozen=True)
class PluginBuild:
    """A plugin that is ready for use."""

    directory: Path

    @property
    def stub(self) -> Path:
        """What clang is told to load."""
        return self.directory / "stub.so"

    @property
    def plugin(self) -> Path:
        """What the stub loads."""
        return self.directory / "plugin.so"

    @property
    def sums(self) -> Path:
        """Digests of both, by which a damaged build is known."""
        return self.directory / "sums"

    def digests(self) -> str:
        """Return what `sums` holds of a sound build."""
        files = (self.stub, self.plugin)
        return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.name}\n" for file in files)

    def is_sound(self) -> bool:
        """Whether everything is there as it was built."""
        try:
            return (self.directory / "helper").is_file() and self.sums.read_text(encoding="ascii") == self.digests()
        except (OSError, UnicodeError):
            return False

    def seal(self) -> None:
        """Give the stub the mode and time by which the wrapper knows it; a copy or an archive may have lost them."""
        # Whole seconds: the memo's `seal` has the same time, and not every archive keeps more.
        moment = int(self.stub.stat().st_mtime)
        os.utime(self.stub, (moment, moment))
        self.stub.chmod(STUB_MODE)


def publish(built: PluginBuild, final: PluginBuild) -> None:
    """Move what was built to its place."""
    replace_file(built.sums, built.digests())
    built.seal()
    for path in built.directory.iterdir():
        _flush(path)
    if final.directory.exists():  # damaged; whoever has it open keeps it
        final.directory.rename(built.directory.with_name(f"{built.directory.name}-damaged"))
    built.directory.rename(final.directory)


def prune(plugins: Path) -> None:
    """Remove the builds that nobody has prepared for a month, unless a memo still points to them."""
    toolchains = plugins.parent / "toolchains"
    used = {link.resolve().parent for link in toolchains.rglob("plugin.so")} if toolchains.is_dir() else set()
    for stub in plugins.glob("*/stub.so"):
        build = stub.parent.resolve()
        if build not in used and time.time() - build.stat().st_mtime > KEPT_S:
            shutil.rmtree(build, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have a file on the disk: after a power failure its name must not be found without its content."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
