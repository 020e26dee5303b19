"""Keys of a team: with them a plan that somebody else of the team measured is known to come from there.

A user's own seal (`clang_llm.plans.store.seal`) is made with a key that never leaves his cache directory. A team's key
is handed out: a secret that all share (HMAC-SHA256), or a pair (Ed25519), whose private half signs, on a build server
for example, while the public half only verifies and may be committed. What is signed is an entry's format and checksum;
the checksum covers the rest, the module's key included, so a signature holds for one plan of one module.

A key file is one line: ``clang-llm-key KIND DIGITS``, with 64 hexadecimal digits.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clang_llm.plans.plan import MAGIC
from clang_llm.plans.types import FORMAT
from clang_llm.system.errors import DataError
from clang_llm.system.files import open_regular
from clang_llm.system.packages import find_packages

#: The kinds of keys, as the key file spells them: a shared secret, and the halves of a pair.
SHARED, PRIVATE, PUBLIC = "hmac-sha256", "ed25519-private", "ed25519-public"

_WORD = "clang-llm-key"
_LINE = re.compile(rf"{_WORD} ({SHARED}|{PRIVATE}|{PUBLIC}) ([0-9a-f]{{64}})\n?")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_HMAC = re.compile(r"hmac:([0-9a-f]{64})")
_ED25519 = re.compile(r"ed25519:([0-9a-f]{128})")
#: Bytes of a key file, with room for what is none.
_MOST_BYTES = 256
_MAKE = "make one with `clang-llm-tool key new FILE`"


@dataclass(frozen=True)
class TeamKey:
    """One key.

    Attributes:
        kind: `SHARED`, `PRIVATE` or `PUBLIC`.
    """

    kind: str
    _key: bytes = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> TeamKey:
        """Read a key file.

        Raises:
            DataError: There is none, it holds no key, or others may read a secret or write a public key.
        """
        try:
            with os.fdopen(open_regular(path), "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(_MOST_BYTES).decode("ascii", errors="replace")
        except OSError as error:
            raise DataError(f"the key {path} cannot be read ({error.strerror}); {_MAKE}") from error
        parts = _LINE.fullmatch(text)
        if parts is None:
            raise DataError(f"{path} holds no key: one line '{_WORD} KIND DIGITS'; {_MAKE}")
        if parts[1] != PUBLIC and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise DataError(f"others may use the secret in {path}; make a new one, or if nobody did: chmod 600 {path}")
        if mode & stat.S_IWOTH:
            raise DataError(f"everybody may write {path}, so it proves nothing; compare it, then chmod o-w {path}")
        key = cls(parts[1], bytes.fromhex(parts[2]))
        if key.kind != SHARED:
            _ed25519()
        return key

    @property
    def can_sign(self) -> bool:
        """Whether it signs; a public key only verifies."""
        return self.kind != PUBLIC

    def sign(self, checksum: str) -> str:
        """Return the fourth word of the header of an entry with this checksum.

        Raises:
            DataError: It cannot sign, or this is no checksum.
        """
        if not self.can_sign:
            raise DataError("a public key signs nothing; name the file with the private one")
        if not _CHECKSUM.fullmatch(checksum):
            raise DataError(f"'{checksum}' is no checksum; sign an entry of a plan")
        if self.kind == SHARED:
            return f"hmac:{hmac.new(self._key, _signed(checksum), hashlib.sha256).hexdigest()}"
        signature: bytes = self._private().sign(_signed(checksum))
        return f"ed25519:{signature.hex()}"

    def verifies(self, checksum: str, signature: str) -> bool:
        """Whether a signature was made for this checksum with this key or, if it is public, with its private half."""
        if not _CHECKSUM.fullmatch(checksum):
            return False
        if self.kind == SHARED:
            return bool(_HMAC.fullmatch(signature)) and hmac.compare_digest(self.sign(checksum), signature)
        digits = _ED25519.fullmatch(signature)
        if digits is None:
            return False
        ed25519 = _ed25519()
        from cryptography.exceptions import InvalidSignature  # the extra `team`

        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self._public()).verify(
                bytes.fromhex(digits[1]), _signed(checksum)
            )
        except InvalidSignature:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """Sixteen digits by which people compare keys; both halves of a pair have the same."""
        shown = self._key if self.kind == SHARED else self._public()
        family = SHARED if self.kind == SHARED else "ed25519"
        return hashlib.sha256(b"clang-llm-fingerprint %s " % family.encode() + shown).hexdigest()[:16]

    def public(self) -> TeamKey:
        """Return the half that only verifies.

        Raises:
            DataError: A shared secret has none.
        """
        if self.kind == SHARED:
            raise DataError("a shared secret has no public half; make a pair with `clang-llm-tool key new FILE`")
        return TeamKey(PUBLIC, self._public())

    def write(self, path: Path) -> None:
        """Write the key to a new file, a secret for nobody else to read.

        Raises:
            DataError: There is such a file, or it cannot be written.
        """
        mode = 0o600 if self.can_sign else 0o644
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(f"{_WORD} {self.kind} {self._key.hex()}\n".encode("ascii"))
        except FileExistsError as error:
            raise DataError(f"{path} is there already; name another file, or remove it") from error
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror}); name another file") from error

    def _private(self) -> Any:  # noqa: ANN401 - a class of a package that need not be installed
        return _ed25519().Ed25519PrivateKey.from_private_bytes(self._key)

    def _public(self) -> bytes:
        return self._key if self.kind == PUBLIC else bytes(self._private().public_key().public_bytes_raw())


def make(kind: str) -> TeamKey:
    """Return a new key that signs: `SHARED` or `PRIVATE`.

    Raises:
        DataError: What a pair needs is not installed.
    """
    key = TeamKey(kind, secrets.token_bytes(32))
    if kind != SHARED:
        _ed25519()
    return key


def write_pair(key: TeamKey, path: Path) -> Path:
    """Write both halves of a pair, to `path` and beside it; return where the public one is.

    Raises:
        DataError: One of the files is there already, or cannot be written.
    """
    if not path.name:
        raise DataError(f"'{path}' is a directory; name a file, such as team.key")
    public = path.with_name(f"{path.name}.pub")
    key.public().write(public)
    try:
        key.write(path)
    except DataError:
        with contextlib.suppress(OSError):
            public.unlink()
        raise
    return public


def _signed(checksum: str) -> bytes:
    return b"%s %d %s" % (MAGIC, FORMAT, checksum.encode("ascii"))


def _ed25519() -> Any:  # noqa: ANN401 - the same
    """Import what makes and verifies Ed25519 signatures, the extra `team`."""
    find_packages()
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        remedy = "install it (pip install 'clang-llm[team]'), or use a shared secret: clang-llm-tool key new --hmac"
        raise DataError(f"Ed25519 keys need the package cryptography; {remedy}") from error
    return ed25519
