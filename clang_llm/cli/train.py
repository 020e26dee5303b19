"""``clang-llm-tool train``: fine-tune a model on the modules of a project."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clang_llm.backends.model import directory_of
from clang_llm.cli.project import Build, add_build_arguments, compilers
from clang_llm.system.errors import DataError
from clang_llm.system.settings import Settings

if TYPE_CHECKING:
    from clang_llm.cli.commands import Commands

#: Of the data, and of the learning rate of a new model: enough to lean towards a project, too little to forget.
DEFAULT_EPOCHS, RATE = 3, 1e-4
#: More than any training of this model has used.
MAX_EPOCHS = 1000


def add_commands(commands: Commands) -> None:
    """Add this group to the parser."""
    parser = commands.add_parser(
        "train",
        help="fine-tune a model on the modules of a project",
        description="Give a build command, such as: clang-llm-tool train --out my-model -- make -j2. Clean the project "
        "first, since only what is compiled is learnt from. The model goes on from CLANG_LLM_MODEL, and is never worse "
        "than it on the modules that are held out. A stopped run goes on.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the new model goes")
    parser.add_argument("--work", type=Path, metavar="DIR", help="modules and their sizes (default: <out>.work)")
    parser.add_argument(
        "--epochs", type=int, default=DEFAULT_EPOCHS, help="0: the model as it is (default: %(default)s)"
    )
    add_build_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Capture, measure, train; returns the exit status of the build, or 0.

    Raises:
        ClangLlmError: There is nothing to learn from, or no model to go on from.
    """
    settings, build = Settings.load(environ), Build.of(arguments)
    if not 0 <= arguments.epochs <= MAX_EPOCHS:
        raise DataError(f"--epochs {arguments.epochs}: give a number from 0 to {MAX_EPOCHS}")
    model, out = directory_of(settings), arguments.out.absolute()
    if os.path.lexists(out):
        raise DataError(f"{out} exists; name another directory for the new model")
    work = (arguments.work or out.with_name(f"{out.name}.work")).absolute()
    try:
        from clang_llm.lab.training.project import make_data, modules_in
        from clang_llm.lab.training.train import Options, Trainer, best_epoch
    except ImportError as error:
        raise DataError(f"{error.name} is not installed: pip install 'clang-llm[model]'") from error
    ours, captures = compilers(settings, environ), work / "modules"
    capturing = {
        **{name: value for name, value in environ.items() if not name.startswith("CLANG_LLM_")},
        **ours,
        "CLANG_LLM_BACKEND": "capture",
        "CLANG_LLM_CACHE_DIR": str(work / "cache"),
        "CLANG_LLM_MIN_INSTRUCTIONS": "0",
        "_CLANG_LLM_CORPUS": str(captures),
    }
    status = build.run(capturing)
    if status != 0:
        return status
    modules = modules_in(captures, Path.cwd().name)
    data, major = make_data(modules, model, ours["CLANG_LLM_CLANG"], work, max(1, arguments.jobs), environ)
    options = Options(data, model, out, start=model, epochs=arguments.epochs, rate=RATE, major=major)
    trainer = Trainer(options)
    history = trainer.run()
    first, best = history[0], best_epoch(history)
    sys.stdout.write(
        f"{len(modules)} modules; with one recipe for each function {100 * first['model'][0]:.2f} % before and "
        f"{100 * best['model'][0]:.2f} % now on those held out; {out} is the new CLANG_LLM_MODEL\n"
    )
    return 0
