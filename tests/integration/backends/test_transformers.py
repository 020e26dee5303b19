"""The backend ``transformers`` in real compiles: our server holds a tiny model that answers LLM Compiler's prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.models.test_serving import Project
from integration.tiny_ftd import SHORT, Taught
from integration.wrapper_box import real_environment

from clang_llm.plans.recipe import Recipe, usable
from clang_llm.system.objects import allocated_size
from clang_llm.tuning.acceptance import programs_at
from clang_llm.tuning.batches import digest_of
from clang_llm.tuning.engines import make_engine
from clang_llm.tuning.verdicts import Verdict, VerdictStore

#: What the model's own list becomes on the installed LLVM.
LIST = "function(sroa,early-cse<memssa>,simplifycfg),cgscc(inline),globaldce"


@pytest.fixture
def project(taught: Taught, builds: Path, tmp_path: Path) -> Iterator[Project]:
    environ = real_environment(builds, taught.compiler.path, tmp_path)
    environ |= {"CLANG_LLM_BACKEND": "transformers", "CLANG_LLM_MODEL": str(taught.directory)}
    environ |= {"CLANG_LLM_INFER": "wait", "XDG_RUNTIME_DIR": str(tmp_path)}
    project = Project(tmp_path, environ)
    (tmp_path / "x.c").write_text(SHORT, encoding="utf-8")
    yield project
    project.serving.kill()


def vouch(project: Project, taught: Taught) -> Recipe:
    """Remember that the model's list passed."""
    recipe = usable(Recipe(LIST), taught.compiler.major)
    assert recipe is not None
    cache = Path(project.environ["CLANG_LLM_CACHE_DIR"])
    engine = make_engine("plugin", taught.compiler, cache)
    verdict = Verdict(recipe.text, taught.compiler.version, True, "", "", 230)
    VerdictStore(cache).put(verdict, digest_of(taught.compiler, programs_at(None)), engine.identity)
    return recipe


def test_what_nobody_vouches_for_is_not_compiled(project: Project) -> None:
    project.serving.ready()
    source = project.root / "x.c"
    assert allocated_size(project.compile(source)) <= project.plain(source)
    assert f"CLANG_LLM_UNVETTED is refuse: {LIST}" in project.said()
    (plan,) = project.serving.plans()
    assert plan["provenance"]["backend"] == "transformers"
    assert plan["provenance"].get("origin") != "model"


def test_what_passed_before_is_compiled(project: Project, taught: Taught) -> None:
    recipe = vouch(project, taught)
    project.serving.ready()
    source = project.root / "x.c"
    assert allocated_size(project.compile(source, CANDIDATES="1")) <= project.plain(source)
    (plan,) = project.serving.plans()
    assert (plan["provenance"]["tried"], plan["provenance"]["backend"]) == (1, "transformers")
    assert plan["module"] in (None, recipe.module)
    assert project.serving.counts()["model:answered"] == 1


def test_a_slow_model_works_for_the_next_build(project: Project, taught: Taught) -> None:
    vouch(project, taught)
    source = project.root / "x.c"
    first = allocated_size(project.compile(source, CANDIDATES="1", INFER="background"))
    cache = Path(project.environ["CLANG_LLM_CACHE_DIR"])
    project.serving.until(lambda: (project.serving.status() or {}).get("worked_off") == 1)
    assert not list((cache / "queue").glob("*.bc"))
    status = project.serving.status() or {}
    assert (status["dropped"], status["failed"]) == (0, 0)
    assert allocated_size(project.compile(source, CANDIDATES="1", INFER="background")) <= first
    assert project.serving.counts()["hit"] + project.serving.counts()["hit:oz"] == 1
