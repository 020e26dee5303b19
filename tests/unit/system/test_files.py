"""Reading what may be anything, and saying whose code is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clang_llm.system import files


def test_a_regular_file_is_read_to_a_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert files.read_regular(tmp_path / "file", 10) == b"x" * 10
    (tmp_path / "link").symlink_to("file")
    assert files.read_regular(tmp_path / "link", 1000) == b"x" * 100
    assert files.read_regular(tmp_path / "file", 1 << 60) == b"x" * 100  # no memory has so much
    with pytest.raises(OSError, match="symbolic"):
        files.open_regular(tmp_path / "link", os.O_RDONLY | os.O_NOFOLLOW)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_anything_else_is_refused_at_once(tmp_path: Path, make: object, flags: int) -> None:
    assert callable(make)
    make(tmp_path / "thing")
    with pytest.raises(OSError):
        files.open_regular(tmp_path / "thing", flags)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_what_others_may_write_is_distrusted(tmp_path: Path, mode: int) -> None:
    place = tmp_path / "place"
    place.mkdir()
    assert files.distrusted(place) == ""
    place.chmod(mode)
    assert "others may write" in files.distrusted(place)
    (tmp_path / "link").symlink_to(tmp_path)
    assert "link" in files.distrusted(tmp_path / "link")


def test_what_belongs_to_somebody_else_is_distrusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.geteuid()
    if me == 0:
        os.chown(tmp_path, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert "somebody else" in files.distrusted(tmp_path)


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o077])
def test_directories_are_made_for_us_alone(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with files.nobody_else_writes():
            assert files.make_private(tmp_path / "a" / "b" / "c", tmp_path / "a") == ""
            files.replace_file(tmp_path / "a" / "file", "text")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    for path in (tmp_path / "a").rglob("*"):
        assert path.stat().st_mode & 0o022 == 0


def test_the_way_up_to_the_top_counts_and_nothing_above(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert files.make_private(tmp_path / "a" / "b", tmp_path / "a") == ""
    (tmp_path / "a").chmod(0o777)
    assert "others may write" in files.make_private(tmp_path / "a" / "b", tmp_path / "a")
    files.tighten(tmp_path / "a")
    assert files.make_private(tmp_path / "a" / "b", tmp_path / "a") == ""


def test_a_link_is_followed_when_it_is_ours(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "a").mkdir(mode=0o755)
    (tmp_path / "a" / "b").symlink_to(tmp_path / "elsewhere")
    assert files.make_private(tmp_path / "a" / "b" / "c", tmp_path / "a") == ""
    (tmp_path / "elsewhere").chmod(0o777)
    assert "elsewhere" in files.make_private(tmp_path / "a" / "b" / "c", tmp_path / "a")
