"""Prepares the plugin for a clang: builds it once, and leaves it where the wrapper looks (docs/plugin.md)."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import settings
from clang_llm.system.errors import ToolchainError
from clang_llm.system.files import distrusted, make_private, nobody_else_writes, read_regular, replace_file, tighten
from clang_llm.system.locks import locked
from clang_llm.system.places import own_cache
from clang_llm.toolchain.builder import OLDEST_LLVM, SOURCES, Builder, describe_inputs, generated_header
from clang_llm.toolchain.compiler import Compiler, find_clang, inspect, installed_compilers
from clang_llm.toolchain.linker import NAME as LINKER
from clang_llm.toolchain.linker import takes_plugin
from clang_llm.toolchain.published import PluginBuild

__all__ = [
    "OLDEST_LLVM",
    "Compiler",
    "PluginBuild",
    "PrepareResult",
    "build_plugin",
    "code_directory",
    "find_clang",
    "generated_header",
    "give_up",
    "inspect",
    "installed_compilers",
    "prepare",
    "unsafe",
]

#: Seconds to wait for another process that builds plugins.
LOCK_S = 900.0
#: Mode of a memo: the sticky bit, which only the owner can set, says that we made it.
MEMO_MODE = 0o1755
#: Its time is when the memo was last found to be up to date; the wrapper prepares again when it is newer itself.
LOOKED = "looked"
#: Bytes of `failed` that are read: a path and a sentence.
MAX_REASON = 64 * 1024
#: How the reason begins when code would not be safe anywhere; the wrapper counts such compiles under this word.
UNTRUSTED = "untrusted"


@dataclass(frozen=True)
class PrepareResult:
    """What `prepare` left in the memo directory: a build, or the reason why there is none."""

    build: PluginBuild | None
    reason: str = ""


def code_directory(cache_dir: Path) -> Path:
    """Return the cache directory whose plugins may be run: the given one, or the user's own where others write that.

    Plans may be shared, code never (docs/plugin.md). What is missing is made.

    Raises:
        ToolchainError: Neither is safe.
    """
    problems = []
    own = own_cache(settings.process_environment())
    for root in dict.fromkeys((cache_dir, own)):
        if root is None:
            continue
        try:
            with nobody_else_writes():
                if root == own:
                    tighten(root)
                problem = unsafe(root)
        except OSError as error:
            problem = str(error)
        if not problem:
            return root
        problems.append(problem)
    raise ToolchainError(f"{UNTRUSTED}: no place for the plugin: {'; '.join(problems)}")


def unsafe(root: Path) -> str:
    """Return why no plugin should be in a cache directory, or nothing; what is missing is made.

    Raises:
        OSError: It cannot be made.
    """
    plugins = root / "plugins"
    problem = make_private(plugins, root) or distrusted(plugins.resolve().parent)
    if not problem and os.statvfs(plugins).f_flag & os.ST_NOEXEC:
        problem = f"{plugins} is on a file system that is mounted noexec"
    return problem


def this_python() -> str:
    """Return this Python by the one name that all programs of a virtual environment agree on.

    A build is for one helper, under one name: what pip installed starts ``python`` or ``python3``, as pip was started,
    and the wrapper starts ``python3``.
    """
    named = Path(sys.executable).with_name("python")
    if sys.prefix != sys.base_prefix and named.exists() and named.samefile(sys.executable):
        return str(named)
    return sys.executable


def build_plugin(compiler: Compiler, cache_dir: Path, python: str | None = None) -> PluginBuild:
    """Build the plugin for a clang, unless this very build exists, and see that the clang loads it.

    Args:
        compiler: The clang.
        cache_dir: The cache directory; the build lands in its `plugins/`, or the user's own (`code_directory`).
        python: The Python that runs the helper; None stands for this one.

    Raises:
        ToolchainError: With the reason and what to do.
    """
    root = code_directory(cache_dir)
    with _lock(root):
        return Builder(compiler, root, python or this_python()).build()


def prepare(
    clang: Path, memo_dir: Path, cache_dir: Path, python: str | None = None, own_memo: Path | None = None
) -> PrepareResult:
    """Build the plugin for a clang and leave `plugin.so` or `failed` in the memo directory.

    Args:
        clang: The clang.
        memo_dir: Where the wrapper looks first, below the cache directory.
        cache_dir: The cache directory.
        python: The Python that runs the helper; None stands for this one.
        own_memo: Where it looks then, below the user's own cache directory, if that is another.

    Raises:
        ToolchainError: Another process has been building for too long; nothing is left behind.
        OSError: The directories cannot be written.
    """
    cache_dir = cache_dir.absolute()
    with nobody_else_writes():
        try:
            root = code_directory(cache_dir)
        except ToolchainError as error:
            return give_up(memo_dir, str(error), str(own_cache(settings.process_environment()) or cache_dir))
        memo = memo_dir if root == cache_dir else own_memo
        if memo is None:
            return give_up(memo_dir, f"{UNTRUSTED}: {cache_dir} is not safe", str(cache_dir))
        problem = make_private(memo, root) if memo.is_relative_to(root) else ""
        if problem:
            return give_up(memo_dir, f"{UNTRUSTED}: {problem}", str(root))
        return _prepare_in(memo, root, clang, python or this_python())


def give_up(memo: Path, reason: str, watched: str) -> PrepareResult:
    """Leave the reason where the wrapper looks, and a path whose change may mend it; raises OSError."""
    with nobody_else_writes():
        memo.mkdir(parents=True, exist_ok=True)
        replace_file(memo / "failed", f"{watched}\n{reason}\n")
    return PrepareResult(None, reason)


def _prepare_in(memo: Path, root: Path, clang: Path, python: str) -> PrepareResult:
    memo.mkdir(parents=True, exist_ok=True)
    memo.chmod(MEMO_MODE)
    link, failed, stale = memo / "plugin.so", memo / "failed", memo / "stale"
    before = _moment(failed)
    with _lock(root):
        if _is_ready(memo, clang) and _is_current(memo, clang):
            (memo / LOOKED).touch()
            return PrepareResult(PluginBuild(link.resolve().parent))
        if _moment(failed) != before:
            return PrepareResult(None, _reason(failed))
        try:
            builder = Builder(inspect(clang), root, python)
            build = builder.build()
            inherits = builder.inherits(build)
            linker = takes_plugin(builder.compiler, build) if inherits else None
        except ToolchainError as error:
            return give_up(memo, str(error), "+" + error.retry_when if error.retry_when else str(SOURCES))
        _point(memo, build, clang, inherits, linker)
        stale.unlink(missing_ok=True)
        if _is_ready(memo, clang):
            failed.unlink(missing_ok=True)
            return PrepareResult(build)
        return give_up(memo, f"{memo} is on a file system that does not keep modes or times of files", str(SOURCES))


def _point(memo: Path, build: PluginBuild, clang: Path, inherits: bool, linker: Path | None) -> None:
    """Let the memo point to a build, and to the linker that takes it, too.

    The wrapper compares `clang` with the one in use, since a clang of another plugin API refuses even the stub, loudly.
    So it comes last: whoever looks meanwhile finds nothing that fits.
    """
    moment = build.stub.stat().st_mtime
    temporary, by_path = memo / f"{os.getpid()}.tmp", memo / "by-path"
    if inherits:
        by_path.unlink(missing_ok=True)
    else:
        by_path.touch()
    (memo / LOOKED).touch()
    (memo / LINKER).unlink(missing_ok=True)
    linkers = [(linker, LINKER)] if linker else []
    for target, name in ((build.stub, "plugin.so"), (None, "seal"), *linkers, (clang.resolve(), "clang")):
        temporary.unlink(missing_ok=True)
        if target is None:
            temporary.touch()
            os.utime(temporary, (moment, moment))
        else:
            temporary.symlink_to(target)
        temporary.replace(memo / name)


def _is_ready(memo: Path, clang: Path) -> bool:
    """Whether the wrapper will use what is in the memo; it asks the same."""
    link, seal, known = memo / "plugin.so", memo / "seal", memo / "clang"
    try:
        stub, directory = link.stat(), memo.stat()
        return (
            not (memo / "stale").exists()
            and known.samefile(clang)
            and all(each.st_uid == os.geteuid() and each.st_mode & stat.S_ISVTX for each in (stub, directory))
            and os.access(link, os.X_OK)
            and stub.st_mtime_ns == seal.stat().st_mtime_ns
        )
    except OSError:
        return False


def _is_current(memo: Path, clang: Path) -> bool:
    """Whether the build was made of the files that are here now; the stub asks the same on every load."""
    try:
        identity = (memo / "plugin.so").resolve().with_name("identity").read_text(errors="surrogateescape")
        return identity.endswith(describe_inputs(inspect(clang).major))
    except (OSError, ToolchainError):
        return False


def _moment(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _reason(failed: Path) -> str:
    try:
        return read_regular(failed, MAX_REASON).decode(errors="replace").partition("\n")[2].strip()
    except OSError as error:
        return str(error)


@contextmanager
def _lock(cache_dir: Path) -> Iterator[None]:
    """One build at a time in a cache directory, so that eight compiles do not build eight plugins."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    tag_cache(cache_dir)
    # Where the plugins really are: two cache directories may share them through a link.
    lock = (cache_dir / "plugins").resolve().parent / "locks" / "plugins"
    with locked(lock, LOCK_S) as held:
        if not held:
            problem = f"cannot lock {lock}; is it writable, or has a build been hanging"
            raise ToolchainError(f"{problem} for {LOCK_S:g} s?")
        yield


def tag_cache(cache_dir: Path) -> None:
    """Leave the marker by which backup programs know a cache directory."""
    with suppress(OSError), (cache_dir / "CACHEDIR.TAG").open("x", encoding="ascii") as file:
        file.write("Signature: 8a477f597d28d172789f06886806bc55\n# This directory is a cache of clang-llm.\n")
