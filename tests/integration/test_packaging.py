"""An installed clang-llm is whole: built as a wheel, installed elsewhere, used without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from clang_llm.toolchain.compiler import Compiler

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the checkout, built from a copy so that the checkout stays clean."""
    setuptools = pytest.importorskip("setuptools", minversion="64", reason="setuptools 64 builds wheels")
    assert setuptools
    place = tmp_path_factory.mktemp("wheel")
    copy = place / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, tracked)):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*pip, "--wheel-dir", place, copy], check=False, capture_output=True, text=True, timeout=300)
    if done.returncode and "invalid command 'bdist_wheel'" in done.stderr:
        pytest.skip("the package wheel is not installed")
    assert done.returncode == 0, done.stderr
    (found,) = place.glob("*.whl")
    return found


def test_the_wheel_has_everything(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    missing = [
        path.relative_to(ROOT).as_posix()
        for pattern in ("**/*.py", "plugin/*", "data/**/*", "py.typed")
        for path in (ROOT / "clang_llm").glob(pattern)
        if path.is_file() and path.suffix != ".pyc" and path.relative_to(ROOT).as_posix() not in names
    ]
    assert not missing
    scripts = [name for name in names if ".data/scripts/" in name]
    assert sorted(Path(name).name for name in scripts) == ["clang-llm", "clang-llm++"]
    for name in scripts:
        assert zipfile.ZipFile(wheel).read(name) == (ROOT / "wrappers" / "clang-llm").read_bytes()
    assert not [name for name in names if name.startswith(("tests", "scripts", "docs"))]


def test_an_installed_wheel_compiles(wheel: Path, tmp_path: Path, a_compiler: Compiler) -> None:
    environment = tmp_path / "venv"
    # The libraries that clang-llm needs come from the environment of the tests.
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
    (site,) = environment.glob("lib/python*/site-packages")
    libraries = [entry for entry in sys.path if entry.endswith("site-packages")]
    (site / "tests.pth").write_text("\n".join(libraries) + "\n")
    pip: list[str | Path] = [
        environment / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*pip, "--force-reinstall", wheel], check=True, timeout=120)
    (tmp_path / "a.c").write_text("int f(int n) { int s = 0; while (n) s += n--; return s; }\n")
    environ = {**os.environ, "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"), "CLANG_LLM_CLANG": str(a_compiler.path)}
    for _ in range(2):
        command: list[str | Path] = [environment / "bin" / "clang-llm", "-Oz", "-c", "a.c"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True, timeout=280)
        assert (done.stdout, done.stderr) == (b"", b"")
    events = (tmp_path / "cache" / "events").read_text().split()
    assert events[:2] == ["miss", "stored"]
    assert events[-1] in {"hit:oz", "applied"}
    tool = subprocess.run(
        [environment / "bin" / "clang-llm-tool", "stats"], env=environ, check=True, capture_output=True, text=True
    )
    assert "50.00 % hits" in tool.stdout
