"""The plugin's own pass: how code of single functions is generated, beside what LLVM's options do to all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from integration import plugin_support

from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Status
from clang_llm.plans.vocabulary import CODEGEN, load
from clang_llm.system import process
from clang_llm.system.objects import allocated_size
from clang_llm.toolchain import plugins as toolchain

MAJORS = (14, 15, 16, 19)
PROGRAMS = Path(__file__).resolve().parents[3] / "clang_llm" / "data" / "programs"
TARGETS = ("x86_64", "i386", "aarch64", "thumbv7m-none-eabi", "riscv32-unknown-elf", "wasm32")
#: What LLVM calls each of them on its command line, and a machine on which it is a pass.
OPTIONS = {
    "no-branch-folder": "-disable-branch-fold",
    "no-loop-reduce": "-disable-lsr",
    "no-machinelicm": "-disable-postra-machine-licm",
    "no-block-placement": "-disable-block-placement",
    "no-codegenprepare": "-disable-cgp",
    "no-early-machinelicm": "-disable-machine-licm",
    "no-machine-cse": "-disable-machine-cse",
    "no-machine-scheduler": "-enable-misched=0",
    "no-machine-sink": "-disable-machine-sink",
    "no-postra-machine-sink": "-disable-postra-machine-sink",
    "no-shrink-wrap": "-enable-shrink-wrap=0",
    "no-x86-optimize-LEAs": "-disable-x86-lea-opt",
}
ELSEWHERE = {
    "no-post-RA-sched": ("thumbv7m-none-eabi", "-disable-post-ra"),
    "no-postmisched": ("aarch64", "-enable-post-misched=0"),
    # LLVM has an option for this pass and the one after register allocation together.
    "no-arm-prera-ldst-opt": ("thumbv7m-none-eabi", ""),
}
ATTRIBUTES = ("frame-pointer", "no-jump-tables", "no-minsize")
#: Two equal functions, so that what holds for one can be told from what holds for the other, and one that is not.
TWINS = """
extern unsigned long table[]; void use(unsigned long *, unsigned);
#define BODY { for (unsigned i = 0; i < n; i++) { use(table + 7, 1000000); p[i] += 5000000000ul; use(p, 7); } }
void first(unsigned long *p, unsigned n) BODY
void second(unsigned long *p, unsigned n) BODY
"""

#: What the passes of other machines work on: neighbours in memory, waits, loops over arrays, a table of jumps.
BUSY = """
typedef struct { int a, b, c, d, e; } Five;
int called(int);
int busy(Five *p, const short *q, int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) { p->a += q[i] * p->b; p->c -= q[i + 1] * 77777; sum += p->d ^ p->e; }
  Five copy = *p; called(copy.e); copy.a = called(copy.b); *p = copy;
  switch (n) { case 0: return sum; case 1: return called(7); case 2: return called(sum); case 3: return p->a;
    case 4: return p->b * 3; case 5: return called(p->c); case 6: return 12; case 7: return q[2]; default: return 1; }
}
"""


class Box(plugin_support.Box):
    """With a look into objects."""

    def instructions(self, recipe: Recipe, *words: str | Path) -> str:
        output = self.applied(recipe, "-w", *words)
        return process.run([self.compiler.tool("llvm-objdump"), "-dr", output], timeout_s=60).output

    def functions(self, recipe: Recipe, *words: str | Path) -> dict[str, str]:
        """Return the instructions of each function, without their places and its name."""
        text = re.sub(
            r"^\s*[0-9a-f]+:", "", self.instructions(recipe, "-ffunction-sections", *words), flags=re.MULTILINE
        )
        found = re.findall(r"^[0-9a-f]+ <(\w+)>:\n(.*?)(?=\n\n|\Z)", text, flags=re.MULTILINE | re.DOTALL)
        return {name: body.strip().replace(f"<{name}+", "<+") for name, body in found}


@pytest.fixture(params=MAJORS, ids=lambda major: f"llvm-{major}")
def box(request: pytest.FixtureRequest, builds: Path, tmp_path: Path) -> Box:
    return Box(request.param, builds, tmp_path)


@pytest.fixture
def newest(builds: Path, tmp_path: Path) -> Box:
    return Box(19, builds, tmp_path)


def codegen(*tokens: str) -> Recipe:
    """Return -Oz with what these tokens change."""
    return Recipe(f"default<Oz>,function({CODEGEN}<{';'.join(tokens)}>)" if tokens else "default<Oz>")


def test_each_token_is_an_option_of_llvm(box: Box) -> None:
    tokens = set(load(box.major).entries[CODEGEN].tokens)
    assert tokens == {*OPTIONS, *ELSEWHERE, *ATTRIBUTES}
    sources = [PROGRAMS / name for name in ("bignum.c", "utf8_decode.c", "bitfield_pack.c")]
    plain = [box.instructions(codegen(), source) for source in sources]
    without_effect = set(OPTIONS)
    for token, option in OPTIONS.items():
        for source, usual in zip(sources, plain, strict=True):
            found = box.instructions(codegen(token), source)
            assert found == box.instructions(codegen(), source, "-mllvm", option), token
            if found != usual:
                without_effect.discard(token)
    # The others have nothing to do in these files; that they are asked for is seen in the next test.
    assert without_effect <= {"no-machine-cse", "no-machinelicm", "no-postra-machine-sink", "no-shrink-wrap"}


def test_the_passes_of_other_machines_are_left_out_as_by_their_options(box: Box) -> None:
    source = box.root / "busy.c"
    source.write_text(BUSY, encoding="utf-8")
    for token, (target, option) in ELSEWHERE.items():
        words = (f"--target={target}", "-ffreestanding", source)
        found = box.instructions(codegen(token), *words)
        assert found != box.instructions(codegen(), *words), token
        if option:
            assert found == box.instructions(codegen(), *words, "-mllvm", option), token


@pytest.mark.parametrize("target", TARGETS)
def test_no_jump_tables_is_what_clang_calls_so(newest: Box, target: str) -> None:
    source = newest.root / "busy.c"
    source.write_text(BUSY, encoding="utf-8")
    words = (f"--target={target}", "-ffreestanding", source)
    found = newest.instructions(codegen("no-jump-tables"), *words)
    assert found == newest.instructions(codegen(), *words, "-fno-jump-tables")
    assert found != newest.instructions(codegen(), *words)


@pytest.mark.parametrize("target", TARGETS)
def test_loops_belong_to_their_functions(box: Box, target: str) -> None:
    """LLVM asks about loops without their function: every second one is left alone, whatever stands between them."""
    loop = "{ for (unsigned i = 0; i < n; i++) use(table + 7 * i, p[i * 3]); }"
    heads = [f"void f{number}(unsigned long *p, unsigned n)" for number in range(6)]
    bodies = [f"{head} {loop if number % 3 else '{ use(p, n); }'}" for number, head in enumerate(heads)]
    source = box.root / "loops.c"
    source.write_text(
        "extern unsigned long table[]; void use(unsigned long *, unsigned long);\n"
        + "\nvoid declared(void);\n".join(bodies)
        + "\nvoid twice(unsigned long *p, unsigned n) { for (; n; n--) use(table + 5 * n, p[n * 9]);"
        " for (unsigned i = 0; i < n; i += 2) use(table + i, p[i * 7]); declared(); }\n",
        encoding="utf-8",
    )
    words = (
        f"--target={target}",
        "-ffreestanding",
        "-mno-outline" if "wasm" not in target and "86" not in target else "-w",
        source,
    )
    pipelines = ("", f"{CODEGEN}<no-loop-reduce>")
    names = [*(f"f{number}" for number in range(6)), "twice"]
    usual, without = (box.functions(Recipe("default<Oz>", (each,)), *words) for each in pipelines)
    assert [name for name in names if usual[name] != without[name]]
    for first in (0, 1):
        use = [(first + place) % 2 for place in range(7)]
        mixed = box.functions(Recipe("default<Oz>", pipelines, tuple(use)), *words)
        assert {name: mixed[name] for name in names} == {
            name: (usual, without)[way][name] for name, way in zip(names, use, strict=True)
        }


def test_each_title_is_one_of_code_generation(box: Box) -> None:
    (box.root / "busy.c").write_text(BUSY, encoding="utf-8")
    words: list[str | Path] = [
        "-Oz",
        "-c",
        box.root / "busy.c",
        "-o",
        box.root / "out.o",
        "-mllvm",
        "-debug-pass=Structure",
    ]
    targets = ("x86_64", *dict(ELSEWHERE.values()))
    commands = [[box.compiler.path, f"--target={target}", *words] for target in targets]
    ran = "".join(process.run(command, timeout_s=60).stderr.decode() for command in commands)
    source = (Path(toolchain.__file__).parents[1] / "plugin" / "codegen.cpp").read_text(encoding="utf-8")
    titles = dict(re.findall(r'\{"(no-[\w-]+)", "([^"]+)"\}', source))
    assert titles.keys() == {*OPTIONS, *ELSEWHERE}
    assert [title for title in titles.values() if not re.search(rf"^ +{title}$", ran, flags=re.MULTILINE)] == []


def test_only_the_function_that_says_so_is_concerned(box: Box) -> None:
    (box.root / "twins.c").write_text(TWINS, encoding="utf-8")
    source = box.root / "twins.c"
    usual = box.functions(codegen(), source)
    pipelines = ("", f"{CODEGEN}<no-early-machinelicm>", f"{CODEGEN}<frame-pointer>", f"{CODEGEN}<no-minsize>")
    for place, pipeline in enumerate(pipelines[1:], 1):
        mixed = box.functions(Recipe("default<Oz>", pipelines, (0, place)), source)
        assert mixed["first"] == usual["first"]
        assert mixed["second"] != usual["second"], pipeline
        turned = box.functions(Recipe("default<Oz>", pipelines, (place, 0)), source)
        assert (turned["first"], turned["second"]) == (mixed["second"], mixed["first"])


def test_tokens_of_several_passes_add_up(newest: Box) -> None:
    source = PROGRAMS / "bignum.c"
    both = newest.instructions(codegen("no-early-machinelicm", "no-machine-sink"), source)
    apart = "default<Oz>,function(codegen<no-early-machinelicm>,codegen<no-machine-sink>)"
    assert newest.instructions(Recipe(apart), source) == both
    assert both not in [newest.instructions(codegen(each), source) for each in OPTIONS]


def test_a_function_with_assembly_gets_no_frame_pointer(newest: Box) -> None:
    source = newest.root / "assembly.c"
    source.write_text(
        "void use(int *);\n"
        "int plain(int n) { int a[64]; use(a); return a[n]; }\n"
        'int assembly(int n) { int a[64]; use(a); __asm__ volatile("nop"); return a[n]; }\n',
        encoding="utf-8",
    )
    usual, found = newest.functions(codegen(), source), newest.functions(codegen("frame-pointer"), source)
    assert "%rbp" in found["plain"]
    assert "%rbp" not in usual["plain"]
    assert found["assembly"] == usual["assembly"]


@pytest.mark.parametrize("target", ["aarch64", "riscv32-unknown-elf", "thumbv7m-none-eabi"])
def test_other_machines_keep_the_register(newest: Box, target: str) -> None:
    """RISC-V lets users reserve it, for one."""
    source = newest.root / "twins.c"
    source.write_text(TWINS, encoding="utf-8")
    words = (f"--target={target}", "-ffreestanding", source)
    assert newest.instructions(codegen("frame-pointer"), *words) == newest.instructions(codegen(), *words)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_measured_is_what_is_emitted(box: Box, target: str) -> None:
    recipes = [codegen(token) for token in (*OPTIONS, *ELSEWHERE, *ATTRIBUTES)]
    source = box.root / "free.c"
    source.write_text(TWINS + BUSY, encoding="utf-8")
    words = (f"--target={target}", "-ffreestanding", source)
    with box.open(*words) as evaluator:
        results = evaluator.evaluate(recipes)
    assert {result.status for result in results} == {Status.OK}
    for recipe, result in zip(recipes, results, strict=True):
        assert allocated_size(box.applied(recipe, *words).read_bytes()) == result.size, recipe.text


def test_unknown_tokens_and_none_are_refused(newest: Box) -> None:
    texts = ("codegen<no-such>", "codegen", "codegen<>", "codegen<no-minsize;>", "codegen<no-minsize;no-such>")
    with newest.open(PROGRAMS / "bignum.c") as evaluator:
        results = evaluator.evaluate([Recipe(f"default<Oz>,function({text})") for text in texts])
    assert {result.status for result in results} == {Status.INVALID}
