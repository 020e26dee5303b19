"""What `cache/server` has beside the servers: continuous integration, a machine's image, a unit of systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tree

from clang_llm.system import log
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin
from integration.remote_support import SERVER, program

JOT = tree.ROOT / "tests" / "projects" / "jot"
Document = dict[str, Any]


def parsed(path: Path) -> Document:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install clang-llm[dev]")
    found: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def github() -> tuple[dict[str, str], list[str], list[list[str]]]:
    """Return the variables, what the cache keeps, and the steps: what installs, then what works."""
    job = parsed(SERVER / "ci" / "github.yml")["jobs"]["build"]
    (cache,) = (step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@"))
    assert cache["key"].startswith(cache["restore-keys"].split()[0].partition("-$")[0])
    variables = {name: text.replace("${{ github.workspace }}", "$PLACE") for name, text in job["env"].items()}
    return variables, cache["path"].split(), [[step["run"]] for step in job["steps"] if "run" in step]


def gitlab() -> tuple[dict[str, str], list[str], list[list[str]]]:
    whole = parsed(SERVER / "ci" / "gitlab.yml")
    variables = {name: text.replace("$CI_PROJECT_DIR", "$PLACE") for name, text in whole["variables"].items()}
    default = whole["default"]
    return variables, default["cache"]["paths"], [default["before_script"], whole["build"]["script"]]


def bash(script: str, place: Path, environ: dict[str, str], *options: str) -> str:
    """Run a step as such systems do."""
    done = subprocess.run(
        [program("bash"), *options, "-eo", "pipefail", "-c", script],
        cwd=place,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.projects
@pytest.mark.parametrize("example", [github, gitlab])
def test_continuous_integration(example: Any, tmp_path: Path, a_compiler: Compiler, builds: Path) -> None:  # noqa: ANN401
    """Two runs on machines of their own, between which the cache is packed and unpacked: the second has hits alone."""
    variables, kept, (install, *work) = example()
    bash("\n".join(install), tmp_path, {}, "-n")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("clang-llm", "clang-llm++"):
        (tools / name).symlink_to(tree.ROOT / "wrappers" / name)
    tool = f'#!/bin/sh\nPYTHONPATH={tree.ROOT} exec {sys.executable} -m clang_llm.cli "$@"\n'
    (tools / "clang-llm-tool").write_text(tool, encoding="utf-8")
    (tools / "clang-llm-tool").chmod(0o755)
    build = build_plugin(a_compiler, builds).directory
    objects = []
    for run in ("first", "second"):
        place = tmp_path / run / "project"
        shutil.copytree(JOT, place)
        environ = {name: value for name, value in os.environ.items() if name != "CLANG_LLM_MIN_INSTRUCTIONS"}
        environ |= {name: text.replace("$PLACE", str(place)) for name, text in variables.items()}
        environ |= {"PATH": f"{tools}:{os.environ['PATH']}", "CLANG_LLM_CLANG": str(a_compiler.path)}
        environ |= {"CLANG_LLM_EFFORT": "1"}
        cache = Path(environ["CLANG_LLM_CACHE_DIR"])
        if run == "first":
            shutil.copytree(build, cache / "plugins" / build.name)  # it takes long to make
        else:
            subprocess.run(["tar", "-xf", tmp_path / "kept.tar"], cwd=place, check=True)
        before = log.fold_events(cache)
        said = [bash("\n".join(step), place, environ) for step in work]
        counted = log.fold_events(cache) - before
        assert "saved" in said[-1] or "saved" in said[0]
        objects.append({path.name: path.read_bytes() for path in place.glob("*.o")})
        subprocess.run(["tar", "-cf", tmp_path / "kept.tar", *kept], cwd=place, check=True)
        assert counted["miss"] == counted["stored"] == (7 if run == "first" else 0), counted
        assert counted["hit"] + counted["hit:oz"] == (0 if run == "first" else 7), counted
    assert objects[0] == objects[1]
    assert len(objects[0]) == 7


def test_github_works_in_steps_and_gitlab_tunes_at_night() -> None:
    assert len(github()[2]) == 3
    tune = parsed(SERVER / "ci" / "gitlab.yml")["tune"]
    assert tune["script"][0].split()[:2] == ["clang-llm-tool", "tune"]
    assert "schedule" in tune["rules"][0]["if"]


def test_the_ports_are_those_of_the_configurations() -> None:
    for kind, config, option in (("redis", "redis.conf", "port 6379"), ("nginx", "nginx.conf", "listen 8443 ssl")):
        service = parsed(SERVER / kind / "compose.yaml")["services"]["plans"]
        port = option.split()[1]
        assert service["ports"] == [f"{port}:{port}"]
        assert option in (SERVER / kind / config).read_text(encoding="utf-8")


def test_the_image_runs_what_a_shell_can_read(tmp_path: Path) -> None:
    text = (tree.ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.removeprefix("RUN ") for line in text.splitlines() if line.startswith("RUN ")]
    assert len(steps) == 3
    for step in steps:
        bash(step, tmp_path, {}, "-n")


def test_the_unit_of_systemd(tmp_path: Path) -> None:
    verify = program("systemd-analyze")
    text = (SERVER / "model" / "clang-llm-model.service").read_text(encoding="utf-8")
    server = "/opt/vllm/bin/vllm"
    assert text.count(server) == 1
    unit = tmp_path / "clang-llm-model.service"
    unit.write_text(text.replace(server, "/bin/true"), encoding="utf-8")
    done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "clang-llm-model" in line]
    assert (done.returncode, said) == (0, [])
    unit.write_text(text.replace(server, "/bin/true").replace("Restart=on-failure", "Restart=maybe"), encoding="utf-8")
    done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
    assert "restart specifier" in done.stdout + done.stderr
