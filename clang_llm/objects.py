"""Object files: what counts as their size. ELF only; the plugin itself measures the other formats."""

from __future__ import annotations

import io
from dataclasses import dataclass

from clang_llm.errors import ObjectError


@dataclass(frozen=True)
class Section:
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


def sections(data: bytes) -> list[Section]:
    """Return the sections of an ELF file that count: allocated, and not bss.

    Raises:
        ObjectError: The data is not a sound ELF file.
    """
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
        ObjectError: The data is not a sound ELF file.
    """
    return sum(section.size for section in sections(data))
