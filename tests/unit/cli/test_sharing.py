"""Files of a cache directory that this user cannot use: `doctor` names them, and so does `stats`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.cli.checks import NOTE, WRONG, Finding
from clang_llm.cli.sharing import check_files
from clang_llm.system import ledger, settings
from clang_llm.system.settings import Settings

NOBODY = 65534


def look(cache: Path, **variables: str) -> list[Finding]:
    return list(check_files(Settings.load({"CLANG_LLM_CACHE_DIR": str(cache), **variables})))


def spoil(file: Path, how: str) -> None:
    other = file.with_name("other")
    other.touch(0o600)
    match how:
        case "link":
            file.symlink_to(other)
        case "fifo":
            os.mkfifo(file, 0o600)
        case "directory":
            file.mkdir()
        case "hard link":
            file.hardlink_to(other)
        case "mode":
            file.touch(0o600)
            file.chmod(0o644)


@pytest.mark.parametrize(
    ("how", "problem", "remedy"),
    [
        ("link", "no regular file", "rm /"),
        ("fifo", "no regular file", "rm /"),
        ("directory", "no regular file", "rm -r /"),
        ("hard link", "another name", "rm /"),
        ("mode", "others may read or write", "chmod 600 /"),
    ],
)
def test_a_ledger_that_cannot_be_used_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
    problem: str,
    remedy: str,
) -> None:
    assert look(tmp_path) == []
    spoil(ledger.path(tmp_path), how)
    (finding,) = look(tmp_path)
    assert (finding.level, finding.subject) == (NOTE, "ledger")
    assert problem in finding.text
    assert finding.remedy.startswith(remedy)
    mine = {**os.environ, "CLANG_LLM_CACHE_DIR": str(tmp_path)}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    for words in (("stats",), ("stats", "--files")):
        assert cli.main(words) == 0
        said = capsys.readouterr().out
        assert said.startswith("Attention: ")
        assert problem in said.partition("\n")[0]
        assert "Nothing was compiled" not in said


def test_a_ledger_of_somebody_else_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "savings-77777"
    file.touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 77777)
    assert ledger.unusable(tmp_path)[0] == f"{file} belongs to somebody else"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that all may write."""
    place = Path(tempfile.mkdtemp(prefix="clang-llm-shared-"))
    place.chmod(0o1777)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("name", ["plans", "plans/ab", "locks", "locks/ab", "events"])
def test_what_others_made_with_umask_022_is_told(shared: Path, name: str) -> None:
    path = shared / name
    for directory in (shared / "plans", shared / "locks"):
        directory.mkdir()
        directory.chmod(0o777)
    if name in ("locks/ab", "events"):
        path.touch()
    path.parent.mkdir(exist_ok=True)
    if name == "plans/ab":
        path.mkdir()
    path.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        (finding,) = look(shared)
        assert look(shared, CLANG_LLM_READONLY="1") == []
    finally:
        os.seteuid(0)
    assert finding.level == (NOTE if name == "events" else WRONG)
    assert finding.text.startswith(f"others made {path} and you may not write it")
    assert "umask 002: docs/troubleshooting.md#a-shared-cache" in finding.remedy
    assert look(shared) == []


@pytest.mark.parametrize("name", ["plans", "locks"])
def test_a_file_in_the_place_of_a_directory_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    (finding,) = look(tmp_path)
    assert (finding.level, finding.remedy) == (WRONG, f"rm {tmp_path / name}")
    assert "is no directory" in finding.text
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(name)
    (finding,) = look(tmp_path)
    assert "is no directory" in finding.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_a_cache_that_cannot_be_looked_into_is_no_crash(shared: Path) -> None:
    (shared / "plans").mkdir()
    shared.chmod(0o700)
    os.seteuid(NOBODY)
    try:
        assert look(shared) == []
    finally:
        os.seteuid(0)
