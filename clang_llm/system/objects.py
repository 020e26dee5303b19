"""Object files: what counts as their size, and what it is made of. ELF and WebAssembly; the plugin knows others too."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from clang_llm.system.errors import ObjectError
from clang_llm.system.files import open_regular
from clang_llm.system.packages import find_packages

#: Names of the parts of an object, in the order in which they are stored and told.
PARTS = ("code", "rodata", "data", "unwind")
# Tables that unwind the stack, by how their sections' names begin; as in plugin/object.cpp.
_UNWIND = (".eh_frame", ".gcc_except_table", ".ARM.exidx", ".ARM.extab")


class Parts(NamedTuple):
    """Bytes of an object by what they are; or a difference of two.

    Attributes:
        code: Instructions.
        rodata: What the program only reads.
        data: What it may write.
        unwind: Tables that unwind its stack.
    """

    code: int = 0
    rodata: int = 0
    data: int = 0
    unwind: int = 0

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.listed())

    def listed(self) -> tuple[int, ...]:
        """Return the numbers in the order of `PARTS`."""
        return tuple(self)

    def __add__(self, other: Parts) -> Parts:  # type: ignore[override]  # it is no sequence to be continued
        """Return the sums of both."""
        return Parts(*(mine + theirs for mine, theirs in zip(self.listed(), other.listed(), strict=True)))

    def __sub__(self, other: Parts) -> Parts:
        """Return by how much this has more than the other."""
        return Parts(*(mine - theirs for mine, theirs in zip(self.listed(), other.listed(), strict=True)))


def read_parts(numbers: object, size: int) -> Parts:
    """Return the parts of a size that were read from a file or a message.

    Raises:
        ValueError: They are not one count for each part, or do not add up.
    """
    if not isinstance(numbers, Sequence) or len(numbers) != len(PARTS):
        raise ValueError(f"{numbers!r} does not say how many bytes are {', '.join(PARTS)}")
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in numbers):
        raise ValueError(f"{numbers!r} are not all counts")
    if sum(numbers) != size:
        raise ValueError(f"{numbers!r} do not add up to {size}")
    return Parts(*numbers)


class Section(NamedTuple):
    """One allocated section that occupies space in the file.

    Attributes:
        size: Bytes.
        executable: Whether it holds code.
        writable: Whether the program may write to it.
    """

    name: str
    size: int
    executable: bool
    writable: bool

    @property
    def part(self) -> str:
        """Which of `PARTS` its bytes are."""
        if self.executable:
            return "code"
        if self.name.startswith(_UNWIND):
            return "unwind"
        return "data" if self.writable else "rodata"


# The header of WebAssembly modules, version 1, and its sections by their number; 0 are custom ones, which no program
# loads: names, relocations, debug information.
_WASM = b"\0asm\x01\0\0\0"
_WASM_SECTIONS = (
    *("custom", "type", "import", "function", "table", "memory", "global"),
    *("export", "start", "element", "code", "data", "datacount", "tag"),
)
_WASM_CODE, _WASM_DATA = 10, 11


def sections(data: bytes) -> list[Section]:
    """Return the sections of an object that count: allocated, and not bss.

    Raises:
        ObjectError: The data is no sound ELF file or WebAssembly module.
    """
    return _wasm_sections(data) if data.startswith(_WASM) else _elf_sections(data)


def _wasm_sections(data: bytes) -> list[Section]:
    found, place = [], len(_WASM)
    while place < len(data):
        kind = data[place]
        size, place = _leb128(data, place + 1)
        if place + size > len(data) or kind >= len(_WASM_SECTIONS):
            raise ObjectError(f"not a sound WebAssembly module (section {kind} at byte {place}); was it cut short?")
        if kind:
            found.append(Section(_WASM_SECTIONS[kind], size, kind == _WASM_CODE, kind == _WASM_DATA))
        place += size
    return found


def _leb128(data: bytes, place: int) -> tuple[int, int]:
    """Read an unsigned number of 32 bits, which takes five bytes at most; returns it and the place behind it."""
    value = 0
    for number, byte in enumerate(data[place : place + 5]):
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value, place + number + 1
    raise ObjectError(f"not a sound WebAssembly module (a size at byte {place}); was it cut short?")


def _elf_sections(data: bytes) -> list[Section]:
    find_packages()
    from elftools.common.exceptions import ELFError
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    try:
        return [
            Section(
                section.name,
                section["sh_size"],
                bool(section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR),
                bool(section["sh_flags"] & SH_FLAGS.SHF_WRITE),
            )
            for section in ELFFile(io.BytesIO(data)).iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_type"] != "SHT_NOBITS"
        ]
    except (ELFError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise ObjectError(f"not a sound ELF object ({type(error).__name__}: {error}); was it built for ELF?") from error


def allocated_size(data: bytes) -> int:
    """Return the bytes of an object that the project minimises: every allocated, non-bss section.

    Raises:
        ObjectError: The data is no sound ELF file or WebAssembly module.
    """
    return sum(section.size for section in sections(data))


def parts_of(data: bytes) -> Parts:
    """Return the same bytes, divided; raises as `allocated_size` does."""
    return divided(sections(data))


def divided(found: Iterable[Section]) -> Parts:
    """Add up sections by what they hold."""
    sizes = dict.fromkeys(PARTS, 0)
    for section in found:
        sizes[section.part] += section.size
    return Parts(**sizes)


# Of ELF's headers by class (32 and 64 bits): where the section table's place is and how it is stored, where the size
# of its rows and their number are, and of a row: type, flags and size, with what is between them.
_TABLE = {1: (0x20, "I", 0x2E, "4xII8xI"), 2: (0x28, "Q", 0x3A, "4xIQ16xQ")}
_ALLOC, _NOBITS = 2, 8


def size_now(path: Path) -> int | None:
    """Return `allocated_size` of a file by its section table alone, a hundred times as fast; LLVM's bitcode has 0.

    Returns:
        None where it is no file, or of another format, or damaged.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            head = file.read(0x40)
            if head.startswith(_WASM):
                return allocated_size(head + file.read())
            if head.startswith(b"BC\xc0\xde"):
                return 0
            return _elf_size(file, head) if head.startswith(b"\x7fELF") else None
    except (OSError, ObjectError, struct.error, LookupError, OverflowError):
        return None


def _elf_size(file: io.BufferedReader, head: bytes) -> int:
    order = "<" if head[5] == 1 else ">"
    at, kind, counts, fields = _TABLE[head[4]]
    (place,) = struct.unpack_from(order + kind, head, at)
    row, number = struct.unpack_from(order + "HH", head, counts)
    if not number:
        raise ObjectError("more sections than the header has room for, or none")
    file.seek(place)
    table, what = file.read(row * number), struct.Struct(order + fields)
    rows = (what.unpack_from(table, row * each) for each in range(number))
    return sum(size for kind, flags, size in rows if flags & _ALLOC and kind != _NOBITS)
