"""Copies of forbidden programs inside other packages: files that must not be used although their package may."""

from __future__ import annotations

import re

# Directories that packages keep such copies in, with or without a version behind the name.
_DIRECTORIES = re.compile(
    r"(?:lib)?(?:zlib|png|lpng|jpeg|tiff|gsm|mad|id3tag)(?:[-_.0-9][-_.0-9a-z]*)?|minizip|mpglib|lame|ghostscript|"
    r"(?:pocket)?sphinx\w*|rsynth|ispell|lout|pgp|patricia|blowfish|rijndael"
)
# Files by which the same code goes when it lies among others; the beginnings are zlib's, libjpeg's and libpng's.
_FILES = re.compile(
    r"(?:adler32|crc32|uncompr|deflate|inf(?:back|fast|late|trees|codes|block|util)|trees|zutil|"
    r"gz(?:close|lib|read|write|io))|png(?:error|get|mem|pread|read|rio|rtran|rutil|set|trans|wio|write|wtran|wutil)?|"
    r"j[cd](?:api(?:min|std)|coefct|color|dctmgr|huff|init|mainct|marker|master|param|phuff|prepct|sample|trans|input|"
    r"merge|postct|atadst|atasrc)|jidct\w+|jfdct\w+|jquant[12]|jmem\w+|tif_\w+|"
    r"bf_(?:enc|skey|cbc|ecb|cfb64|ofb64)|blowfish[-\w]*|rijndael[-\w]*|patricia[-\w]*|adpcm|gsm_\w+|rpe|long_term|short_term"
)


def is_bundled(source: str) -> bool:
    """Tell whether a file, named by its path in the package, is such a copy; in doubt it is."""
    *directories, name = source.lower().split("/")
    return bool(_FILES.fullmatch(name.partition(".")[0])) or any(map(_DIRECTORIES.fullmatch, directories))
