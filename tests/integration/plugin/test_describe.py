"""What models read of a module, on every supported LLVM: one text for each function that a head leaves defined."""

from __future__ import annotations

import pytest
from integration.plugin.test_recipes import Box, box

from clang_llm.system import process

__all__ = ["box"]

SOURCE = """
extern int other(int);
static int used(int x) { return other(x) * 3; }
int twice(int x) { return used(x) + used(x + 1000); }
long length(const char *s) { long n = 0; while (s[n]) n++; return n; }
double half(double x) { return x / 2; }
"""
HEAD = "globaldce,function(mem2reg)"


def test_functions_come_as_text_in_the_order_of_their_sizes(box: Box) -> None:
    source = box.source(SOURCE)
    with box.open(source) as evaluator:
        texts = evaluator.describe(HEAD)
        assert texts == evaluator.describe(HEAD)
        before = evaluator.describe("always-inline")
    heads = [text.splitlines()[0] for text in texts]
    assert [head.split()[-1] for head in heads] == ["i32", "i32", "p", "d"]
    assert [head.split()[0] for head in heads] == ["global", "local", "global", "global"]
    twice, used, length, half = texts
    assert "call.i32 f a;" in twice
    assert "add.i32 aC;" in twice
    assert "call.i32 f a;mul.i32 vc;ret. v;" in used
    assert "phi.i64" in length
    assert any(line.endswith("<") for line in length.splitlines())
    assert "fdiv.d az;" in half or "fmul.d az;" in half
    assert len(before) == 4
    assert sum("alloca.i32 1;" in text for text in before) == 2


def test_neither_names_nor_numbers_are_told(box: Box) -> None:
    with box.open(box.source(SOURCE)) as evaluator:
        texts = evaluator.describe(HEAD)
    renamed = SOURCE.replace("twice", "double_it").replace("other", "elsewhere").replace("1000", "2000")
    with box.open(box.source(renamed)) as evaluator:
        assert evaluator.describe(HEAD) == texts


@pytest.mark.parametrize("head", ["no-such-pass", "function(structurizecfg)", "globaldce,,"])
def test_a_head_that_is_refused_gives_nothing_and_the_clang_goes_on(box: Box, head: str) -> None:
    with box.open(box.source(SOURCE)) as evaluator:
        assert evaluator.describe(head) == []
        assert len(evaluator.describe(HEAD)) == 4


@pytest.mark.parametrize("words", [("-g",), ("-g", "-std=c99"), ()])
def test_a_module_that_is_sent_can_be_compiled(box: Box, words: tuple[str, ...]) -> None:
    """Loops tell where they begin and end in the source; taking that away must leave something that passes can read."""
    source = box.source("int f(int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }\n")
    with box.open(*words, source) as evaluator:
        assert evaluator.request.reader is not None
        module = evaluator.request.reader.module()
    (box.root / "module.bc").write_bytes(module.bitcode)
    options = [*module.options, "-x", "ir", "module.bc", "-emit-obj", "-o", "again.o"]
    done = process.run([str(box.compiler.real), "-cc1", *options], cwd=box.root)
    assert done.ok, done.stderr
    assert (box.root / "again.o").stat().st_size > 0
