"""Which bytes of an object's `.eh_frame` are each function's, as `plugin/credit.cpp` charges them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

#: A function's place: number of its section, and its offset in it.
Place = tuple[int, int]


def entries(elf: ELFFile) -> Counter[Place]:
    """Return the bytes of unwind entries by the place of their functions; nothing where the file is linked."""
    from elftools.elf.relocation import RelocationSection
    from elftools.elf.sections import SymbolTableSection

    found: Counter[Place] = Counter()
    if elf["e_type"] != "ET_REL":
        return found
    for relocations in elf.iter_sections():
        if not isinstance(relocations, RelocationSection):
            continue
        frame = elf.get_section(relocations["sh_info"])
        symbols = elf.get_section(relocations["sh_link"])
        if frame.name == ".eh_frame" and isinstance(symbols, SymbolTableSection):
            places = _targets(relocations, symbols)
            for begin, size in _records(frame.data(), elf.little_endian):
                # The function's address is the third word of its entry; a common part has no relocation there.
                if begin + 8 in places:
                    found[places[begin + 8]] += size
    return found


def _targets(relocations: object, symbols: object) -> dict[int, Place]:
    """Return what each relocation points at, by its place."""
    places: dict[int, Place] = {}
    for each in relocations.iter_relocations():  # type: ignore[attr-defined]
        symbol = symbols.get_symbol(each["r_info_sym"])  # type: ignore[attr-defined]
        if isinstance(symbol["st_shndx"], int):
            offset = symbol["st_value"] + (each["r_addend"] if each.is_RELA() else 0)
            places[each["r_offset"]] = (symbol["st_shndx"], offset)
    return places


def _records(data: bytes, little: bool) -> list[tuple[int, int]]:
    """Return place and bytes of each entry of a function."""
    order, place, found = "little" if little else "big", 0, []
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], order)  # type: ignore[arg-type]
        if any(data[place + 4 : place + 8]):
            found.append((place, 4 + length))
        place += 4 + length
    return found
