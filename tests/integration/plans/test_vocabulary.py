"""The vocabulary against LLVM itself: what it allows parses and runs, and what LLVM has is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.lab.shipping.dry_run import failing, module_for
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.passlist import PassList
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.vocabulary import CODEGEN, SOURCE, Level, Vocabulary, load
from clang_llm.system import process
from clang_llm.toolchain.compiler import Compiler
from clang_llm.tuning import passes
from clang_llm.tuning.validate import read_lists

#: What surrounds each kind of pass at module level.
AROUND = {
    "module": "{}",
    "cgscc": "cgscc({})",
    "function": "function({})",
    "loop": "function(loop({}))",
    "loop-mssa": "function(loop-mssa({}))",
}


def opt(compiler: Compiler, pipeline: str, source: Path, *options: str) -> process.Completed:
    program = compiler.tool("opt")
    if not program.is_file():
        pytest.skip(f"{program} is not installed")
    return process.run([program, f"-passes={pipeline}", "-disable-output", *options, source], timeout_s=60)


@pytest.fixture
def module(tmp_path: Path, each_compiler: Compiler) -> Path:
    """A module with a loop."""
    path = tmp_path / "module.ll"
    path.write_text(module_for(each_compiler.major))
    return path


def run_all(compiler: Compiler, texts: list[str], module: Path) -> None:
    """Run all in one list; where that fails, say which do not run."""
    if not opt(compiler, ",".join(texts), module).ok:
        refused = {text: opt(compiler, text, module).stderr.decode()[:200] for text in texts}
        assert not {text: problem for text, problem in refused.items() if problem}


def test_all_that_is_allowed_parses_and_runs(each_compiler: Compiler, module: Path) -> None:
    entries = load(each_compiler.major).entries.values()
    texts = [text for entry in entries for text in passes.spellings(entry)]
    assert len(texts) > 100
    run_all(each_compiler, texts, module)


def test_all_variants_run(each_compiler: Compiler, module: Path) -> None:
    vocabulary = load(each_compiler.major)
    texts = [
        AROUND[entry.kind].format(text)
        for entry in vocabulary.entries.values()
        if entry.name != CODEGEN  # which is not opt's
        for text in vocabulary.variants(entry.name)
    ]
    run_all(each_compiler, texts, module)


def facts_of(compiler: Compiler) -> tuple[Vocabulary, passes.Facts]:
    if not compiler.tool("opt").is_file():
        pytest.skip(f"{compiler.tool('opt')} is not installed")
    vocabulary = load(compiler.major, Level.UNSAFE)
    return vocabulary, passes.ask(compiler, vocabulary, load(compiler.major))


def test_the_data_and_llvm_agree(each_compiler: Compiler) -> None:
    vocabulary, facts = facts_of(each_compiler)
    assert len(facts.listed) > 200
    assert len(facts.run) > 50
    assert passes.compare(vocabulary, facts) == []


def test_the_command_says_where_they_do_not(
    a_compiler: Compiler, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without = {name: entry for name, entry in load(a_compiler.major, Level.UNSAFE).entries.items() if name != "adce"}
    facts_of(a_compiler)
    assert passes.main(["--clang", str(a_compiler.path)], {}) == 0
    assert "left out, printers: " in capsys.readouterr().out
    monkeypatch.setattr(passes, "load", lambda major, *_: Vocabulary(major, without, frozenset()))
    assert passes.main(["--clang", str(a_compiler.path)], {}) == 1
    said = capsys.readouterr().out
    assert "adce: not in the data" in said
    assert f"to review: adce function {a_compiler.major}- production pipeline" in said


def test_no_pass_that_is_withheld_from_a_version_exists_there(each_compiler: Compiler, module: Path) -> None:
    lines = [line.split() for line in SOURCE.read_text().splitlines() if line and not line.startswith("#")]
    # A pass that exists and is unsafe here is in the data of this version.
    absent = load(each_compiler.major).withheld - load(each_compiler.major, Level.UNSAFE).entries.keys()
    kinds = {line[0]: line[1] for line in lines if line[0] in absent}
    existing = [name for name, kind in kinds.items() if opt(each_compiler, AROUND[kind].format(name), module).ok]
    assert not existing


def test_the_shipped_lists_parse_and_run(each_compiler: Compiler) -> None:
    if not each_compiler.tool("opt").is_file():
        pytest.skip(f"there is no opt beside {each_compiler.path}")
    lists = read_coreset(each_compiler.major).lists
    assert lists
    for each in lists:
        each.check(load(each_compiler.major))
    assert failing(each_compiler, lists) == {}


def test_what_opt_does_not_run_is_told(each_compiler: Compiler) -> None:
    if not each_compiler.tool("opt").is_file():
        pytest.skip(f"there is no opt beside {each_compiler.path}")
    good, bad = Recipe("globalopt", ("sroa",)), Recipe("globalopt", ("no-such-pass",))
    told = failing(each_compiler, [good, bad])
    assert list(told) == [bad]
    assert "no-such-pass" in told[bad]


def test_plain_instcombine_is_what_the_vocabulary_says_it_is(each_compiler: Compiler) -> None:
    """The reason for the required parameter: some code makes plain instcombine abort from LLVM 18 on."""
    required = load(each_compiler.major).entries["instcombine"].required
    assert required == (("no-verify-fixpoint",) if each_compiler.major >= 18 else ())
    help_text = process.run([each_compiler.tool("opt"), "--print-passes"], timeout_s=60).output
    assert ("no-verify-fixpoint" in help_text) == (each_compiler.major >= 18)


def test_starter_lists_run(shared: Path, each_compiler: Compiler, module: Path) -> None:
    for text in read_lists(shared / "data" / "starter_lists.txt"):
        assert opt(each_compiler, PassList.parse(text).for_llvm(each_compiler.major).text, module).ok
