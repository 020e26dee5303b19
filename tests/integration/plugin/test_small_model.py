"""What the plugin computes of the small model: the same bits however it is built and wherever it runs."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from integration.plugin.small_model import COUNT, GOLDEN, build, questions
from integration.plugin_support import compiler_of

from clang_llm.system import process
from clang_llm.tuning.targets import TARGETS, Builder

TEXTS: list[str] = json.loads(GOLDEN.read_text(encoding="ascii"))["texts"]
ANSWERS: list[str] = json.loads(GOLDEN.read_text(encoding="ascii"))["answers"]
RENEW = "a model that was trained anew needs `PYTHONPATH=tests:. python -m integration.plugin.small_model`"

#: Compilers as the plugin is built with them, and ways to break what is not written down to the last operation.
HERE = {
    "llvm-19": (19, ("-O2",)),
    "llvm-19-unoptimised": (19, ("-O0",)),
    "llvm-19-native": (19, ("-O3", "-march=native")),
    "llvm-14": (14, ("-O2",)),
    "llvm-14-native": (14, ("-O3", "-march=native")),
    "gcc": (0, ("-O2", "-Wno-psabi")),
}
#: Other machines; those of the last two contract where they may.
ELSEWHERE = {"i386": "i686", "aarch64": "aarch64", "arm": "armv7l", "riscv64": "riscv64"}


def compiler_words(major: int) -> list[str | Path]:
    if major == 0:
        if not shutil.which("g++"):
            pytest.skip("g++ is not installed")
        return ["g++"]
    compiler = compiler_of(major)
    if compiler is None:
        pytest.skip(f"clang {major} is not installed")
    return [compiler.path, "--driver-mode=g++"]


def said(argv: Sequence[str | Path]) -> list[str]:
    done = process.run(argv, timeout_s=600)
    assert done.ok, done.stderr
    return done.output.splitlines()


@pytest.mark.parametrize("way", HERE)
def test_the_answers_are_the_same_bits_however_it_is_compiled(way: str, tmp_path: Path) -> None:
    major, options = HERE[way]
    built = build(compiler_words(major), options, tmp_path / "driver")
    assert built.ok, built.stderr
    asked = questions(tmp_path, TEXTS)
    assert len(ANSWERS) == len(TEXTS) > 10
    assert said([tmp_path / "driver", asked]) == ANSWERS, RENEW
    assert said([tmp_path / "driver", asked, "plain"]) == ANSWERS


# Two emulated machines, of 32 and of 64 bits, and the native one of 32 are in the gate; the last takes a minute.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.projects if name == "riscv64" else []) for name in ELSEWHERE]
)
def test_the_answers_are_the_same_bits_on_other_machines(name: str, tmp_path: Path) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("other machines are emulated on x86-64 only")
    target, compiler = TARGETS[name], compiler_of(19)
    if compiler is None:
        pytest.skip("clang 19 is not installed")
    missing = Builder(target, compiler, {"PATH": os.environ["PATH"]}).why_not(".cpp")
    if missing:
        pytest.skip(missing)
    options = ["-O2", *target.options, *target.linking]
    built = build([compiler.path, "--driver-mode=g++"], options, tmp_path / "driver", ELSEWHERE[name])
    assert built.ok, built.stderr
    runner = [target.emulator] if target.emulator else []
    assert said([*runner, tmp_path / "driver", questions(tmp_path, TEXTS)]) == ANSWERS, RENEW


def test_the_answers_tell_functions_apart_and_like_ones_are_alike() -> None:
    rows = [line.split() for line in ANSWERS]
    for place, text in enumerate(TEXTS):
        first = TEXTS.index(text)
        assert rows[place] == rows[first]
        assert len(rows[place][-COUNT:]) == len(set(rows[place][-COUNT:])) == COUNT
    assert len({tuple(row) for row in rows}) == len(set(TEXTS))
