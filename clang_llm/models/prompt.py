"""What LLM Compiler's fine-tuned models (FTD) are asked, character by character, and how their answers are read.

The models were trained on these very layouts: a space stands before ``[/INST]``, ``<code>`` touches what it holds. The
format of an answer is not specified anywhere, so reading is lenient and never fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from clang_llm.plans.vocabulary import ADAPTORS, Level, load

#: Characters of an answer that are read: ten times what the 800 tokens of one hold.
MAX_ANSWER = 64 * 1024
#: Elements of LLVM's pipelines that are no passes of the vocabulary: they may stand in an answer all the same.
STRUCTURE = frozenset({*ADAPTORS, "coro-cond", "devirt", "invalidate", "repeat", "require", "verify"})

#: A name with its parameters, which may hold an analysis with parameters of its own (`require<x<y>>`).
ELEMENT = re.compile(r"([a-z][a-z0-9-]*)(<(?:[^<>]|<[^<>]*>)*>)?")

_OPTION = r"\bopt\b[^\n'\"`]{0,200}?\s--?p(?:asses)?(?:=|\s)\s*"
_QUOTED = re.compile(_OPTION + r"(['\"`])(.{1,16384}?)\1", re.DOTALL)
_BARE = re.compile(_OPTION + r"([a-z][^\s'\"`]*)")
_BETWEEN = re.compile(r"[\s,()]*")
_SIZES = re.compile(r"instruction count (\d{1,18}) and binary si[sz]e (\d{1,18}) bytes")


@dataclass(frozen=True)
class Sizes:
    """What a model believes of a module.

    Attributes:
        instructions: IR instructions.
        binary: Bytes of .text and .data after lowering.
    """

    instructions: int
    binary: int


@dataclass(frozen=True)
class Answer:
    """An answer, read.

    Attributes:
        pipeline: The pass list as the model wrote it, for LLVM 17; None when there is none.
        sizes: Every pair of sizes that it names, in order.
    """

    pipeline: str | None
    sizes: tuple[Sizes, ...] = ()


def flag_tuning(ir: str) -> str:
    """Ask for the pass list that makes the smallest object.

    Args:
        ir: Unoptimised IR as text.
    """
    return f"[INST] Tell me how to optimize this LLVM-IR for object file size:\n\n<code>{ir}</code> [/INST]"


def disassembly(assembly: str) -> str:
    """Ask for the IR of assembly."""
    return f"[INST] Disassemble this code to LLVM-IR:\n\n<code>{assembly}</code> [/INST]"


def emulation(ir: str, passes: str, sizes: Sizes, wanted: str = "LLVM-IR") -> str:
    """Ask for what some passes make of IR.

    Args:
        ir: Unoptimised IR as text.
        passes: Pipeline such as ``module(default<Oz>)``.
        sizes: Of the IR.
        wanted: "LLVM-IR" or "assembly".
    """
    return (
        f"[INST] Give the {wanted} for the following code when optimized using opt -p '{passes}':\n\n"
        f"<code>{ir}</code>\n\n"
        f"The input code has instruction count {sizes.instructions} and binary size {sizes.binary} bytes. [/INST]"
    )


def read_answer(text: str) -> Answer:
    """Read an answer to `flag_tuning`; never fails.

    The pass list is what stands quoted, or up to the next space, after ``opt -p``; else the longest run of names that
    some LLVM has passes for.

    Args:
        text: What the model said, without the prompt.
    """
    text = text[:MAX_ANSWER]
    sizes = tuple(Sizes(int(count), int(size)) for count, size in _SIZES.findall(text))
    for pattern, group in ((_QUOTED, 2), (_BARE, 1)):
        for match in pattern.finditer(text):
            if any(name in _passes() for name, _ in ELEMENT.findall(match[group])):
                return Answer(match[group].strip(), sizes)
    return Answer(max(_runs(text), key=len, default=None), sizes)


@cache
def _passes() -> frozenset[str]:
    """Names that some LLVM has passes for."""
    newest = load(99, Level.UNSAFE)
    return frozenset(newest.entries) | newest.withheld


def _runs(text: str) -> Iterator[str]:
    """Yield runs of passes with nothing but commas and parentheses between them.

    Many passes are called by English words, so one alone counts only when nothing else is said.
    """
    begin = end = count = 0
    for match in ELEMENT.finditer(text):
        if match.start() and (text[match.start() - 1].isalnum() or text[match.start() - 1] in "_-"):
            continue  # the tail of a word that is no name
        between = _BETWEEN.fullmatch(text, end, match.start())
        known = match[1] in _passes() or match[1] in STRUCTURE
        if not (known and count and between and between[0].strip()):
            yield from _run(text, begin, end, count)
            begin, count = match.start(), 0
        end, count = match.end(), count + known
    yield from _run(text, begin, end, count)


def _run(text: str, begin: int, end: int, count: int) -> Iterator[str]:
    """Yield one run, with the parentheses that close it."""
    found = text[begin:end]
    closing = re.match(r"[\s)]*\)", text[end:]) if "(" in found else None
    if count > 1 or (count == 1 and text.strip(" \t\r\n.'\"`") == found):
        yield found + (closing[0] if closing else "")
