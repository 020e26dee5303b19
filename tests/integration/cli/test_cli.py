"""``clang-llm-tool`` on a real clang, a real plugin and a cache directory of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clang_llm import cli
from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import log, settings
from clang_llm.system.objects import Parts, parts_of
from clang_llm.system.settings import EFFORT_TABLE
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

WRAPPER = Path(__file__).resolve().parents[3] / "wrappers" / "clang-llm"

SOURCE = """\
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; ++i) s += length(v[i]) * 8; return s; }
"""

Environ = dict[str, str]
Tool = Callable[..., tuple[int, str]]


@pytest.fixture
def environ(tmp_path: Path, a_compiler: Compiler, builds: Path, monkeypatch: pytest.MonkeyPatch) -> Environ:
    """Settings of a user whose plugin is built, in a directory with one source file."""
    cache = tmp_path / "cache"
    build = build_plugin(a_compiler, builds).directory
    shutil.copytree(build, cache / "plugins" / build.name)
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.c").write_text(SOURCE)
    monkeypatch.chdir(work)
    mine = {**os.environ, "CLANG_LLM_CACHE_DIR": str(cache), "CLANG_LLM_CLANG": str(a_compiler.path)}
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    return mine


@pytest.fixture
def tool(environ: Environ, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Run one command in this process; returns its exit status and what it said."""

    def run(*words: str) -> tuple[int, str]:
        assert environ
        status = cli.main(words)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


def compile_once(environ: Environ, *words: str) -> None:
    subprocess.run([WRAPPER, *(words or ("-Oz", "-c", "a.c"))], env=environ, check=True, timeout=120)


def snapshot(directory: Path) -> dict[str, tuple[float, bytes]]:
    """Every file below a directory with its time and content; the locks of the store aside."""
    files = [path for path in directory.rglob("*") if path.is_file() and "locks" not in path.parts]
    return {str(path.relative_to(directory)): (path.stat().st_mtime, path.read_bytes()) for path in files}


def explained(tool: Tool, *command: str) -> dict[str, Any]:
    status, text = tool("explain", "--json", *command)
    assert status == 0, text
    found: dict[str, Any] = json.loads(text)
    return found


def test_doctor_finds_nothing_wrong(tool: Tool, environ: Environ) -> None:
    status, text = tool("doctor", "--json")
    findings = json.loads(text)
    assert status == 0, text
    assert [each for each in findings if each["level"] == "wrong"] == []
    assert any("trial compile worked" in each["text"] for each in findings)
    assert not (Path(environ["CLANG_LLM_CACHE_DIR"]) / "plans").exists()


def test_doctor_names_the_package_of_missing_headers(
    tool: Tool, a_compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Compiler(a_compiler.path, a_compiler.real, a_compiler.version, None)
    monkeypatch.setattr("clang_llm.cli.checks.find_compiler", lambda *_: bare)
    status, text = tool("doctor")
    assert status == 1
    assert "WRONG" in text
    assert f"apt-get install llvm-{a_compiler.major}-dev" in text


@pytest.mark.parametrize("name", ["/nonexistent/clang", "clang-13", "clagn"])
def test_doctor_with_a_clang_that_is_not_there_says_what_to_correct(tool: Tool, environ: Environ, name: str) -> None:
    environ["CLANG_LLM_CLANG"] = name
    status, text = tool("doctor")
    assert status == 1
    assert f"WRONG  clang     cannot find '{name}'" in text
    assert f"-> CLANG_LLM_CLANG is '{name}'; correct it, or unset it" in text
    assert "apt-get" not in text


def test_doctor_without_a_clang_says_what_to_install(tool: Tool, environ: Environ, tmp_path: Path) -> None:
    environ.pop("CLANG_LLM_CLANG")
    environ["PATH"] = str(tmp_path)
    status, text = tool("doctor")
    assert status == 1
    assert "cannot find any clang" in text
    assert "-> sudo apt-get install clang" in text


def test_a_home_that_is_missing_is_told_and_not_made(
    tool: Tool, environ: Environ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "gone" / "home"
    for variables in (environ, os.environ):
        variables.pop("CLANG_LLM_CACHE_DIR", None)
        monkeypatch.delitem(variables, "XDG_CACHE_HOME")
        monkeypatch.setitem(variables, "HOME", str(home))
    status, text = tool("doctor")
    assert status == 1
    assert "every compile is plain clang: HOME, or what XDG_CACHE_HOME lies in, is no directory" in text
    assert "set CLANG_LLM_CACHE_DIR" in text
    assert text.count("WRONG") == 1
    assert explained(tool, "clang-llm", "-Oz", "-c", "a.c")["wrapper"] == "no_home"
    assert explained(tool, "clang-llm", "-O2", "-c", "a.c")["wrapper"] == "not_oz"
    assert not home.parent.exists()


def test_doctor_suggests_the_setting_that_was_meant(tool: Tool, environ: Environ) -> None:
    environ["CLANG_LLM_EFORT"] = "5"
    environ["CLANG_LLM_DISABLE"] = "1"
    environ["CLANG_LLM_JOBS"] = "many"
    status, text = tool("doctor")
    assert status == 1
    assert "did you mean CLANG_LLM_EFFORT?" in text
    assert "CLANG_LLM_JOBS is 'many'" in text
    assert "switched off" in text


def test_doctor_tells_of_failed_preparations_and_errors(tool: Tool, environ: Environ) -> None:
    cache = Path(environ["CLANG_LLM_CACHE_DIR"])
    memo = cache / "toolchains" / "system" / "usr" / "bin" / "clang-llm" / "opt" / "clang"
    memo.mkdir(parents=True)
    (memo / "failed").write_text("+/opt/llvm-config\nno llvm-config of version 13.0.0\n")
    log.append_event(cache, "error:helper_died", "error:helper_died")
    status, text = tool("doctor")
    assert status == 0
    assert "note   memory    remembered failure of /opt/clang: no llvm-config of version 13.0.0" in text
    assert f"to forget it: rm {memo}/failed" in text
    assert "/opt/llvm-config" in text
    assert "2 compiles were plain -Oz after error:helper_died" in text


def test_doctor_checks_the_helpers_python(tool: Tool, environ: Environ) -> None:
    environ["CLANG_LLM_PYTHON"] = "/bin/false"
    status, text = tool("doctor")
    assert status == 1
    assert "/bin/false cannot run the helper" in text


def test_explain_shows_candidates_and_changes_nothing(tool: Tool, environ: Environ) -> None:
    before = snapshot(Path(environ["CLANG_LLM_CACHE_DIR"])), sorted(Path().iterdir())
    found = explained(tool, "clang-llm", "-Oz", "-c", "a.c", "-MD", "-o", "out.o")
    assert (found["wrapper"], found["compiles"], found["message"]) == ("plugin", 1, "")
    (module,) = found["modules"]
    events = [each["event"] for each in module]
    assert events[:2] == ["key", "lookup"]
    assert events[-1] == "decision"
    assert module[1]["result"] == "miss"
    results = [each for each in module if each["event"] == "result"]
    assert [each["id"] for each in results] == list(range(-1, EFFORT_TABLE[settings.DEFAULT_EFFORT]))
    assert (snapshot(Path(environ["CLANG_LLM_CACHE_DIR"])), sorted(Path().iterdir())) == before


def test_explain_text_marks_what_was_chosen(tool: Tool) -> None:
    status, text = tool("explain", "clang-llm", "-Oz", "-c", "a.c")
    assert status == 0
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["clang", "wrapper", "key", "lookup"]
    assert sum(line.startswith("*  ok") for line in lines) == 1
    assert any(" -Oz" in line for line in lines)
    assert sum(line.startswith("decision") for line in lines) == 1


def test_explain_tells_what_the_cache_holds(tool: Tool, environ: Environ) -> None:
    compile_once(environ)
    cache = Path(environ["CLANG_LLM_CACHE_DIR"])
    before = snapshot(cache)
    found = explained(tool, "clang-llm", "-Oz", "-c", "a.c")
    (module,) = found["modules"]
    assert module[1]["result"] in {"hit", "hit:oz"}
    assert module[1]["plan"]["key"] == module[0]["key"]
    environ["CLANG_LLM_CANDIDATES"] = "30"
    (module,) = explained(tool, "clang-llm", "-Oz", "-c", "a.c")["modules"]
    assert module[1]["result"] == "weaker"
    assert snapshot(cache) == before


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("-O2", "-c", "a.c"), "not_oz"),
        (("--version",), "query"),
        (("-Oz", "-flto", "-c", "a.c"), "lto"),
        (("-Oz", "-E", "a.c"), "preprocess"),
        (("a.o", "-o", "a"), "link"),
    ],
)
def test_explain_gives_the_wrappers_reason(tool: Tool, command: tuple[str, ...], reason: str) -> None:
    found = explained(tool, "clang-llm", *command)
    assert (found["wrapper"], found["modules"]) == (reason, [])
    assert list(Path().iterdir()) == [Path("a.c")]


def test_explain_gives_the_plugins_reason(tool: Tool) -> None:
    found = explained(tool, "clang-llm", "-Oz", "-fsanitize=address", "-c", "a.c")
    assert found["modules"] == [[{"event": "bypass", "reason": "sanitizer"}]]


def test_explain_tells_of_a_link_with_lto(tool: Tool, environ: dict[str, str], a_compiler: Compiler) -> None:
    environ["CLANG_LLM_LTO"] = "1"
    subprocess.run([a_compiler.path, "-Oz", "-flto", "-c", "a.c", "-o", "a.o"], check=True, timeout=60)
    found = explained(tool, "clang-llm", "-Oz", "-flto", "-fuse-ld=lld", "-shared", "a.o", "-o", "written")
    assert found["wrapper"] == "linker"
    assert [event["event"] for event in found["modules"][0]][:2] == ["key", "lookup"]
    assert "in its linker" in tool("explain", "clang-llm", "-flto", "-fuse-ld=lld", "-shared", "a.o")[1]
    assert sorted(Path().iterdir()) == [Path("a.c"), Path("a.o")]


def test_explain_asks_clang_about_response_files(tool: Tool) -> None:
    Path("args").write_text("-O2 -c a.c -o written.o\n")
    found = explained(tool, "clang-llm", "@args")
    assert (found["wrapper"], found["compiles"]) == ("plugin", 0)
    Path("args").write_text("-Oz a.c -shared -o written\n")
    found = explained(tool, "clang-llm", "@args")
    assert found["compiles"] == 1
    assert found["modules"][0][0]["event"] == "key"
    assert sorted(Path().iterdir()) == [Path("a.c"), Path("args")]


def test_explain_takes_a_clang_by_name(tool: Tool, a_compiler: Compiler) -> None:
    for command in ([str(a_compiler.path)], ["clang-llm", str(a_compiler.path)], ["--", str(a_compiler.path)]):
        found = explained(tool, *command, "-Oz", "-c", "a.c")
        assert (found["clang"], found["wrapper"]) == (str(a_compiler.path), "plugin")


def test_explain_refuses_other_compilers(tool: Tool) -> None:
    for command in (["gcc", "-c", "a.c"], []):
        status, text = tool("explain", *command)
        assert status != 0
        assert text.startswith("clang-llm-tool: ")
        assert text.count("\n") == 1


def test_explain_passes_clangs_complaint_on(tool: Tool) -> None:
    status, text = tool("explain", "clang-llm", "-Oz", "-c", "missing.c")
    assert status != 0
    assert "missing.c" in text


def test_stats_after_a_cold_and_a_warm_compile(tool: Tool, environ: Environ) -> None:
    for command in (("-Oz", "-c", "a.c"), ("-O2", "-c", "a.c"), ("-Oz", "-c", "a.c")):
        compile_once(environ, *command)
    status, text = tool("stats", "--json")
    found = json.loads(text)
    counters = found["counters"]
    assert status == 0
    assert (counters["miss"], counters["stored"], counters["bypass:not_oz"]) == (1, 1, 1)
    assert counters.get("hit", 0) + counters.get("hit:oz", 0) == 1
    assert found["plans"]["entries"] == 1
    assert found["plans"]["our_bytes"] <= found["plans"]["oz_bytes"]
    (file,) = found["files"]
    assert (file["object"], file["source"]) == (str(Path("a.o").resolve()), str(Path("a.c").resolve()))
    assert Parts(**file["parts"]) == parts_of(Path("a.o").read_bytes())
    assert found["saved"]["oz"] == found["plans"]["oz_bytes"]
    assert found["saved"]["parts"] == found["plans"]["parts"]
    _, text = tool("stats")
    assert "50.00 % hits" in text
    assert "not_oz" in text
    assert tool("stats", "--zero") == (0, "")
    zeroed = json.loads(tool("stats", "--json")[1])
    assert zeroed["counters"] == {}
    assert abs(zeroed["zeroed"] - time.time()) < 60
    assert json.loads(tool("stats", "--json")[1])["plans"]["entries"] == 1


def entry(number: int, saved: int = 10) -> Plan:
    recipe = Recipe("function(sroa)") if saved else None
    return Plan(
        f"{number:064x}", "19.1.7", "x86_64-pc-linux-gnu", recipe, 1000, 1000 - saved, 4, {"backend": "coreset"}
    )


@pytest.fixture
def store(environ: Environ) -> LocalStore:
    """A cache with three entries."""
    filled = LocalStore(Path(environ["CLANG_LLM_CACHE_DIR"]))
    assert all(filled.put(entry(number, saved)) for number, saved in ((0x10, 10), (0x11, 0), (0x2F, 300)))
    return filled


def test_cache_list_and_show(tool: Tool, store: LocalStore) -> None:
    listed = json.loads(tool("cache", "list", "--json")[1])
    assert [each["size"] for each in listed] == [990, 1000, 700]
    status, text = tool("cache", "list")
    assert status == 0
    assert len(text.splitlines()) == 2 + 3
    status, text = tool("cache", "show", f"{0x2F:064x}")
    assert status == 0
    assert "30.00 % less" in text
    assert "function(sroa)" in text
    assert json.loads(tool("cache", "show", "--json", f"{0x11:064x}")[1])["module"] is None
    assert str(store.path(entry(0x11).key)) in tool("cache", "show", f"{0x11:064x}")[1]


def test_cache_show_wants_one_entry(tool: Tool, store: LocalStore) -> None:
    assert store.plans.is_dir()
    status, text = tool("cache", "show", "0")
    assert status != 0
    assert "3 entries" in text
    status, text = tool("cache", "show", "f")
    assert status != 0
    assert "no entry" in text


def test_cache_verify_moves_damaged_entries_aside(tool: Tool, store: LocalStore) -> None:
    assert tool("cache", "verify") == (0, "3 sound, 0 of other versions\n")
    path = store.path(entry(0x10).key)
    path.write_bytes(encode(entry(0x10)).replace(b"990", b"989"))
    status, text = tool("cache", "verify")
    assert status == 1
    assert entry(0x10).key in text
    assert not path.exists()
    assert tool("cache", "verify") == (0, "2 sound, 0 of other versions\n")


def test_cache_clear_and_cleanup(tool: Tool, store: LocalStore, environ: Environ) -> None:
    assert "removed 0 entries" in tool("cache", "cleanup", "--max-size", "1G")[1]
    status, text = tool("cache", "cleanup", "--max-size", "huge")
    assert status != 0
    assert "huge" in text
    environ["CLANG_LLM_READONLY"] = "1"
    status, text = tool("cache", "clear")
    assert status != 0
    assert "CLANG_LLM_READONLY" in text
    del environ["CLANG_LLM_READONLY"]
    assert tool("cache", "clear") == (0, "removed 3 entries\n")
    assert list(store.entries()) == []
    assert tool("cache", "path") == (0, environ["CLANG_LLM_CACHE_DIR"] + "\n")


def test_tune_says_that_the_build_failed_and_that_nothing_was_compiled(tool: Tool) -> None:
    status, text = tool("tune", "--", "sh", "-c", "exit 3")
    assert status == 3
    assert "the build failed with status 3" in text
    assert "no compile went through clang-llm" in text
    status, text = tool("tune", "--", "sh", "-c", '"$CC" -O2 -c a.c && "$CC" -Oz -flto -c a.c')
    assert status == 0
    assert "the build failed" not in text
    assert "1 compile was left to clang: the optimisation level is not -Oz (bypass:not_oz)" in text
    assert "(bypass:lto)" in text


def test_stats_say_that_a_backend_is_none_and_doctor_does(tool: Tool, environ: Environ) -> None:
    environ["CLANG_LLM_BACKEND"] = "modle"
    compile_once(environ)
    first, *rest = tool("stats")[1].splitlines()
    assert first.startswith("Attention: CLANG_LLM_BACKEND is 'modle'")
    assert "did you mean 'model'?" in first
    assert ["backend", "1"] in [line.split() for line in rest]
    environ["CLANG_LLM_CLANG"] = "/nonexistent/clang"  # the plugin is no matter here
    status, text = tool("doctor")
    assert status == 1
    assert "-> did you mean 'model'?" in text


@pytest.mark.projects
@pytest.mark.timeout(3600)  # seconds: two modules, searched and validated
def test_tune_searches_what_a_build_compiles(tool: Tool, environ: Environ) -> None:
    Path("b.c").write_text(SOURCE.replace("length", "steps").replace("sum", "total").replace("8", "9"))
    script = 'for each in a b; do "$CC" -Oz -c $each.c -o $each.o || exit; done'
    status, text = tool("tune", "--candidates", "40", "--", "sh", "-c", script)
    assert status == 0
    assert "tuned: 2 modules" in text
    store = LocalStore(Path(environ["CLANG_LLM_CACHE_DIR"]))
    plans = [plan for key, _ in store.entries() if (plan := store.get(key)) is not None]
    assert [plan.provenance["backend"] for plan in plans] == ["tune", "tune"]
    assert [plan.budget for plan in plans] == [40, 40]
    status, text = tool("tune", "--candidates", "40", "--", "sh", "-c", script)
    assert status == 0
    assert text.startswith("nothing new was tuned: 2 modules were tuned before")


def test_explain_says_why_nothing_was_searched(tool: Tool, environ: Environ) -> None:
    environ["CLANG_LLM_MIN_INSTRUCTIONS"] = "1000000"
    status, said = tool("explain", "clang-llm", "-Oz", "-c", "a.c")
    assert status == 0
    assert "a test program of a configure script, and there is no plan for it (tiny)" in said


def test_explain_says_why_candidates_were_refused(tool: Tool, environ: Environ, tmp_path: Path) -> None:
    """Without optimisation frames have other sizes, of which -Wframe-larger-than tells."""
    (tmp_path / "script").write_text("globaldce\nmergefunc\n", encoding="utf-8")
    environ |= {"CLANG_LLM_BACKEND": "scripted", "CLANG_LLM_SCRIPT": str(tmp_path / "script")}
    _, said = tool("explain", "clang-llm", "-Oz", "-Wframe-larger-than=1", "-c", "a.c")
    assert "decision  plain -Oz: nothing smaller was found (best)" in said
    assert "refused   2 candidates: the user would not read what clang says under -Oz" in said
