"""The self-testing programs of PassListEval, grouped into few modules, and the driver that runs them.

There are two kinds: the published ones of HumanEval-X, read from a file, and our own (``suite``). Many programs go into
one module, a *batch*, and a driver runs each one's ``main`` in a forked child.

Nearly all the time of compiling a published program goes to parsing the C++ library's headers. So the headers are
hoisted to the top of one translation unit, and each program goes below them into a namespace of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clang_llm.system.errors import DataError
from clang_llm.system.files import open_regular
from clang_llm.tuning.suite import Suite, load_suite

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>]+)>[ \t]*$", re.MULTILINE)
_OTHER_DIRECTIVE = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_MAIN = re.compile(r"\bint\s+main\s*\(\s*\)\s*\{")

# Part of every verdict's key: raise it whenever the generated text of a batch or of the driver changes meaning.
BATCH_FORMAT = 2


@dataclass(frozen=True)
class Program:
    """One self-testing program: exits with 0 when it finds itself right, aborts otherwise.

    Attributes:
        name: An identifier, also the name of the program's namespace.
        headers: Library headers it includes.
        body: Its text without preprocessor lines; ends with ``main``, which returns a value on every way out.
    """

    name: str
    headers: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class ProgramSet:
    """The programs that can be used, and what was left out.

    Attributes:
        programs: The published ones, in the order of the file.
        left_out: Name of the program → reason.
        digest: Hex SHA-256 of all programs' texts and the batch format.
        suite: Our own.
    """

    programs: tuple[Program, ...]
    left_out: dict[str, str]
    digest: str
    suite: Suite | None = None

    def evidence(self, excluded: Collection[str]) -> str:
        """Say how many programs of which origin are left without the excluded ones, and which set they are."""
        published = sum(program.name not in excluded for program in self.programs)
        own = sum(program.name not in excluded for program in self.suite.programs) if self.suite else 0
        origins = [f"{published} of HumanEval-X C++" if published else "HumanEval-X was not there"]
        if own:
            origins.append(f"{own} of clang-llm's own suite")
        return f"{published + own} self-testing programs ({', '.join(origins)}; set {self.digest[:16]})"


def _program(name: str, text: str) -> Program:
    """Split a program's text; raises DataError when it has no ``main`` at its end."""
    headers = tuple(sorted(set(_INCLUDE.findall(text))))
    body = _OTHER_DIRECTIVE.sub("", text).rstrip()
    if len(_MAIN.findall(body)) != 1 or not body.endswith("}"):
        raise DataError(f"program {name}: expected one main() at the end of the text")
    # Outside the global namespace main is an ordinary function: without a return its end would be unreachable code.
    return Program(name, headers, body[:-1] + "return 0; }")


def load_programs(path: Path) -> ProgramSet:
    """Read the programs of a HumanEval-X file (gzipped JSON lines).

    Programs that include headers outside the standard library are left out: whether they compile says something about
    the machine, not about a pass list.

    Raises:
        DataError: the file cannot be read or is not of this format.
    """
    programs: list[Program] = []
    left_out: dict[str, str] = {}
    digest = hashlib.sha256(f"batch {BATCH_FORMAT}\n".encode())
    try:
        with os.fdopen(open_regular(path), "rb") as file, gzip.open(file, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        for row in rows:
            name = "p" + str(row["task_id"]).rsplit("/", 1)[-1].zfill(3)
            program = _program(name, row["prompt"] + row["canonical_solution"] + "\n" + row["test"])
            foreign = [header for header in program.headers if "/" in header]
            if foreign:
                left_out[name] = f"needs <{foreign[0]}>"
                continue
            digest.update(f"{name}\n{' '.join(program.headers)}\n{program.body}\n".encode())
            programs.append(program)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"cannot read the programs of {path}: {error}; name the HumanEval-X C++ file with --programs"
        ) from error
    return ProgramSet(tuple(programs), left_out, digest.hexdigest())


def with_suite(published: ProgramSet | None) -> ProgramSet:
    """Add our own programs to the published ones, or take them alone.

    Raises:
        DataError: our own programs cannot be read.
    """
    suite = load_suite()
    if published is None:
        return ProgramSet((), {}, suite.digest, suite)
    digest = hashlib.sha256(f"{published.digest}\n{suite.digest}".encode()).hexdigest()
    return replace(published, digest=digest, suite=suite)


def batch_source(programs: Iterable[Program]) -> str:
    """Text of one translation unit with every program in its own namespace and an entry function per program.

    ``#line`` names the program in the compiler's messages, so that one that does not compile can be told.
    """
    chosen = list(programs)
    headers = sorted({header for program in chosen for header in program.headers} | {"assert.h"})
    parts = ["#undef NDEBUG\n", *(f"#include <{header}>\n" for header in headers)]
    parts.extend(f'namespace {p.name} {{\n#line 1 "{p.name}.cpp"\n{p.body}\n}}\n' for p in chosen)
    parts.append('#line 1 "entries.cpp"\n')
    parts.extend(f'extern "C" int run_{p.name}() {{ return {p.name}::main(); }}\n' for p in chosen)
    return "".join(parts)


_DRIVER = r"""
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct entry { const char *name; int (*run)(void); };
@ENTRIES@

/* FNV-1a over the child's whole output; a fingerprint against accidents, not against an attacker. */
static uint64_t digest(FILE *file) {
  uint64_t hash = 14695981039346656037u;
  int c;
  rewind(file);
  while ((c = getc(file)) != EOF) hash = (hash ^ (unsigned char)c) * 1099511628211u;
  return hash;
}

static void child(const struct entry *e, FILE *out, unsigned cpu_s, unsigned wall_s) {
  struct rlimit cpu = {cpu_s, cpu_s}, core = {0, 0}, file = {1 << 24, 1 << 24};
  setrlimit(RLIMIT_CPU, &cpu);
  setrlimit(RLIMIT_CORE, &core);
  setrlimit(RLIMIT_FSIZE, &file);
  alarm(wall_s);
  dup2(fileno(out), 1);
  /* stderr carries assert's message with file and line; the same program prints the same one. */
  dup2(fileno(out), 2);
  exit(e->run());
}

int main(int argc, char **argv) {
  unsigned cpu_s = argc > 1 ? (unsigned)atoi(argv[1]) : 10, wall_s = argc > 2 ? (unsigned)atoi(argv[2]) : 60;
  int stop = argc > 3 && atoi(argv[3]);
  for (const struct entry *e = entries; e->name; ++e) {
    FILE *out = tmpfile();
    int status = 0;
    pid_t pid;
    if (!out) return 3;
    fflush(stdout);
    pid = fork();
    if (pid < 0) return 3;
    if (pid == 0) child(e, out, cpu_s, wall_s);
    if (waitpid(pid, &status, 0) != pid) return 3;
    if (WIFSIGNALED(status)) printf("%s signal %d", e->name, WTERMSIG(status));
    else printf("%s exit %d", e->name, WEXITSTATUS(status));
    printf(" %016llx\n", (unsigned long long)digest(out));
    fclose(out);
    if (stop && status != 0) break;
  }
  return 0;
}
"""


def driver_source(names: Sequence[str]) -> str:
    """C text of the driver of one batch: runs each program in a child and prints one line per program.

    The line is ``<name> exit|signal <number> <hash of the output>``. Arguments of the built driver: seconds of CPU time
    and of wall time that one program may take, and 1 to stop after the first program that does not exit with 0.
    """
    declarations = "".join(f"int run_{name}(void);\n" for name in names)
    rows = "".join(f'  {{"{name}", run_{name}}},\n' for name in names)
    table = f"{declarations}static const struct entry entries[] = {{\n{rows}  {{0, 0}}}};"
    return _DRIVER.replace("@ENTRIES@", table)


def split_batches(programs: Sequence[Program], count: int) -> list[tuple[Program, ...]]:
    """Deal the programs into at most ``count`` batches of nearly equal length, none of them empty."""
    dealt = [tuple(programs[start::count]) for start in range(count)]
    return [batch for batch in dealt if batch]
