"""A team's builds: plans made in one checkout, committed, and applied in a fresh clone elsewhere, without a network."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clang_llm.plans.store import plansfile
from clang_llm.system import layout
from clang_llm.toolchain.compiler import Compiler

ROOT = Path(__file__).resolve().parents[3]
SOURCES = {
    "loops.c": "int sum(const int *v, int n) { int s = 0; for (int i = 0; i < n; i++) s += v[i] * i; return s; }\n",
    "calls.c": "\n".join(
        f"static int step{n}(int x) {{ return x & {n} ? 3 * x + {n} : x / 2; }}\n"
        f"int length{n}(int x) {{ int k = 0; while (x > 1) {{ x = step{n}(x); ++k; }} return k; }}"
        for n in range(1, 5)
    ),
    "main.c": "int sum(const int *, int);\nint length3(int);\n"
    "int main(int n, char **v) { (void)v; return sum(&n, 1) + length3(n); }\n",
}
MAKEFILE = """\
CFLAGS = -Oz $(DEBUG)
OBJECTS = loops.o calls.o main.o
all: $(OBJECTS)
%.o: %.c
\t$(CC) $(CFLAGS) -c $< -o $@
clean:
\trm -f $(OBJECTS)
"""
DEBUG = "-g -ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=."


pair_installed = pytest.mark.skipif(
    importlib.util.find_spec("cryptography") is None, reason="the extra `team` is not installed"
)


class Team:
    """A project, and machines of the team: each has a home of its own with an empty cache."""

    def __init__(self, compiler: Compiler, work: Path) -> None:
        self.compiler, self.work = compiler, work
        self.plugins = work / "cache" / "plugins"
        self.first = work / "first" / "project"
        self.first.mkdir(parents=True)
        for name, text in {**SOURCES, "Makefile": MAKEFILE}.items():
            (self.first / name).write_text(text)
        self.git("init", "-q", "-b", "main", at=self.first)

    def machine(self, name: str, **variables: str) -> dict[str, str]:
        """Return the environment of a machine; its cache has nothing but the plugins."""
        home = self.work / name / "home"
        cache = home / ".cache" / "clang-llm"
        if not cache.exists():
            cache.mkdir(parents=True)
            (cache / "plugins").symlink_to(self.plugins.resolve())
        settings = {"CLANG": str(self.compiler.path), "PYTHON": sys.executable, "BACKEND": "coreset", **variables}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "CC": str(layout.wrapper()),
            "CLANG_LLM_SEED_DIR": str(self.work),
            "CLANG_LLM_MIN_INSTRUCTIONS": "0",
            **{f"CLANG_LLM_{name}": value for name, value in settings.items()},
        }

    def run(self, command: list[str], at: Path, environ: dict[str, str], status: int = 0) -> str:
        done = subprocess.run(command, cwd=at, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def tool(self, *words: object, at: Path, environ: dict[str, str], status: int = 0) -> str:
        return self.run([sys.executable, "-m", "clang_llm.cli", *map(str, words)], at, environ, status)

    def git(self, *words: str, at: Path) -> None:
        who = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.run(["git", *words], at, {"PATH": os.environ["PATH"], "HOME": str(self.work), **who})

    def build(self, at: Path, environ: dict[str, str], *words: str) -> dict[str, bytes]:
        self.run(["make", "clean"], at, environ)
        self.run([*words, "make", f"CC={environ['CC']}"], at, environ)
        return {path.name: path.read_bytes() for path in sorted(at.glob("*.o"))}

    def events(self, name: str) -> list[str]:
        file = self.work / name / "home" / ".cache" / "clang-llm" / "events"
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def team(a_compiler: Compiler, shared_plugins: Path) -> Team:
    return Team(a_compiler, shared_plugins)


def without_network() -> list[str]:
    """Return what runs a command without any network, where this user may do that."""
    words = ["unshare", "-n"]
    allowed = (
        shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    )
    return words if allowed else []


@pytest.mark.parametrize(
    ("debug", "kind"),
    [("", "--hmac"), (DEBUG, "--hmac"), pytest.param(DEBUG, "pair", marks=pair_installed)],
    ids=["plain", "-g", "-g, a pair of keys"],
)
def test_a_fresh_clone_elsewhere_gives_the_same_objects_without_a_search(team: Team, debug: str, kind: str) -> None:
    key = team.work / "team.key"
    team.tool("key", "new", *([kind] if kind != "pair" else []), key, at=team.work, environ=team.machine("one"))
    one = team.machine("one", KEY_FILE=str(key))
    one["DEBUG"] = debug
    team.tool("stats", "--zero", at=team.first, environ=one)
    objects = team.build(team.first, one)
    assert sorted(objects) == ["calls.o", "loops.o", "main.o"]
    assert "stored" in team.events("one")
    team.tool("plans", "export", "--this-build", "clang-llm.plans", at=team.first, environ=one)
    rows = plansfile.read(team.first / "clang-llm.plans").rows
    assert sorted(row.source for row in rows.values()) == ["calls.c", "loops.c", "main.c"]
    assert str(team.work) not in (team.first / "clang-llm.plans").read_text()
    team.git("add", ".", at=team.first)
    team.git("commit", "-qm", "plans", at=team.first)

    clone = team.work / "another" / "place" / "that-is-longer"
    team.git("clone", "-q", str(team.first), str(clone), at=team.work)
    theirs = f"{key}.pub" if kind == "pair" else str(key)
    two = team.machine("two", KEY_FILE=theirs, PLANS=str(clone / "clang-llm.plans"), FROZEN="1")
    two["DEBUG"] = debug
    assert team.build(clone, two, *without_network()) == objects
    events = team.events("two")
    smaller = sum(row.plan.recipe is not None for row in rows.values())
    assert smaller > 0
    assert re.search(r"Committed plans +3\n +signed, applied at once +3", team.tool("stats", at=clone, environ=two))
    assert sorted(events) == sorted(["miss", "plans:adopted"] * 3 + ["applied"] * smaller)
    assert team.build(clone, two) == objects
    assert set(team.events("two")[len(events) :]) <= {"hit", "hit:oz", "applied"}


def test_without_a_plan_a_frozen_build_is_plain_and_says_so(team: Team) -> None:
    one = team.machine("one")
    team.build(team.first, one)
    team.tool("plans", "export", "p.plans", at=team.first, environ=one)
    (team.first / "loops.c").write_text(SOURCES["loops.c"].replace("s += ", "s -= "))
    two = team.machine("two", PLANS=str(team.first / "p.plans"), FROZEN="1")
    objects = team.build(team.first, two)
    team.run([str(team.compiler.path), "-Oz", "-c", "loops.c", "-o", "plain.o"], team.first, two)
    assert objects["loops.o"] == (team.first / "plain.o").read_bytes()
    assert team.events("two").count("bypass:frozen") == 1
    said = team.tool("explain", "clang-llm", "-Oz", "-c", "loops.c", at=team.first, environ=two)
    assert "FROZEN is set" in said
    team.build(team.first, two)
    stats = team.tool("stats", at=team.first, environ=two)
    assert re.search(r"Left to clang +2\n +frozen +2\n", stats)
    assert "FROZEN is set" in team.tool("doctor", at=team.first, environ=two)


def test_check_compares_every_object_with_its_plan(team: Team) -> None:
    one = team.machine("one")
    team.build(team.first, one)
    team.tool("plans", "export", "p.plans", at=team.first, environ=one)
    check = ["plans", "check", "--file", "p.plans"]
    make = ["--", "make", "-B", f"CC={one['CC']}"]
    said = team.tool(*check, *make, at=team.first, environ=one)
    assert "3 modules: 3 as promised, 0 differs, 0 no plan, 0 not seen" in said
    database = [
        {"directory": str(team.first), "file": name, "arguments": ["cc", "-Oz", "-c", name]} for name in SOURCES
    ]
    (team.first / "compile_commands.json").write_text(json.dumps(database))
    commands = [*check, "--compile-commands", "compile_commands.json"]
    assert "3 as promised" in team.tool(*commands, at=team.first, environ=one)

    (team.first / "main.c").write_text("int main(int n, char **v) { return n * n + v[0][0] * n; }\n")
    said = team.tool(*check, *make, at=team.first, environ=one)
    assert "2 as promised, 0 differs, 1 no plan" in said
    team.tool(*check, "--complete", *make, at=team.first, environ=one, status=1)
    assert team.events("one").count("bypass:frozen") == 0  # a cache of its own


def test_check_notices_what_does_not_hold(team: Team) -> None:
    """Plans of another build, under the keys of this one: sound lines, wrong promises."""

    from clang_llm.plans.store.committed import Row, render

    one = team.machine("one")
    team.build(team.first, one)
    file = team.first / "p.plans"
    team.tool("plans", "export", file, at=team.first, environ=one)
    rows = plansfile.read(file).rows
    wrong = [
        Row(row.plan._replace(size_oz=row.plan.size_oz + 64, size=row.plan.size - 1, parts=None))
        for row in rows.values()
    ]
    wrong = [row for row in wrong if row.plan.recipe is not None]
    file.write_bytes(render(wrong))
    said = team.tool(
        "plans", "check", "--file", file, "--", "make", "-B", f"CC={one['CC']}", at=team.first, environ=one, status=1
    )
    assert f"{len(wrong)} differs" in said
    assert len(wrong) > 0
    said = team.tool("plans", "check", "--file", file, "--", "true", at=team.first, environ=one, status=13)
    assert "clean the project" in said
    team.tool("plans", "check", "--", "true", at=team.first, environ=one, status=13)
    assert "failed with status 2" in team.tool(
        "plans", "check", "--file", file, "--", "make", "no-such-target", at=team.first, environ=one, status=2
    )
