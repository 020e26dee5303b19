"""Finding clang and asking it what it is."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import process, settings
from clang_llm.system.errors import ProcessError, ToolchainError

#: Seconds for one question to a compiler (--version, an empty compile): normally 0.1, a cold network disk takes longer.
ASK_S = 60.0

_VERSION = re.compile(r"\bclang version (\d+)\.(\d+)\.(\d+)")
# A command and its words as -### prints them: all in quotes, and what is in the quotes may have several lines.
_WORD = r'"(?:[^"\\]|\\.)*"'
_JOB = re.compile(rf"^ {_WORD}(?: {_WORD})*$", re.MULTILINE | re.DOTALL)
_SUFFIXED = re.compile(r"clang(\+\+)?-(\d+)")


@dataclass(frozen=True)
class Compiler:
    """A clang.

    Attributes:
        path: As it was named.
        real: With every symbolic link followed.
        version: Such as "19.1.7".
        llvm_config: The llvm-config of exactly this version, or None.
    """

    path: Path
    real: Path
    version: str
    llvm_config: Path | None

    @property
    def major(self) -> int:
        """Major version of LLVM."""
        return int(self.version.partition(".")[0])

    def tool(self, name: str) -> Path:
        """Return the path that an LLVM tool of this version has, such as "opt"; it need not exist."""
        return self.real.parent / name


def find_clang(name: str | None, environ: Mapping[str, str], cxx: bool = False) -> Path:
    """Find the real clang.

    Args:
        name: A path or a name on PATH; None stands for the newest clang on PATH.
        environ: Where PATH is.
        cxx: Look for clang++ when no name is given.

    Raises:
        ToolchainError: There is none.
    """
    directories = _search_path(environ)
    if name:
        candidates = [Path(name)] if "/" in name else [directory / name for directory in directories]
    else:
        candidates = _newest_first(directories, "++" if cxx else "")
    for candidate in candidates:
        if _is_program(candidate) and not _is_ours(candidate):
            return candidate
    if name:
        raise ToolchainError(f"cannot find '{name}'; correct that name, or CLANG_LLM_CLANG where it is from there")
    raise ToolchainError("cannot find any clang; install clang, or set CLANG_LLM_CLANG to its path")


def _search_path(environ: Mapping[str, str]) -> list[Path]:
    return [Path(entry) for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry]


def _newest_first(directories: Sequence[Path], plus: str) -> list[Path]:
    """Return every clang-N on PATH, highest N first, then the plain names in the order of PATH."""
    numbered: list[tuple[int, Path]] = []
    for directory in directories:
        with suppress(OSError):
            for entry in sorted(directory.iterdir()):
                match = _SUFFIXED.fullmatch(entry.name)
                if match and (match.group(1) or "") == plus:
                    numbered.append((int(match.group(2)), entry))
    numbered.sort(key=lambda pair: -pair[0])
    return [path for _, path in numbered] + [directory / f"clang{plus}" for directory in directories]


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_ours(path: Path) -> bool:
    """Whether a program is our own wrapper, perhaps under clang's name."""
    return path.resolve().name.startswith("clang-llm")


def inspect(path: Path) -> Compiler:
    """Ask a clang what it is.

    Raises:
        ToolchainError: It does not answer like a clang.
    """
    said = _answer(path)
    match = _VERSION.search(said)
    if not match or said.startswith("Apple"):
        raise ToolchainError(f"{path} is not an LLVM clang; set CLANG_LLM_CLANG to one")
    real = path.resolve()
    version = ".".join(match.groups())
    return Compiler(path, real, version, _llvm_config(real, version))


def said_by(path: Path) -> str:
    """Return what a clang says of its vendor and version; raises ToolchainError."""
    return _answer(path).partition("\n")[0]


def jobs_of(said: bytes) -> list[list[str]]:
    """Return the commands that clang prints for ``-###``, word by word."""
    lines = _JOB.findall(os.fsdecode(said))
    return [
        [re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL) for word in re.findall(_WORD, line)] for line in lines
    ]


def _answer(path: Path) -> str:
    try:
        return process.run([path, "--version"], env=settings.compiler_environment(), timeout_s=ASK_S).output
    except ProcessError as error:
        raise ToolchainError(str(error)) from error


def _llvm_config(real: Path, version: str) -> Path | None:
    """Find the llvm-config of exactly this version, beside the compiler or on PATH."""
    major = version.partition(".")[0]
    names = (f"llvm-config-{major}", "llvm-config")
    candidates = [real.parent / name for name in reversed(names)]
    candidates += [Path(found) for found in map(shutil.which, names) if found]
    for candidate in candidates:
        if _is_program(candidate):
            with suppress(ProcessError):
                answer = process.run([candidate, "--version"], timeout_s=ASK_S)
                if re.match(re.escape(version) + r"(\D|$)", answer.output):
                    return candidate
    return None


def running_clang() -> Path | None:
    """Return the clang that started this process, where the system tells it: to a helper, the one that compiles."""
    try:
        program = Path(f"/proc/{os.getppid()}/exe").readlink()
    except OSError:
        return None
    return program if "clang" in program.name else None


def installed_compilers(environ: Mapping[str, str] | None = None) -> list[Compiler]:
    """Return every clang on PATH and in the usual versioned directories, newest first, each once.

    Args:
        environ: Where PATH is; None stands for the process's own environment.
    """
    candidates = _newest_first(_search_path(settings.process_environment() if environ is None else environ), "")
    candidates += sorted(Path("/usr/lib").glob("llvm-*/bin/clang"))
    found: dict[Path, Compiler] = {}
    for candidate in candidates:
        if _is_program(candidate) and not _is_ours(candidate) and candidate.resolve() not in found:
            with suppress(ToolchainError):
                compiler = inspect(candidate)
                found[compiler.real] = compiler
    return sorted(found.values(), key=lambda each: [int(part) for part in each.version.split(".")], reverse=True)
