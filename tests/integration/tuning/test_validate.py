"""PassListEval with real compilers: what it accepts, what it catches, and that it judges what users would get."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin
from clang_llm.tuning import acceptance, command
from clang_llm.tuning.batches import Prepared, link_batch, prepare_programs, run_batch
from clang_llm.tuning.building import cxx_of
from clang_llm.tuning.engines import OptEngine, PluginEngine
from clang_llm.tuning.programs import ProgramSet, driver_source, load_programs, with_suite
from clang_llm.tuning.suite import SuiteProgram, load_suite
from clang_llm.tuning.validate import Options, read_lists, try_list, validate

# Each is right at -O0 and at -Oz, and has something that a bad list breaks.
PROGRAMS = {
    # Exceptions that are caught: the run-time part of the language that invokes stand for.
    1: """#include<stdexcept>
int risky(int x) { if (x > 2) throw std::runtime_error("large"); return x; }
int guarded(int x) { try { return risky(x); } catch (const std::exception &) { return -1; } }
int main(){ assert(guarded(1) == 1); assert(guarded(3) == -1); }
""",
    # Templates of the library, output, a loop.
    2: """#include<vector>
#include<string>
#include<stdio.h>
using namespace std;
string join(const vector<string> &words){ string out; for (auto &w : words) { out += w; out += ','; } return out; }
int main(){ puts(join({"a", "bc"}).c_str()); assert(join({"x", "y"}) == "x,y,"); }
""",
    # A function of a name that the other programs have, too.
    3: """#include<map>
int guarded(int x) { std::map<int, int> m; for (int i = 0; i < x; ++i) m[i % 3] += i; return m[1]; }
int main(){ assert(guarded(9) == 12); }
""",
}
NO_JUDGES = {
    4: "int main(){ assert(1 == 2); }\n",
    5: "int main(){ return undeclared; }\n",
}

BAD = {
    "lower-invoke loses exceptions": ("always-inline,function(lower-invoke)", "p001", "signal"),
    "internalize hides the entries": ("internalize,globaldce,default<Oz>", "batch b0", "link: .*undefined"),
    "a function without its interface": ("always-inline,metarenamer", "batch b0", "link: .*undefined"),
    "no such pass": ("function(no-such-pass)", "batch b0", "compiler failed"),
}


def write(path: Path, programs: dict[int, str]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for number, text in programs.items():
            row = {
                "task_id": f"CPP/{number}",
                "prompt": "",
                "canonical_solution": "",
                "test": "#include<assert.h>\n" + text,
            }
            file.write(json.dumps(row) + "\n")
    return path


@pytest.fixture
def prepare(builds: Path, tmp_path: Path) -> Callable[[Compiler], Prepared]:
    """Makes the batches for a compiler, once for all tests and workers: they lie beside the plugins."""

    def prepared(compiler: Compiler) -> Prepared:
        programs = load_programs(write(tmp_path / "programs.gz", PROGRAMS | NO_JUDGES))
        return prepare_programs(compiler, programs, builds, os.environ)

    return prepared


def opt_engine(compiler: Compiler) -> OptEngine:
    try:
        return OptEngine.find(compiler)
    except ToolchainError as error:
        pytest.skip(str(error))


def test_programs_that_fail_by_themselves_are_no_judges(
    a_compiler: Compiler, prepare: Callable[[Compiler], Prepared]
) -> None:
    prepared = prepare(a_compiler)
    assert prepared.programs == len(PROGRAMS)
    assert prepared.excluded["p004"].startswith("fails without us: signal 6")
    assert prepared.excluded["p005"] == "does not compile"


def test_preparing_again_takes_what_is_there(a_compiler: Compiler, prepare: Callable[[Compiler], Prepared]) -> None:
    first = prepare(a_compiler)
    times = [batch.bitcode.stat().st_mtime_ns for batch in first.batches]
    assert prepare(a_compiler) == first
    assert [batch.bitcode.stat().st_mtime_ns for batch in first.batches] == times


def test_the_default_pipeline_is_accepted_everywhere(
    each_compiler: Compiler, prepare: Callable[[Compiler], Prepared]
) -> None:
    verdict = try_list(prepare(each_compiler), "default<Oz>", opt_engine(each_compiler), os.environ)
    assert verdict.accepted, verdict
    assert verdict.programs == len(PROGRAMS)


@pytest.mark.parametrize(("pipeline", "program", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_lists_are_caught(
    a_compiler: Compiler, prepare: Callable[[Compiler], Prepared], pipeline: str, program: str, reason: str
) -> None:
    verdict = try_list(prepare(a_compiler), pipeline, opt_engine(a_compiler), os.environ)
    assert not verdict.accepted
    # Programs are dealt to batches by turns: which batch fails first depends on their number only.
    assert verdict.program == program
    assert re.search(reason, verdict.reason)


def test_an_endless_program_is_ended(a_compiler: Compiler, tmp_path: Path) -> None:
    (tmp_path / "d.c").write_text(driver_source(["p001"]))
    (tmp_path / "p.c").write_text("int run_p001(void) { for (volatile int go = 1; go;) {} return 0; }\n")
    executable = tmp_path / "run"
    subprocess.run([a_compiler.path, tmp_path / "d.c", tmp_path / "p.c", "-o", executable], check=True)
    done = subprocess.run([executable, "1", "20"], check=True, capture_output=True, text=True)
    assert re.fullmatch(r"p001 signal (9|24) [0-9a-f]{16}\n", done.stdout)


def test_the_driver_stops_after_a_failure_when_told(a_compiler: Compiler, tmp_path: Path) -> None:
    (tmp_path / "d.c").write_text(driver_source(["a", "b"]))
    (tmp_path / "p.c").write_text("int run_a(void) { return 1; }\nint run_b(void) { return 0; }\n")
    executable = tmp_path / "run"
    subprocess.run([a_compiler.path, tmp_path / "d.c", tmp_path / "p.c", "-o", executable], check=True)
    assert set(run_batch(executable, os.environ)) == {"a"}
    assert set(run_batch(executable, os.environ, to_the_end=True)) == {"a", "b"}


@pytest.fixture
def plugin(each_compiler: Compiler, builds: Path) -> PluginEngine:
    try:
        return PluginEngine(each_compiler, build_plugin(each_compiler, builds).stub)
    except ToolchainError as error:
        pytest.skip(str(error))


LIST = "function(sroa,early-cse),cgscc(inline),function(simplifycfg),globaldce"


def test_the_plugin_applies_lists_and_refuses_others(
    plugin: PluginEngine, prepare: Callable[[Compiler], Prepared]
) -> None:
    prepared = prepare(plugin.compiler)
    plugin.check(os.environ)
    assert try_list(prepared, LIST, plugin, os.environ).accepted
    refused = try_list(prepared, "internalize,globaldce", plugin, os.environ)
    assert not refused.accepted
    assert "refused" in refused.reason


def test_bitcode_gives_what_the_source_gives(
    plugin: PluginEngine, prepare: Callable[[Compiler], Prepared], tmp_path: Path
) -> None:
    """The verdicts are about objects made from -Oz bitcode; users compile sources. They have to be the same objects."""
    batch = prepare(plugin.compiler).batches[0]
    source = batch.bitcode.with_suffix(".cpp")
    objects = tmp_path / "bitcode.o", tmp_path / "source.o"
    assert plugin.compile(batch.bitcode, LIST, objects[0], os.environ) is None
    argv = [
        str(cxx_of(plugin.compiler)),
        f"-fpass-plugin={plugin.stub}",
        "-Oz",
        "-w",
        "-c",
        source.name,
        "-o",
        str(objects[1]),
    ]
    subprocess.run(argv, cwd=source.parent, env={**os.environ, "_CLANG_LLM_APPLY": LIST}, check=True)
    assert objects[0].read_bytes() == objects[1].read_bytes()


def test_a_plugin_that_steps_aside_is_noticed(a_compiler: Compiler, builds: Path, tmp_path: Path) -> None:
    built = build_plugin(a_compiler, builds)
    for name in ("stub.so", "plugin.so", "helper"):
        (tmp_path / name).write_bytes((built.directory / name).read_bytes())
    (tmp_path / "identity").write_text("exe 1 1 /nowhere\n")
    with pytest.raises(ToolchainError, match="does nothing"):
        PluginEngine(a_compiler, tmp_path / "stub.so").check(os.environ)


def test_a_batch_that_lacks_a_symbol_does_not_link(a_compiler: Compiler, tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("void gone(void); int main(void) { gone(); return 0; }\n")
    subprocess.run([a_compiler.path, "-c", source, "-o", tmp_path / "a.o"], check=True)
    message = link_batch(cxx_of(a_compiler), [tmp_path / "a.o"], tmp_path / "a", os.environ)
    assert message is not None
    assert "undefined" in message
    assert "gone" in message


def test_verdicts_are_remembered_and_reported(a_compiler: Compiler, tmp_path: Path) -> None:
    programs = load_programs(write(tmp_path / "programs.gz", PROGRAMS))
    options = Options(tmp_path / "cache", engine="opt")
    lists = ["default<Oz>", "function(no-such-pass)", "default<Oz>"]
    opt_engine(a_compiler)
    seen: list[tuple[int, int, str]] = []
    outcome = validate(lists, a_compiler, programs, options, os.environ, lambda *step: seen.append(step))
    assert [verdict.accepted for verdict in outcome.verdicts] == [True, False, True]
    assert [step[:2] for step in seen] == [(1, 2), (2, 2)]
    files = sorted((tmp_path / "cache" / "verdicts").iterdir())
    assert len(files) == 2
    times = [path.stat().st_mtime_ns for path in files]
    assert validate(lists, a_compiler, programs, options, os.environ) == outcome
    assert [path.stat().st_mtime_ns for path in files] == times
    report = command.report_lines(outcome)
    assert "2 of 3 lists accepted (3 programs, 0 left out)" in report[0]
    assert report[1].startswith("  list 2: batch b0: compiler failed")


def test_the_command_tells_why_it_cannot_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "lists"
    lists.write_text("globaldce\n")
    status = command.main([str(lists), "--programs", str(tmp_path / "none")], dict(os.environ))
    assert status == 13
    assert "--programs" in capsys.readouterr().err


def test_the_published_programs_can_all_serve(shared: Path, a_compiler: Compiler, tmp_path: Path) -> None:
    programs = load_programs(shared / "data" / "humaneval_x_cpp.jsonl.gz")
    prepared = prepare_programs(a_compiler, programs, tmp_path, os.environ)
    assert prepared.programs == 161
    assert {reason.partition(" ")[0] for reason in prepared.excluded.values()} == {"needs"}


C_PROGRAM = """#include <stdio.h>
static int helper(int x) { return x * SCALE; }
int EXTERNAL(int x) { return helper(x) + 1; }
int main(void) { printf("%d\\n", EXTERNAL(3)); return 0; }
"""
COROUTINE = """#include <coroutine>
namespace again {
struct task {
  struct promise_type {
    task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
int ran;
task go() { ++ran; co_return; }
}
int main() { again::go(); return again::ran != 1; }
"""


def small_suite(place: Path, **texts: str) -> ProgramSet:
    """A set of programs of the suite's kind: name of the file with ``_`` for the dot → text."""
    for name, text in texts.items():
        (place / name.replace("_", ".")).write_text(text)
    suite = load_suite(place)
    return ProgramSet((), {}, suite.digest, suite)


def c_program(scale: int, name: str) -> str:
    return C_PROGRAM.replace("SCALE", str(scale)).replace("EXTERNAL", name)


def test_programs_of_the_suite_share_a_module(a_compiler: Compiler, tmp_path: Path) -> None:
    """Static names may be the same; each program goes on calling its own."""
    broken = "int main(void) { return undeclared; }\n"
    programs = small_suite(tmp_path, a_c=c_program(2, "f"), b_c=c_program(5, "g"), c_c=broken, d_cpp=COROUTINE)
    prepared = prepare_programs(a_compiler, programs, tmp_path / "cache", os.environ)
    assert [batch.bitcode.stem for batch in prepared.batches] == ["c", "coroutines"]
    assert set(prepared.batches[0].expected) == {"a", "b"}
    assert prepared.batches[0].expected["a"] != prepared.batches[0].expected["b"]
    assert prepared.excluded["c"].startswith("does not compile: ")
    for pipeline in ("default<Oz>", "globaldce"):
        verdict = try_list(prepared, pipeline, opt_engine(a_compiler), os.environ)
        assert verdict.accepted, verdict


def test_programs_that_define_one_name_twice_are_refused(a_compiler: Compiler, tmp_path: Path) -> None:
    programs = small_suite(tmp_path, a_c=c_program(2, "f"), b_c=c_program(5, "f"))
    with pytest.raises(ToolchainError, match="cannot link the programs"):
        prepare_programs(a_compiler, programs, tmp_path / "cache", os.environ)


def test_without_the_published_programs_our_own_are_used(
    a_compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opt_engine(a_compiler)
    (tmp_path / "lists").write_text("globaldce\n")
    programs = small_suite(tmp_path, a_c=c_program(2, "f"))
    monkeypatch.setattr(acceptance, "PUBLISHED", tmp_path / "none")
    monkeypatch.setattr(acceptance, "with_suite", lambda _: programs)
    argv = [str(tmp_path / "lists"), "--engine", "opt", "--clang", a_compiler.path.name]
    status = command.main(argv, {**os.environ, "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache")})
    said = capsys.readouterr()
    assert status == 0
    assert "1 of 1 lists accepted (1 programs, 0 left out)" in said.out
    assert "our own programs alone" in said.err


# What follows builds the whole suite, which takes about a minute.
KNOWN_BAD = Path(__file__).resolve().parents[2] / "data" / "known_bad_lists.txt"


@pytest.mark.projects
@pytest.mark.timeout(1800)  # seconds: the whole suite is compiled three times
def test_the_whole_suite_can_serve(each_compiler: Compiler, tmp_path: Path) -> None:
    programs = with_suite(None)
    assert programs.suite is not None
    prepared = prepare_programs(each_compiler, programs, tmp_path, os.environ)
    assert prepared.excluded == {}
    assert prepared.programs == len(programs.suite.programs)


@pytest.mark.projects
@pytest.mark.timeout(1800)  # seconds: the same, and every list
def test_known_bad_lists_are_rejected_in_full(compilers: dict[int, Compiler], tmp_path: Path) -> None:
    """Minimised results of a search with the opt engine, which asks no vocabulary; found on LLVM 19."""
    if 19 not in compilers:
        pytest.skip("clang 19 is not installed")
    engine = opt_engine(compilers[19])
    prepared = prepare_programs(compilers[19], with_suite(None), tmp_path, os.environ)
    lists = read_lists(KNOWN_BAD)
    assert len(set(lists)) >= 20
    accepted = [pipeline for pipeline in lists if try_list(prepared, pipeline, engine, os.environ).accepted]
    assert not accepted


def sanitized(compiler: Compiler, program: SuiteProgram, place: Path) -> str:
    """Build one program with sanitizers and run it; returns what is wrong."""
    driver = cxx_of(compiler) if program.path.suffix == ".cpp" else compiler.path
    standard = "-std=c++20" if program.path.suffix == ".cpp" else "-std=gnu11"
    sanitizers = ["-fsanitize=undefined,address", "-fno-sanitize-recover=all"]
    argv = [str(driver), standard, "-w", "-g1", "-O1", *sanitizers, str(program.path), "-lm", "-pthread"]
    built = subprocess.run([*argv, "-o", str(place / program.name)], capture_output=True, text=True, check=False)
    if built.returncode:
        return built.stderr
    ran = subprocess.run([str(place / program.name)], capture_output=True, text=True, errors="replace", check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


@pytest.mark.projects
@pytest.mark.timeout(1800)  # seconds: the whole suite is compiled once, with sanitizers
def test_programs_of_the_suite_have_no_undefined_behaviour(a_compiler: Compiler, tmp_path: Path) -> None:
    suite = load_suite()
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    argv = [str(a_compiler.path), "-fsanitize=undefined,address", str(probe), "-o", str(tmp_path / "probe")]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip(f"the sanitizers of clang {a_compiler.major} are not installed")
    wrong = {each.name: text for each in suite.programs if (text := sanitized(a_compiler, each, tmp_path))}
    assert not wrong
