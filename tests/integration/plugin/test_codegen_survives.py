"""What programs rely on survives every way of generating code: unwinding, odd stacks, jumps, signals, hardened builds.

One program walks through frames of every kind (over-aligned locals with ``alloca`` and a variable array, several pages,
more values than registers, a rare way out, assembly that overwrites what calls preserve, a leaf with locals below the
stack pointer). From the innermost frame it asks for a backtrace, unwinds in a signal handler too, jumps out, throws.
At last it takes the same walk under the processor's trap flag: after every single instruction a handler, which itself
uses the stack, unwinds to ``main``. So wherever a signal may come, frames are described and nothing is overwritten.
"""

from __future__ import annotations

import os
import platform
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from integration import plugin_support

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.vocabulary import CODEGEN, load
from clang_llm.system import process
from clang_llm.tuning.building import cxx_of

# Seconds: where others are at work, building the plugin takes minutes; the tests themselves take one.
pytestmark = pytest.mark.timeout(900)

SOURCE = Path(__file__).with_name("codegen_survives.cpp")
MAJORS = (14, 15, 16, 19, 22)
#: How programs are built that rely on more than the usual; each line is one build.
FLAVOURS = {
    "plain": (),
    "hardened": ("-fstack-clash-protection", "-fcf-protection=full"),
    "protected": ("-fstack-protector-strong", "-fPIC"),
    "frame-pointers": ("-fno-omit-frame-pointer",),
    "i386": ("-m32", "-fno-exceptions"),
}
#: Where an indirect branch may land (64 and 32 bits): the object has as many of these as without the token.
KEPT = (b"\xf3\x0f\x1e\xfa", b"\xf3\x0f\x1e\xfb")


def codegen(*tokens: str) -> Recipe:
    """Return -Oz with what these tokens change."""
    return Recipe(f"default<Oz>,function({CODEGEN}<{';'.join(tokens)}>)" if tokens else "default<Oz>")


class Box(plugin_support.Box):
    """Builds and runs the program."""

    def run(self, flavour: str, level: str, recipe: Recipe | None, name: str) -> tuple[str, bytes]:
        """Return what the program of a flavour prints, and its object; plain clang's without a recipe."""
        output = self.root / f"{name}.o"
        # Without exceptions nothing is needed of the C++ library, which may not be there for i386.
        driver = self.compiler.path if "-m32" in FLAVOURS[flavour] else cxx_of(self.compiler)
        words = [level, "-w", *FLAVOURS[flavour], "-fasynchronous-unwind-tables", "-c", str(SOURCE), "-o", str(output)]
        environ = {"PATH": os.environ["PATH"], "CLANG_LLM_CACHE_DIR": str(self.cache)}
        if recipe is not None:
            words.insert(0, f"-fpass-plugin={self.stub}")
            environ["_CLANG_LLM_APPLY"] = recipe.module
        compiled = process.run([str(cxx_of(self.compiler)), *words], env=environ, cwd=self.root, timeout_s=120)
        assert compiled.ok, compiled.stderr
        program = output.with_suffix("")
        linked = process.run([str(driver), *FLAVOURS[flavour][:1], str(output), "-o", str(program)], timeout_s=120)
        assert linked.ok, linked.stderr
        done = process.run([str(program)], timeout_s=60)
        return f"{done.returncode} {done.stdout.decode()}", output.read_bytes()


@pytest.fixture(params=MAJORS, ids=lambda major: f"llvm-{major}")
def box(request: pytest.FixtureRequest, builds: Path, tmp_path: Path) -> Box:
    if platform.machine() != "x86_64":
        pytest.skip("the program sets the trap flag of x86")
    return Box(request.param, builds, tmp_path)


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest, box: Box) -> str:
    probe = box.root / "probe.c"
    probe.write_text('#include <stdio.h>\nint main(void) { return puts("") < 0; }\n', encoding="utf-8")
    words = [str(box.compiler.path), *FLAVOURS[request.param], str(probe), "-o", str(box.root / "probe")]
    if not process.run(words, timeout_s=60).ok or not process.run([str(box.root / "probe")], timeout_s=60).ok:
        pytest.skip(f"nothing can be built with {' '.join(FLAVOURS[request.param])}: apt-get install libc6-dev-i386")
    return str(request.param)


def test_each_token_keeps_what_programs_rely_on(box: Box, flavour: str) -> None:
    tokens = sorted(load(box.major).entries[CODEGEN].tokens)
    wanted, _ = box.run(flavour, "-O0", None, "reference")
    if "stepped 17429 1," not in wanted:
        pytest.skip(f"no single steps here: {wanted}")
    assert wanted.endswith("stepped 17429 1, wrong 0 , misaligned 0\n")
    assert box.run(flavour, "-Oz", None, "plain")[0] == wanted
    usual, usual_object = box.run(flavour, "-Oz", codegen(), "usual")
    assert usual == wanted
    asked = [*((each,) for each in tokens), tuple(tokens)]
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            each: pool.submit(box.run, flavour, "-Oz", codegen(*each), f"token-{place}")
            for place, each in enumerate(asked)
        }
        found = {each: job.result() for each, job in jobs.items()}
    assert {each: text for each, (text, _) in found.items() if text != wanted} == {}
    for each, (_, data) in found.items():
        assert [data.count(mark) for mark in KEPT] == [usual_object.count(mark) for mark in KEPT], each
    assert len({data for _, data in found.values()} - {usual_object}) >= 4  # tokens that this program shows


@pytest.mark.parametrize("fault", ["a frame described wrongly", "memory below the red zone"])
def test_the_program_notices(box: Box, fault: str) -> None:
    """Otherwise nothing would be known from its being content."""
    wanted, _ = box.run("plain", "-O0", None, "reference")
    words = [str(cxx_of(box.compiler)), "-Oz", "-w", "-fasynchronous-unwind-tables", "-S", str(SOURCE), "-o", "s.s"]
    assert process.run(words, cwd=box.root, timeout_s=120).ok
    text = (box.root / "s.s").read_text(encoding="utf-8")
    name = "_Z6walk_eii" if fault.startswith("a frame") else "_Z4leafi"
    before, label, rest = text.partition(f"\n{name}:")
    body, end, after = rest.partition("\t.cfi_endproc")
    if fault.startswith("a frame"):
        wrong = re.sub(r"\t\.cfi_def_cfa_offset .*\n", "", body)
    else:
        wrong = re.sub(r"-(\d+)\(%rsp", lambda found: f"{-400 - int(found[1])}(%rsp", body)
    assert wrong != body
    (box.root / "s.s").write_text(before + label + wrong + end + after, encoding="utf-8")
    linked = process.run([str(cxx_of(box.compiler)), "s.s", "-o", "wrong"], cwd=box.root, timeout_s=120)
    assert linked.ok, linked.stderr
    done = process.run([str(box.root / "wrong")], timeout_s=60)
    assert f"{done.returncode} {done.stdout.decode(errors='replace')}" != wanted
