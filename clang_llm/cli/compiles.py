"""A build's compiles as `advise` needs them: commands that can be run again, and what clang makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clang_llm.system import objects, process
from clang_llm.system.errors import ObjectError, ProcessError, ToolchainError
from clang_llm.system.objects import Parts
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import find_clang, jobs_of

#: Seconds; guards against a hang only.
LIMIT_S = 3600.0
# clang, clang++-19, arm-linux-gnueabihf-clang-16.
_CLANG = re.compile(r"(?:.*-)?clang(?:\+\+)?(?:-\d+(?:\.\d+)*)?")
# Outputs beside the object, which stay the project's own; those of the second kind have their value behind them.
_OUTPUTS = ("-MD", "-MMD", "-MP", "-MG", "-MV", "-MF", "-MT", "-MQ", "-MJ", "-save-temps", "-ftime-trace")
_WITH_VALUE = ("-o", "-MF", "-MT", "-MQ", "-MJ")
#: Levels of optimisation as -cc1 has them.
_LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os", "-Oz", "-Ofast")


@dataclass(frozen=True)
class Compile:
    """One command that writes one object.

    Attributes:
        words: The real clang and its arguments, without outputs.
        directory: Where it runs.
        source: As the command names it.
        front: The words of clang's own -cc1 line.
    """

    words: tuple[str, ...]
    directory: Path
    source: str
    front: tuple[str, ...]

    @property
    def triple(self) -> str:
        """The target."""
        return self.value("-triple")

    @property
    def cxx(self) -> bool:
        """Whether the language is C++."""
        return self.value("-x").startswith("c++")

    @property
    def level(self) -> str:
        """The level of optimisation, such as -O2."""
        return next((word for word in reversed(self.front) if word in _LEVELS), "-O0")

    def value(self, option: str) -> str:
        """Return the word behind an option of the -cc1 line, or nothing."""
        place = self.front.index(option) + 1 if option in self.front else len(self.front)
        return self.front[place] if place < len(self.front) else ""

    def has(self, *options: str) -> bool:
        """Whether the -cc1 line has one of some options."""
        return not set(options).isdisjoint(self.front)

    def weight(self) -> int:
        """Bytes of the source: what is large there is mostly large as an object."""
        with suppress(OSError):
            return (self.directory / self.source).stat().st_size
        return 0

    def changed(self, options: Sequence[str], output: Path) -> list[str]:
        """Return the command with more options, writing its object to a file, without a warning."""
        end = self.words.index("--") if "--" in self.words else len(self.words)
        return [*self.words[:end], *options, "-w", "-c", "-o", str(output), *self.words[end:]]


def understand(argv: Sequence[str], directory: Path, settings: Settings, environ: Mapping[str, str]) -> Compile | None:
    """Return a command as one of clang's that writes one object; None for anything else, LTO included.

    A compiler that is no clang is taken to mean the clang in use.

    Raises:
        ToolchainError: There is no clang.
    """
    words = list(argv)
    if len(words) > 1 and Path(words[0]).name.startswith("clang-llm") and _CLANG.fullmatch(Path(words[1]).name):
        del words[0]
    name = Path(words[0]).name
    named = words[0] if _CLANG.fullmatch(name) else settings.clang
    try:
        clang = find_clang(named, environ, cxx="++" in name)
    except ToolchainError:
        clang = find_clang(settings.clang, environ, cxx="++" in name)  # such as one of another machine
    if "++" in name and "++" not in clang.name:
        twin = clang.with_name(clang.name.replace("clang", "clang++", 1))
        clang = twin if twin.exists() else clang
    kept = (str(clang), *_without_outputs(words[1:]))
    try:
        done = process.run([*kept, "-###"], env=environ, cwd=directory, timeout_s=LIMIT_S)
    except ProcessError:  # such as a directory that is no more
        return None
    fronts = [front for front in jobs_of(done.stderr) if "-emit-obj" in front]
    if len(fronts) != 1:
        return None
    front = fronts[0]
    return Compile(kept, directory, front[-1], tuple(front))


def _without_outputs(words: Iterable[str]) -> list[str]:
    kept, rest = [], iter(words)
    for word in rest:
        if word in _WITH_VALUE:
            next(rest, None)
        elif not word.startswith(_OUTPUTS):
            kept.append(word)
    return kept


def compiled(one: Compile, options: Sequence[str], output: Path, environ: Mapping[str, str]) -> Parts | None:
    """Compile with more options; return what the object is made of, None where there is none."""
    try:
        done = process.run(one.changed(options, output), env=environ, cwd=one.directory, timeout_s=LIMIT_S)
        return objects.parts_of(output.read_bytes()) if done.ok else None
    except (ProcessError, ObjectError, OSError):
        return None
