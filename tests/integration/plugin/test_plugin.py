"""The plugin inside real clangs: identity, exact sizes, keys, bypasses, candidates that misbehave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration import plugin_support, sources
from integration.plugin_support import APPLY_SMALLEST, ONLY_MEASURE, Bench, size

from clang_llm.system import objects, process
from clang_llm.toolchain import plugins as toolchain

MAJORS = (14, 15, 16, 19, 22)
LISTS = [
    "function(sroa,early-cse,simplifycfg,adce)",
    "default<Os>",
    "default<O2>",
    "function(mem2reg),cgscc(inline),function(gvn,simplifycfg),globaldce",
    "default<Oz>,function(gvn,dse)",
]


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory for plugin builds that all workers share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    return shared / "plugin-builds"


@pytest.fixture(params=MAJORS, ids=lambda major: f"llvm-{major}")
def bench(request: pytest.FixtureRequest, builds: Path, tmp_path: Path) -> Iterator[Bench]:
    yield from _bench(request.param, builds, tmp_path)


@pytest.fixture
def newest(builds: Path, tmp_path: Path) -> Iterator[Bench]:
    yield from _bench(19, builds, tmp_path)


def _bench(major: int, builds: Path, root: Path) -> Iterator[Bench]:
    compiler = plugin_support.compiler_of(major)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip(f"clang-{major} and llvm-{major}-dev are not installed")
    yield Bench(compiler, toolchain.build_plugin(compiler, builds), root)


@pytest.fixture
def free(tmp_path: Path) -> Path:
    return _write(tmp_path / "free.c", sources.FREESTANDING)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- without a plan -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [("-Oz",), ("-Oz", "-g"), ("-O2",), ("-O0",), ("-Oz", "-ffunction-sections", "-fPIC")]
)
def test_without_a_plan_the_object_is_clangs(bench: Bench, free: Path, options: tuple[str, ...]) -> None:
    assert bench.compile(free, *options, CLANG_LLM_EFFORT="0") == bench.plain(free, *options)


def test_without_a_plan_cxx_with_debug_information_is_clangs(bench: Bench, tmp_path: Path) -> None:
    source = _write(tmp_path / "table.cpp", sources.CXX)
    assert bench.compile(source, "-Oz", "-g", CLANG_LLM_EFFORT="0") == bench.plain(source, "-Oz", "-g")
    assert bench.events() == ["miss", "bypass:effort_0"]


def test_measuring_leaves_the_module_alone(bench: Bench, tmp_path: Path) -> None:
    source = _write(tmp_path / "table.cpp", sources.CXX)
    bench.helper(LISTS, ONLY_MEASURE)
    assert bench.compile(source, "-Oz", "-g") == bench.plain(source, "-Oz", "-g")
    assert bench.events()[0] == "miss"
    assert all(event.startswith("refused:") for event in bench.events()[1:])


# --- exact sizes ----------------------------------------------------------------------------------------------------


def test_sizes_are_those_of_the_real_objects(bench: Bench, tmp_path: Path) -> None:
    source = _write(tmp_path / "table.cpp", sources.CXX)
    bench.helper(LISTS, ONLY_MEASURE)
    measured = bench.measured(source)
    real = [size(bench.plain(source)), *(size(bench.applied(source, pipeline)) for pipeline in LISTS)]
    assert [bytes_ for _, bytes_ in measured] == real
    assert measured[0][0] == "ok"


TARGETS = {
    "x86-64": ("--target=x86_64-linux-gnu",),
    "i386": ("--target=i386-linux-gnu",),
    "i386 PIC": ("--target=i386-linux-gnu", "-fPIC"),
    "AArch64": ("--target=aarch64-none-elf",),
    "Thumb": ("--target=thumbv7m-none-eabi",),
    "Thumb-1": ("--target=armv6m-none-eabi",),
    "RISC-V 32": ("--target=riscv32-none-elf",),
    "RISC-V 64": ("--target=riscv64-none-elf",),
    "wasm32": ("--target=wasm32-unknown-unknown",),
    "Mach-O": ("--target=x86_64-apple-macos11",),
    "COFF": ("--target=x86_64-windows-msvc",),
    "sections": ("-ffunction-sections", "-fdata-sections"),
    "large model": ("-mcmodel=large", "-fno-plt"),
}


@pytest.mark.parametrize("options", TARGETS.values(), ids=TARGETS.keys())
def test_freestanding_objects_are_never_larger_on_any_target(
    bench: Bench, free: Path, options: tuple[str, ...]
) -> None:
    flags = ("-Oz", "-ffreestanding", *options)
    lists = LISTS[:3]
    bench.helper(lists, ONLY_MEASURE)
    measured = bench.measured(free, *flags)
    read = _size_by_other_tool(bench)
    assert measured[0] == ("ok", read(bench.plain(free, *flags)))
    for (status, bytes_), pipeline in zip(measured[1:], lists, strict=True):
        assert status == "ok"
        assert bytes_ == read(bench.applied(free, pipeline, *flags))
    bench.helper(lists, APPLY_SMALLEST)
    assert read(bench.compile(free, *flags)) == min(bytes_ for _, bytes_ in measured)


def _size_by_other_tool(bench: Bench) -> Callable[[bytes], int]:
    """Return a reader of sizes that shares no code with the plugin: pyelftools, or llvm-size's section table."""

    def read(data: bytes) -> int:
        if data[:4] == b"\x7fELF":
            return objects.allocated_size(data)
        file = bench.root / "sized.o"
        file.write_bytes(data)
        tool = bench.compiler.tool("llvm-size")
        text = subprocess.run([tool, "-A", file], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in text.splitlines()[2:]]
        table = {row[0]: int(row[1]) for row in rows if len(row) == 3}
        ignored = {"linking", "producers", "target_features", ".bss", ".llvm_addrsig"}
        return sum(n for name, n in table.items() if name not in ignored and not name.startswith(("reloc.", ".debug")))

    return read


def test_a_list_gives_the_object_of_opt_and_clang(newest: Bench, free: Path) -> None:
    """`opt` runs the same list on the unoptimised IR, clang only generates code: same bytes."""
    pipeline = LISTS[0]
    clang, opt = newest.compiler.path, newest.compiler.tool("opt")
    ir, optimised, output = (newest.root / name for name in ("free.bc", "free.opt.bc", "opt.o"))

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True)

    run(clang, "-Oz", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c", free, "-o", ir)
    run(opt, f"-passes={pipeline}", ir, "-o", optimised)
    run(clang, "-Oz", "-Xclang", "-disable-llvm-passes", "-x", "ir", "-c", optimised, "-o", output)
    assert newest.applied(free, pipeline) == output.read_bytes()


# --- choosing and applying ------------------------------------------------------------------------------------------


def test_the_applied_list_is_the_measured_one(bench: Bench, free: Path) -> None:
    flags = ("-Oz", "--target=thumbv7m-none-eabi", "-ffreestanding")
    bench.helper(LISTS, APPLY_SMALLEST)
    smallest = min(bytes_ for status, bytes_ in bench.measured(free, *flags) if status == "ok")
    assert size(bench.compile(free, *flags)) == smallest
    assert smallest <= size(bench.plain(free, *flags))


def test_a_helper_cannot_apply_what_was_not_measured_or_is_not_smaller(newest: Bench, free: Path) -> None:
    plain = newest.plain(free)
    for answer in ('say({"do": "apply", "id": 99})', 'say({"do": "apply", "id": 0})', 'say({"do": "apply", "id": -1})'):
        newest.helper(["default<Oz>"], ONLY_MEASURE.replace('say({"do": "oz", "reason": "best"})', answer))
        assert newest.compile(free) == plain
    assert newest.events() == ["miss", "error:protocol"] * 3


def test_several_children_at_once_give_the_same_results(newest: Bench, tmp_path: Path) -> None:
    source = _write(tmp_path / "table.cpp", sources.CXX)
    newest.helper(LISTS, ONLY_MEASURE)
    one = newest.measured(source)
    newest.environment["CLANG_LLM_JOBS"] = "4"
    assert newest.measured(source) == one


def test_more_lists_than_the_budget_are_refused(newest: Bench, free: Path) -> None:
    newest.helper(LISTS, ONLY_MEASURE)
    assert newest.compile(free, CLANG_LLM_CANDIDATES="2") == newest.plain(free)
    assert newest.events() == ["miss", "error:helper_died"]


# --- lists that misbehave -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pipeline", "status"),
    [
        ("function(no-such-pass)", "invalid"),
        ("print<domtree>", "invalid"),
        ("function(simplifycfg<no-such-parameter>)", "invalid"),
        ("function(mem2reg", "invalid"),
        ("mem2reg;gvn", "invalid"),
        ("module(" * 20 + "globaldce" + ")" * 20, "invalid"),
        ("loop(mem2reg)", "invalid"),
        ("", "invalid"),
    ],
)
def test_lists_that_are_not_lists_are_refused(newest: Bench, free: Path, pipeline: str, status: str) -> None:
    newest.helper(["default<Oz>", "x"], ONLY_MEASURE.replace("lists}", f"[lists[0], {pipeline!r}]}}"))
    results = newest.measured(free)
    assert [s for s, _ in results] == ["ok", "ok", status]


#: Asks for the lists, and breaks the process that tries the first one.
BREAK_THE_FIRST = """
import os, signal
say({"do": "evaluate", "lists": lists})
results, children = [hear()], f"/proc/{os.getppid()}/task/{os.getppid()}/children"
while not (others := [int(each) for each in open(children).read().split() if int(each) != os.getpid()]):
    pass
os.kill(others[0], signal.SIGSEGV)
results += [hear() for _ in lists]
say({"do": "oz", "reason": "best"})
"""


def test_a_list_that_crashes_clang_dies_alone(newest: Bench, tmp_path: Path) -> None:
    source = _write(tmp_path / "patterns.cpp", sources.NO_FIXPOINT)
    newest.helper([",".join(["default<O3>"] * 200), "default<Oz>"], BREAK_THE_FIRST)
    reproducers = newest.root / "reproducers"
    reproducers.mkdir()
    newest.environment["TMPDIR"] = str(reproducers)
    results = newest.measured(source)
    assert [status for status, _ in results] == ["ok", "crashed", "ok"]
    assert newest.compile(source) == newest.plain(source)
    assert list(reproducers.iterdir()) == []


@pytest.mark.parametrize(
    "pipeline",
    ["function(instcombine)", "function(loop(licm))", "function(instcombine<max-iterations=1>)", "function(globaldce)"],
)
def test_what_llvm_would_abort_on_is_refused_before_it_runs(newest: Bench, tmp_path: Path, pipeline: str) -> None:
    """Plain instcombine checks its own fixpoint (LLVM 18 and later), licm asks for what only loop-mssa has."""
    source = _write(tmp_path / "patterns.cpp", sources.NO_FIXPOINT)
    newest.helper([pipeline, "default<Oz>"], ONLY_MEASURE)
    assert [status for status, _ in newest.measured(source)] == ["ok", "invalid", "ok"]


def test_processor_time_is_limited(newest: Bench, tmp_path: Path) -> None:
    """A child that is cut is reported as such, and the helper's rule is then plain -Oz."""
    functions = "".join(
        sources.FREESTANDING.replace("checksum", f"checksum{i}")
        .replace("scramble", f"scramble{i}")
        .replace("decide", f"decide{i}")
        .replace("clear", f"clear{i}")
        .replace("rotate", f"rotate{i}")
        .replace("primes", f"primes{i}")
        .replace("point ", f"point{i} ")
        .replace("typedef", "//")
        for i in range(400)
    )
    source = _write(tmp_path / "many.c", "typedef unsigned u32;\ntypedef unsigned char u8;\n" + functions)
    heavy = "default<O3>," * 20 + "default<Oz>"
    newest.helper([heavy], ONLY_MEASURE)
    results = newest.explain(source, _CLANG_LLM_CHILD_SECONDS="1")
    assert [line["status"] for line in results if line["event"] == "result"][-1] == "timeout"


def test_memory_is_limited_without_harm_to_the_compile(newest: Bench, free: Path) -> None:
    """With an address space that leaves no room for a child's work, clang still compiles."""
    newest.helper(LISTS[:1], ONLY_MEASURE)
    plugin = f"-fpass-plugin={newest.plugin / 'stub.so'}"
    command = f"ulimit -v 400000; exec {newest.compiler.path} {plugin} -Oz -c {free} -o small.o"
    done = subprocess.run(
        ["sh", "-c", command], cwd=newest.root, env=newest.environment, capture_output=True, check=False
    )
    plain = subprocess.run(
        ["sh", "-c", f"ulimit -v 400000; exec {newest.compiler.path} -Oz -c {free} -o plain.o"],
        cwd=newest.root,
        env=newest.environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr) == (0, b"")
    assert (newest.root / "small.o").read_bytes() == (newest.root / "plain.o").read_bytes()


def test_a_changed_interface_is_refused(newest: Bench, tmp_path: Path) -> None:
    """globaldce after a list that made a needed symbol: dropping inline-only bodies leaves undefined references."""
    # C99 inline: no external body.
    text = "inline int twice(int x) { return 2 * x; }\nint use(int x) { return twice(x); }\n"
    source = _write(tmp_path / "inline.c", text)
    newest.helper(["globaldce", "cgscc(inline),function(sroa)"], ONLY_MEASURE)
    results = newest.measured(source, "-Oz", "-std=c99")
    assert [status for status, _ in results] == ["ok", "interface", "ok"]


def test_a_back_end_that_speaks_leaves_the_module_to_clang(newest: Bench, tmp_path: Path) -> None:
    source = _write(tmp_path / "frame.c", sources.BIG_FRAME)
    newest.helper(["default<Oz>"], ONLY_MEASURE)
    assert [status for status, _ in newest.measured(source, "-Oz", "-Wframe-larger-than=100000")] == ["ok", "ok"]
    lines = newest.explain(source, "-Oz", "-Wframe-larger-than=1000", "-Wno-everything", "-Wframe-larger-than=100")
    assert [line["status"] for line in lines if line["event"] == "result"] == ["ok", "ok"]


def test_coroutines_are_lowered_before_any_list(bench: Bench, tmp_path: Path) -> None:
    if bench.compiler.major == 14:
        pytest.skip("clang 14 has no <coroutine> support with this library")
    source = _write(tmp_path / "sequence.cpp", sources.COROUTINE)
    expected = _exit_status(bench, bench.plain(source, "-O0", "-std=c++20"))
    for pipeline in (
        "function(mem2reg,simplifycfg)",
        "function(sroa,early-cse,gvn),globaldce",
        "default<Oz>",
        "default<O2>",
    ):
        assert _exit_status(bench, bench.applied(source, pipeline, "-Oz", "-std=c++20")) == expected, pipeline


def test_always_inline_holds_under_any_list(bench: Bench, tmp_path: Path) -> None:
    text = "static inline __attribute__((always_inline)) int f(int x) { return x * x; }\n"
    text += "int g(int x) { return f(x) + 1; }\n"
    source = _write(tmp_path / "inline.c", text)
    data = bench.applied(source, "function(mem2reg)")
    assert b"\x00f\x00" not in data, "the inlined function is still in the symbol table"


def _exit_status(bench: Bench, data: bytes) -> int:
    file, program = bench.root / "program.o", bench.root / "program"
    file.write_bytes(data)
    subprocess.run([bench.compiler.path, "--driver-mode=g++", file, "-o", program], check=True)
    return subprocess.run([program], check=False).returncode


# --- the key --------------------------------------------------------------------------------------------------------


def test_the_key_ignores_what_cannot_reach_code(bench: Bench, free: Path, tmp_path: Path) -> None:
    key = bench.key(free)
    elsewhere = tmp_path / "other place"
    elsewhere.mkdir()
    copy = _write(elsewhere / "renamed.c", "/* a comment */\n" + sources.FREESTANDING)
    assert bench.key(copy) == key
    assert (
        bench.key(free, "-Oz", "-DUNUSED=1", "-I/usr/include", "-Wall", "-fcolor-diagnostics", "-fmessage-length=40")
        == key
    )


def test_the_key_of_a_debug_build_ignores_paths(bench: Bench, free: Path, tmp_path: Path) -> None:
    copy = _write(tmp_path / "renamed.c", "\n\n" + sources.FREESTANDING)
    debug = bench.key(free, "-Oz", "-g")
    assert bench.key(copy, "-Oz", "-g", "-fdebug-prefix-map=/a=/b") == debug
    assert debug != bench.key(free)


@pytest.mark.parametrize(
    "options",
    [
        ("-fPIC",),
        ("-march=haswell",),
        ("-m32",),
        ("-ffunction-sections",),
        ("-mcmodel=large",),
        ("-fno-plt",),
        ("-ffast-math",),
        ("-mllvm", "-inline-threshold=3"),
        ("-fno-jump-tables",),
        ("-mno-red-zone",),
        ("-g",),
        ("-DEXTRA", "-include", "extra.h"),
    ],
    ids=lambda options: options[0],
)
def test_the_key_changes_with_what_reaches_code(newest: Bench, free: Path, options: tuple[str, ...]) -> None:
    _write(newest.root / "extra.h", "int extra(void) { return 4; }\n")
    assert newest.key(free, "-Oz", *options) != newest.key(free)


def test_mllvm_values_are_in_the_key(newest: Bench, free: Path) -> None:
    keys = {newest.key(free, "-Oz", "-mllvm", f"-inline-threshold={n}") for n in (1, 2, 1)}
    assert len(keys) == 2


# --- what is left to clang ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-Oz", "-flto"), "emit_llvm or lto"),
        (("-Oz", "-flto=thin"), "emit_llvm or lto"),
        (("-Oz", "-emit-llvm"), "emit_llvm"),
        (("-Oz", "-Xclang", "-S"), "assembly"),
        (("-Oz", "-finstrument-functions"), "instrumented"),
        (("-Oz", "-pg"), "instrumented"),
        (("-Oz", "-fxray-instrument"), "instrumented"),
        (("-Oz", "-fpatchable-function-entry=2"), "instrumented"),
        (("-Oz", "-fsanitize=address"), "sanitizer"),
        (("-Oz", "-fexperimental-sanitize-metadata=all"), "sanitizer"),
        (("-Oz", "-fpseudo-probe-for-profiling"), "profile"),
        (("-Oz", "--coverage"), "coverage or profile"),
        (("-Oz", "-fprofile-instr-generate"), "profile"),
        (("-Oz", "-fprofile-generate"), "profile"),
        (("-Oz", "-Rpass=inline"), "remarks"),
        (("-Oz", "-fsave-optimization-record"), "remarks"),
        (("-Oz",), "empty"),
        (("-Oz",), "data"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_reasons_to_leave_a_compile_to_clang(
    bench: Bench, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    texts = {"empty": "int declared(int);\n", "data": sources.strings(1000)}
    source = _write(tmp_path / "left.c", texts.get(reason, sources.FREESTANDING))
    if "-fexperimental-sanitize-metadata=all" in options and bench.compiler.major < 16:
        pytest.skip("this clang does not know the option")
    assert bench.bypass(source, *options) in reason.split(" or ")


def test_who_leaves_passes_out_one_by_one_gets_clangs(newest: Bench, free: Path, tmp_path: Path) -> None:
    """LLVM tells about every pass then, so what it says cannot be compared with nothing."""
    told = _write(tmp_path / "told", "")
    plugin = f"-fpass-plugin={newest.plugin / 'stub.so'}"
    done = process.run(
        [newest.compiler.path, plugin, "-Oz", "-mllvm", "-opt-bisect-limit=1000000", "-c", free],
        env={**newest.environment, "_CLANG_LLM_EXPLAIN": str(told)},
        cwd=tmp_path,
    )
    assert b"BISECT: running pass" in done.stderr
    assert json.loads(told.read_text(encoding="utf-8").splitlines()[0]) == {"event": "bypass", "reason": "bisection"}


def test_a_module_with_fewer_tables_is_not_left_to_clang(newest: Bench, tmp_path: Path) -> None:
    newest.key(_write(tmp_path / "tables.c", sources.strings(900)))


def test_response_file_is_seen_through(newest: Bench, free: Path) -> None:
    _write(newest.root / "options", "-Oz -emit-llvm")
    assert newest.bypass(free, f"@{newest.root / 'options'}") == "emit_llvm"
    _write(newest.root / "options", "-Oz")
    assert newest.key(free, f"@{newest.root / 'options'}") == newest.key(free)
    assert newest.key(free, "-O2", "-Xclang", "-Oz")
    assert newest.compile(free, "-Oz", "-Xclang", "-O2") == newest.plain(free, "-Oz", "-Xclang", "-O2")
    assert newest.events() == []


# --- the stub -------------------------------------------------------------------------------------------------------


def test_another_clang_is_left_alone_and_the_memo_stays(newest: Bench, free: Path) -> None:
    memo = newest.root / "memo"
    memo.symlink_to(newest.plugin / "stub.so")
    identity = newest.plugin / "identity"
    recorded = identity.read_text(encoding="utf-8")
    command: list[str | Path] = [
        newest.compiler.path,
        f"-fpass-plugin={memo}",
        "-Oz",
        "-c",
        free,
        "-o",
        newest.root / "x.o",
    ]
    subprocess.run(command, check=True, env=newest.environment)
    assert memo.is_symlink()
    assert newest.events()[0] == "miss"
    (newest.cache / "events").unlink()
    identity.write_text(recorded.replace("exe ", "exe 1", 1), encoding="utf-8")
    subprocess.run(command, check=True, env=newest.environment)
    assert memo.is_symlink()
    assert newest.events() == []
    assert (newest.root / "x.o").read_bytes() == newest.plain(free)


def test_a_damaged_plugin_is_silent(newest: Bench, free: Path) -> None:
    (newest.plugin / "plugin.so").write_bytes(b"not a library")
    (newest.cache / "events").touch()
    # The wrapper says where the memo is, and that events may be counted.
    assert newest.compile(free, _CLANG_LLM_MEMO=str(newest.root)) == newest.plain(free)
    assert newest.events() == ["error:plugin_load"]
