import os
from pathlib import Path

import pytest

from clang_llm.system.places import own_cache, own_config


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directories `home` and `xdg`; the environment names none."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "xdg").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("home", "xdg", "where"),
    [
        ("home", None, "home/.cache/clang-llm"),
        ("home/", "", "home/.cache/clang-llm"),
        ("home", "xdg", "xdg/clang-llm"),
        ("home", "xdg/", "xdg/clang-llm"),
        (None, "xdg", "xdg/clang-llm"),
        ("gone", "xdg/new", "xdg/new/clang-llm"),  # the base directories specification has it made
        ("gone", None, None),
        ("gone", "", None),
        (None, None, None),
        ("home", "gone/cache", None),  # what was asked for, or nothing
    ],
)
def test_the_user_s_own_cache(
    root: Path, monkeypatch: pytest.MonkeyPatch, home: str | None, xdg: str | None, where: str | None
) -> None:
    for name, value in (("HOME", home), ("XDG_CACHE_HOME", xdg)):
        if value is not None:
            monkeypatch.setenv(name, f"{root}/{value}" if value else "")
    before = sorted(root.rglob("*"))
    assert own_cache(os.environ) == (where and root / where)
    assert sorted(root.rglob("*")) == before


def test_a_relative_path_is_ignored_as_the_specification_says(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", "xdg")
    monkeypatch.setenv("XDG_CONFIG_HOME", "xdg")
    assert own_cache(os.environ) is None
    monkeypatch.setenv("HOME", f"{root}/home")
    assert own_cache(os.environ) == root / "home/.cache/clang-llm"
    assert own_config() == root / "home/.config/clang-llm/clang-llm.conf"
    monkeypatch.setenv("HOME", "home")
    assert own_cache(os.environ) is None


def test_a_file_is_no_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "file").touch()
    monkeypatch.setenv("HOME", f"{root}/file")
    assert own_cache(os.environ) is None


def test_the_user_s_own_config_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", f"{root}/home")
    assert own_config() == root / "home/.config/clang-llm/clang-llm.conf"
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{root}/xdg")
    assert own_config() == root / "xdg/clang-llm/clang-llm.conf"
