"""Reads ``CLANG_LLM_REMOTE``: which stores there are, in order, and how each is reached."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clang_llm.system.errors import RemoteError, SettingsError
from clang_llm.system.files import open_regular

#: Plans are below this, in every store: another format has another number.
VERSION = 1
DEFAULT_NAMESPACE = "clang-llm"
#: Milliseconds of silence after which a store is left alone, and the most that may be set: the plugin waits for a
#: second at most.
DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS = 300, 600
#: Bytes of a file with a password or a token.
_MOST_SECRET = 16 * 1024

SCHEMES = ("redis", "rediss", "http", "https", "file")
_FLAGS = ("read-only", "netrc")
_VALUES = ("timeout-ms", "namespace", "ca", "token-file", "token-env", "password-file", "password-env", "netrc")
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Address:
    """One store.

    Attributes:
        scheme: One of `SCHEMES`.
        host: Its host; empty for ``file``.
        port: Its port, or None for the usual one.
        path: Path of an HTTP server without the slash at the end, directory of ``file``, number of a Redis database.
        user: Who we are, or None.
        read_only: Nothing is ever sent.
        timeout_ms: Milliseconds of silence after which it is left alone.
        namespace: What comes before the key's version.
        ca: File with the certificates that are believed, or None for the system's.
        secrets: Where the password or token is: attribute and value.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None
    read_only: bool
    timeout_ms: int
    namespace: str
    ca: Path | None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The address for people, without anything secret."""
        who = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}:{'' if self.scheme == 'file' else '//'}{who}{self.host}{port}{self.path}"

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.scheme in ("rediss", "https", "file")

    def name(self, key: str) -> str:
        """Return where the plan of a key is in the store."""
        return f"{self.namespace}/{VERSION}/{key}"

    def password(self, environ: Mapping[str, str]) -> str | None:
        """Return the password, or None; raises RemoteError where it cannot be read."""
        if "password" in self.secrets:
            return self.secrets["password"]
        return self._secret("password", environ)

    def token(self, environ: Mapping[str, str]) -> str | None:
        """Return the bearer token, or None; raises RemoteError where it cannot be read."""
        return self._secret("token", environ)

    def _secret(self, kind: str, environ: Mapping[str, str]) -> str | None:
        if variable := self.secrets.get(f"{kind}-env"):
            if not environ.get(variable):
                raise RemoteError(f"refused: the variable {variable} with the {kind} is not set")
            return environ[variable]
        if file := self.secrets.get(f"{kind}-file"):
            return read_secret(Path(file), kind)
        return None


def read_secret(path: Path, kind: str) -> str:
    """Return the first line of a file; raises RemoteError."""
    try:
        with os.fdopen(open_regular(path), "rb") as stream:
            text = stream.read(_MOST_SECRET).decode("utf-8", errors="replace").partition("\n")[0].strip()
    except OSError as error:
        raise RemoteError(f"refused: the {kind} in {path} cannot be read ({error.strerror})") from error
    if not text or not text.isprintable():
        raise RemoteError(f"refused: {path} holds no {kind}")
    return text


def parse(text: str | None) -> tuple[list[Address], list[str]]:
    """Return the stores of the setting, and a sentence for each word that names none; no sentence holds a secret."""
    found, problems = [], []
    for number, word in enumerate((text or "").split(), 1):
        try:
            found.append(_address(word))
        except SettingsError as error:
            problems.append(f"store {number}: {error}")
    return found, problems


def _address(word: str) -> Address:
    url, *attributes = word.split("|")
    given = _attributes(attributes)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingsError("its address is no URL; write SCHEME://HOST or file:/DIRECTORY") from error
    if parts.scheme not in SCHEMES or parts.query or parts.fragment:
        raise SettingsError(f"its address does not begin with {', '.join(SCHEMES)} and a colon, or has ? or #")
    if parts.scheme == "file" and (host or not parts.path.startswith("/") or parts.path == "/"):
        raise SettingsError("it names no directory; write file:/DIRECTORY")
    if parts.scheme != "file" and not host:
        raise SettingsError(f"it names no host; write {parts.scheme}://HOST")
    path = parts.path if parts.scheme == "redis" else parts.path.rstrip("/")
    if parts.scheme.startswith("redis") and not re.fullmatch(r"(/[0-9]{1,5})?", path):
        raise SettingsError("what comes after the host is no number of a Redis database")
    secrets = {name: given[name] for name in given if name.startswith(("token-", "password-")) or name == "netrc"}
    if parts.password:
        secrets["password"] = unquote(parts.password)
    return Address(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=unquote(path) if parts.scheme == "file" else path,
        user=unquote(parts.username) if parts.username else None,
        read_only="read-only" in given,
        timeout_ms=_timeout(given.get("timeout-ms")),
        namespace=_namespace(given.get("namespace")),
        ca=Path(given["ca"]) if "ca" in given else None,
        secrets=secrets,
    )


def _attributes(words: list[str]) -> dict[str, str]:
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in (_VALUES if equals else _FLAGS) or (equals and not value):
            known = ", ".join((*_FLAGS, *(f"{each}=" for each in _VALUES)))
            raise SettingsError(f"'{name}' is no attribute, or lacks its value; there are {known}")
        given[name] = value
    return given


def _timeout(text: str | None) -> int:
    if text is None:
        return DEFAULT_TIMEOUT_MS
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 0 < int(text) <= MAX_TIMEOUT_MS:
        raise SettingsError(f"timeout-ms is not a number from 1 to {MAX_TIMEOUT_MS}")
    return int(text)


def _namespace(text: str | None) -> str:
    if text is not None and not _NAMESPACE.fullmatch(text):
        raise SettingsError("namespace is not made of letters, digits, dots, dashes and underscores")
    return text or DEFAULT_NAMESPACE


#: What says that a build is of a proposed change, whose author need not be one of the team: variable and value; None
#: stands for any.
_PROPOSED = {
    "GITHUB_EVENT_NAME": ("pull_request", "pull_request_target"),
    "CI_MERGE_REQUEST_ID": None,
    "CHANGE_ID": None,
    "BITBUCKET_PR_ID": None,
    "SYSTEM_PULLREQUEST_PULLREQUESTID": None,
    "CIRCLE_PULL_REQUEST": None,
    "BUILDKITE_PULL_REQUEST": None,
    "DRONE_PULL_REQUEST": None,
}


def is_proposed_change(environ: Mapping[str, str]) -> bool:
    """Whether this is a build by continuous integration of a change that is not accepted yet: nothing is sent then."""
    if environ.get("CI", "").lower() not in ("true", "1", "yes"):
        return False
    for name, values in _PROPOSED.items():
        value = environ.get(name, "")
        if value in values if values is not None else value not in ("", "false"):
            return True
    return False
