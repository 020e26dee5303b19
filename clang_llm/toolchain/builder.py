"""Building the plugin for one clang: stub, identity, plugin, and a trial compile (docs/plugin.md)."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from clang_llm import __version__
from clang_llm.plans import vetted, vocabulary
from clang_llm.plans.types import FORMAT, PROTOCOL
from clang_llm.system import limits, process, settings
from clang_llm.system.errors import ProcessError, ToolchainError
from clang_llm.system.files import nobody_else_writes, replace_file
from clang_llm.toolchain.compiler import ASK_S, Compiler
from clang_llm.toolchain.published import PluginBuild, prune, publish

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = PACKAGE / "plugin"
#: First major version of LLVM that the plugin knows; one newer than those tried is tried all the same.
OLDEST_LLVM = 14

#: Seconds for building the plugin: normally 10, more when every core is busy with the build that waits for it.
BUILD_S = 600.0
#: What a system says that is short of something just now; the next compile may have better luck.
_PASSING = tuple(
    map(
        os.strerror,
        (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EFBIG, errno.ENOSPC, errno.EDQUOT),
    )
)

#: The parts that the plugin is compiled in, each as one file, with their sources. `model` computes; `hit` is what every
#: compile goes through; the others are for a search, which waits for LLVM, and not worth an optimiser's time.
_PARTS = {
    "model": "answers kernels network tokens",
    "hit": "codegen committed entry frontend guard ledger linker net pipeline plugin recipe remote "
    "settings tiny vetted vocabulary",
}
#: Makes plugin.so in $0 with the compiler "$@", all parts at a time, in one process group.
_MAKE = """
"$@" -O2 -c "$0/model.cpp" -o "$0/model.o" & model=$!
"$@" -O1 -c "$0/hit.cpp" -o "$0/hit.o" & hit=$!
"$@" -O0 -c "$0/search.cpp" -o "$0/search.o"; search=$?
wait "$model" && wait "$hit" && [ "$search" = 0 ] &&
"$@" -shared -s -Wl,--version-script="$0/exports" "$0/model.o" "$0/hit.o" "$0/search.o" -o "$0/plugin.so" &&
rm "$0/model.o" "$0/hit.o" "$0/search.o"
"""

_API = re.compile(r"#define\s+LLVM_PLUGIN_API_VERSION\s+(\d+)")


def generated_header(major: int) -> str:
    """Return the text of generated.h for one major version of LLVM: what the plugin shares with Python."""
    rows = "\n".join("    {" + ", ".join(f'"{each}"' for each in row) + "}," for row in vocabulary.load(major).rows())
    digests = "\n".join(f'    "{each}",' for each in sorted(vetted.shipped(major)))
    table = settings.EFFORT_TABLE
    return f"""\
// Written by clang_llm/toolchain/builder.py; do not edit.
#pragma once
#define CLANG_LLM_VERSION "{__version__}"
#define CLANG_LLM_FORMAT {FORMAT}
#define CLANG_LLM_PROTOCOL {PROTOCOL}
#define CLANG_LLM_DEFAULT_EFFORT {settings.DEFAULT_EFFORT}
#define CLANG_LLM_MIN_INSTRUCTIONS {settings.DEFAULT_MIN_INSTRUCTIONS}
static const unsigned EffortTable[{len(table)}] = {{{", ".join(map(str, table))}}};
struct VocabularyEntry {{
  const char *Name;
  const char *Kind;
  const char *Parameters;
  const char *Required;
}};
static const VocabularyEntry Vocabulary[] = {{
{rows}
}};
// Pieces of plans that were validated and are shipped (clang_llm/plans/vetted.py), sorted; the empty text ends them.
static const char *const Vetted[] = {{
{digests}
    "",
}};
"""


def float_options(machine: str) -> tuple[str, ...]:
    """Return what makes floating-point arithmetic come out as it is written, in numbers of the size that is written."""
    return ("-ffp-contract=off", *(("-msse2", "-mfpmath=sse") if re.fullmatch("i[3-6]86", machine) else ()))


class Builder:
    """One build, in a fresh directory that is renamed when it is whole; the caller holds the lock."""

    def __init__(self, compiler: Compiler, cache_dir: Path, python: str) -> None:
        self.compiler = compiler
        self.plugins = cache_dir / "plugins"
        self.python = python
        self.work = self.plugins / f"tmp-{os.getpid()}"
        self.scratch = self.work / "scratch"
        self.log: list[str] = []
        self.header = generated_header(compiler.major)

    def build(self) -> PluginBuild:
        """Return the build for this clang, made now unless it is there already.

        Raises:
            ToolchainError: With the reason and what to do.
        """
        with nobody_else_writes():
            return self._build(self._include_directory())

    def _build(self, include: Path) -> PluginBuild:
        # Under the lock nobody else builds, so whatever is half done here was left by a process that died.
        for stale in self.plugins.glob("tmp-*"):
            shutil.rmtree(stale, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        identity = ""
        try:
            self._stub(include)
            identity = self._identity()
            final = PluginBuild(self.plugins / self._fingerprint(identity))
            if not self._is_whole(final, identity):
                self._plugin(include, identity)
                self._try()
                shutil.rmtree(self.scratch)
                publish(PluginBuild(self.work), final)
            with suppress(OSError):
                os.utime(final.directory)
            prune(self.plugins)
            return final
        except (ToolchainError, ProcessError) as error:
            with suppress(OSError):
                replace_file(self.plugins / "failed-build.log", "\n".join(self.log))
            if identity and not identity.endswith(describe_inputs(self.compiler.major)):
                raise _retry_when("the plugin's sources changed while it was built; try again", SOURCES) from error
            if not isinstance(error, ToolchainError) or not error.retry_when:
                self._look_for_limits(error)
            raise ToolchainError(str(error)) from error
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def _look_for_limits(self, error: ToolchainError | ProcessError) -> None:
        """Raise an error that does not stand when the build failed for want of what may be there next time."""
        text = "\n".join([str(error), *self.log])
        limit = "a limit of this process" if limits.limited() else ""
        short = next((each for each in _PASSING if each in text), limit)
        if short:
            raise _retry_when(f"the plugin could not be built now ({short}); try again", SOURCES) from error

    def _include_directory(self) -> Path:
        if self.compiler.major < OLDEST_LLVM:
            raise ToolchainError(f"clang {self.compiler.version} is too old; install clang {OLDEST_LLVM} or newer")
        development = f"llvm-{self.compiler.major}-dev"
        config = self.compiler.llvm_config
        if config is None:
            problem = f"no llvm-config of version {self.compiler.version}; install {development}"
            raise _retry_when(problem, self.compiler.tool("llvm-config"))
        include = Path(process.run([config, "--includedir"], timeout_s=ASK_S).output.rstrip("\n"))
        if _plugin_header(include) is None:
            problem = f"no LLVM headers in {include}; install {development}"
            raise _retry_when(problem, include / "llvm" / "Passes" / "PassPlugin.h")
        return include

    def _stub(self, include: Path) -> None:
        header = _plugin_header(include)
        api = _API.search(header.read_text(encoding="utf-8")) if header else None
        if api is None:
            raise ToolchainError(f"{header} does not say the plugin API version; is it an LLVM header?")
        options: list[Path | str] = [
            "-shared",
            "-fPIC",
            "-O2",
            f"-DCLANG_LLM_PLUGIN_API={api.group(1)}",
            SOURCES / "stub.c",
        ]
        # Linked to nothing, so that it loads with an older C library, or another one.
        options += ["-nostdlib", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fvisibility=hidden"]
        self._compile([[self.compiler.real], ["cc"]], [*options, "-o", self.work / "stub.so"])

    def _identity(self) -> str:
        """Let the stub say what it was loaded into, then add the files that the build depends on."""
        file = self.work / "identity"
        source = self.scratch / "empty.c"
        source.touch()
        options = [f"-fpass-plugin={self.work / 'stub.so'}", "-O1", "-c", str(source), "-o", f"{source}.o"]
        self._run([self.compiler.path, *options], ASK_S, _CLANG_LLM_IDENTITY=str(file))
        loaded = file.read_text(errors="surrogateescape") if file.exists() else ""
        if not loaded.startswith("exe "):
            raise ToolchainError(f"{self.compiler.path} does not load pass plugins; use a clang built with plugins")
        return loaded + describe_inputs(self.compiler.major)

    def _fingerprint(self, identity: str) -> str:
        digest = hashlib.sha256()
        parts = [identity.partition("src ")[0], _system(), self.header, self.compiler.version, self.python]
        parts.append(str(PACKAGE))
        parts += [path.read_text(encoding="utf-8") for path in _plugin_sources()]
        for part in parts:
            digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
        # 20 hex digits are plenty against accidents, and keep the path short for the stub's buffers.
        return digest.hexdigest()[:20]

    def _is_whole(self, build: PluginBuild, identity: str) -> bool:
        """Whether a build exists already; its identity is renewed, as file times may have moved since."""
        if not build.is_sound():
            return False
        replace_file(build.directory / "identity", identity)
        build.seal()
        return True

    def _plugin(self, include: Path, identity: str) -> None:
        replace_file(self.work / "generated.h", self.header)
        macros = [f"-D__STDC_{name}_MACROS" for name in ("CONSTANT", "FORMAT", "LIMIT")]
        options: list[Path | str] = [
            "-fPIC",
            "-std=c++17",
            "-fno-exceptions",
            "-fno-rtti",
            "-fvisibility=hidden",
            # The model says the same on every machine (plugin/model/arithmetic.h).
            *float_options(platform.machine()),
        ]
        options += [f"-I{include}", f"-I{self.work}", f"-I{SOURCES}", *macros]
        # Templates of the standard library would be looked up in all of clang otherwise, on every load.
        replace_file(self.work / "exports", "{ global: clangLlmRegister; local: *; };\n")
        for part, sources in _parts().items():
            includes = [f'#include "{path}"\n' for path in (SOURCES / "light.h", *sources)]
            replace_file(self.work / part, "".join(includes))
        clang, whole = [self.compiler.real, "--driver-mode=g++"], "-DCLANG_LLM_WHOLE_HEADERS"
        makers = [["/bin/sh", "-c", _MAKE, self.work, *words] for words in (clang, [*clang, whole], ["c++", whole])]
        self._compile(makers, options)
        replace_file(self.work / "identity", identity)
        replace_file(self.work / "helper", f"{self.python}\n{PACKAGE.parent}\n")
        replace_file(self.work / "build.log", "\n".join(self.log))

    def _try(self) -> None:
        """See that the clang loads the plugin and that it does its work on a small module."""
        source, said = self.scratch / "try.c", self.scratch / "try.explain"
        source.write_text("int twice(int x) { return 2 * x; }\n", encoding="ascii")
        said.touch()
        options = [f"-fpass-plugin={self.work / 'stub.so'}", "-Oz", "-c", str(source), "-o", f"{source}.o"]
        switches = {"_CLANG_LLM_EXPLAIN": str(said), "CLANG_LLM_CACHE_DIR": str(self.scratch), "CLANG_LLM_EFFORT": "0"}
        switches["CLANG_LLM_CONFIG"] = str(self.scratch / "no-config")
        done = self._run([self.compiler.path, *options], ASK_S, **switches)
        if '"key"' not in said.read_text(encoding="utf-8", errors="replace"):
            raise ToolchainError(f"the plugin does not work in {self.compiler.path}: {_first_error(done)}")

    def inherits(self, build: PluginBuild) -> bool:
        """Whether the clang gets the descriptors of who starts it: a script in its place may close them."""
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "x.c"
            source.touch()
            argv: list[Path | str] = [
                self.compiler.path,
                "-fpass-plugin=/proc/self/fd/9",
                "-O1",
                "-c",
                source,
                "-o",
                f"{source}.o",
            ]
            return self._run(["/bin/sh", "-c", 'exec 9<"$0" && exec "$@"', build.stub, *argv], ASK_S).ok

    def _compile(self, compilers: Sequence[Sequence[Path | str]], arguments: Sequence[Path | str]) -> None:
        """Compile with the first compiler that can."""
        errors: list[str] = []
        for compiler in compilers:
            try:
                done = self._run([*compiler, *arguments], BUILD_S)
            except ProcessError as error:
                errors.append(str(error))
                continue
            if done.ok:
                return
            errors.append(_first_error(done))
        raise ToolchainError(f"the plugin does not build: {errors[0]}; see {self.plugins / 'failed-build.log'}")

    def _run(self, argv: Sequence[Path | str], timeout_s: float, **variables: str) -> process.Completed:
        self.log.append("$ " + " ".join(map(str, argv)))
        # The user's directory for temporary files may be gone, or full.
        if self.scratch.is_dir():
            variables = {"TMPDIR": str(self.scratch), **variables}
        done = process.run(argv, env=settings.compiler_environment(variables), timeout_s=timeout_s)
        self.log.append(done.output + os.fsdecode(done.stderr))
        return done


def _system() -> str:
    """Return what a plugin needs beside its clang: processor, C library and release of the system."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    library = " ".join(platform.libc_ver())
    return " ".join((platform.machine(), library, release.get("ID", ""), release.get("VERSION_ID", "")))


def _retry_when(problem: str, path: Path) -> ToolchainError:
    error = ToolchainError(problem)
    error.retry_when = str(path)
    return error


def _plugin_header(include: Path) -> Path | None:
    """Return the header that declares pass plugins; LLVM 22 moved it."""
    places = (include / "llvm" / "Passes" / "PassPlugin.h", include / "llvm" / "Plugins" / "PassPlugin.h")
    return next((path for path in reversed(places) if path.is_file()), None)


def _plugin_sources() -> list[Path]:
    return sorted(path for path in SOURCES.rglob("*") if path.suffix in {".c", ".cpp", ".h"})


def _parts() -> dict[str, list[Path]]:
    """Return the sources of each translation unit; LLVM's headers dominate, so more of them take longer."""
    left = [path for path in _plugin_sources() if path.suffix == ".cpp"]
    found = {}
    for part, names in _PARTS.items():
        found[f"{part}.cpp"] = [path for path in left if path.stem in names.split()]
        left = [path for path in left if path not in found[f"{part}.cpp"]]
    return {**found, "search.cpp": left}


def _inputs(major: int) -> list[Path]:
    """Return every file that a build depends on; the stub looks at their size and time on each load."""
    names = ("__init__.py", "system/settings.py", "plans/types.py", "plans/vetted.py", "toolchain/builder.py")
    return [*_plugin_sources(), *(PACKAGE / name for name in names), vocabulary.SOURCE, *vetted.sources(major)]


def describe_inputs(major: int) -> str:
    """Return the src lines of `identity`."""
    described = [(path.stat(), path) for path in _inputs(major)]
    return "".join(
        f"src {status.st_size:x} {status.st_mtime_ns // 10**9:x} {status.st_mtime_ns % 10**9:x} {path}\n"
        for status, path in described
    )


def _first_error(done: process.Completed) -> str:
    lines = os.fsdecode(done.stderr).strip().splitlines()
    wanted = [line for line in lines if "error" in line] or lines
    return wanted[0] if wanted else f"exit status {done.returncode}"
