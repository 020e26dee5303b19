"""Links with full LTO: the plugin in clang's own linker, on real programs of several files (docs/lto.md)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from integration import plugin_support
from integration.plugin_support import size
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.store.local import LocalStore
from clang_llm.system import ledger, process
from clang_llm.system.errors import ToolchainError
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.linker import takes_plugin
from clang_llm.toolchain.published import PluginBuild

#: Each file calls the other; one function is the program's interface to a shared library's users.
FILES = {
    "main.c": """
#include <stdio.h>
int total(const int *v, int n); const char *name(int k); extern int calls; int through(int (*)(int));
static int local(int x) { int s = 0; for (int i = 0; i < x; i++) s += i ^ (x >> 1); return s; }
int main(void) {
  int v[40];
  for (int i = 0; i < 40; i++) v[i] = local(i);
  printf("%d %s %d %d\\n", total(v, 40), name(total(v, 3)), calls, through(local));
  return 0;
}
""",
    "other.c": """
int calls;
static const char *const names[] = {"none", "one", "two", "many"};
static int weigh(int x) { calls++; return x & 1 ? 3 * x + 1 : x / 2; }
int total(const int *v, int n) { int s = 0; for (int i = 0; i < n; i++) s += weigh(v[i]) * (i % 3); return s; }
const char *name(int k) { return names[k > 3 ? 3 : k < 0 ? 0 : k]; }
int through(int (*f)(int)) { return f(calls) + 1; }
""",
}
#: What a linker resolves by name after LTO or beside it, and what nobody calls but the program's own tables.
NAMED = {
    "main.c": """
#include <stdio.h>
#include <string.h>
#define ENTRY __attribute__((section("entries"), used))
extern int other(int); int weak_one(void); int aliased(void);
static int here ENTRY = 4;
extern int __start_entries[], __stop_entries[];
__attribute__((used)) static int only_kept(void) { return 5; }
__attribute__((constructor)) static void first(void) { here++; }
int from_assembly(void);
__asm__(".globl from_assembly\\nfrom_assembly: jmp called_by_assembly");
int called_by_assembly(void) { return 7; }
int main(void) {
  char text[64] = {0}, copy[64];
  int sum = 0;
  for (int *p = __start_entries; p < __stop_entries; p++) sum += *p;
  for (int i = 0; i < 63; i++) text[i] = (char)('a' + i % 7);
  memcpy(copy, text, sizeof copy);
  printf("%d %d %d %d %d %s\\n", sum, other(1), weak_one(), aliased(), from_assembly(), copy);
  return 0;
}
""",
    "other.c": """
#define ENTRY __attribute__((section("entries"), used))
static int there ENTRY = 30;
int other(int x) { return x; }
__attribute__((weak)) int weak_one(void) { return 1; }
int origin(void) { return 9; }
extern int aliased(void) __attribute__((alias("origin")));
""",
    "strong.c": "int weak_one(void) { return 2; }\n",
}
#: A library of the program's own in bitcode: code generation may need it when everything else has been resolved.
LIBRARY = {
    "main.c": """
void *memset(void *, int, unsigned long); void *memcpy(void *, const void *, unsigned long);
struct big { int a[64]; };
__attribute__((noinline)) static struct big make(int x) { struct big b = {0}; b.a[x] = x; return b; }
int main(void) { struct big one = make(7), two = one; return two.a[7] - 7 + two.a[9]; }
""",
    "memory.c": """
typedef unsigned long size;
void *memset(void *p, int c, size n) { char *q = p; while (n--) *q++ = (char)c; return p; }
void *memcpy(void *p, const void *s, size n) { char *q = p; const char *r = s; while (n--) *q++ = *r++; return p; }
""",
}


@cache
def linking(major: int, builds: Path) -> tuple[Compiler, PluginBuild]:
    """Return a clang whose own lld takes its plugin, and the plugin."""
    compiler = plugin_support.compiler_of(major)
    if compiler is None or compiler.llvm_config is None:
        pytest.skip(f"clang-{major} and llvm-{major}-dev are not installed")
    try:
        build = toolchain.build_plugin(compiler, builds)
    except ToolchainError as error:
        pytest.skip(str(error))
    if takes_plugin(compiler, build) is None:
        pytest.skip(f"lld-{major} is not installed")
    return compiler, build


class Links:
    """A directory in which one clang links through its own lld, with the plugin or without."""

    def __init__(self, major: int, builds: Path, root: Path) -> None:
        self.compiler, self.build = linking(major, builds)
        self.root, self.cache = root, root / "cache"
        self.cache.mkdir()
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("_CLANG_LLM")},
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_EFFORT": "2",
        }

    def compile(self, files: dict[str, str], *options: str) -> list[Path]:
        """Make bitcode of files."""
        objects = []
        for name, text in files.items():
            source = self.root / name
            source.write_text(text, encoding="utf-8")
            objects.append(source.with_suffix(".o"))
            argv: list[str | Path] = [
                self.compiler.path,
                "-Oz",
                "-flto",
                *options,
                "-w",
                "-c",
                source,
                "-o",
                objects[-1],
            ]
            done = process.run(argv)
            assert done.ok, done.stderr
        return objects

    def link(self, objects: Sequence[Path], *options: str, plugin: str | None = None, **environ: str) -> Path:
        """Link them; `plugin` is a path, empty for clang alone."""
        output = self.root / "program"
        output.unlink(missing_ok=True)
        stub = str(self.build.stub) if plugin is None else plugin
        words: list[str | Path] = [f"-Wl,--load-pass-plugin={stub}"] if stub else []
        words += [*objects, "-o", output, *options]
        argv: list[str | Path] = [self.compiler.path, "-Oz", "-flto", "-fuse-ld=lld", *words]
        done = process.run(argv, env={**self.environ, **environ}, cwd=self.root)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
        return output

    def events(self) -> list[str]:
        """Return what was counted since the last time."""
        file = self.cache / "events"
        text = file.read_text().split() if file.exists() else []
        file.unlink(missing_ok=True)
        return text

    def explained(self, objects: Sequence[Path], *options: str) -> list[dict[str, object]]:
        """Return what the plugin says of a link."""
        said = self.root / "said"
        said.write_text("")
        words: list[str | Path] = [f"-Wl,--load-pass-plugin={self.build.stub}", *objects, *options]
        argv: list[str | Path] = [self.compiler.path, "-Oz", "-flto", "-fuse-ld=lld", *words, "-o", self.root / "never"]
        done = process.run(argv, env={**self.environ, "_CLANG_LLM_EXPLAIN": str(said)})
        assert done.stderr == b""
        assert not (self.root / "never").exists()
        return [json.loads(line) for line in said.read_text().splitlines()]


def said_by(program: Path) -> bytes:
    done = process.run([program])
    assert done.ok
    return done.stdout


@pytest.fixture
def links(builds: Path, tmp_path: Path) -> Links:
    return Links(19, builds, tmp_path)


@pytest.mark.parametrize("major", [*(pytest.param(each, marks=pytest.mark.projects) for each in (15, 16)), 19])
def test_a_link_is_searched_once_and_remembered(builds: Path, tmp_path: Path, major: int) -> None:
    links = Links(major, builds, tmp_path)
    objects = links.compile(FILES)
    plain = links.link(objects, plugin="").read_bytes()
    said = said_by(links.root / "program")
    first = links.link(objects).read_bytes()
    assert links.events() == ["miss", "stored", "applied"]
    assert said_by(links.root / "program") == said
    assert size(first) < size(plain)
    assert links.link(objects).read_bytes() == first
    assert links.events() == ["hit", "applied"]
    (linked,) = ledger.read(links.cache).compiles.values()
    assert linked.name == f"{links.root / 'program'} ({ledger.MERGED})"
    assert linked.saved > 0


def test_without_a_plan_the_file_is_the_linkers_own(links: Links) -> None:
    objects = links.compile(FILES)
    plain = links.link(objects, plugin="").read_bytes()
    assert links.link(objects, CLANG_LLM_EFFORT="0").read_bytes() == plain
    assert links.events() == ["miss", "bypass:effort_0"]


@pytest.mark.parametrize(
    ("kind", "options"), [("program", ()), ("static position", ("-no-pie",)), ("library", ("-shared", "-fPIC"))]
)
def test_a_linked_file_shrinks_by_what_was_foretold(links: Links, kind: str, options: tuple[str, ...]) -> None:
    """What is measured is what the linked file gains: to the byte in sum, but for rounding of whole sections."""
    objects = links.compile(FILES, *(["-fPIC"] if kind == "library" else []))
    plain = size(links.link(objects, *options, "-Wl,--gc-sections", plugin="").read_bytes())
    ours = size(links.link(objects, *options, "-Wl,--gc-sections").read_bytes())
    (linked,) = ledger.read(links.cache).compiles.values()
    assert plain - ours == pytest.approx(linked.saved, abs=32)
    assert ours < plain


def test_the_key_is_of_the_code_not_of_the_place(links: Links) -> None:
    objects = links.compile(FILES)

    def key(*options: str) -> object:
        (found,) = [line["key"] for line in links.explained(objects, *options) if line["event"] == "key"]
        return found

    usual = key()
    assert key("-Wl,-Map=map", "-Wl,--build-id=sha1") == usual
    others = [key(*options) for options in (("-no-pie",), ("-shared",), ("-Wl,-mllvm,-x86-asm-syntax=intel",))]
    assert len({usual, *others}) == 4
    assert "map" not in {path.name for path in links.root.iterdir()}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-Wl,--lto-partitions=2",), "lto_options"),
        (("-Wl,--save-temps",), "lto_options"),
        (("-Wl,--lto-emit-asm",), "lto_options"),
        (("-Wl,--plugin-opt=opt-remarks-filename=remarks",), "lto_options"),
        (("-r", "-nostdlib"), "relocatable"),
        (("-Wl,--wrap=nobody",), "redefined"),
        (("-Wl,--defsym=again=total",), "redefined"),
        (("-Wl,--icf=all",), "icf"),
    ],
)
def test_unusual_links_are_the_linkers(links: Links, options: tuple[str, ...], reason: str) -> None:
    links.link(links.compile(FILES), *options)
    assert links.events() == [f"bypass:{reason}"]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("c", ("-O2",), "not_oz"),
        ("c", ("-fsanitize=cfi-icall", "-fvisibility=hidden"), "type_tests"),
        ("c", ("-fsanitize=address",), "sanitizer"),
        ("c", ("-fprofile-instr-generate",), "profile"),
        ("c", ("-pg",), "instrumented"),
    ],
)
def test_unusual_bitcode_is_the_linkers(links: Links, name: str, options: tuple[str, ...], reason: str) -> None:
    objects = links.compile({"main.c": FILES["main.c"]}) + links.compile({f"other.{name}": FILES["other.c"]}, *options)
    lines = links.explained(objects, *(option for option in options if option.startswith("-fsan")))
    assert [line.get("reason") for line in lines] == [reason]


def test_what_clang_makes_by_itself_is_no_reason(links: Links) -> None:
    """C++ constructors of variables, thread-local ones and terminate handlers bear no level."""
    text = """
#include <cstdio>
struct Loud { int v; Loud(int v) : v(v) {} ~Loud() { std::printf("%d\\n", v); } };
static Loud one(1); thread_local Loud two(2); extern Loud three; Loud three(3);
void quiet() noexcept { if (one.v == 5) throw 1; }
int main() { two.v++; quiet(); return three.v - 3; }
"""
    (links.root / "a.cpp").write_text(text)
    output = links.root / "a.o"
    argv: list[str | Path] = [f"{links.compiler.real}++", "-Oz", "-flto", "-c", links.root / "a.cpp", "-o", output]
    assert process.run(argv).ok
    assert next(line["event"] for line in links.explained([output], "-lstdc++")) == "key"


def recipes(count: int) -> list[Recipe]:
    """Return shipped recipes, spread over the whole set."""
    usable = list(all_usable(read_coreset(19).lists, 19))
    return usable[:: max(1, len(usable) // count)][:count]


@pytest.mark.parametrize("recipe", recipes(3), ids=["first", "second", "third"])
@pytest.mark.parametrize("kind", ["named", "library"])
def test_what_the_linker_resolved_stays(links: Links, kind: str, recipe: Recipe) -> None:
    """Weak, aliased, used and enumerated symbols; a program's own memcpy that only the back end calls."""
    objects = links.compile(NAMED if kind == "named" else LIBRARY, *(["-fno-builtin"] if kind == "library" else []))
    options = ("-Wl,--gc-sections", "-Wl,-z,nostart-stop-gc") if kind == "named" else ()
    links.link(objects, *options, plugin="")
    said = said_by(links.root / "program")
    text = json.dumps(recipe.message()) if recipe.staged else recipe.module
    links.link(objects, *options, _CLANG_LLM_APPLY=text)
    assert said_by(links.root / "program") == said
    assert (kind == "named") == (said == b"35 1 2 9 7 " + bytes(97 + i % 7 for i in range(63)) + b"\n")


def test_a_plugin_that_vanished_is_no_plugin(links: Links) -> None:
    """The wrapper hands a descriptor over; when its file has been removed, and what belongs to it, clang is alone."""
    objects = links.compile(FILES)
    plain = links.link(objects, plugin="").read_bytes()
    stub = links.root / "stub.so"
    stub.write_bytes(links.build.stub.read_bytes())
    words: list[str | Path] = ["-Wl,--load-pass-plugin=/proc/self/fd/9", "-Oz", "-flto", "-fuse-ld=lld", *objects]
    shell: list[str | Path] = ["/bin/sh", "-c", 'exec 9<"$0" && rm "$0" && exec "$@"', stub]
    done = process.run([*shell, links.compiler.path, *words, "-o", links.root / "again"], env=links.environ)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (links.root / "again").read_bytes() == plain
    assert links.events() == []


def test_the_linker_of_another_llvm_does_nothing(links: Links, builds: Path) -> None:
    other = plugin_support.compiler_of(16)
    if other is None or other.llvm_config is None:
        pytest.skip("clang-16 and llvm-16-dev are not installed")
    stub = toolchain.build_plugin(other, builds).stub
    objects = links.compile(FILES)
    plain = links.link(objects, plugin="").read_bytes()
    memo = links.root / "memo"
    memo.mkdir()
    (memo / "plugin.so").symlink_to(stub)
    assert links.link(objects, plugin=str(stub), _CLANG_LLM_MEMO=str(memo)).read_bytes() == plain
    assert links.events() == ["bypass:other_linker"]
    assert not (memo / "stale").exists()


def test_a_plan_that_does_not_fit_ends_as_the_linkers_own(links: Links) -> None:
    objects = links.compile(FILES)
    plain = links.link(objects, plugin="").read_bytes()
    (key,) = [str(line["key"]) for line in links.explained(objects) if line["event"] == "key"]
    recipe = next(each for each in read_coreset(19).lists if each.staged)._replace(use=(0,) * 9)
    assert LocalStore(links.cache).put(Plan(key, "19.1.7", "x86_64-pc-linux-gnu", recipe, 1 << 20, 1, 32, {}))
    links.events()
    assert links.link(objects).read_bytes() == plain
    assert links.events() == ["hit", "error:unfit", "bypass:disabled"]


def test_what_nobody_measured_here_is_measured_first(links: Links) -> None:
    objects = links.compile(FILES)
    first = links.link(objects).read_bytes()
    (entry,) = [path for path in (links.cache / "plans").rglob("*") if path.is_file()]
    plan = LocalStore(links.cache).get(entry.parent.name + entry.name)
    assert plan is not None
    entry.write_bytes(encode(plan))
    links.events()
    assert links.link(objects).read_bytes() == first
    assert re.fullmatch(r"unsealed( refused:\w+)* stored applied", " ".join(links.events()))


def test_through_the_wrapper(builds: Path, tmp_path: Path, a_compiler: Compiler) -> None:
    """As a build does it: bitcode is clang's, the link is ours, and the next one has its plan."""
    linking(a_compiler.major, builds)
    environ = {**real_environment(builds, a_compiler.path, tmp_path), "CLANG_LLM_LTO": "1", "CLANG_LLM_EFFORT": "2"}
    clang_llm = WRAPPERS / "clang-llm"
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        done = process.run([clang_llm, "-Oz", "-flto", "-c", name], env=environ, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b"")
    linked = []
    for wanted in ("0", "1", "1"):
        words = ["-flto", "-fuse-ld=lld", "main.o", "other.o", "-o", "program"]
        done = process.run([clang_llm, *words], env={**environ, "CLANG_LLM_LTO": wanted}, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b"")
        linked.append((tmp_path / "program").read_bytes())
    assert linked[1] == linked[2]
    assert size(linked[1]) < size(linked[0])
    events = (tmp_path / "cache" / "events").read_text().split()
    assert [event for event in events if not event.startswith("refused")] == [
        *["bypass:lto"] * 3,
        *("miss", "stored", "applied"),
        *("hit", "applied"),
    ]
