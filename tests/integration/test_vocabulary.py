"""The vocabulary against LLVM itself: what it allows parses, and what LLVM's pipelines run is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clang_llm import process, vocabulary
from clang_llm.backends.coreset import read_coreset
from clang_llm.backends.scripted import read_lists
from clang_llm.compiler import Compiler
from clang_llm.vocabulary import Entry

LEVELS = ("O1", "O2", "O3", "Os", "Oz")
#: In LLVM's default pipelines, but no transformations: remarks, warnings, verification, and analyses under way.
NOT_TRANSFORMATIONS = {
    "annotation2metadata",
    "annotation-remarks",
    "transform-warning",
    "recompute-globalsaa",
    "require",
    "invalidate",
    "verify",
}
#: What surrounds each kind of pass at module level.
AROUND = {
    "module": "{}",
    "cgscc": "cgscc({})",
    "function": "function({})",
    "loop": "function(loop({}))",
    "loop-mssa": "function(loop-mssa({}))",
}
MODULE = """
define i32 @f(ptr %p) {
entry:
  br label %loop
loop:
  %i = phi i32 [ 0, %entry ], [ %next, %loop ]
  %next = add i32 %i, 1
  %again = icmp slt i32 %next, 10
  br i1 %again, label %loop, label %done
done:
  ret i32 %next
}
"""


def opt(compiler: Compiler, pipeline: str, source: Path, *options: str) -> process.Completed:
    program = compiler.tool("opt")
    if not program.is_file():
        pytest.skip(f"{program} is not installed")
    return process.run([program, f"-passes={pipeline}", "-disable-output", *options, source], timeout_s=60)


@pytest.fixture
def module(tmp_path: Path, each_compiler: Compiler) -> Path:
    """A module with a loop; LLVM 14 and 15 write pointers with their type."""
    path = tmp_path / "module.ll"
    path.write_text(MODULE if each_compiler.major >= 16 else MODULE.replace("ptr", "i8*"))
    return path


def spellings(entry: Entry) -> list[str]:
    """Return the pass alone and with each parameter, as it may be used."""
    tokens = [token.replace("#", "3") for token in entry.tokens]
    if entry.name == vocabulary.WHOLE_PIPELINE:
        return [f"{entry.name}<{token}>" for token in tokens]
    uses = [list(entry.required)] + [sorted({*entry.required, token}) for token in tokens]
    return [f"{entry.name}<{';'.join(use)}>" if use else entry.name for use in uses]


def test_all_that_is_allowed_parses_and_runs(each_compiler: Compiler, module: Path) -> None:
    entries = vocabulary.load(each_compiler.major).entries.values()
    texts = [AROUND[entry.kind].format(text) for entry in entries for text in spellings(entry)]
    assert len(texts) > 100
    done = opt(each_compiler, ",".join(texts), module)
    if done.ok:
        return
    refused = {text: opt(each_compiler, text, module).stderr.decode()[:200] for text in texts}
    assert not {text: problem for text, problem in refused.items() if problem}


def test_what_the_default_pipelines_run_is_in_the_vocabulary(each_compiler: Compiler, module: Path) -> None:
    ours = vocabulary.load(each_compiler.major)
    seen: set[str] = set()
    for level in LEVELS:
        text = opt(each_compiler, f"default<{level}>", module, "-print-pipeline-passes").stdout.decode()
        assert "simplifycfg" in text
        for name, params, opening in re.findall(r"([a-z][a-z0-9-]*)(<(?:[^<>]|<[^<>]*>)*>)?(\()?", _leaves_only(text)):
            if opening or name in NOT_TRANSFORMATIONS or name in ours.withheld:
                continue
            seen.add(name)
            tokens = [token for token in params[1:-1].split(";") if token]
            problem = ours.problem(name, tokens)
            if "needs the parameter" not in (problem or ""):
                assert problem is None
    assert len(seen) > 50
    promised = {name for name, entry in ours.entries.items() if entry.origin == "pipeline"}
    # `default` is the pipeline itself; mergefunc and the like are asked for by clang options.
    assert promised - seen <= {"default", "alloc-token", "always-inline", *_CONDITIONAL}


#: Parts of the default pipelines that are printed only for some levels, targets or versions.
_CONDITIONAL = {"ee-instrument", "constraint-elimination", "chr"}


def _leaves_only(text: str) -> str:
    """Remove the adaptors of LLVM that our lists do not know."""
    return re.sub(r"devirt<\d+>|function<[a-z;-]*>|cgscc<[a-z;-]*>", "module", text)


def test_no_pass_that_is_withheld_from_a_version_exists_there(each_compiler: Compiler, module: Path) -> None:
    lines = [line.split() for line in vocabulary.SOURCE.read_text().splitlines() if line and not line.startswith("#")]
    withheld = vocabulary.load(each_compiler.major).withheld
    kinds = {line[0]: line[1] for line in lines if line[0] in withheld and line[3] != "excluded"}
    existing = [name for name, kind in kinds.items() if opt(each_compiler, AROUND[kind].format(name), module).ok]
    assert not existing


def test_the_shipped_lists_parse(each_compiler: Compiler, module: Path) -> None:
    lists = read_coreset(each_compiler.major).lists
    assert lists
    for passes in lists:
        passes.check(vocabulary.load(each_compiler.major))
        done = opt(each_compiler, passes.text, module, "-verify-each")
        assert done.ok, (passes.text, done.stderr)


def test_plain_instcombine_is_what_the_vocabulary_says_it_is(each_compiler: Compiler, tmp_path: Path) -> None:
    """The reason for the required parameter: some code makes plain instcombine abort from LLVM 18 on."""
    required = vocabulary.load(each_compiler.major).entries["instcombine"].required
    assert required == (("no-verify-fixpoint",) if each_compiler.major >= 18 else ())
    help_text = process.run([each_compiler.tool("opt"), "--print-passes"], timeout_s=60).output
    assert ("no-verify-fixpoint" in help_text) == (each_compiler.major >= 18)
    del tmp_path


def test_starter_lists_run(shared: Path, each_compiler: Compiler, module: Path) -> None:
    for passes in read_lists(shared / "data" / "starter_lists.txt"):
        assert opt(each_compiler, passes.for_llvm(each_compiler.major).text, module).ok
