"""The sizes of real objects are in tests/integration; here the reader meets what is no object."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clang_llm.system.errors import ObjectError
from clang_llm.system.objects import Parts, Section, allocated_size, parts_of, read_parts, sections, size_now

NULL, PROGBITS, STRTAB, NOBITS, NOTE = 0, 1, 3, 8, 7
WRITE, ALLOC, EXEC = 1, 2, 4


def elf(*described: tuple[str, int, int, int]) -> bytes:
    """A 64-bit little-endian relocatable object with sections of (name, type, flags, size)."""
    everything = [("", NULL, 0, 0), *described, (".shstrtab", STRTAB, 0, 0)]
    names, places = b"", []
    for name, *_ in everything:
        places.append(len(names))
        names += name.encode() + b"\0"
    content = sum(size for _, kind, _, size in everything if kind != NOBITS)
    table = 64 + content + len(names)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, len(everything), len(everything) - 1)
    rows, at = b"", 64
    for (_, kind, flags, length), place in zip(everything, places, strict=True):
        size = len(names) if kind == STRTAB else length
        at = 64 + content if kind == STRTAB else at
        rows += struct.pack("<IIQQQQIIQQ", place, kind, flags, 0, at, size, 0, 0, 1, 0)
        at += size if kind not in (NOBITS, STRTAB) else 0
    return head + bytes(content) + names + rows


OBJECT = elf(
    (".text", PROGBITS, ALLOC | EXEC, 100),
    (".data", PROGBITS, ALLOC | WRITE, 20),
    (".rodata", PROGBITS, ALLOC, 7),
    (".eh_frame", PROGBITS, ALLOC, 40),
    (".bss", NOBITS, ALLOC | WRITE, 5000),
    (".debug_info", PROGBITS, 0, 300),
    (".note.x", NOTE, ALLOC, 3),
)


def test_allocated_sections_that_are_in_the_file_count() -> None:
    assert allocated_size(OBJECT) == 100 + 20 + 7 + 40 + 3


def test_a_file_on_disk_has_the_same_size_by_its_table(tmp_path: Path) -> None:
    file = tmp_path / "a.o"
    wasm = b"\0asm\x01\0\0\0" + b"\x0a\x03abc"
    for data, size in ((OBJECT, 170), (wasm, 3), (b"BC\xc0\xde" + bytes(80), 0), (b"", None), (b"text", None)):
        file.write_bytes(data)
        assert size_now(file) == size
    for cut in (4, 0x20, 0x40, len(OBJECT) - 40):
        file.write_bytes(OBJECT[:cut])
        assert size_now(file) is None
    assert size_now(tmp_path) is None
    assert size_now(tmp_path / "none") is None


def test_sections_say_what_they_hold() -> None:
    found = {section.name: section for section in sections(OBJECT)}
    assert found[".text"] == Section(".text", 100, executable=True, writable=False)
    assert found[".data"] == Section(".data", 20, executable=False, writable=True)
    assert set(found) == {".text", ".data", ".rodata", ".eh_frame", ".note.x"}


def test_bytes_are_divided_by_what_they_are() -> None:
    assert parts_of(OBJECT) == Parts(code=100, rodata=7 + 3, data=20, unwind=40)
    assert parts_of(OBJECT).total == allocated_size(OBJECT)


@pytest.mark.parametrize(
    ("name", "flags", "part"),
    [
        (".text.f", ALLOC | EXEC, "code"),
        (".eh_frame", ALLOC | EXEC, "code"),
        (".eh_frame", ALLOC | WRITE, "unwind"),
        (".eh_frame_hdr", ALLOC, "unwind"),
        (".gcc_except_table._Z1fv", ALLOC, "unwind"),
        (".ARM.exidx.text.f", ALLOC, "unwind"),
        (".ARM.extab", ALLOC, "unwind"),
        (".ARM.attributes", ALLOC, "rodata"),
        (".data.rel.ro", ALLOC | WRITE, "data"),
        (".init_array", ALLOC | WRITE, "data"),
        (".rodata.str1.1", ALLOC, "rodata"),
    ],
)
def test_what_a_section_is(name: str, flags: int, part: str) -> None:
    (section,) = sections(elf((name, PROGBITS, flags, 9)))
    assert section.part == part


def test_differences_of_parts() -> None:
    assert Parts(5, 4, 3, 2) - Parts(1, 1, 4, 0) + Parts(0, 0, 1, 0) == Parts(4, 3, 0, 2)
    assert read_parts([1, 2, 3, 4], 10) == Parts(1, 2, 3, 4)


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"BC\xc0\xde", b"#!/bin/sh\n", OBJECT[:80], OBJECT[:-40]])
def test_what_is_no_object_is_told(data: bytes) -> None:
    with pytest.raises(ObjectError, match="ELF"):
        allocated_size(data)


@given(st.integers(0, len(OBJECT) - 1), st.integers(0, 255))
def test_damage_is_never_worse_than_an_object_error(at: int, value: int) -> None:
    data = bytearray(OBJECT)
    data[at] = value
    try:
        allocated_size(bytes(data))
    except ObjectError:
        return


def wasm(*described: tuple[int, bytes]) -> bytes:
    """A WebAssembly module with sections of (number, content); sizes take five bytes, as linkers write them."""
    text = b"\0asm\x01\0\0\0"
    for kind, content in described:
        size = bytes((len(content) >> (7 * place)) & 0x7F | 0x80 for place in range(4))
        text += bytes([kind]) + size + bytes([len(content) >> 28]) + content
    return text


def test_custom_sections_of_webassembly_do_not_count() -> None:
    data = wasm((1, bytes(9)), (10, bytes(300)), (11, bytes(20)), (0, bytes(1000)))
    assert sections(data) == [
        Section("type", 9, False, False),
        Section("code", 300, True, False),
        Section("data", 20, False, True),
    ]
    assert allocated_size(data) == 329
    assert parts_of(data) == Parts(code=300, rodata=9, data=20)


@pytest.mark.parametrize("cut", [1, 4, 11])
def test_webassembly_that_was_cut_short_is_told(cut: int) -> None:
    with pytest.raises(ObjectError, match="cut short"):
        sections(wasm((1, bytes(9)))[:-cut])


def test_an_unknown_section_of_webassembly_is_told() -> None:
    with pytest.raises(ObjectError, match="section 99"):
        sections(wasm((99, bytes(9))))
