"""Binary packages that a build needs: which are missing, and installing them where that is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from clang_llm.lab.packages.sources import last_line, run_tool
from clang_llm.system.errors import PackageError


def missing(names: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Those of the binary packages that are not installed."""
    absent = []
    for name in names:
        done = run_tool(["dpkg-query", "-W", "-f=${Status}", name], environ)
        if not (done.ok and done.output.endswith(" installed")):
            absent.append(name)
    return absent


def build_dependencies(tree: Path, environ: Mapping[str, str]) -> list[str]:
    """Packages that apt would install before it builds the unpacked source package ``tree``."""
    argv = ["apt-get", "-s", "--no-install-recommends", "-P", "nocheck,nodoc", "build-dep", f"{tree.absolute()}/"]
    done = run_tool(argv, {**environ, "LC_ALL": "C.UTF-8"})
    return re.findall(r"(?m)^Inst (\S+)", done.output)


def install(names: Sequence[str], environ: Mapping[str, str]) -> None:
    """Install binary packages.

    Raises:
        PackageError: this user may not, or apt failed; the message names the command to type.
    """
    if not names:
        return
    command = f"apt-get install --no-install-recommends {' '.join(names)}"
    if os.geteuid() != 0:
        raise PackageError(f"packages are missing; install them with: sudo {command}")
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    argv = ["apt-get", "-q", "-y", "--no-install-recommends", "install", *names]
    done = run_tool(argv, quiet)
    if not done.ok:
        # A machine that has never fetched its package lists knows no package; fetch them and try once more.
        run_tool(["apt-get", "-q", "update"], quiet)
        done = run_tool(argv, quiet)
    if not done.ok:
        raise PackageError(f"cannot install {' '.join(names)}: {last_line(done)}; try: {command}")
