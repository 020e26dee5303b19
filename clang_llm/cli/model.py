"""What `doctor` says about the configured model: is it there, and a large one: can it be loaded, how quick is it?"""

from __future__ import annotations

from collections.abc import Iterator

from clang_llm import backends
from clang_llm.backends.model import directory_of, vetted_menu
from clang_llm.cli import serve
from clang_llm.cli.checks import NOTE, OK, WRONG, Finding
from clang_llm.cli.output import working
from clang_llm.models import TABLE
from clang_llm.models.asking import backlog, client
from clang_llm.models.asking.starting import start
from clang_llm.models.small import texts_of
from clang_llm.system.errors import BackendError, ClangLlmError
from clang_llm.system.settings import DEFAULT_BACKEND, Settings


def check_model(settings: Settings) -> Iterator[Finding]:
    """The model of the backend in use, when it is one; for a large one a server is started to see it load."""
    if settings.backend == DEFAULT_BACKEND:
        settings = settings._replace(backend="model")
    if settings.backend not in ("model", *TABLE):
        return
    try:
        directory = directory_of(settings)
        if not directory.is_dir():
            raise BackendError(f"{directory} is not a directory")
    except BackendError as error:
        yield Finding(WRONG, "model", str(error), "set CLANG_LLM_MODEL to the directory of a model")
        return
    if settings.backend == "model":
        yield from _check_menus(settings)
        return
    missing = backends.missing_packages()
    if missing:
        yield Finding(WRONG, "model", f"not installed: {', '.join(missing)}", "pip install 'clang-llm[model]'")
        return
    yield from _check_server(settings)


def _check_menus(settings: Settings) -> Iterator[Finding]:
    """The menus among which the small model chooses."""
    directory = directory_of(settings)
    try:
        texts_of(directory)
    except BackendError as error:
        yield Finding(WRONG, "model", str(error), "the coreset serves alone")
        return
    majors = []
    for path in sorted(directory.glob("llvm-*.txt")):
        try:
            major = int(path.stem.removeprefix("llvm-"))
            vetted_menu(major, directory)
            majors.append(str(major))
        except (ClangLlmError, ValueError) as error:
            yield Finding(WRONG, "model", str(error), "the coreset serves alone for this LLVM")
    if majors:
        yield Finding(OK, "model", f"{directory}, for LLVM {', '.join(majors)}")
    else:
        yield Finding(WRONG, "model", f"{directory} has no menu (llvm-<major>.txt)", "the coreset serves alone")


def _check_server(settings: Settings) -> Iterator[Finding]:
    try:
        place = serve.place_of(settings)
        cache = None if settings.readonly else settings.cache_dir.absolute()
        with working(f"loading {place.model} ..."):
            start(place, client.DEFAULT_IDLE_S, cache)
        found = client.status(place) or {}
    except ClangLlmError as error:
        yield Finding(WRONG, "model", f"the server does not work: {error}", "until then the coreset serves alone")
        return
    yield Finding(OK, "model", f"the server runs, process {found.get('pid')}; `clang-llm-tool serve --status` has more")
    latency_ms = place.latency_ms()
    if settings.infer == "auto" and latency_ms is not None and latency_ms > settings.infer_ms:
        text = f"an answer takes {latency_ms:.0f} ms, so compiles do not wait for it (INFER_MS is {settings.infer_ms})"
        yield Finding(NOTE, "model", text, "the next build has its plans; or set CLANG_LLM_INFER=wait")
    waiting = backlog.length(settings.cache_dir)
    if waiting:
        yield Finding(NOTE, "model", f"{waiting} modules wait for the model in the queue")
