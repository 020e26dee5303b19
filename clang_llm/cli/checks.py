"""What `doctor` looks at. Each check is a generator of findings; none of them changes anything but the plugin cache."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import clang_llm
from clang_llm.cli import sandbox
from clang_llm.cli.meant import at_os
from clang_llm.cli.output import counted, working
from clang_llm.cli.reasons import NO_HOME, describe
from clang_llm.plans.borrowed import borrowed, lender_of, supported
from clang_llm.plans.store import vouched
from clang_llm.system import layout, log, process
from clang_llm.system.errors import ClangLlmError, ProcessError, ToolchainError
from clang_llm.system.files import read_regular
from clang_llm.system.places import own_cache
from clang_llm.system.settings import PREFIX, Settings
from clang_llm.toolchain import plugins as toolchain
from clang_llm.toolchain.plugins import Compiler

OK, NOTE, WRONG = "ok", "note", "wrong"

# Python packages that some part imports; setup.cfg names their distributions.
_PACKAGES = {"elftools": "pyelftools", "filelock": "filelock", "platformdirs": "platformdirs", "tqdm": "tqdm"}

# Seconds for questions to Python and for the trial compile; normally under one, and a plugin that is built takes 40.
_ASK_S = 60.0
_TRIAL_S = 900.0
# Bytes of a memo's `failed`: a path and a sentence.
_MOST_BYTES = 64 * 1024

# Something to gain at every LLVM version that is supported: a loop and calls to inline.
_PROGRAM = """\
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
int longest(const int *v, int n) {
  int most = 0;
  for (int i = 0; i < n; ++i) { int k = length(v[i]); if (k > most) most = k; }
  return most;
}
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: `OK`, `NOTE` (works, worth knowing) or `WRONG` (clang-llm does not do its work).
        subject: What was looked at.
        text: What was found.
        remedy: What to do about it; empty when there is nothing to do.
    """

    level: str
    subject: str
    text: str
    remedy: str = ""


def check_python() -> Iterator[Finding]:
    """The Python that runs this tool, and the libraries it finds."""
    yield Finding(OK, "python", f"{platform.python_version()} ({sys.executable}), clang-llm {clang_llm.__version__}")
    missing = []
    for module, distribution in _PACKAGES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append(distribution)
    if missing:
        yield Finding(
            WRONG, "python", f"missing: {', '.join(missing)}", f"{sys.executable} -m pip install {' '.join(missing)}"
        )


def check_helper(settings: Settings) -> Iterator[Finding]:
    """The Python that runs the helper on a cache miss, when it is another one."""
    if settings.python is None:
        return
    root = str(Path(clang_llm.__file__).resolve().parents[1])
    code = "import sys; sys.path.insert(0, sys.argv[1]); import clang_llm.compile.helper, platformdirs"
    try:
        done = process.run([settings.python, "-I", "-c", code, root], timeout_s=_ASK_S)
        said = os.fsdecode(done.stderr).strip().rpartition("\n")[2]
        problem = "" if done.ok else said or f"exit status {done.returncode}"
    except ProcessError as error:
        problem = str(error)
    if problem:
        remedy = f"set {PREFIX}PYTHON to a Python 3.10 or newer that has clang-llm's packages, or leave it unset"
        yield Finding(WRONG, "helper", f"{settings.python} cannot run the helper: {problem}", remedy)
    else:
        yield Finding(OK, "helper", settings.python)


def check_cache(settings: Settings) -> Iterator[Finding]:
    """Whether the cache directory can be written."""
    place = settings.cache_dir
    if settings.homeless:
        remedy = f"make that directory, or set {PREFIX}CACHE_DIR, which may be anywhere"
        yield Finding(WRONG, "cache", f"every compile is plain clang: {describe(NO_HOME)}", remedy)
        return
    problem = "" if settings.readonly else _unwritable(place)
    if problem:
        remedy = f"make it writable, or set {PREFIX}CACHE_DIR to a directory that is"
        yield Finding(WRONG, "cache", f"{place} cannot be written ({problem}): every build searches anew", remedy)
        return
    if settings.readonly:
        yield Finding(NOTE, "cache", f"{place}, read-only as {PREFIX}READONLY says")
    else:
        yield Finding(OK, "cache", str(place))
    yield from _check_code(place)


def _unwritable(place: Path) -> str:
    """Return why a directory cannot be made, or be written, or nothing; it is tried, since modes do not tell all."""
    try:
        with suppress(FileNotFoundError):
            place.stat()  # a name that is too long, or a file on the way
        existing = next(path for path in (place.absolute(), *place.absolute().parents) if os.path.lexists(path))
        with tempfile.TemporaryDirectory(prefix=".clang-llm-try-", dir=existing) as trial:
            (Path(trial) / "file").write_bytes(b"tried")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _check_code(place: Path) -> Iterator[Finding]:
    """Whether what is run from the cache directory is this user's alone."""
    if not place.is_dir():
        return  # it is made with safe modes
    remedy = f"chmod go-w {place}, or leave it shared: plans may be, code never"
    try:
        root = toolchain.code_directory(place)
    except ClangLlmError as error:
        yield Finding(WRONG, "cache", str(error), remedy)
    else:
        if root != place:
            text = f"{place} is no place for code ({toolchain.unsafe(place)}); plugins are in {root / 'plugins'}"
            yield Finding(NOTE, "cache", text)


def find_compiler(settings: Settings, environ: Mapping[str, str]) -> Compiler:
    """Return the clang in use; raises ToolchainError."""
    return toolchain.inspect(toolchain.find_clang(settings.clang, environ))


def other_clang(settings: Settings) -> str:
    """Return how another clang is taken than the one that is named, or nothing where none is named."""
    if not settings.clang:
        return ""
    where = f"{PREFIX}CLANG" if settings.origin("CLANG") == "environment" else f"clang in {settings.config}"
    return f"{where} is '{settings.clang}'; correct it, or unset it to take the newest clang"


def check_compiler(compiler: Compiler, settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """One clang: its headers, its plugin, and a compile through the wrapper."""
    subject = f"clang {compiler.major}"
    yield Finding(OK, subject, f"{compiler.version} ({compiler.path})")
    if compiler.major < toolchain.OLDEST_LLVM:
        text = f"clang {compiler.version} is too old: clang-llm takes {toolchain.OLDEST_LLVM} or newer"
        install = f"sudo apt-get install clang-19 llvm-19-dev; or set {PREFIX}CLANG to another"
        yield Finding(WRONG, subject, text, other_clang(settings) or install)
        return
    if compiler.llvm_config is None:
        remedy = f"sudo apt-get install llvm-{compiler.major}-dev   (LLVM {compiler.version}'s headers and llvm-config)"
        yield Finding(
            WRONG, subject, f"no llvm-config of version {compiler.version}: the plugin cannot be built", remedy
        )
        return
    if settings.homeless:
        return  # which was told
    try:
        with working(f"building and trying the plugin for clang {compiler.version} (half a minute, once) ..."):
            build = toolchain.build_plugin(compiler, settings.cache_dir, settings.python)
    except (ClangLlmError, OSError) as error:
        yield Finding(WRONG, subject, f"the plugin cannot be built: {error}", _build_remedy(settings))
        return
    yield Finding(OK, subject, f"plugin in {build.directory}")
    recipes = check_recipes(compiler.major, settings)
    yield from recipes
    if all(finding.level == OK for finding in recipes):
        yield from _check_compile(compiler, settings, environ, subject)


def check_recipes(major: int, settings: Settings) -> list[Finding]:
    """Whether there are recipes for an LLVM that is not one of those that were tested; nothing for one that is."""
    lender, subject = lender_of(major), f"clang {major}"
    if lender is None:
        return []
    known = f"LLVM {major} is not one of those that were tested ({', '.join(map(str, supported()))})"
    lent = borrowed(major, settings.cache_dir)
    if lent is not None:
        return [Finding(OK, subject, f"{known}; {len(lent.lists)} recipes of LLVM {lender} passed validation here")]
    remedy = f"clang-llm-tool validate --shipped   (tries the recipes of LLVM {lender} here, once)"
    return [Finding(WRONG, subject, f"{known}, so new modules are plain -Oz", remedy)]


def _build_remedy(settings: Settings) -> str:
    try:
        record = toolchain.code_directory(settings.cache_dir) / "plugins" / "failed-build.log"
    except ToolchainError as error:
        return str(error)
    return f"the compiler's output is in {record}" if record.exists() else "mend this, then run doctor again"


def _check_compile(
    compiler: Compiler, settings: Settings, environ: Mapping[str, str], subject: str
) -> Iterator[Finding]:
    """Compile a few functions at -Oz through the wrapper, with an empty plan cache."""
    clean = {name: value for name, value in environ.items() if not name.lstrip("_").startswith(PREFIX)}
    with sandbox.private(clean, settings.cache_dir) as place:
        vouched.bring(settings.cache_dir, place.cache)
        source, output = place.root / "trial.c", place.root / "trial.o"
        source.write_text(_PROGRAM, encoding="ascii")
        trial = {**place.environ, PREFIX + "CLANG": str(compiler.path), PREFIX + "CONFIG": str(place.root / "none")}
        if settings.python:
            trial[PREFIX + "PYTHON"] = settings.python
        done = process.run([layout.wrapper(), "-Oz", "-c", source, "-o", output], env=trial, timeout_s=_TRIAL_S)
        events = log.fold_events(place.cache)
        written = output.is_file()
    complaint = os.fsdecode(done.stderr).strip().partition("\n")[0]
    failures = sorted(name.partition(":")[2] for name in events if name.startswith(("error:", "bypass:")))
    if not done.ok or complaint or not written:
        yield Finding(
            WRONG, subject, f"a trial compile failed: {complaint or done.returncode}", "try the same with clang itself"
        )
    elif failures or not events["stored"]:
        text = ", ".join(f"{describe(reason)} ({reason})" for reason in failures) or "no plan was stored"
        remedy = f"{PREFIX}LOG=/dev/stderr {layout.wrapper()} -Oz -c FILE.c tells more"
        yield Finding(WRONG, subject, f"a trial compile came out as plain -Oz: {text}", remedy)
    else:
        applied = "a smaller object" if events["applied"] else "-Oz was best"
        yield Finding(OK, subject, f"a trial compile worked ({applied})")


def _content(failed: Path) -> str:
    try:
        return read_regular(failed, _MOST_BYTES).decode(errors="replace")
    except OSError as error:
        return f"\n{error}"


def _clang_of(parts: Sequence[str]) -> Path:
    """Return the clang of a memo, whose path is made of the system's name, the wrapper's path and the clang's."""
    whole = Path("/", *parts[1:])
    behind = [number + 1 for number, part in enumerate(parts[:-1]) if part.startswith("clang-llm")]
    clangs = [Path("/", *parts[number:]) for number in behind]
    return next((each for each in clangs if each.is_file()), clangs[-1] if clangs else whole)


def check_memory(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What went wrong before: clangs for which no plugin could be made, and errors that were counted."""
    own = own_cache(environ)
    for toolchains in dict.fromkeys(root / "toolchains" for root in (settings.cache_dir, own) if root is not None):
        for failed in sorted(toolchains.rglob("failed")) if toolchains.is_dir() else []:
            watched, _, reason = _content(failed).partition("\n")
            clang = _clang_of(failed.parent.relative_to(toolchains).parts)
            text = f"remembered failure of {clang}: {reason.strip()}"
            remedy = f"it is tried again when {watched.lstrip('+')} changes; to forget it: rm {failed}"
            yield Finding(NOTE, "memory", text, remedy)
    events = log.fold_events(settings.cache_dir)
    if events["bypass:untrusted"]:
        count = events["bypass:untrusted"]
        text = f"{counted(count, 'compile was', 'compiles were')} plain clang: {describe('untrusted')}"
        yield Finding(NOTE, "memory", text, "see above; `clang-llm-tool stats --zero` forgets")
    if levels := at_os(settings, events):
        text, _, remedy = levels.partition(": ")
        yield Finding(NOTE, "memory", text, remedy)
    errors = {name: count for name, count in events.items() if name.startswith("error:")}
    for name, count in sorted(errors.items()):
        remedy = f"{PREFIX}LOG=FILE while compiling tells more; `clang-llm-tool stats --zero` forgets"
        yield Finding(
            NOTE, "memory", f"{counted(count, 'compile was', 'compiles were')} plain -Oz after {name}", remedy
        )
