"""Sources of Debian packages, fetched with apt in a state directory of our own.

The system's own source lines are read and turned into lines for sources in that directory; nothing of them is kept in
the project, and the system's configuration is left alone.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import PackageError, ProcessError

_SYSTEM_SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
# Seconds after which the package lists are fetched again; a day is what unattended systems use.
_LISTS_MAX_AGE_S = 24 * 3600
# Mirrors stall, and installing many packages takes minutes.
_FETCH_LIMIT_S = 1200.0


@dataclass(frozen=True)
class SourcePackage:
    """An unpacked source package."""

    name: str
    version: str
    tree: Path


def source_lines(text: str, deb822: bool) -> str:
    """Turn a system file with lines for binaries into one for sources.

    Args:
        text: Content of a ``.list`` or ``.sources`` file.
        deb822: Whether it is of the latter form.
    """
    if deb822:
        return re.sub(r"(?mi)^Types:.*$", "Types: deb-src", text)
    lines = (re.sub(r"^\s*deb\s", "deb-src ", line) for line in text.splitlines() if re.match(r"\s*deb\s", line))
    return "".join(f"{line}\n" for line in lines)


def _system_files() -> list[Path]:
    single, parts = _SYSTEM_SOURCES
    files = [single] if single.is_file() else []
    if parts.is_dir():
        files += sorted(path for path in parts.iterdir() if path.suffix in (".list", ".sources"))
    return files


def run_tool(argv: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None) -> process.Completed:
    """Run a program of the package system.

    Raises:
        PackageError: it is not there, or hangs.
    """
    try:
        return process.run(argv, env=environ, cwd=cwd, timeout_s=_FETCH_LIMIT_S)
    except ProcessError as error:
        raise PackageError(f"{error}; packages take apt-get and dpkg-source (of dpkg-dev)") from error


class Apt:
    """apt with its own lists, sources and cache under one directory."""

    def __init__(self, place: Path, environ: Mapping[str, str]) -> None:
        self._place = place.absolute()
        self._environ = {**environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        parts = self._place / "parts"
        self._options = [
            "-o", "Dir::Etc::sourcelist=/dev/null",
            "-o", f"Dir::Etc::sourceparts={parts}",
            "-o", f"Dir::State::lists={self._place / 'lists'}",
            "-o", f"Dir::Cache={self._place / 'cache'}",
            # The directory is ours alone, so the download helper's own user could not write into it.
            "-o", "APT::Sandbox::User=",
        ]  # fmt: skip

    def _run(self, argv: Sequence[str], cwd: Path | None = None) -> process.Completed:
        return run_tool(argv, self._environ, cwd)

    def update(self) -> None:
        """Fetch the lists of sources when they are missing or old.

        Raises:
            PackageError: they cannot be had.
        """
        stamp = self._place / "updated"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _LISTS_MAX_AGE_S:
            return
        files = _system_files()
        if not files:
            raise PackageError(
                "this system has no apt sources to take packages from; build the sample programs instead"
            )
        for name in ("parts", "lists/partial", "cache/archives/partial"):
            (self._place / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            text = source_lines(file.read_text(encoding="utf-8", errors="replace"), file.suffix == ".sources")
            (self._place / "parts" / file.name.replace("/", "_")).write_text(text, encoding="utf-8")
        done = self._run(["apt-get", *self._options, "update"])
        if done.returncode != 0:
            raise PackageError(
                f"apt-get update failed: {last_line(done)}; check the network and the system's apt sources"
            )
        stamp.touch()

    def versions(self, package: str) -> list[str]:
        """The versions on offer, newest first."""
        done = self._run(["apt-cache", *self._options, "showsrc", "--only-source", package])
        found = re.findall(r"(?m)^Version: (\S+)$", done.output)
        return list(dict.fromkeys(found))

    def download(self, package: str, place: Path) -> Path:
        """Download a source package into ``place``; returns its ``.dsc``.

        A mirror may announce a version that it does not hold any more; the next older one is taken then.

        Raises:
            PackageError: no version can be had.
        """
        self.update()
        place.mkdir(parents=True, exist_ok=True)
        versions = self.versions(package)
        if not versions:
            raise PackageError(f"apt knows no source package {package}; check the name")
        message = ""
        for version in versions:
            argv = [
                "apt-get",
                *self._options,
                "-q",
                "source",
                "--only-source",
                "--download-only",
                f"{package}={version}",
            ]
            done = self._run(argv, cwd=place)
            # Several versions may lie here from earlier runs; the name is the version without its epoch.
            found = list(place.glob(f"{package}_{version.partition(':')[2] or version}.dsc"))
            if done.returncode == 0 and found:
                return found[0]
            message = last_line(done)
        raise PackageError(f"cannot fetch the source of {package}: {message}")


def last_line(done: process.Completed) -> str:
    """What a failed command said: apt's first error, else the first line."""
    lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or [f"exit status {done.returncode}"])[0]


def fetch(apt: Apt, package: str, place: Path, environ: Mapping[str, str], *, patches: bool = True) -> SourcePackage:
    """Fetch and unpack a package to ``<place>/<package>/source``; does nothing when it is there.

    Raises:
        PackageError: it cannot be had, or not be unpacked.
    """
    home = place / package
    tree = home / "source"
    stamp = home / "source.version"
    if stamp.exists():
        return SourcePackage(package, stamp.read_text(encoding="utf-8").strip(), tree)
    dsc = apt.download(package, home)
    shutil.rmtree(tree, ignore_errors=True)
    argv = ["dpkg-source", *([] if patches else ["--skip-patches"]), "-x", dsc.name, tree.name]
    done = run_tool(argv, environ, home)
    if done.returncode != 0:
        raise PackageError(f"cannot unpack {dsc.name}: {last_line(done)}; install the package dpkg-dev")
    version = dsc.name.removesuffix(".dsc").partition("_")[2]
    stamp.write_text(version + "\n", encoding="utf-8")
    return SourcePackage(package, version, tree)
