"""What only a link shows: sections that nobody needs, and what clang finds when it sees the whole program.

Each program of a build, an object with `main` and what it needs of the others, is linked by lld without libraries and
start files, which the build adds. Its image is code and data; the linker's own tables are not looked at.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clang_llm.cli.compiles import LIMIT_S, Compile
from clang_llm.system import objects, process
from clang_llm.system.errors import ObjectError, ProcessError
from clang_llm.system.objects import Parts
from clang_llm.system.packages import find_packages


class Way(NamedTuple):
    """How a program may be built otherwise.

    Attributes:
        options: Of the compiles.
        of_link: Of the link.
        remark: What changes beside the size, in a phrase.
    """

    options: tuple[str, ...]
    of_link: tuple[str, ...]
    remark: str

    @property
    def text(self) -> str:
        """The options as a user writes them."""
        return " ".join((*self.options, *self.of_link))


COLLECT = ("-Wl,--gc-sections",)
SECTIONS = Way(("-ffunction-sections", "-fdata-sections"), COLLECT, "a linker script must KEEP what nothing refers to")
LTO = Way(("-flto",), COLLECT, "left to clang without CLANG_LLM_LTO=1: it does not come beside what clang-llm saves")
_LINK = ("-fuse-ld=lld", "-static", "-nostdlib", "-Wl,-e,main", "-Wl,--unresolved-symbols=ignore-all", "-w")


def has_main(data: bytes) -> bool:
    """Whether an ELF object defines `main`."""
    find_packages()
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        symbols = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
        found = symbols.get_symbol_by_name("main") if isinstance(symbols, SymbolTableSection) else None
        return any(each["st_shndx"] != "SHN_UNDEF" for each in found or ())
    except (ELFError, ValueError, KeyError, AttributeError):
        return False


def linked(
    compiles: Sequence[Compile], built: Sequence[Path], mains: Sequence[int], options: Sequence[str],
    image: Path, environ: Mapping[str, str],
) -> Parts | None:  # fmt: skip
    """Link each program; return what all of them are made of, None where one cannot be linked.

    Args:
        compiles: How the objects were made.
        built: The objects; those without `main` are taken where they are needed, as from a library.
        mains: Places of those with `main`.
        options: Of the link.
        image: Where a program is written.
        environ: The environment.
    """
    others = [str(path) for place, path in enumerate(built) if place not in mains]
    library = ["-Wl,--start-lib", *others, "-Wl,--end-lib"] if others else []
    sum_ = Parts()
    for place in mains:
        one = compiles[place]
        command = [one.words[0], f"--target={one.triple}", *_LINK, *options, str(built[place]), *library]
        try:
            done = process.run([*command, "-o", str(image)], env=environ, cwd=one.directory, timeout_s=LIMIT_S)
            if not done.ok:
                return None
            sum_ += objects.parts_of(image.read_bytes())
        except (ProcessError, ObjectError, OSError):
            return None
    return sum_
