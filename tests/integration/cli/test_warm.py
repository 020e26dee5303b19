"""`clang-llm-tool warm`, and who searches: the build's own compiles, processes of this machine, or a Ray cluster."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from integration.remote_support import SOURCES

from clang_llm.plans.plan import encode
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Project:
    """A project with a compilation database, and the tool as a program of its own."""

    root: Path
    environ: dict[str, str]

    @property
    def cache(self) -> Path:
        return Path(self.environ["CLANG_LLM_CACHE_DIR"])

    @property
    def database(self) -> str:
        return str(self.root / "compile_commands.json")

    def write(self, sources: dict[str, str], **levels: str) -> None:
        """Write sources and their commands, at -Oz unless another level is given."""
        entries = []
        for name, text in sources.items():
            (self.root / f"{name}.c").write_text(text, encoding="utf-8")
            words = ["cc", levels.get(name, "-Oz"), "-MD", "-c", f"{name}.c", "-o", f"{name}.o"]
            entries.append({"directory": str(self.root), "file": f"{name}.c", "arguments": words})
        Path(self.database).write_text(json.dumps(entries), encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "clang_llm.cli", *words]

    def run(self, *words: str, **environ: str) -> str:
        done = subprocess.run(
            self.command(*words), env=self.environ | environ, cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def plans(self) -> dict[str, bytes]:
        """Return every entry without its seal, and forget them all."""
        store = LocalStore(self.cache)
        found = {key: encode(plan) for key, _ in store.entries() if (plan := store.get(key)) is not None}
        assert all(store.is_sealed(key) for key in found)
        store.clear()
        return found


@pytest.fixture
def project(tmp_path: Path, a_compiler: Compiler, builds: Path) -> Project:
    root, cache = tmp_path / "project", tmp_path / "cache"
    root.mkdir()
    build = build_plugin(a_compiler, builds).directory
    shutil.copytree(build, cache / "plugins" / build.name)
    mine = {
        "CLANG_LLM_CACHE_DIR": str(cache),
        "CLANG_LLM_CLANG": str(a_compiler.path),
        "CLANG_LLM_EFFORT": "2",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    made = Project(root, {**os.environ, **mine})
    made.write(SOURCES)
    return made


def test_a_database_is_compiled_and_nothing_is_linked(project: Project) -> None:
    project.write(SOURCES, text="-O2")
    said = project.run("warm", "-j", "2", project.database)
    assert "new: 2 modules" in said
    assert "1 of 3 commands are not at -Oz" in said
    assert not list(project.root.glob("*.o")) + list(project.root.glob("*.d"))
    counted = log.fold_events(project.cache)
    assert counted["stored"] == counted["miss"] == 2
    said = project.run("warm", "--compile-commands", project.database)
    assert "nothing is new; 2 modules were there" in said
    assert log.fold_events(project.cache)["stored"] == 2


def test_workers_find_what_the_build_finds(project: Project, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    project.run("warm", project.database)
    found = project.plans()
    assert len(found) == 3
    remote = {"CLANG_LLM_REMOTE": f"file:{tmp_path / 'store'}"}
    said = project.run("warm", "--workers", "2", project.database, **remote)
    assert "new: 3 modules" in said
    assert "failed" not in said
    assert project.plans() == found
    # Nobody waits for a build to send them.
    sent = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and path.parent.name != "locks"]
    assert len(sent) == 3
    assert "3 plans of the team's store" in project.run("warm", "--workers", "1", project.database, **remote)
    assert project.plans() == found


def test_the_exit_status_is_the_builds(project: Project) -> None:
    (project.root / "chain.c").write_text("no C\n", encoding="utf-8")
    done = subprocess.run(
        project.command("warm", "--", "sh", "-c", "$CC -Oz -c text.c && exit 3"),
        env=project.environ,
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "new: 1 module," in done.stdout
    assert "the build failed with status 3" in done.stdout


def many(count: int) -> dict[str, str]:
    names = ("step", "length", "longest")
    return {
        f"m{number}": "".join(
            SOURCES["chain"].replace("3 *", f"{number + 3} *").replace(names[0], f"{names[0]}{copy}")
            .replace(names[1], f"length{copy}").replace(names[2], f"longest{copy}")
            for copy in range(12)
        )
        for number in range(count)
    }  # fmt: skip


def children(pid: int) -> list[int]:
    """Return the processes below one, at any depth."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            found += [int(place.name), *children(int(place.name))]
    return found


def is_local(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def is_rays(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::search")


def warm_and_kill(project: Project, is_worker: Callable[[int], bool], *words: str) -> int:
    """Kill a worker as soon as there is a first plan; return how many plans there were then."""
    with subprocess.Popen(
        project.command("warm", *words, project.database),
        env=project.environ,
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as tool:
        latest = time.monotonic() + 240
        while not (there := len(list(LocalStore(project.cache).entries()))):
            assert tool.poll() is None
            assert time.monotonic() < latest
            time.sleep(0.02)
        victim = next(pid for pid in children(tool.pid) if is_worker(pid))
        os.kill(victim, signal.SIGKILL)
        said, _ = tool.communicate(timeout=280)
        assert tool.returncode == 0, said
        assert "no plan" not in said, said
    return there


@pytest.mark.projects
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("is_worker", "one", "two"),
    [
        (is_local, ("--workers", "1"), ("--workers", "2")),
        (is_rays, ("--ray", "local", "--workers", "1"), ("--ray", "local", "--workers", "2")),
    ],
    ids=["processes", "ray"],
)
def test_how_many_workers_there_are_and_which_of_them_die_makes_no_difference(
    project: Project, is_worker: Callable[[int], bool], one: tuple[str, ...], two: tuple[str, ...]
) -> None:
    if is_worker is is_rays:
        pytest.importorskip("ray", reason="ray is not installed: pip install clang-llm[ray]")
    project.write(many(10))
    project.run("warm", project.database)
    found = project.plans()
    assert len(found) == 10
    for words in (one, two):
        project.run("warm", *words, project.database)
        assert project.plans() == found
    assert warm_and_kill(project, is_worker, *two) < 10
    assert project.plans() == found


@pytest.mark.projects
@pytest.mark.timeout(7200)
def test_tuning_finds_the_same_everywhere(project: Project) -> None:
    """The cache stays, and with it the verdicts; plans are forgotten between the runs."""
    words = ["tune", "--candidates", "24"]
    runs = [(), ("--jobs", "2"), ("--workers", "1"), ("--workers", "2")]
    try:
        import ray  # noqa: F401

        runs += [("--ray", "local", "--workers", "1"), ("--ray", "local", "--workers", "2")]
    except ImportError:
        pass
    found = []
    for each in runs:
        project.run(*words, *each, "--compile-commands", project.database)
        found.append(project.plans())
    assert len(found[0]) == 3
    assert found == found[:1] * len(runs)


def test_what_cannot_be_meant(project: Project) -> None:
    for words, said in (
        (("warm", project.database, "-j2"), "options before"),
        (("warm", "--workers", "0", project.database), "from 1 to"),
        (("tune", "--ray", "host:1", "--workers", "2", "--", "true"), "as many as it has"),
    ):
        done = subprocess.run(project.command(*words), env=project.environ, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (13, 1)
        assert said in done.stderr
