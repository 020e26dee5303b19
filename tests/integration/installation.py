"""clang-llm as users get it: a distribution built from the tree, and an installation without the tree in sight."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tree

TIMEOUT_S = 280


def build_distribution(place: Path, kind: str, files: Sequence[Path] | None = None) -> Path:
    """Build a ``wheel`` or an ``sdist`` from a copy, so that the tree stays clean; returns its path.

    Args:
        place: Where it goes.
        kind: Which one.
        files: What is copied; all files of the tree unless given.
    """
    pytest.importorskip("setuptools", minversion="64", reason="setuptools 64 builds wheels")
    source = place / "source"
    for name in tree.files() if files is None else files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.ROOT / name, source / name)
    code = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, place], cwd=source, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode and "invalid command 'bdist_wheel'" in done.stderr:
        pytest.skip("the package wheel is not installed")
    assert done.returncode == 0, done.stderr
    return place / done.stdout.splitlines()[-1]


@dataclass
class Installation:
    """A virtual environment with a wheel in it; the libraries come from the environment of the tests.

    Attributes:
        prefix: The environment.
        work: A directory in which its programs run.
        environ: What they see: no way to the tree, a cache directory of their own.
    """

    prefix: Path
    work: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, wheel: Path, place: Path, clang: Path) -> Installation:
        """Install a wheel below a place."""
        prefix, work = place / "venv", place / "work"
        work.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", prefix], check=True, timeout=TIMEOUT_S)
        (site,) = prefix.glob("lib/python*/site-packages")
        libraries = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
        (site / "tests.pth").write_text("\n".join(libraries) + "\n")
        pip: list[str | Path] = [
            prefix / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
        ]
        subprocess.run([*pip, "--force-reinstall", wheel], check=True, timeout=TIMEOUT_S)
        environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environ |= {"CLANG_LLM_CACHE_DIR": str(place / "cache"), "CLANG_LLM_CLANG": str(clang)}
        return cls(prefix, work, environ)

    @property
    def cache(self) -> Path:
        return Path(self.environ["CLANG_LLM_CACHE_DIR"])

    def run(self, program: str, *words: str | Path, status: int = 0, cwd: Path | None = None, **environ: str) -> str:
        """Run a program of the installation, or of the system; returns both of its streams."""
        ours = self.prefix / "bin" / program
        done = subprocess.run(
            [ours if ours.exists() else program, *words],
            cwd=cwd or self.work,
            env={**self.environ, **environ},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == status, f"{program} {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def tool(self, *words: str | Path, status: int = 0) -> str:
        """Run ``clang-llm-tool``."""
        return self.run("clang-llm-tool", *words, status=status)
