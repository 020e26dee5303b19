"""Recipes with stages, inside real clangs: what is measured is what is emitted, credit is honest, plans come back."""

from __future__ import annotations

import os
import re
import struct
from collections import Counter
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from integration import plugin_support, sources

from clang_llm.plans.mixture import mix
from clang_llm.plans.plan import decode
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.plans.types import REFUSED, Result, Status
from clang_llm.system import process
from clang_llm.system.errors import ToolchainError
from clang_llm.system.objects import allocated_size, parts_of
from clang_llm.tuning.seeds import seeds

MAJORS = (14, 15, 16, 19, 22)
HEAD, CLOSING = "inferattrs,function(mem2reg),cgscc(inline),globalopt", "globaldce"
FUNCTIONS = ("", "sroa,gvn,simplifycfg", "early-cse,dse", "instcombine<no-verify-fixpoint>,simplifycfg,loop(indvars)")
TARGETS = ("x86_64", "i386", "aarch64", "thumbv7m-none-eabi", "riscv32-unknown-elf", "wasm32")

JOT = Path(__file__).resolve().parents[2] / "projects" / "jot"
#: -Oz calls none of what is only declared: it takes folding a library call for that, the range of a product, and both.
FOLDED = """
unsigned long strlen(const char *);
void absent(void);
int length(void) { const char *s = "abc"; return strlen(s); }
int product(int *p) { for (unsigned i = 0; i < 4; i++) { p[i] = i; if (i * i > 20) absent(); } return 0; }
int neither(int x) { return x * 3 + 1; }
"""
#: The same, the call being in an inline function that -Oz has no copy of.
THROUGH_INLINE = """
void absent();
inline __attribute__((noinline)) void between() { absent(); }
int product(int *p) { for (unsigned i = 0; i < 4; i++) { p[i] = i; if (i * i > 20) between(); } return 0; }
int neither(int x) { return x * 3 + 1; }
"""
#: `elsewhere` is another object's; of `only` and what it needs there is nothing in this one.
ELSEWHERE = """
int absent(int);
static __attribute__((noinline)) int only(int x) { return absent(x) + 1; }
extern inline __attribute__((gnu_inline, noinline)) int elsewhere(int x) { return only(x); }
int caller(int x) { return elsewhere(x) * 3; }
"""
FOLDING, RANGES = "instcombine<no-verify-fixpoint>,simplifycfg", "correlated-propagation,simplifycfg"

#: One function with a jump table, one with a floating-point constant, one with neither.
PARTS = """
int table(int n, int *p) {
  switch (n) { case 0: return p[3]; case 1: return -p[1]; case 2: return *p * 7; case 3: p[2] = n; return 9;
  case 4: return p[0] ^ p[5]; case 5: return p[6] - 4; case 6: return p[9] << 2; case 7: p[1]++; return 2; }
  return 0;
}
double constant(double x) { return x * 3.14159 + 2.71828; }
int neither(int x) { return x * 3 + 1; }
"""

#: What the machine outliner finds in several functions.
OUTLINED = """
extern int g1(int, int), g2(int), t[];
int a(int x) { t[0] = g1(x, 1234567); t[1] = g2(7654321) + g1(3, 4) * 77; t[2] = g2(99) ^ x; return g1(t[1], t[2]); }
int b(int x) { t[3] = g1(x, 5); t[0] = g1(x, 1234567); t[1] = g2(7654321) + g1(3, 4) * 77; t[2] = g2(99) ^ x;
  return g1(t[1], t[2]) + 1; }
int c(int x) { g2(x); t[0] = g1(x, 1234567); t[1] = g2(7654321) + g1(3, 4) * 77; t[2] = g2(99) ^ x;
  return g1(t[1], t[2]) - 1; }
int d(int x) { return x * 3 + 1; }
"""


class Box(plugin_support.Box):
    """With a source file in the directory."""

    def source(self, text: str = sources.FREESTANDING) -> Path:
        path = self.root / "free.c"
        path.write_text(text, encoding="utf-8")
        return path

    def object_of(self, recipe: Recipe, *words: str | Path) -> bytes:
        return self.applied(recipe, *words).read_bytes()


@pytest.fixture(params=MAJORS, ids=lambda major: f"llvm-{major}")
def box(request: pytest.FixtureRequest, builds: Path, tmp_path: Path) -> Box:
    return Box(request.param, builds, tmp_path)


@pytest.fixture
def newest(builds: Path, tmp_path: Path) -> Box:
    return Box(19, builds, tmp_path)


def staged(*functions: str, major: int = 19) -> list[Recipe]:
    found = (usable(Recipe(HEAD, (function,), (), CLOSING), major) for function in functions or FUNCTIONS)
    return [recipe for recipe in found if recipe is not None]


@pytest.mark.parametrize("target", TARGETS)
def test_stages_are_what_one_list_of_them_is(box: Box, target: str) -> None:
    source = box.source()
    flat = [
        Recipe(f"{HEAD},function({recipe.functions[0]}),{CLOSING}" if recipe.functions[0] else f"{HEAD},{CLOSING}")
        for recipe in staged(major=box.major)
    ]
    with box.open(f"--target={target}", "-ffreestanding", source) as evaluator:
        apart, together = evaluator.evaluate(staged(major=box.major)), evaluator.evaluate(flat)
    assert [(each.status, each.size) for each in apart] == [(each.status, each.size) for each in together]
    assert {each.status for each in apart} == {Status.OK}


@pytest.mark.parametrize("debug", [(), ("-g",), ("-g", "-funwind-tables")], ids=["", "g", "g-unwind"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_mix_measures_as_it_is_emitted(box: Box, target: str, debug: tuple[str, ...]) -> None:
    words: tuple[str | Path, ...] = (f"--target={target}", "-ffreestanding", *debug, box.source())
    with box.open(*words) as evaluator:
        recipes = staged(major=box.major)
        mixture = mix(zip(recipes, evaluator.evaluate(recipes), strict=True))
        assert mixture is not None
        result = evaluator.evaluate([mixture.recipe])[0]
    assert result.status is Status.OK
    emitted = box.object_of(mixture.recipe, *words)
    assert (allocated_size(emitted), parts_of(emitted)) == (result.size, result.parts)
    assert (b".debug_info" in emitted) == bool(debug)
    # The estimate is one: alignment and shared constants are nobody's.
    assert abs(result.size - mixture.predicted) <= 0.02 * result.size + 8


def test_a_function_pays_for_its_code_tables_constants_and_unwind_entry(box: Box) -> None:
    source = box.source(PARTS)
    recipe = staged("sroa,simplifycfg")[0]
    words = ("-fno-pic", "-fasynchronous-unwind-tables", source)
    with box.open(*words) as evaluator:
        sizes = evaluator.evaluate([recipe])[0].functions
    (box.root / "read.o").write_bytes(box.object_of(recipe, *words))
    with (box.root / "read.o").open("rb") as file:
        elf = ELFFile(file)
        sections = {section.name: section for section in elf.iter_sections()}
        symbols = {each.name: each["st_size"] for each in sections[".symtab"].iter_symbols()}  # type: ignore[attr-defined]
        entries = unwind_entries(sections[".eh_frame"].data())
        jump_table = sections[".rodata"].data_size
    names = ("table", "constant", "neither")
    # Two constants of eight bytes; one entry a function, in their order.
    extra = (jump_table, 16, 0)
    assert sizes == tuple(symbols[name] + own + entry for name, own, entry in zip(names, extra, entries, strict=True))


@pytest.mark.parametrize("target", ["aarch64", "thumbv7em-none-eabi", "riscv32-unknown-elf"])
def test_functions_pay_for_what_the_outliner_made_by_their_calls(box: Box, target: str) -> None:
    recipe = staged("sroa,simplifycfg", major=box.major)[0]
    words = (f"--target={target}", "-ffreestanding", "-fno-asynchronous-unwind-tables", box.source(OUTLINED))
    with box.open(*words) as evaluator:
        sizes = evaluator.evaluate([recipe])[0].functions
    (box.root / "read.o").write_bytes(box.object_of(recipe, *words))
    with (box.root / "read.o").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        own = {each.name: each["st_size"] for each in table.iter_symbols()}  # type: ignore[union-attr]
    listing = process.run([box.compiler.tool("llvm-objdump"), "-dr", box.root / "read.o"], timeout_s=60).output
    bodies = dict(re.findall(r"^[0-9a-f]+ <(\w+)>:\n(.*?)(?=\n\n|\Z)", listing, flags=re.MULTILINE | re.DOTALL))
    called = re.compile(r"\tb[lw.]*\t0x\w+ <(OUTLINED_FUNCTION_\d+)>|R_RISCV_CALL\w*\s(OUTLINED_FUNCTION_\d+)")
    calls = {name: Counter(one or other for one, other in called.findall(body)) for name, body in bodies.items()}
    total = sum(calls.values(), Counter())
    assert total or (box.major < 16 and target.startswith("riscv"))  # there -Oz outlines nothing
    assert sizes == tuple(
        own[name] + sum(own[made] * count // total[made] for made, count in calls[name].items()) for name in "abcd"
    )


def unwind_entries(data: bytes) -> list[int]:
    """Bytes of each unwind entry of a section, the common parts left out."""
    found, at = [], 0
    while at + 8 <= len(data):
        length, common = struct.unpack_from("<II", data, at)
        if common:
            found.append(4 + length)
        at += 4 + length
    return found


def refused(result: Result) -> list[int]:
    """Places of the functions that are to blame."""
    return [place for place, size in enumerate(result.functions) if size >= REFUSED]


@pytest.mark.parametrize("target", TARGETS)
def test_functions_that_need_more_than_oz_are_named_and_the_others_mixed(box: Box, target: str) -> None:
    words = (f"--target={target}", box.source(FOLDED))
    functions = ("mem2reg", f"mem2reg,{FOLDING}", f"mem2reg,{RANGES}")
    recipes = [each._replace(module="globalopt") for each in staged(*functions, major=box.major)]
    with box.open(*words) as evaluator:
        results = evaluator.evaluate(recipes)
        assert [each.status for each in results] == [Status.INTERFACE] * 3
        assert [refused(each) for each in results] == [[0, 1], [1], [0]]
        mixture = mix(zip(recipes, results, strict=True))
        assert mixture is not None
        assert mixture.promising
        mixed = evaluator.evaluate([mixture.recipe])[0]
    assert mixed.status is Status.OK
    assert refused(mixed) == []
    # It may be smaller by what is not needed any more, such as an import in WebAssembly.
    assert mixed.size <= mixture.predicted + 16
    data = box.object_of(mixture.recipe, *words)
    assert allocated_size(data) == mixed.size
    assert b"absent" not in data
    assert b"strlen" not in data


def test_who_calls_what_must_go_is_to_blame(box: Box) -> None:
    source = box.root / "through.cpp"
    source.write_text(THROUGH_INLINE, encoding="utf-8")
    recipes = [each._replace(module="globalopt") for each in staged("mem2reg", f"mem2reg,{RANGES}", major=box.major)]
    with box.open(source) as evaluator:
        without, ranges = evaluator.evaluate(recipes)
    assert (without.status, ranges.status) == (Status.INTERFACE, Status.OK)
    # The inline function follows the first one that calls it.
    assert [size >= REFUSED for size in without.functions] == [True, False, False]
    assert ranges.functions.count(0) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_bodies_from_elsewhere_are_dropped_with_what_only_they_need(box: Box, target: str) -> None:
    words = ("-w", f"--target={target}", box.source(ELSEWHERE))
    recipes = [Recipe("function(mem2reg)"), Recipe("globalopt", ("mem2reg",)), *staged("mem2reg", major=box.major)]
    with box.open(*words) as evaluator:
        results = evaluator.evaluate(recipes)
    assert [each.status for each in results] == [Status.OK] * len(recipes)
    for recipe in recipes:
        data = box.object_of(recipe, *words)
        assert b"elsewhere" in data
        assert b"absent" not in data


def test_what_code_generation_calls_is_nobodys(newest: Box) -> None:
    # Division of 64 bits is a call on this machine; no function of the module names it.
    product = FOLDED.replace("absent();", "*(long long *)p /= *(long long *)(p + 2);")
    with newest.open("--target=riscv32-unknown-elf", newest.source(product)) as evaluator:
        results = evaluator.evaluate([each._replace(module="globalopt") for each in staged(f"mem2reg,{FOLDING}")])
    assert [(each.status, each.functions) for each in results] == [(Status.INTERFACE, ())]


def test_a_use_that_fits_no_function_count_is_refused(newest: Box) -> None:
    with newest.open("-ffreestanding", newest.source()) as evaluator:
        count = len(evaluator.evaluate(staged())[0].functions)
        wrong = [staged()[1]._replace(use=(0,) * number) for number in (count - 1, count, count + 1)]
        assert [each.status for each in evaluator.evaluate(wrong)] == [Status.INVALID, Status.OK, Status.INVALID]


def test_what_fails_in_a_group_fails_alone(newest: Box) -> None:
    recipes = [
        *staged("sroa"),
        Recipe(HEAD, ("no-such-pass",), (), CLOSING),
        *staged("gvn"),
        Recipe("no-such-pass", ("sroa",), (), CLOSING),
        Recipe(HEAD, ("globaldce",), (), CLOSING),
        Recipe(HEAD, ("sroa),globaldce,function(sroa",), (), CLOSING),
    ]
    with newest.open("-ffreestanding", newest.source()) as evaluator:
        statuses = [each.status for each in evaluator.evaluate(recipes)]
    assert statuses == [Status.OK, Status.INVALID, Status.OK, Status.INVALID, Status.INVALID, Status.INVALID]


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_order_and_the_number_of_children_change_nothing(newest: Box, jobs: int) -> None:
    recipes = [*staged(), Recipe("default<Os>"), *seeds(19), *staged()]
    with newest.open("-ffreestanding", newest.source(), jobs=jobs) as evaluator:
        alone = [evaluator.evaluate([recipe])[0] for recipe in recipes]
        together = evaluator.evaluate(recipes)
    assert [(each.status, each.size, each.functions) for each in alone] == [
        (each.status, each.size, each.functions) for each in together
    ]


def test_a_command_that_compiles_nothing_is_told(newest: Box) -> None:
    with pytest.raises(ToolchainError, match="explain"):
        newest.open("-O2", newest.source())


def test_a_mixed_plan_is_stored_and_found_again(newest: Box) -> None:
    source = JOT / "expr.c"
    script = newest.root / "script"
    lists = [
        Recipe(seeds(19)[0].module, (function,), (), CLOSING)
        for function in (*seeds(19)[0].functions, "sroa,gvn,simplifycfg", "sroa,early-cse,dse", "mem2reg,gvn")
    ]
    script.write_text("".join(f"{recipe.text}\n" for recipe in lists), encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(newest.root),
        "CLANG_LLM_CACHE_DIR": str(newest.cache),
        "CLANG_LLM_BACKEND": "scripted",
        "CLANG_LLM_SCRIPT": str(script),
        "CLANG_LLM_CANDIDATES": "12",
    }
    newest.cache.mkdir()
    objects = []
    for name in ("cold.o", "warm.o"):
        argv: list[str | Path] = [newest.compiler.path, f"-fpass-plugin={newest.stub}", "-Oz", "-c", source, "-o", name]
        assert process.run(argv, env=environ, cwd=newest.root).ok
        objects.append((newest.root / name).read_bytes())
    assert objects[0] == objects[1]
    (entry,) = (newest.cache / "plans").glob("*/*")
    plan = decode(entry.read_bytes(), entry.parent.name + entry.name)
    assert plan.recipe is not None
    assert plan.recipe.use
    assert plan.provenance["list"] == "mix"
    assert plan.size == allocated_size(objects[0]) < plan.size_oz
    assert (newest.cache / "events").read_text(encoding="utf-8").split().count("hit") == 1
