"""What is not Python is found beside the package, however it was installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.system import layout
from clang_llm.system.errors import ToolchainError

CHECKOUT = {name: places[0] for name, places in layout.PLACES.items()}
INSTALLED = {name: places[1] for name, places in layout.PLACES.items()}


def lay_out(prefix: Path, places: dict[str, str]) -> Path:
    """Make every place below a prefix."""
    for name, place in places.items():
        if name in ("wrappers", "seed"):
            (prefix / place).mkdir(parents=True)
        else:
            (prefix / place).parent.mkdir(parents=True, exist_ok=True)
            (prefix / place).touch()
    for wrapper in ("clang-llm", "clang-llm++"):
        (prefix / places["wrappers"] / wrapper).touch()
    return prefix


@pytest.mark.parametrize(
    ("home", "places"),
    [
        ("", CHECKOUT),
        ("", INSTALLED),  # pip install --target
        ("lib/python3.11/site-packages", INSTALLED),
        ("lib64/python3.14/site-packages", INSTALLED),
        ("lib/python3/dist-packages", INSTALLED),
    ],
)
def test_everything_is_found(tmp_path: Path, home: str, places: dict[str, str]) -> None:
    lay_out(tmp_path, places)
    found = {name: layout.find(name, tmp_path / home) for name in layout.PLACES}
    assert found == {name: tmp_path / place for name, place in places.items()}


def test_the_checkout_comes_first(tmp_path: Path) -> None:
    lay_out(lay_out(tmp_path, INSTALLED), CHECKOUT)
    assert layout.find("wrappers", tmp_path) == tmp_path / "wrappers"


@pytest.mark.parametrize(
    "home", ["lib/python3.11/elsewhere", "a/b/site-packages", "deep/lib/python3.11/site-packages/x"]
)
def test_a_strange_place_is_nobodys_prefix(tmp_path: Path, home: str) -> None:
    lay_out(tmp_path, INSTALLED)
    assert layout.find("wrappers", tmp_path / home) is None


def test_a_directory_of_other_programs_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    assert layout.find("wrappers", tmp_path) is None


def test_this_very_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layout.wrapper().is_file()
    assert layout.wrapper(cxx=True).name == "clang-llm++"
    assert (layout.path_of("seed") / "plans").is_dir()
    monkeypatch.setattr(layout, "find", lambda _name: None)
    with pytest.raises(ToolchainError, match=r"cannot find the meson .*; install clang-llm again"):
        layout.path_of("meson")
