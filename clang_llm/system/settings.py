"""Settings: the environment, then the config file, then the defaults (docs/settings.md).

This is the only module that knows the names of environment variables. The plugin reads the same names in C++
(``plugin/settings.cpp``) and both must agree on every value. A value that makes no sense never stops a compile: the
default is used and the problem is recorded for ``doctor`` and the log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clang_llm.system.files import read_regular
from clang_llm.system.places import NOWHERE, own_cache, own_config

PREFIX = "CLANG_LLM_"
MIB = 1024 * 1024
#: Every name that a user may set, without the prefix. CONFIG is for the environment only.
NAMES = (
    "CLANG",
    "DISABLE",
    "CACHE_DIR",
    "BACKEND",
    "EFFORT",
    "CANDIDATES",
    "RECACHE",
    "READONLY",
    "LOG",
    "JOBS",
    "MAX_SIZE",
    "PYTHON",
    "SCRIPT",
    "SEED_DIR",
    "INFER",
    "INFER_MS",
    "MODEL",
    "URL",
    "API_KEY",
    "UNVETTED",
    "CONFIG",
)
#: Candidate compilations beside -Oz for effort 0 ... 9; 0 uses cached plans only.
EFFORT_TABLE: tuple[int, ...] = (0, 1, 2, 4, 6, 8, 12, 16, 24, 32)
#: The highest effort whose cold build stays under six times a plain one.
DEFAULT_EFFORT = 4
DEFAULT_BACKEND = "auto"  # the model where it can run, the coreset elsewhere (`backends.resolved`)
#: Milliseconds within which a model's answer is waited for; a slower one works in the background.
DEFAULT_INFER_MS = 2000
#: The same for the small model: it answers in some 50 ms but has to be loaded first, which takes three seconds, or ten.
SMALL_INFER_MS = 15_000
#: How long a compile waits for a model: as long as is set, as long as it takes (within the plugin's patience), never.
INFER_WORDS = ("auto", "wait", "background")
#: What happens to pass lists of large models that no validation knows: left out, or validated on the spot.
UNVETTED_WORDS = ("refuse", "validate")
#: Bytes; an entry takes one file system block (4 KiB), so this is some 65,000 modules.
DEFAULT_MAX_SIZE = 256 * MIB
#: Bytes of a config file, which has a line for each of the names above; the plugin has the same bound.
MAX_CONFIG_BYTES = 64 * 1024
#: More candidates than any search has used; a typing error must not become days of work. The plugin has the same bound.
MAX_CANDIDATES = 1_000_000
#: Children that one compile may run at once, at most; the plugin has the same bound.
MAX_JOBS = 256

_NUMBER = re.compile(r"[0-9]{1,20}")  # Python refuses to read one of 5,000 digits
_FALSE, _TRUE = frozenset({"", "0", "false", "no", "off"}), frozenset({"1", "true", "yes", "on"})
_UNITS = {"": 1, "K": 1024, "M": MIB, "G": 1024 * MIB, "T": 1024 * 1024 * MIB}


@dataclass(frozen=True)
class Settings:
    """What the user set, with defaults filled in.

    Attributes:
        candidates_set: The exact number of candidates, or None when `effort` decides.
        max_size: Size limit of the plans in bytes.
        config: The config file that was looked for; it need not exist.
        infer: One of `INFER_WORDS`.
        infer_ms_set: Milliseconds, or None when the backend decides.
        model: The model's directory, or for backend `openai` the name under which it is served.
        url: Base URL of an OpenAI-compatible server.
        api_key: Sent to that server and shown nowhere.
        unvetted: One of `UNVETTED_WORDS`.
        explaining: `clang-llm-tool explain` asks what would happen: nothing is written.
        explain_to: The file in which it wants to read it.
        runtime_dir: Where the system lets the user's sockets be, or None.
        server_dir: Where the servers of another cache directory are, which this one stands for, or None.
        unhurried: The model's server works off its queue: nobody waits for an answer.
        corpus: Where backend `capture` leaves modules (docs/corpus.md).
        unknown: Names that look like settings and are not, as the user wrote them.
        problems: One sentence for every value that was not used.
    """

    clang: str | None
    disable: bool
    cache_dir: Path
    backend: str
    effort: int
    candidates_set: int | None
    recache: bool
    readonly: bool
    log: Path | None
    jobs: int
    max_size: int
    python: str | None
    script: Path | None
    seed_dir: Path | None
    config: Path
    infer: str = INFER_WORDS[0]
    infer_ms_set: int | None = None
    model: str | None = None
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    unvetted: str = UNVETTED_WORDS[0]
    explaining: bool = False
    explain_to: Path | None = None
    runtime_dir: Path | None = None
    server_dir: Path | None = None
    unhurried: bool = False
    corpus: Path | None = None
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def homeless(self) -> bool:
        """Whether the cache has no place, so that nothing is ever made."""
        return self.cache_dir == NOWHERE

    @property
    def candidates(self) -> int:
        """Number of candidate compilations beside -Oz."""
        return EFFORT_TABLE[self.effort] if self.candidates_set is None else self.candidates_set

    @property
    def infer_ms(self) -> int:
        """Milliseconds for which a compile waits for a model."""
        usual = SMALL_INFER_MS if self.backend in (DEFAULT_BACKEND, "model") else DEFAULT_INFER_MS
        return usual if self.infer_ms_set is None else self.infer_ms_set

    def origin(self, name: str) -> str:
        """Say where a setting (lower or upper case name) came from: "environment", "config file" or "default"."""
        return self.origins.get(name.upper(), "default")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Read all settings from an environment and the config file that it names, or that is this user's."""
        config = _path(environ, PREFIX + "CONFIG") or own_config()
        reader = _Reader(environ, config)
        return cls(
            clang=reader.text("CLANG"),
            disable=reader.flag("DISABLE"),
            cache_dir=Path(reader.text("CACHE_DIR") or own_cache(environ) or NOWHERE),
            backend=reader.text("BACKEND") or DEFAULT_BACKEND,
            effort=min(reader.number("EFFORT", DEFAULT_EFFORT), len(EFFORT_TABLE) - 1),
            candidates_set=reader.optional_number("CANDIDATES", MAX_CANDIDATES),
            recache=reader.flag("RECACHE"),
            readonly=reader.flag("READONLY"),
            log=reader.path("LOG"),
            jobs=max(1, min(reader.number("JOBS", 1), MAX_JOBS)),
            max_size=reader.size("MAX_SIZE", DEFAULT_MAX_SIZE),
            python=reader.text("PYTHON"),
            script=reader.path("SCRIPT"),
            seed_dir=reader.path("SEED_DIR"),
            config=config,
            infer=reader.choice("INFER", INFER_WORDS),
            infer_ms_set=reader.optional_number("INFER_MS", MAX_CANDIDATES),
            model=reader.text("MODEL"),
            url=reader.text("URL"),
            api_key=reader.text("API_KEY"),
            unvetted=reader.choice("UNVETTED", UNVETTED_WORDS),
            explaining=bool(environ.get("_CLANG_LLM_EXPLAIN")),
            explain_to=_path(environ, "_CLANG_LLM_EXPLAIN"),
            runtime_dir=_path(environ, "XDG_RUNTIME_DIR"),
            server_dir=_path(environ, "_CLANG_LLM_SERVER_DIR"),
            corpus=_path(environ, "_CLANG_LLM_CORPUS"),
            unknown=reader.unknown(),
            problems=tuple(reader.problems),
            origins=reader.origins,
        )


def parse_size(text: str) -> int | None:
    """Return the bytes that '512', '64K', '256M', '5G' or '1T' stand for (powers of 1024), or None."""
    number, unit = text.strip().upper(), ""
    if number.endswith(("K", "M", "G", "T")):
        number, unit = number[:-1].rstrip(), number[-1]
    return int(number) * _UNITS[unit] if _NUMBER.fullmatch(number) else None


def _path(environ: Mapping[str, str], variable: str) -> Path | None:
    return Path(environ[variable]) if environ.get(variable) else None


class _Reader:
    """Looks names up in both sources and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str], config: Path) -> None:
        self.problems: list[str] = []
        self.origins: dict[str, str] = {}
        self.environ = environ
        self.config = config
        self.lines = self._read_config()
        if environ.get(PREFIX + "CONFIG"):
            self.origins["CONFIG"] = "environment"

    def _read_config(self) -> dict[str, str]:
        try:
            text = read_regular(self.config, MAX_CONFIG_BYTES).decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            self.problems.append(f"{self.config}: cannot be read ({error.strerror}); its settings are not used")
            return {}
        parts = (line.partition("#")[0].partition("=") for line in text.split("\n"))
        return {name.strip().upper(): value.strip() for name, _, value in parts if name.strip()}

    def text(self, name: str) -> str | None:
        """Return the value as written, or None; an empty value counts as not set."""
        value = self.environ.get(PREFIX + name)
        if value is not None:
            self.origins[name] = "environment"
        elif name in self.lines:
            value = self.lines[name]
            self.origins[name] = "config file"
        return value or None

    def path(self, name: str) -> Path | None:
        return Path(value) if (value := self.text(name)) else None

    def flag(self, name: str) -> bool:
        value = (self.text(name) or "").lower()
        if value not in _FALSE and value not in _TRUE:
            self._problem(name, value, "1 or 0; it is taken as 1")
        return value not in _FALSE

    def choice(self, name: str, words: tuple[str, ...]) -> str:
        """Return one of some words; the first is the default."""
        value = (self.text(name) or words[0]).lower()
        if value not in words:
            self._problem(name, value, f"one of {', '.join(words)}; {words[0]} is used")
        return value if value in words else words[0]

    def optional_number(self, name: str, largest: int) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        # More than the plugin's unsigned holds is no number there, so it is none here either.
        if not _NUMBER.fullmatch(value) or int(value) >= 1 << 32:
            self._problem(name, value, "a whole number; it is ignored")
            return None
        return min(int(value), largest)

    def number(self, name: str, default: int) -> int:
        value = self.optional_number(name, MAX_CANDIDATES)
        if name == "EFFORT" and value is not None and value >= len(EFFORT_TABLE):
            self._problem(name, str(value), f"0 to {len(EFFORT_TABLE) - 1}; the highest is used")
        return default if value is None else value

    def size(self, name: str, default: int) -> int:
        value = self.text(name)
        size = default if value is None else parse_size(value)
        if size is None:
            self._problem(name, value or "", "a size such as 256M; the default is used")
        return default if size is None else size

    def unknown(self) -> tuple[str, ...]:
        found = [name for name in self.environ if name.startswith(PREFIX) and name[len(PREFIX) :] not in NAMES]
        found += [name.lower() for name in self.lines if name not in NAMES or name == "CONFIG"]
        return tuple(sorted(found))

    def _problem(self, name: str, value: str, wanted: str) -> None:
        where = PREFIX + name if self.origins[name] == "environment" else f"{name.lower()} in {self.config}"
        self.problems.append(f"{where} is '{value}', expected {wanted}")


#: Variables that change what a compiler does or prints behind the command line's back.
_COMPILER_VARIABLES = frozenset(
    {
        "CCC_OVERRIDE_OPTIONS",
        "COMPILER_PATH",
        "CPATH",
        "CPLUS_INCLUDE_PATH",
        "C_INCLUDE_PATH",
        "LIBRARY_PATH",
        "LLVM_PROFILE_FILE",
        "MAKEFLAGS",
        "OBJC_INCLUDE_PATH",
    }
)

#: What a process that outlives a build needs of the environment in which it was started.
_LASTING_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
)


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process, for a program's entry point to hand down."""
    return os.environ


def compiler_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment without what would make a compiler do other things than its command line says.

    Args:
        extra: Variables to add, our own switches included.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _COMPILER_VARIABLES and not name.startswith((PREFIX, "_" + PREFIX, "CC_PRINT_", "CC_LOG_"))
    }
    return kept | {"LC_ALL": "C"} | dict(extra or {})


def server_environment(threads: int) -> dict[str, str]:
    """Return the environment of a model's server: nothing of the build that started it, and none of our switches.

    Args:
        threads: Threads with which its libraries may compute.
    """
    kept = {name: os.environ[name] for name in _LASTING_VARIABLES if name in os.environ}
    return kept | {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        # A compile reaches for no network, and neither does what it starts.
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }
