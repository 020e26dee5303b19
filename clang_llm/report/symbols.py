"""The symbols of a linked file or an object, with their bytes: ELF by its symbol table, WebAssembly by its names."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from clang_llm.report import frames, wasm
from clang_llm.system.errors import ObjectError
from clang_llm.system.objects import Section
from clang_llm.system.packages import find_packages

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import Symbol

_SIZED = ("STT_FUNC", "STT_GNU_IFUNC", "STT_OBJECT", "STT_TLS")
# What compilers append to the name of a copy or of a local variable: a number that may be another in each build.
_NUMBERED = re.compile(r"(?<=[A-Za-z_])(?:\.llvm)?\.\d+$")


class Symbols(NamedTuple):
    """What a symbol table says.

    Attributes:
        sizes: Bytes and part of each symbol; of those with one name together.
        sources: Names of the files that were compiled, where the table has them.
        exports: Names that others may use, where the file is linked dynamically.
        libraries: What is loaded with it.
    """

    sizes: Mapping[str, tuple[int, str]]
    sources: frozenset[str] = frozenset()
    exports: frozenset[str] = frozenset()
    libraries: frozenset[str] = frozenset()


def symbols(data: bytes) -> Symbols:
    """Return the symbols of a file; none where it is stripped.

    Raises:
        ObjectError: The data is no sound ELF file or WebAssembly module.
    """
    if data.startswith(wasm.MAGIC):
        return Symbols(_added((name, size, "code") for name, size in wasm.functions(data)))
    find_packages()
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(data))
        return Symbols(_added(_elf_symbols(elf)), _sources(elf), _exports(elf), _libraries(elf))
    except (ELFError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise ObjectError(f"not a sound ELF file ({type(error).__name__}: {error}); was it built for ELF?") from error


def _added(found: Iterable[tuple[str, int, str]]) -> dict[str, tuple[int, str]]:
    sizes: dict[str, tuple[int, str]] = {}
    for full, size, part in found:
        name = _NUMBERED.sub("", full)
        before, known = sizes.get(name, (0, part))
        sizes[name] = (before + size, known)
    return sizes


def _elf_symbols(elf: ELFFile) -> Iterator[tuple[str, int, str]]:
    """Yield the symbols that have bytes in the file, each place once: several names may lead to one.

    Functions of an object have their unwind entries' bytes, too, as where the plugin compares functions.
    """
    unwind = frames.entries(elf)
    parts = {number: _part(section) for number, section in enumerate(elf.iter_sections())}
    places: dict[tuple[int, int], tuple[str, int]] = {}
    for symbol in _table(elf, ".symtab") or _table(elf, ".dynsym"):
        size, index = symbol["st_size"], symbol["st_shndx"]
        if not size or not parts.get(index) or symbol["st_info"]["type"] not in _SIZED:
            continue
        here = places.setdefault((index, symbol["st_value"]), (symbol.name, size))
        if (size, here[0]) > (here[1], symbol.name):
            places[index, symbol["st_value"]] = (symbol.name, size)
    yield from ((name, size + unwind.get(at, 0), parts[at[0]]) for at, (name, size) in places.items())


def _part(section: object) -> str:
    """Return what a section's bytes are; nothing where it has none that are loaded."""
    from elftools.elf.constants import SH_FLAGS

    flags, kind = section["sh_flags"], section["sh_type"]  # type: ignore[index]
    if not flags & SH_FLAGS.SHF_ALLOC or kind == "SHT_NOBITS":
        return ""
    name = section.name  # type: ignore[attr-defined]
    return Section(name, 0, bool(flags & SH_FLAGS.SHF_EXECINSTR), bool(flags & SH_FLAGS.SHF_WRITE)).part


def _sources(elf: ELFFile) -> frozenset[str]:
    return frozenset(each.name for each in _table(elf, ".symtab") if each["st_info"]["type"] == "STT_FILE")


def _exports(elf: ELFFile) -> frozenset[str]:
    defined = (each for each in _table(elf, ".dynsym") if each["st_shndx"] != "SHN_UNDEF")
    return frozenset(each.name for each in defined if each["st_info"]["bind"] != "STB_LOCAL")


def _libraries(elf: ELFFile) -> frozenset[str]:
    from elftools.elf.dynamic import DynamicSection

    dynamic = elf.get_section_by_name(".dynamic")
    tags = dynamic.iter_tags() if isinstance(dynamic, DynamicSection) else ()
    return frozenset(str(getattr(tag, "needed", "")) for tag in tags if tag.entry.d_tag == "DT_NEEDED")


def _table(elf: ELFFile, name: str) -> list[Symbol]:
    from elftools.elf.sections import SymbolTableSection

    table = elf.get_section_by_name(name)
    return list(table.iter_symbols()) if isinstance(table, SymbolTableSection) else []
