"""PassListEval: try pass lists on self-testing programs, on each installed LLVM.

A list is rejected when the compiler crashes, hangs or refuses it, when the result does not link, and when a program
exits or prints differently than without us. Lists that pass may be shipped; see `clang_llm.plans.coreset`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from clang_llm.plans.recipe import Recipe
from clang_llm.system.errors import DataError, ProcessTimeout
from clang_llm.system.files import read_regular
from clang_llm.toolchain.plugins import Compiler
from clang_llm.tuning.batches import RUN_LIMIT_S, Batch, Prepared, digest_of, link_batch, prepare_programs, run_batch
from clang_llm.tuning.building import cxx_of
from clang_llm.tuning.engines import Engine, make_engine
from clang_llm.tuning.programs import ProgramSet
from clang_llm.tuning.verdicts import Verdict, VerdictStore

#: Bytes of a file with pass lists that are read: a hundred times what was ever tried at once.
MAX_LISTS = 64 << 20

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Options:
    """How to validate.

    Attributes:
        cache_dir: Where bitcode and verdicts are kept.
        engine: ``plugin`` or ``opt``.
        jobs: Batches tried at once; two fill a small machine and leave it usable.
        fresh: Try every list again, whatever is remembered.
    """

    cache_dir: Path
    engine: str = "plugin"
    jobs: int = 2
    fresh: bool = False


@dataclass(frozen=True)
class Outcome:
    """The verdicts of one compiler, in the order of the lists, and the programs that could not serve."""

    compiler: Compiler
    verdicts: tuple[Verdict, ...]
    programs: int
    excluded: dict[str, str]

    @property
    def accepted(self) -> tuple[Verdict, ...]:
        """The verdicts of the lists that passed."""
        return tuple(verdict for verdict in self.verdicts if verdict.accepted)


def read_lists(path: Path) -> tuple[str, ...]:
    """Read pass lists from a text file: one a line, ``#`` starts a comment line.

    Raises:
        DataError: the file cannot be read or holds no list.
    """
    try:
        lines = read_regular(path, MAX_LISTS).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read pass lists from {path}: {error}") from error
    lists = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if not lists:
        raise DataError(f"{path} holds no pass list; write one list on each line")
    return lists


def first_difference(expected: Mapping[str, str], said: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the first program that did not say what is expected, and how; None when all agree."""
    for name, words in expected.items():
        found = said.get(name)
        if found is None:
            return name, "was not run"
        if found != words:
            outcome, _, _ = found.rpartition(" ")
            same_outcome = outcome == words.rpartition(" ")[0]
            return name, "different output" if same_outcome else f"{outcome} instead of exit 0"
    return None


def _try_batch(
    batch: Batch, pipeline: str, engine: Engine, cxx: Path, environ: Mapping[str, str]
) -> tuple[str, str] | None:
    """Compile, link and run one batch; returns None or (program or batch, reason)."""
    with tempfile.TemporaryDirectory(prefix="clang-llm-validate-") as place:
        output = Path(place) / "list.o"
        label = f"batch {batch.bitcode.stem}"
        failed = engine.compile(batch.bitcode, pipeline, output, environ)
        if failed is not None:
            return label, failed
        executable = Path(place) / "programs"
        failed = link_batch(cxx, [batch.driver, output], executable, environ)
        if failed is not None:
            return label, f"link: {failed[-300:]}"
        try:
            return first_difference(batch.expected, run_batch(executable, environ))
        except ProcessTimeout:
            return label, f"programs timeout ({RUN_LIMIT_S:.0f} s)"


class Trial:
    """One list on all batches of one compiler, one batch at a time or several at once.

    Whatever the order in which batches end, the verdict tells of the first one, in their own order, that failed.
    """

    def __init__(self, prepared: Prepared, pipeline: str, engine: Engine, environ: Mapping[str, str]) -> None:
        self.pipeline = pipeline
        self._prepared = prepared
        self._engine = engine
        self._environ = environ
        self._failures: dict[int, tuple[str, str]] = {}

    def run(self, number: int) -> None:
        """Try one batch, unless an earlier one has failed."""
        if min(self._failures.copy(), default=number) < number:
            return
        cxx = cxx_of(self._prepared.compiler)
        failed = _try_batch(self._prepared.batches[number], self.pipeline, self._engine, cxx, self._environ)
        if failed is not None:
            self._failures[number] = failed

    def verdict(self) -> Verdict:
        """The outcome, after all batches."""
        program, reason = self._failures[min(self._failures)] if self._failures else ("", "")
        version, programs = self._prepared.compiler.version, self._prepared.programs
        return Verdict(self.pipeline, version, not self._failures, reason, program, programs)


def try_list(prepared: Prepared, pipeline: str, engine: Engine, environ: Mapping[str, str]) -> Verdict:
    """Try one list (as text for this LLVM) on all batches; stops at the first failure."""
    trial = Trial(prepared, pipeline, engine, environ)
    for number in range(len(prepared.batches)):
        trial.run(number)
    return trial.verdict()


def _normalised(lists: Iterable[str], major: int, engine: str) -> list[str]:
    """Texts of the lists for one LLVM; the ``opt`` engine takes any text, also what the parser refuses."""
    if engine == "opt":
        return list(lists)
    fitting = (Recipe.parse(text).for_llvm(major) for text in lists)
    return [recipe.text for recipe in fitting if recipe is not None]


def _decide(
    texts: Sequence[str], prepared: Prepared, engine: Engine, options: Options, environ: Mapping[str, str]
) -> Iterator[Verdict]:
    """Yield a verdict for every distinct text as it becomes known, remembered ones first."""
    store = VerdictStore(options.cache_dir)
    waiting: list[str] = []
    for text in dict.fromkeys(texts):
        known = None if options.fresh else store.get(text, prepared.digest, engine.identity)
        if known is not None:
            yield known
        else:
            waiting.append(text)
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        owner: dict[Future[None], Trial] = {}
        for text in waiting:
            trial = Trial(prepared, text, engine, environ)
            owner.update((pool.submit(trial.run, number), trial) for number in range(len(prepared.batches)))
        left = dict.fromkeys(waiting, len(prepared.batches))
        try:
            for future in as_completed(owner):
                future.result()
                trial = owner[future]
                left[trial.pipeline] -= 1
                if left[trial.pipeline]:
                    continue
                verdict = trial.verdict()
                # Before it is believed: were lists still applied after this one was tried?
                engine.check(environ)
                store.put(verdict, prepared.digest, engine.identity)
                yield verdict
        finally:
            # On an interruption the batches that wait are not begun; those that run end by themselves.
            pool.shutdown(wait=False, cancel_futures=True)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without anything that changes what our own clang does."""
    return {
        name: value for name, value in environ.items() if not name.startswith(("CLANG_LLM_", "_CLANG_LLM_", "CCC_"))
    }


def remembered(lists: Sequence[str], compiler: Compiler, programs: ProgramSet, options: Options) -> dict[str, Verdict]:
    """Return the verdicts that are known already, by the list; nothing is tried.

    Raises:
        ToolchainError: this compiler cannot build the plugin.
        PassListError: a list does not parse.
    """
    engine = make_engine(options.engine, compiler, options.cache_dir)
    digest, store = digest_of(compiler, programs), VerdictStore(options.cache_dir)
    found = {
        text: store.get(text, digest, engine.identity) for text in _normalised(lists, compiler.major, options.engine)
    }
    return {text: verdict for text, verdict in found.items() if verdict is not None}


def validate(
    lists: Sequence[str],
    compiler: Compiler,
    programs: ProgramSet,
    options: Options,
    environ: Mapping[str, str],
    progress: Progress | None = None,
) -> Outcome:
    """Try all lists on one compiler.

    Args:
        lists: Pass lists as text; normalised for this LLVM before they are tried.
        compiler: The clang.
        programs: What they are tried on.
        options: How.
        environ: Our environment; nothing in it changes a verdict.
        progress: Called with (done, total, last outcome) after each distinct list.

    Raises:
        ToolchainError: this compiler cannot build the programs or the plugin.
        PassListError: a list does not parse.
    """
    clean = clean_environment(environ)
    texts = _normalised(lists, compiler.major, options.engine)
    engine = make_engine(options.engine, compiler, options.cache_dir)
    prepared = prepare_programs(compiler, programs, options.cache_dir, clean)
    verdicts: dict[str, Verdict] = {}
    total = len(set(texts))
    for verdict in _decide(texts, prepared, engine, options, clean):
        verdicts[verdict.pipeline] = verdict
        if progress is not None:
            progress(len(verdicts), total, "accepted" if verdict.accepted else "rejected")
    return Outcome(compiler, tuple(verdicts[text] for text in texts), prepared.programs, prepared.excluded)
