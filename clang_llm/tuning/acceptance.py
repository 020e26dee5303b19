"""PassListEval for recipes: which of them are rejected, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clang_llm.plans.recipe import Recipe, usable
from clang_llm.system.errors import DataError
from clang_llm.toolchain.plugins import Compiler
from clang_llm.tuning.batches import are_prepared
from clang_llm.tuning.programs import ProgramSet, load_programs, with_suite
from clang_llm.tuning.validate import Options, Outcome, remembered, validate

# The published programs stand beside the checkout, not in it: they are other people's work, used in place.
PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "humaneval_x_cpp.jsonl.gz"


def programs_at(named: Path | None) -> ProgramSet:
    """Return our own programs, with the published ones where they are.

    Args:
        named: The file of the published ones; None for the place beside the checkout, where they may be missing.

    Raises:
        DataError: The named file cannot be read.
    """
    path = named or PUBLISHED
    return with_suite(load_programs(path) if named is not None or path.exists() else None)


class Acceptance:
    """Tries recipes on every given compiler; verdicts are remembered in the cache directory.

    Args:
        compilers: For which the recipes are meant.
        programs: See `programs_at`.
        cache_dir: Where programs and verdicts are kept.
        environ: Environment of the compilers.
        jobs: Batches at once.
    """

    def __init__(
        self,
        compilers: Iterable[Compiler],
        programs: Path | None,
        cache_dir: Path,
        environ: Mapping[str, str],
        jobs: int = 2,
    ) -> None:
        self.compilers = list(compilers)
        self._programs = programs_at(programs)
        self._options = Options(cache_dir, jobs=jobs)
        self._environ = environ
        self._outcomes: dict[int, Outcome] = {}
        if not self.compilers:
            raise DataError("no clang is installed; install clang-19 and llvm-19-dev")

    def rejected(self, recipes: Sequence[Recipe]) -> dict[Recipe, str]:
        """Return the recipes that some compiler's programs reject, with the reason.

        Raises:
            ClangLlmError: Nothing could be tried.
        """
        found: dict[Recipe, str] = {}
        for compiler in self.compilers:
            fitting = {recipe: usable(recipe, compiler.major) for recipe in recipes}
            texts = [each.text for each in fitting.values() if each is not None]
            outcome = validate(texts, compiler, self._programs, self._options, self._environ)
            self._outcomes[compiler.major] = outcome
            bad = {verdict.pipeline: verdict for verdict in outcome.verdicts if not verdict.accepted}
            for recipe, each in fitting.items():
                if each is not None and each.text in bad:
                    verdict = bad[each.text]
                    found[recipe] = f"LLVM {compiler.version}: {verdict.program}: {verdict.reason}"
        return found

    @property
    def prepared(self) -> bool:
        """Whether the programs are built already, so that trying a recipe takes seconds."""
        return all(are_prepared(each, self._programs, self._options.cache_dir) for each in self.compilers)

    def remembered(self, recipes: Sequence[Recipe]) -> dict[Recipe, bool]:
        """Return the recipes that were tried before on every compiler, and whether all accepted them.

        Raises:
            ClangLlmError: A compiler has no plugin.
        """
        found: dict[Recipe, bool] = {}
        for recipe in recipes:
            verdicts = []
            for compiler in self.compilers:
                fitting = usable(recipe, compiler.major)
                known = remembered([fitting.text], compiler, self._programs, self._options) if fitting else {}
                verdicts.append(known.get(fitting.text) if fitting else None)
            if None not in verdicts:
                found[recipe] = all(verdict.accepted for verdict in verdicts if verdict)
        return found

    def evidence(self, compiler: Compiler) -> str:
        """Say in a sentence what the recipes passed that were asked about last."""
        outcome = self._outcomes[compiler.major]
        words = self._programs.evidence(outcome.excluded)
        return f"{words} compiled, linked and ran as without the list on LLVM {compiler.version}"
