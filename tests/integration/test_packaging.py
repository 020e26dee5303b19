"""Distributions are whole: the wheel has what users need, the source distribution what `make test` needs."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import tree

from integration.installation import build_distribution

ROOT = tree.ROOT
#: Tracked, and of no use without git.
FOR_GIT = {".gitattributes", ".mailmap"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build_distribution(tmp_path_factory.mktemp("wheel"), "wheel"))


def test_the_wheel_has_the_package(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    missing = [
        path.relative_to(ROOT).as_posix()
        for pattern in ("**/*.py", "plugin/**/*", "data/**/*", "py.typed")
        for path in (ROOT / "clang_llm").glob(pattern)
        if path.is_file() and path.suffix != ".pyc" and path.relative_to(ROOT).as_posix() not in names
    ]
    assert not missing
    scripts = [name for name in names if ".data/scripts/" in name]
    assert sorted(Path(name).name for name in scripts) == ["clang-llm", "clang-llm++"]
    for name in scripts:
        assert wheel.read(name) == (ROOT / "wrappers" / "clang-llm").read_bytes()
    assert not [name for name in names if name.startswith(("tests", "scripts", "docs"))]


def test_the_wheel_has_what_is_installed_beside_the_package(wheel: zipfile.ZipFile) -> None:
    marker = ".data/data/share/"
    shared = {name.partition(marker)[2]: wheel.read(name) for name in wheel.namelist() if marker in name}
    wanted = {f"clang-llm/{name}": Path("wrappers", name) for name in ("clang-llm.cmake", "clang-llm-native.ini")}
    for path in tree.files():
        for target, source in {"clang-llm/seed": "cache/seed", "": "wrappers/share"}.items():
            if path.is_relative_to(source):
                wanted[str(PurePosixPath(target, path.relative_to(source)))] = path
    assert len(wanted) > 100
    assert shared == {name: (ROOT / path).read_bytes() for name, path in wanted.items()}


def test_the_source_distribution_has_every_file(tmp_path: Path) -> None:
    archive = build_distribution(tmp_path, "sdist")
    with tarfile.open(archive) as packed:
        members = {Path(*Path(member.name).parts[1:]): member for member in packed if not member.isdir()}
        modes = {name: bool(member.mode & 0o100) for name, member in members.items() if member.isfile()}
    wanted = [path for path in tree.files(tracked=True) if path.name not in FOR_GIT]
    assert Path("tests/conftest.py") in wanted
    assert [str(path) for path in wanted if path not in members] == []
    # A script that cannot be run is no script.
    executable = [path for path in wanted if (ROOT / path).stat().st_mode & 0o100]
    assert Path(".ci/run") in executable
    assert [str(path) for path in executable if not modes.get(path, members[path].issym())] == []
    assert [str(name) for name in members if "__pycache__" in name.parts or name.suffix == ".pyc"] == []
