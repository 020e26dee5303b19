"""Fine-tuning on a project: its modules become a data set, and a model goes on from where it was.

The modules were captured while the project was built (`clang-llm-tool train`). One in `_HELD_OUT` is kept for
validation, by its key, so that the same module is always on the same side; the model that is kept is the best on those,
the one that it started from included.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from clang_llm.compile.capture import captured_in
from clang_llm.lab.corpus.modules import Bench, CorpusModule, tell_problems
from clang_llm.lab.packages.split import Split
from clang_llm.lab.training.dataset import measure
from clang_llm.plans.coreset import read_menu
from clang_llm.system.errors import DataError

_HELD_OUT = 5


def modules_in(captures: Path, name: str) -> list[CorpusModule]:
    """Return the modules that were captured from a project.

    Raises:
        DataError: There is none.
    """
    found = [
        CorpusModule(
            key=each.key,
            package=name,
            source=each.source,
            target=each.triple,
            language="",
            bitcode=captures / f"{each.key}.bc",
            options=each.options,
            bytes=each.bytes,
        )
        for each in captured_in(captures)
    ]
    if not found:
        raise DataError("nothing was compiled at -Oz; clean the project first, and build it with -Oz")
    return found


def split_of_key(key: str) -> Split:
    """Return on which side a module is."""
    return Split.VALIDATION if int(key[:8], 16) % _HELD_OUT == 0 else Split.TRAIN


def make_data(
    modules: list[CorpusModule], model: Path, clang: str, work: Path, jobs: int, environ: Mapping[str, str]
) -> tuple[Path, int]:
    """Measure the menu of a model on modules. A stopped run goes on.

    Returns:
        The data set's directory, and the major version of clang's LLVM.

    Raises:
        DataError: One of the sides has nothing to measure.
        ToolchainError: clang or its plugin does not work.
        BackendError: The model has no menu for this LLVM.
    """
    bench = Bench.of(clang, work / "cache", environ)
    menu, data = read_menu(bench.major, model).lists, work / "data"
    for split in (Split.TRAIN, Split.VALIDATION):
        place = data / split.value
        place.mkdir(parents=True, exist_ok=True)
        some = [module for module in modules if split_of_key(module.key) is split]
        tell_problems(partial(measure, bench=bench, menu=menu, place=place), some, jobs, split.value)
        if not any(place.glob("*.json.gz")):
            raise DataError(f"of {len(modules)} modules none for {split.value} can be measured; give a larger project")
    return data, bench.major
