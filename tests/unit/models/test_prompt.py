"""What LLM Compiler is asked, character by character, and how its answers are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clang_llm.models.prompt import MAX_ANSWER, Answer, Sizes, disassembly, emulation, flag_tuning, read_answer


def test_the_questions_have_the_layout_that_the_models_were_trained_on() -> None:
    assert flag_tuning("IR") == (
        "[INST] Tell me how to optimize this LLVM-IR for object file size:\n\n<code>IR</code> [/INST]"
    )
    assert disassembly("ASM") == "[INST] Disassemble this code to LLVM-IR:\n\n<code>ASM</code> [/INST]"
    tail = (
        " for the following code when optimized using opt -p 'module(default<Oz>)':\n\n<code>IR</code>\n\n"
        "The input code has instruction count 8 and binary size 65 bytes. [/INST]"
    )
    assert emulation("IR", "module(default<Oz>)", Sizes(8, 65)) == "[INST] Give the LLVM-IR" + tail
    assert emulation("IR", "module(default<Oz>)", Sizes(8, 65), "assembly") == "[INST] Give the assembly" + tail


@pytest.mark.parametrize(
    ("text", "pipeline"),
    [
        ("Run opt -p 'module(default<Oz>),function(mem2reg)' on it.", "module(default<Oz>),function(mem2reg)"),
        ("`opt -passes='function(sroa)' x.ll`", "function(sroa)"),
        ('opt -S --passes="globaldce"', "globaldce"),
        ("Use `opt -p module(default<Oz>)`.", "module(default<Oz>)"),
        ("opt -p `sroa,adce`", "sroa,adce"),
        ("opt -p 'nothing known', then opt -p 'dce'", "dce"),
        ("module(default<Oz>)", "module(default<Oz>)"),
        ("  'adce' ", "adce"),
        (
            "first sroa, then function(gvn<>,loop(indvars)),globaldce at the end",
            "function(gvn<>,loop(indvars)),globaldce",
        ),
        ("The best are sroa,early-cse<memssa>,instcombine.", "sroa,early-cse<memssa>,instcombine"),
        ("cgscc(devirt<4>(inline,function<eager-inv>(sroa", "cgscc(devirt<4>(inline,function<eager-inv>(sroa"),
        ("You should inline more and sink less.", None),
        ("The LLVM-IR cannot be made smaller.", None),
        ("", None),
    ],
)
def test_the_pass_list_is_found(text: str, pipeline: str | None) -> None:
    assert read_answer(text).pipeline == pipeline


def test_sizes_are_read_as_the_models_spell_them() -> None:
    text = "The LLVM-IR will have instruction count 12 and binary sise 345 bytes:\n\n<code>x</code>"
    assert read_answer(text) == Answer(None, (Sizes(12, 345),))
    both = "from instruction count 12 and binary size 345 bytes to instruction count 9 and binary sise 300 bytes"
    assert read_answer(both).sizes == (Sizes(12, 345), Sizes(9, 300))


def test_what_is_far_too_long_is_cut() -> None:
    assert read_answer("x " * MAX_ANSWER + "opt -p 'sroa'").pipeline is None
    assert read_answer("opt -p 'sroa'" + "<x" * MAX_ANSWER).pipeline == "sroa"


_PIECES = ["opt", " -p ", "-passes=", "'", '"', "`", "module", "function<eager-inv>", "(", ")", ",", "<", ">", "sroa"]
_PIECES += [
    "default<Oz>",
    "loop-mssa(licm)",
    " ",
    "\n",
    "instruction count 1 and binary sise 2 bytes",
    "²",
    "\ud800",
    "\0",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(_PIECES)).map("".join)))
def test_no_text_fails(text: str) -> None:
    answer = read_answer(text)
    assert answer.pipeline is None or answer.pipeline in text
