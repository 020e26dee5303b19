"""Functions of a WebAssembly module with their names and bytes: of a linked one, or of an object."""

from __future__ import annotations

from collections.abc import Iterator

from clang_llm.system.errors import ObjectError

#: The header of version 1.
MAGIC = b"\0asm\x01\0\0\0"
_CUSTOM, _IMPORT, _CODE = 0, 2, 10
# Of the custom sections: subsection "function names" of `name`, symbol table of `linking`, and its kinds of symbols.
_FUNCTION_NAMES, _SYMBOL_TABLE = 1, 8
_SYMBOL_FUNCTION, _SYMBOL_DATA, _SYMBOL_SECTION = 0, 1, 3
_UNDEFINED, _EXPLICIT_NAME = 0x10, 0x40


class _Reader:
    """Bytes that are read one after the other, and never beyond their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def more(self) -> bool:
        return self.place < len(self.data)

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.place:
            raise ObjectError("not a sound WebAssembly module (it ends in mid-section); was it cut short?")
        self.place += size
        return self.data[self.place - size : self.place]

    def number(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ObjectError("not a sound WebAssembly module (a number has no end); was it damaged?")

    def name(self) -> str:
        return self.take(self.number()).decode(errors="replace")

    def part(self) -> _Reader:
        return _Reader(self.take(self.number()))


def functions(data: bytes) -> list[tuple[str, int]]:
    """Return name and bytes of each function that a module defines; those without a name are told by their number.

    Raises:
        ObjectError: The module is damaged.
    """
    reader = _Reader(data)
    reader.take(len(MAGIC))
    imported, sizes, names = 0, list[int](), dict[int, str]()
    while reader.more():
        kind, section = reader.take(1)[0], reader.part()
        if kind == _IMPORT:
            imported = _imported(section)
        elif kind == _CODE:
            sizes = [len(section.part().data) for _ in range(section.number())]
        elif kind == _CUSTOM:
            custom = section.name()
            if custom == "name":
                names.update(_function_names(section))
            elif custom == "linking":
                names = {**dict(_symbol_names(section)), **names}
    return [(names.get(imported + place, f"function {imported + place}"), size) for place, size in enumerate(sizes)]


def _imported(section: _Reader) -> int:
    """Return how many functions are imported: the others are numbered behind them."""
    found = 0
    for _ in range(section.number()):
        section.name()
        section.name()
        kind = section.take(1)[0]
        if kind == 0:  # a function, with its type
            found += 1
            section.number()
        elif kind in (1, 2):  # a table, which has a type before its limits; a memory
            section.take(1 if kind == 1 else 0)
            bounded = section.number() & 1
            section.number()
            if bounded:
                section.number()
        elif kind in (3, 4):  # a global with type and mutability; a tag with attribute and type
            section.take(1)
            section.number()
        else:
            raise ObjectError(f"not a sound WebAssembly module (import of kind {kind}); was it damaged?")
    return found


def _function_names(section: _Reader) -> Iterator[tuple[int, str]]:
    while section.more():
        kind, part = section.take(1)[0], section.part()
        if kind == _FUNCTION_NAMES:
            yield from ((part.number(), part.name()) for _ in range(part.number()))


def _symbol_names(section: _Reader) -> Iterator[tuple[int, str]]:
    section.number()  # the version
    while section.more():
        kind, part = section.take(1)[0], section.part()
        if kind != _SYMBOL_TABLE:
            continue
        for _ in range(part.number()):
            what, flags = part.take(1)[0], part.number()
            if what == _SYMBOL_DATA:
                part.name()
                if not flags & _UNDEFINED:
                    part.number(), part.number(), part.number()
                continue
            index = part.number()
            named = what != _SYMBOL_SECTION and (not flags & _UNDEFINED or flags & _EXPLICIT_NAME)
            name = part.name() if named else ""
            if what == _SYMBOL_FUNCTION and name:
                yield index, name
