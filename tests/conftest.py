"""What every test gets: an environment without our switches, a cache directory of its own, and honest skips."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest

from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.compiler import Compiler, installed_compilers
from clang_llm.toolchain.plugins import build_plugin

#: Major versions of LLVM that the project promises to work with.
SUPPORTED = (14, 15, 16, 19, 22)
#: What lies beside a developer's checkout; its absence skips a test, never fails it.
SHARED = Path(__file__).resolve().parents[2] / "shared"

# On a busy machine a step takes as long as it takes.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-projects", action="store_true", help="run the tests that build whole projects (minutes)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-projects"):
        skip = pytest.mark.skip(reason="builds whole projects; give --run-projects")
        for item in items:
            if item.get_closest_marker("projects"):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell that starts tests in the background ignores SIGINT, and all their processes would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No switch of the developer reaches a test, and no test reaches the developer's cache or config file.

    Who is not about the model gets recipes from the coreset: no test should wait for a server, or leave one behind.
    """
    for name in list(os.environ):
        if name.startswith(("CLANG_LLM_", "_CLANG_LLM_")) or name in ("CCC_OVERRIDE_OPTIONS", "MAKEFLAGS", "MFLAGS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLANG_LLM_BACKEND", "coreset")
    monkeypatch.setenv("CLANG_LLM_MIN_INSTRUCTIONS", "0")  # short sources are quick to search
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))


@pytest.fixture(scope="session")
def compilers() -> dict[int, Compiler]:
    """The installed clangs by major version, the newest of each."""
    found: dict[int, Compiler] = {}
    for compiler in installed_compilers():
        found.setdefault(compiler.major, compiler)
    return found


@pytest.fixture(params=SUPPORTED, ids=lambda major: f"llvm{major}")
def each_compiler(request: pytest.FixtureRequest, compilers: dict[int, Compiler]) -> Compiler:
    """Every supported clang in turn; skips those that are not installed."""
    if request.param not in compilers:
        pytest.skip(f"clang {request.param} is not installed")
    return compilers[request.param]


@pytest.fixture(scope="session")
def a_compiler(compilers: dict[int, Compiler]) -> Compiler:
    """The reference clang, 19, or the newest there is."""
    if not compilers:
        pytest.skip("no clang is installed")
    return compilers.get(19) or compilers[max(compilers)]


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory where plugins are built, once for all workers; a test's plans never go there."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "plugin-builds"


@pytest.fixture
def shared_plugins(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Path:
    """The root of a workplace whose cache shares the plugins that other tests built."""
    try:
        build_plugin(a_compiler, builds)
    except ToolchainError as error:
        pytest.skip(str(error))
    cache = tmp_path / "work" / "cache"
    cache.mkdir(parents=True)
    (cache / "plugins").symlink_to(builds / "plugins")
    return tmp_path / "work"


@pytest.fixture
def shared() -> Path:
    """The folder with data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there")
    return SHARED
