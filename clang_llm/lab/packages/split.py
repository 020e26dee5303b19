"""Which packages may be used for what: a fixed split by name, and packages that must not be used at all."""

from __future__ import annotations

import hashlib
from enum import Enum
from fnmatch import fnmatchcase

from clang_llm.system.errors import SplitError

# First byte of the hash of the name from which on a package is for validation, and for the final report only.
_VALIDATION_FROM = 0xA0
_TEST_FROM = 0xC0

# These programs are the subject of published benchmarks that results are compared on later; nothing here may see them.
_FORBIDDEN = (
    "zlib",
    "zlib1g",
    "libpng*",
    "libjpeg*",
    "tiff*",
    "libtiff*",
    "ghostscript*",
    "lame",
    "libmad*",
    "libid3tag*",
    "ispell",
    "gsm",
    "libgsm*",
    "sphinx*",
    "pocketsphinx*",
    "rsynth",
    "lout",
    "gnupg*",
    "pgp*",
    "patricia",
    "blowfish",
    "rijndael",
)


class Split(str, Enum):
    """The part of the package universe that a name falls into."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def split_of(package: str) -> Split:
    """Tell the split of a Debian source package by the first byte of its name's SHA-256.

    Raises:
        SplitError: the package is on the list of those that must not be used at all.
    """
    if any(fnmatchcase(package, pattern) for pattern in _FORBIDDEN):
        raise SplitError(f"{package} is a benchmark program and must not be used here; choose another package")
    first = hashlib.sha256(package.encode()).digest()[0]
    if first < _VALIDATION_FROM:
        return Split.TRAIN
    return Split.VALIDATION if first < _TEST_FROM else Split.TEST


def require(package: str, *allowed: Split) -> Split:
    """Return the package's split when it is one of ``allowed``.

    Raises:
        SplitError: it is not, or the package is forbidden.
    """
    split = split_of(package)
    if split not in allowed:
        names = " or ".join(item.value for item in allowed)
        raise SplitError(f"{package} belongs to the {split.value} split; this command takes packages of {names}")
    return split
