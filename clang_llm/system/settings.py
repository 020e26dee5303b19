"""Settings: the environment, then the config file, then the defaults (docs/settings.md).

This is the only module that knows the names of environment variables. The plugin reads the same names in C++
(``plugin/settings.cpp``) and both must agree on every value. A value that makes no sense never stops a compile: the
default is used and the problem is recorded for ``doctor`` and the log.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from clang_llm.system.places import NOWHERE, own_cache, own_config
from clang_llm.system.reader import MIB as MIB
from clang_llm.system.reader import PREFIX as PREFIX
from clang_llm.system.reader import Reader, Rejected
from clang_llm.system.reader import parse_size as parse_size

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
    "LTO",
    "LOG",
    "JOBS",
    "MIN_INSTRUCTIONS",
    "LEVELS",
    "MAX_SIZE",
    "PYTHON",
    "SCRIPT",
    "SEED_DIR",
    "PLANS",
    "KEY_FILE",
    "FROZEN",
    "REMOTE",
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
DEFAULT_BACKEND = "auto"  # the model where it is for such modules, the coreset elsewhere
#: Who may propose pass lists: the table of `backends`, and `capture`, which keeps modules instead.
BACKEND_WORDS = (DEFAULT_BACKEND, "coreset", "model", "openai", "transformers", "scripted", "tune", "capture")
#: Milliseconds within which a model's answer is waited for; a slower one works in the background.
DEFAULT_INFER_MS = 2000
#: How long a compile waits for a model: as long as is set, as long as it takes (within the plugin's patience), never.
INFER_WORDS = ("auto", "wait", "background")
#: What happens to pass lists of large models that no validation knows: left out, or validated on the spot.
UNVETTED_WORDS = ("refuse", "validate")
#: Optimisation levels whose modules can be searched; the first alone unless others are asked for.
LEVEL_WORDS = ("Oz", "Os")
#: Settings that take one of some words.
CHOICES = {"BACKEND": BACKEND_WORDS, "INFER": INFER_WORDS, "UNVETTED": UNVETTED_WORDS}
#: Settings that are on or off.
SWITCHES = ("DISABLE", "RECACHE", "READONLY", "LTO", "FROZEN")
#: Bytes; an entry takes one file system block (4 KiB), so this is some 65,000 modules.
DEFAULT_MAX_SIZE = 256 * MIB
#: More candidates than any search has used; a typing error must not become days of work. The plugin has the same bound.
MAX_CANDIDATES = 1_000_000
#: Milliseconds that a compile may wait for a model, at most.
MAX_INFER_MS = 1_000_000
#: Children that one compile may run at once, at most; the plugin has the same bound.
MAX_JOBS = 256
#: The word for as many children as idle processors or make's job slots allow.
AUTO_JOBS = "auto"
#: Instructions of the unoptimised module below which nothing is searched. Of 95 modules of lua5.4, giflib, mawk, cksfv
#: and dash 8 had fewer; 98 of the 37,265 bytes that the default effort saved were theirs.
DEFAULT_MIN_INSTRUCTIONS = 50


#: The key of a server, and the stores, whose addresses may hold a password.
_SECRET = ("api_key", "remote")


class Settings(NamedTuple):
    """What the user set, with defaults filled in.

    Attributes:
        candidates_set: The exact number of candidates, or None when `effort` decides.
        jobs: Children that one compile may run at once, or None to find out.
        min_instructions: Modules with fewer are not searched, nor are test programs of configure scripts; 0: all are.
        levels: Those of `LEVEL_WORDS` whose modules are searched.
        max_size: Size limit of the plans in bytes.
        config: The config file that was looked for; it need not exist.
        infer: One of `INFER_WORDS`.
        infer_ms: Milliseconds that a compile waits for a large model.
        model: The model's directory, or for backend `openai` the name under which it is served.
        url: Base URL of an OpenAI-compatible server.
        api_key: Sent to that server and shown nowhere.
        unvetted: One of `UNVETTED_WORDS`.
        plans: Files of committed plans, asked in this order.
        frozen: Plans that are there are applied, and nothing is searched.
        key_file: The team's key, with which plans are signed or known.
        remote: The team's stores and how to reach them (docs/remote.md); may hold a password.
        explaining: `clang-llm-tool explain` asks what would happen: nothing is written.
        explain_to: The file in which it wants to read it.
        runtime_dir: Where the system lets the user's sockets be, or None.
        server_dir: Where the servers of another cache directory are, which this one stands for, or None.
        unhurried: The model's server works off its queue: nobody waits for an answer.
        corpus: Where backend `capture` leaves modules (docs/corpus.md).
        lto: Links with full LTO are searched, too (docs/lto.md); the wrapper's business.
        unknown: Names that look like settings and are not, as the user wrote them.
        problems: One sentence for every value that was not used.
        rejected: Those of them that are about values, by the setting's name as in `NAMES`.
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
    jobs: int | None
    min_instructions: int
    max_size: int
    python: str | None
    script: Path | None
    seed_dir: Path | None
    config: Path
    levels: tuple[str, ...] = LEVEL_WORDS[:1]
    infer: str = INFER_WORDS[0]
    infer_ms: int = DEFAULT_INFER_MS
    model: str | None = None
    url: str | None = None
    api_key: str | None = None
    unvetted: str = UNVETTED_WORDS[0]
    plans: tuple[Path, ...] = ()
    frozen: bool = False
    key_file: Path | None = None
    remote: str | None = None
    explaining: bool = False
    explain_to: Path | None = None
    runtime_dir: Path | None = None
    server_dir: Path | None = None
    unhurried: bool = False
    corpus: Path | None = None
    lto: bool = False
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    rejected: Mapping[str, Rejected] = MappingProxyType({})
    origins: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        """Return nothing of what only its owner should see."""
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name not in _SECRET)
        return f"Settings({', '.join(shown)})"

    @property
    def homeless(self) -> bool:
        """Whether the cache has no place, so that nothing is ever made."""
        return self.cache_dir == NOWHERE

    @property
    def candidates(self) -> int:
        """Number of candidate compilations beside -Oz."""
        return EFFORT_TABLE[self.effort] if self.candidates_set is None else self.candidates_set

    def origin(self, name: str) -> str:
        """Say where a setting (lower or upper case name) came from: "environment", "config file" or "default"."""
        return self.origins.get(name.upper(), "default")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Read all settings from an environment and the config file that it names, or that is this user's."""
        config = _path(environ, PREFIX + "CONFIG") or own_config()
        reader = Reader(environ, config, NAMES)
        return cls(
            clang=reader.text("CLANG"),
            disable=reader.flag("DISABLE"),
            cache_dir=Path(reader.text("CACHE_DIR") or own_cache(environ) or NOWHERE),
            backend=reader.backend(BACKEND_WORDS),
            effort=reader.number("EFFORT", 0, len(EFFORT_TABLE) - 1, DEFAULT_EFFORT),
            candidates_set=reader.optional_number("CANDIDATES", 0, MAX_CANDIDATES),
            recache=reader.flag("RECACHE"),
            readonly=reader.flag("READONLY"),
            log=reader.path("LOG"),
            jobs=reader.jobs(AUTO_JOBS, MAX_JOBS),
            min_instructions=reader.number("MIN_INSTRUCTIONS", 0, MAX_CANDIDATES, DEFAULT_MIN_INSTRUCTIONS),
            levels=reader.levels(LEVEL_WORDS),
            max_size=reader.size("MAX_SIZE", DEFAULT_MAX_SIZE),
            python=reader.text("PYTHON"),
            script=reader.path("SCRIPT"),
            seed_dir=reader.path("SEED_DIR"),
            plans=reader.paths("PLANS"),
            frozen=reader.flag("FROZEN"),
            key_file=reader.path("KEY_FILE"),
            remote=reader.text("REMOTE"),
            config=config,
            infer=reader.choice("INFER", INFER_WORDS),
            infer_ms=reader.number("INFER_MS", 0, MAX_INFER_MS, DEFAULT_INFER_MS),
            model=reader.text("MODEL"),
            url=reader.text("URL"),
            api_key=reader.text("API_KEY"),
            unvetted=reader.choice("UNVETTED", UNVETTED_WORDS),
            explaining=bool(environ.get("_CLANG_LLM_EXPLAIN")),
            explain_to=_path(environ, "_CLANG_LLM_EXPLAIN"),
            runtime_dir=_path(environ, "XDG_RUNTIME_DIR"),
            server_dir=_path(environ, "_CLANG_LLM_SERVER_DIR"),
            corpus=_path(environ, "_CLANG_LLM_CORPUS"),
            lto=reader.flag("LTO"),
            unknown=reader.unknown(),
            problems=tuple(reader.problems),
            rejected=reader.rejected,
            origins=reader.origins,
        )


def _path(environ: Mapping[str, str], variable: str) -> Path | None:
    return Path(environ[variable]) if environ.get(variable) else None


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
