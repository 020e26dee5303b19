"""The container file: what it copies is enough, and where there is a builder, what it builds compiles."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import tree

from integration.installation import build_distribution

FILE = tree.ROOT / "Containerfile"
TIMEOUT_S = 1500


def copied() -> list[str]:
    """What is copied from the tree."""
    lines = [line.split() for line in FILE.read_text().splitlines() if line.startswith("COPY ")]
    found = [word for _, *sources, _ in lines for word in sources]
    assert found
    return found


def builder() -> str:
    """A program that builds images here."""
    for name in ("podman", "docker"):
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:
            return name
    pytest.skip("neither podman nor docker works here")


def test_what_is_copied_is_enough(tmp_path: Path) -> None:
    """The wheel of the copied files is the wheel of the whole tree."""
    kept = [path for path in tree.files() if any(path.is_relative_to(name) for name in copied())]
    whole = build_distribution(tmp_path / "whole", "wheel")
    ours = build_distribution(tmp_path / "ours", "wheel", kept)
    assert zipfile.ZipFile(ours).namelist() == zipfile.ZipFile(whole).namelist()


@pytest.mark.projects
@pytest.mark.timeout(2 * TIMEOUT_S)
def test_the_image_compiles(tmp_path: Path) -> None:
    program = builder()
    tag = "localhost/clang-llm-test"
    build: list[str | Path] = [program, "build", "--file", FILE, "--tag", tag, tree.ROOT]
    done = subprocess.run(build, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(tree.ROOT / "tests" / "projects" / "jot" / "parse.c", tmp_path)
    shutil.copy(tree.ROOT / "tests" / "projects" / "jot" / "jot.h", tmp_path)
    commands = "clang-19 -Oz -c parse.c -o plain.o; clang-llm -Oz -c parse.c -o ours.o; clang-llm-tool stats"
    run: list[str | Path] = [program, "run", "--rm", "--volume", f"{tmp_path}:/project", tag, "sh", "-ec", commands]
    said = subprocess.run(run, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout
    assert "plans stored" in said.lower()
    assert (tmp_path / "ours.o").read_bytes() != (tmp_path / "plain.o").read_bytes()
