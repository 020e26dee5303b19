"""The backend ``openai`` in real compiles: through the wrapper, with a real server of the protocol, and without one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from integration.completions_server import Answering, completion, models, serving
from integration.tiny_ftd import SHORT, Taught

from clang_llm.backends.openai import Conversation, OpenaiBackend
from clang_llm.models.flag_tuning import Question
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log, objects
from clang_llm.system.errors import BackendError
from clang_llm.system.process import Companion
from clang_llm.system.settings import Settings
from clang_llm.system.web import WebServer
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning.acceptance import programs_at
from clang_llm.tuning.batches import digest_of
from clang_llm.tuning.engines import make_engine
from clang_llm.tuning.verdicts import Verdict, VerdictStore

WRAPPER = Path(__file__).resolve().parents[3] / "wrappers" / "clang-llm"
#: Seconds in which a server has to load the tiny model on a busy machine.
START_S = 120.0


class Build:
    """A directory in which to compile with the wrapper."""

    def __init__(self, compiler: Compiler, builds: Path, root: Path) -> None:
        self.root, self.cache, self.log = root, root / "cache", root / "log"
        self.compiler = compiler
        # Plugins are shared between tests; plans are not.
        self.cache.mkdir()
        (builds / "plugins").mkdir(parents=True, exist_ok=True)
        (self.cache / "plugins").symlink_to(builds / "plugins")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_PYTHON": sys.executable,
            "CLANG_LLM_LOG": str(self.log),
            "CLANG_LLM_BACKEND": "openai",
            "CLANG_LLM_MIN_INSTRUCTIONS": "0",
            "CLANG_LLM_INFER": "wait",
            "CLANG_LLM_SEED_DIR": str(root / "no-seeds"),
        }
        (root / "x.c").write_text(SHORT, encoding="utf-8")

    def compile(self, *command: str | Path, **variables: str) -> bytes:
        named = {f"CLANG_LLM_{name}": value for name, value in variables.items()}
        output = self.root / "x.o"
        words = [*(command or (WRAPPER, self.compiler.path)), "-Oz", "-c", "x.c", "-o", output]
        done = subprocess.run(
            [*map(str, words)], cwd=self.root, env=self.environment | named, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return output.read_bytes()

    def plain(self) -> bytes:
        return self.compile(self.compiler.path)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def build(a_compiler: Compiler, builds: Path, tmp_path: Path) -> Build:
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    return Build(a_compiler, builds, tmp_path)


@pytest.fixture(scope="module")
def served(taught: Taught, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `transformers serve` with the tiny model."""
    missing = [name for name in ("accelerate", "fastapi", "uvicorn", "openai", "pydantic") if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed: pip install 'transformers[serving]'")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = "from transformers.cli.transformers import main; main()"
    argv = [sys.executable, "-c", code, "serve", str(taught.directory), "--host", "127.0.0.1", "--port", str(port)]
    home = tmp_path_factory.mktemp("serving")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    companion = Companion(argv, "SOCKET_OF_THE_TEST", environment)
    try:
        url = f"http{'://'}127.0.0.1:{port}"
        _wait_for(WebServer(url, None, 10))
        yield url
    finally:
        companion.close()


def _wait_for(server: WebServer) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if server.ask("/health")[0] == 200:
                return
        except BackendError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def test_a_real_server_answers_as_the_model_does(taught: Taught, served: str) -> None:
    server = WebServer(served, None, 60)
    conversation = Conversation(server, str(taught.directory), ["held to what it cannot be held to"])
    for prompt, answer in taught.lessons.items():
        assert conversation.answer(Question(prompt)) == answer


def test_a_build_with_a_real_server(taught: Taught, served: str, build: Build) -> None:
    plain = build.plain()
    cold = build.compile(URL=served, MODEL=str(taught.directory))
    assert objects.allocated_size(cold) <= objects.allocated_size(plain)
    said = build.said()
    assert "answer for the module: \"opt -p 'module(function<eager-inv>(sroa," in said
    assert "1 passes are left out: made-up" in said
    assert "CLANG_LLM_UNVETTED is refuse: function(sroa,early-cse<memssa>,simplifycfg),cgscc(inline),globaldce" in said
    # The next build needs no server.
    assert build.compile(URL=served + "0", MODEL="gone") == cold
    assert log.fold_events(build.cache)["stored"] == 1


@pytest.mark.parametrize("accepted", [True, False])
def test_a_list_that_was_validated_before_may_be_used(build: Build, builds: Path, accepted: bool) -> None:
    compiler = build.compiler
    text = "function(sroa,early-cse<memssa>,instcombine,simplifycfg),cgscc(inline),globaldce"
    recipe = usable(Recipe(text), compiler.major)
    assert recipe is not None
    engine, digest = make_engine("plugin", compiler, builds), digest_of(compiler, programs_at(None))
    verdict = Verdict(recipe.text, compiler.version, accepted, "" if accepted else "wrong output", "", 230)
    VerdictStore(build.cache).put(verdict, digest, engine.identity)
    with serving(always(f"opt -p '{text}'")) as peer:
        variables = {"URL": peer.url, "CLANG": str(compiler.path), "CANDIDATES": "1"}
        for unvetted in ("refuse", "validate"):
            small = build.compile(**variables, UNVETTED=unvetted, RECACHE="1")
            assert objects.allocated_size(small) <= objects.allocated_size(build.plain())
    ((key, _),) = LocalStore(build.cache).entries()
    plan = LocalStore(build.cache).get(key)
    assert plan is not None
    assert ("rejected before: " in build.said()) is not accepted
    if accepted:
        assert plan.recipe == recipe
        assert plan.provenance["validated"] == f"validated on LLVM {compiler.version}"


def always(text: str) -> Answering:
    return lambda path, _: models("llamacpp") if path == "/v1/models" else completion(text)


def test_a_list_that_is_a_choice_reaches_the_object(build: Build) -> None:
    """Whatever the model likes: it is tried, and the smallest wins."""
    shipped = read_coreset(build.compiler.major)
    for place in (0, len(shipped.lists) - 1):
        text = shipped.lists[place].flat
        with serving(always(text)) as peer:
            cold = build.compile(URL=peer.url, CANDIDATES="1", RECACHE="1")
        assert f"answer for the module: {text!r}"[:4000] in build.said()
        assert "Tell me how to optimize" in peer.asked[-1][1]["prompt"]
        assert "define dso_local i32 @sum(" in peer.asked[-1][1]["prompt"]
        assert objects.allocated_size(cold) <= objects.allocated_size(build.plain())
    ((key, _),) = LocalStore(build.cache).entries()
    plan = LocalStore(build.cache).get(key)
    assert plan is not None
    assert plan.provenance["backend"] == "openai"
    assert plan.provenance["validated"] == shipped.identity


def test_a_server_that_is_down_is_silent_and_the_shipped_recipes_serve(build: Build) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    without = build.compile(URL=f"http{'://'}127.0.0.1:{port}")
    assert objects.allocated_size(without) <= objects.allocated_size(build.plain())
    assert "no answer from 127.0.0.1" in build.said()
    assert without == build.compile(BACKEND="coreset", RECACHE="1")
    assert not [event for event in log.fold_events(build.cache) if event.startswith("error")]


def test_without_a_url_clangs_object_and_a_reason(build: Build) -> None:
    assert build.compile() == build.plain()
    assert log.fold_events(build.cache)["error:backend"] == 1
    assert "CLANG_LLM_URL" in build.said()


def test_llvm_dis_serves_where_llvmlite_is_missing(
    build: Build, taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not build.compiler.tool("llvm-dis").exists():
        pytest.skip("llvm-dis is not installed")
    settings = Settings.load(build.environment | {"CLANG_LLM_CLANG": str(build.compiler.path)})
    bitcode = taught.modules["short"].bitcode
    with_llvmlite = OpenaiBackend(settings)._text(bitcode)
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    text, checked = OpenaiBackend(settings)._text(bitcode)
    assert not checked
    assert with_llvmlite[1]
    assert text.startswith("target datalayout")
    assert [line for line in text.splitlines() if line.startswith("define ")] == [
        line for line in with_llvmlite[0].splitlines() if line.startswith("define ")
    ]
