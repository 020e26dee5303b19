"""Builds whose backend is a large model: a tiny one, in a real server, asked by real compiles through the wrapper.

It has learned none of these modules by heart, so what it says is nothing that may be compiled; what is tested is how it
is reached. `tests/integration/backends/test_transformers.py` has what becomes of its answers.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from integration.compile.test_helper import SOURCE
from integration.model_support import Serving
from integration.tiny_ftd import Taught
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm.models.asking import backlog, client
from clang_llm.plans.plan import decode
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.types import Module
from clang_llm.system.objects import allocated_size
from clang_llm.toolchain.compiler import Compiler

pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")

TIMEOUT_S = 250
MAKEFILE = """
all: a.o b.o
%.o: %.c
	$(CC) -Oz -c $< -o $@
"""


class Project:
    """Some files, compiled by the wrapper with the model as the backend."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self.root, self.serving = root, Serving(environ)
        self.environ = environ
        self.log = root / "log"
        environ["CLANG_LLM_LOG"] = str(self.log)

    def write(self, name: str = "a", number: int = 7) -> Path:
        path = self.root / f"{name}.c"
        path.write_text(SOURCE.replace("s += 7", f"s += {number}"))
        return path

    def start(self, source: Path, **variables: str) -> subprocess.Popen[bytes]:
        command = [str(WRAPPERS / "clang-llm"), "-Oz", "-Werror", "-c", str(source), "-o", str(self.object(source))]
        env = {**self.environ, **{f"CLANG_LLM_{name}": value for name, value in variables.items()}}
        return subprocess.Popen(command, env=env, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def compile(self, source: Path, **variables: str) -> bytes:
        """Return the object; nothing is said."""
        return self.finish(self.start(source, **variables), source)

    def finish(self, running: subprocess.Popen[bytes], source: Path) -> bytes:
        said, _ = running.communicate(timeout=TIMEOUT_S)
        assert (running.returncode, said) == (0, b"")
        return self.object(source).read_bytes()

    def object(self, source: Path) -> Path:
        return source.with_suffix(".o")

    def plain(self, source: Path) -> int:
        """Bytes of plain -Oz."""
        output = self.root / "plain.o"
        command = [self.environ["CLANG_LLM_CLANG"], "-Oz", "-c", str(source), "-o", str(output)]
        subprocess.run(command, check=True, timeout=60)
        return allocated_size(output.read_bytes())

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


Make = Callable[..., Project]


@pytest.fixture
def make_project(
    tmp_path_factory: pytest.TempPathFactory, a_compiler: Compiler, builds: Path, taught: Taught
) -> Iterator[Make]:
    """Makes projects, each with a cache and a server of its own, which is ended."""
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    made: list[Project] = []

    def make(directory: Path | None = None) -> Project:
        root = tmp_path_factory.mktemp("p")
        environ = real_environment(builds, a_compiler.path, root)
        environ |= {"CLANG_LLM_BACKEND": "transformers", "CLANG_LLM_MODEL": str(directory or taught.directory)}
        environ |= {"CLANG_LLM_INFER": "wait", "XDG_RUNTIME_DIR": str(root)}
        made.append(Project(root, environ))
        return made[-1]

    yield make
    for project in made:
        project.serving.kill()


def open_files(process: Path) -> dict[str, str]:
    """What the descriptors of a running process are; one may be closed while this looks, such as that of a question."""
    found = {}
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):
            found[descriptor.name] = str(descriptor.readlink())
    return found


@pytest.mark.parametrize("mode", ["wait", "background"])
def test_two_makes_share_one_server_that_holds_nothing_of_theirs(make_project: Make, mode: str) -> None:
    project = make_project()
    project.environ["CLANG_LLM_INFER"] = mode
    makes = []
    for number in range(2):
        directory = project.root / f"make{number}"
        directory.mkdir()
        (directory / "Makefile").write_text(MAKEFILE)
        for place, name in enumerate("ab"):
            (directory / f"{name}.c").write_text(SOURCE.replace("s += 7", f"s += {10 * number + place}"))
        command = ["make", "-j2", f"CC={WRAPPERS / 'clang-llm'}", "CFLAGS=-DX"]
        makes.append(subprocess.Popen(command, cwd=directory, env=project.environ, stderr=subprocess.PIPE))
    assert [(make.communicate(timeout=TIMEOUT_S)[1], make.returncode) for make in makes] == [(b"", 0)] * 2
    counts = project.serving.counts()
    assert counts["stored"] == 4
    assert counts["model:answered" if mode == "wait" else "model:queued"] == 4, project.said()
    # One that lost the race to listen leaves at once.
    project.serving.until(lambda: len(project.serving.pids()) == 1, 30)
    (pid,) = project.serving.pids()
    process = Path(f"/proc/{pid}")
    names = {word.split(b"=")[0].decode() for word in (process / "environ").read_bytes().split(b"\0") if word}
    assert not {
        name for name in names if name.startswith(("CLANG_LLM", "_CLANG_LLM", "MAKE", "MFLAGS", "CC", "CFLAGS"))
    }
    assert {"PATH", "HOME", "OMP_NUM_THREADS"} <= names
    assert (process / "cwd").readlink() == Path("/")
    if mode == "background":
        # While it works it has files of its own, which come and go.
        project.serving.until(lambda: (project.serving.status() or {}).get("worked_off") == 4)
    files = open_files(process)
    assert not [file for file in files.values() if file.startswith("pipe:")]
    assert files["0"] == "/dev/null"
    if mode == "wait":
        assert (project.serving.status() or {})["answered"] == 4


def test_a_warm_build_starts_nothing(make_project: Make) -> None:
    project = make_project()
    source = project.write()
    project.serving.ready()
    cold = project.compile(source)
    project.serving.kill()
    assert project.compile(source) == cold
    assert project.serving.pids() == []
    counts = project.serving.counts()
    assert (counts["miss"], counts["hit"] + counts["hit:oz"], counts["model:answered"]) == (1, 1, 1)


def test_a_server_that_hangs_costs_no_more_than_the_bound_and_one_that_dies_nothing_more(make_project: Make) -> None:
    project = make_project()
    pid = project.serving.ready()["pid"]
    os.kill(pid, signal.SIGSTOP)
    source = project.write("a")
    began = time.monotonic()
    assert allocated_size(project.compile(source, INFER="auto", INFER_MS="700")) <= project.plain(source)
    # What clang, the helper and six candidates take on a busy machine is far below the bound of `wait`.
    assert 0.7 <= time.monotonic() - began < 20
    assert "model late: no answer in time" in project.said()
    # Now one that waits as long as it takes, and a server that is killed meanwhile.
    source = project.write("b", 9)
    running = project.start(source)
    time.sleep(1.5)
    assert running.poll() is None
    os.kill(pid, signal.SIGKILL)
    assert allocated_size(project.finish(running, source)) <= project.plain(source)
    assert "model failed: the connection broke" in project.said()
    counts = project.serving.counts()
    assert (counts["stored"], counts["model:late"], counts["model:failed"]) == (2, 1, 1)
    assert {plan["provenance"].get("origin", "-") for plan in project.serving.plans()} <= {"coreset", "mix", "-"}


def test_a_broken_model_is_silent_and_not_tried_again(make_project: Make, taught: Taught, tmp_path: Path) -> None:
    broken = shutil.copytree(taught.directory, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    project = make_project(directory=broken)
    first = project.write("a")
    assert allocated_size(project.compile(first)) <= project.plain(first)
    assert f"{broken} holds no model" in project.said()
    project.serving.until(lambda: not project.serving.pids())
    second = project.write("b", 9)
    assert allocated_size(project.compile(second)) <= project.plain(second)
    assert project.serving.pids() == []
    assert project.said().count("holds no model") == 2
    counts = project.serving.counts()
    assert (counts["stored"], counts["model:failed"], counts["model:queued"]) == (2, 2, 0)


def test_a_death_while_the_model_is_loaded_is_not_repeated_by_every_compile(make_project: Make) -> None:
    project = make_project()
    client.start_soon(project.serving.place, None, time.monotonic() + 60)
    assert (project.serving.status() or {})["state"] == "loading"
    project.serving.kill()
    for number in range(2):
        source = project.write(f"x{number}", number)
        assert allocated_size(project.compile(source)) <= project.plain(source)
        assert project.serving.pids() == []
    assert project.said().count("died while it loaded") == 2
    assert project.serving.counts()["model:failed"] == 2


def test_what_nobody_waited_for_is_worked_off_for_the_next_build(make_project: Make) -> None:
    project = make_project()
    project.environ["CLANG_LLM_INFER"] = "background"
    sources = [project.write("a", 7), project.write("b", 9)]
    first = [allocated_size(project.compile(source)) for source in sources]
    cache = project.root / "cache"
    assert project.serving.counts()["model:queued"] == 2
    origins = {plan["provenance"].get("origin", "-") for plan in project.serving.plans()}
    assert origins <= {"coreset", "mix", "-"}
    # One that harms whoever reads it does not stop the others.
    bad = backlog.Entry(
        "0" * 64, "19.1.7", "x", 4, ("-Oz",), None, "transformers", project.environ["CLANG_LLM_MODEL"], 1 << 20
    )
    assert backlog.leave(cache, bad, Module(b"BC no bitcode", ()))
    os.utime(cache / "queue" / f"{bad.key}.json", (1, 1))  # the first in the queue
    # The coreset found nothing for the first, as far as the cache knows: what is smaller replaces it.
    store = LocalStore(cache)
    (key, path), _ = store.entries()
    plan = decode(path.read_bytes(), key)
    assert store.put(
        type(plan)(key, plan.llvm, plan.target, None, plan.size_oz, plan.size_oz, plan.budget), replace_any=True
    )
    project.serving.until(lambda: (project.serving.status() or {}).get("worked_off") == 2)
    status = project.serving.status() or {}
    assert (status["queue"], status["dropped"]) == (0, 1)
    assert list((cache / "queue").iterdir()) == []
    improved = store.get(key)
    assert improved is not None
    assert improved.size < improved.size_oz == plan.size_oz
    assert improved.provenance["backend"] == "transformers"
    assert project.serving.counts()["model:improved"] == status["improved"] >= 1
    again = [project.compile(source) for source in sources]
    counts = project.serving.counts()
    assert (counts["miss"], counts["hit"] + counts["hit:oz"]) == (2, 2)
    for source, data, before in zip(sources, again, first, strict=True):
        assert allocated_size(data) <= project.plain(source)
        assert allocated_size(data) in {improved.size, before} or allocated_size(data) < before


def tool(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clang_llm.cli", *words]
    root = WRAPPERS.parent
    return subprocess.run(
        command, env=project.environ, cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def test_the_tool_starts_shows_and_stops_the_server(make_project: Make) -> None:
    project = make_project()
    assert tool(project, "serve", "--status").returncode == 1
    assert "no server" in tool(project, "serve", "--stop").stdout
    started = tool(project, "serve", "--idle", "3")
    assert started.returncode == 0, started.stderr
    assert "ready" in started.stdout
    shown = json.loads(tool(project, "serve", "--status", "--json").stdout)
    assert shown["running"]
    assert project.serving.pids() == [shown["server"]["pid"]]
    assert shown["server"]["resident_bytes"] > 1 << 20
    # Nobody asks, so it leaves by itself, with its socket.
    project.serving.until(lambda: not project.serving.pids(), 60)
    assert not project.serving.place.socket.exists()
    assert project.serving.place.failure() is None
    assert tool(project, "serve").returncode == 0
    assert "has left" in tool(project, "serve", "--stop").stdout
    project.serving.until(lambda: not project.serving.pids(), 10)
    assert client.connect(project.serving.place, time.monotonic() + 5) is None


def test_a_server_that_does_not_listen_any_more_is_ended_by_force(make_project: Make) -> None:
    project = make_project()
    os.kill(project.serving.ready()["pid"], signal.SIGSTOP)
    assert client.stop(project.serving.place) is not None
    project.serving.until(lambda: not project.serving.pids(), 10)


def test_doctor_says_what_is_wrong_with_the_model(make_project: Make, taught: Taught, tmp_path: Path) -> None:
    project = make_project()

    def findings(**variables: str) -> list[tuple[str, str]]:
        project.environ |= {f"CLANG_LLM_{name}": value for name, value in variables.items()}
        found = json.loads(tool(project, "doctor", "--json").stdout)
        return [(each["level"], each["text"]) for each in found if each["subject"] == "model"]

    levels = findings()
    assert [level for level, _ in levels] == ["ok"], levels
    project.serving.kill()
    ((level, text),) = findings(MODEL=str(tmp_path / "nowhere"))
    assert (level, text) == ("wrong", f"{tmp_path / 'nowhere'} is not a directory")
    broken = shutil.copytree(taught.directory, tmp_path / "broken")
    (broken / "tokenizer.json").unlink()
    *_, (level, text) = findings(MODEL=str(broken))
    assert level == "wrong"
    assert "holds no model" in text
