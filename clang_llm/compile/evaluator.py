"""Measuring recipes on one module: clang with the plugin, driven from here instead of by the helper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from clang_llm.compile.protocol import Connection
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Choice, Decision, Result, Status
from clang_llm.system import process
from clang_llm.system.errors import EndOfConversation, ProtocolError, ToolchainError
from clang_llm.system.objects import Parts
from clang_llm.system.settings import LEVEL_WORDS

#: A search is a long time coming, and nothing is heard of it while recipes are validated: a day, in seconds.
PATIENT = {"_CLANG_LLM_HELPER_SECONDS": "86400"}
#: Recipes in one message: few enough for its 1 MiB, many enough that neighbours share their head.
ROUND = 64


class Evaluator:
    """One clang that has read one module and waits for recipes; use as a context manager.

    Every recipe is compiled in a forked child of that clang with its own code generator, so sizes are those of the real
    object. Nothing is written: no object, no plan.

    Args:
        argv: A compile command of the clang that the plugin is for.
        stub: The plugin's stub (`PluginBuild.stub`).
        cache_dir: Any directory; the plugin demands one and only reads.
        environ: Environment of the command.
        jobs: Children at once.

    Raises:
        ToolchainError: The command compiles no module that the plugin takes.
    """

    def __init__(
        self, argv: Sequence[str], stub: Path, cache_dir: Path, environ: Mapping[str, str], jobs: int = 1
    ) -> None:
        variables = {
            **environ,
            "CLANG_LLM_CACHE_DIR": str(cache_dir),
            "CLANG_LLM_READONLY": "1",
            "CLANG_LLM_RECACHE": "1",
            "CLANG_LLM_CANDIDATES": "1000000",
            "CLANG_LLM_JOBS": str(jobs),
            "CLANG_LLM_DISABLE": "0",
            "CLANG_LLM_LEVELS": ",".join(LEVEL_WORDS),
            # To leave without code generation of its own once the conversation is over.
            "_CLANG_LLM_EXPLAIN": "/dev/null",
            **PATIENT,
        }
        self._companion = process.Companion([*argv, f"-fpass-plugin={stub}"], "_CLANG_LLM_HELPER_FD", variables)
        self._connection = Connection(self._companion.socket, self._companion.socket)
        self._next = 0
        #: CPU seconds of clang and its children; known when it is closed.
        self.cpu_s = 0.0
        self.size_oz = self.code_oz = 0
        self.parts_oz: Parts | None = None
        try:
            self.request = self._connection.question().request
            self._connection.evaluate([])
            baseline = self._connection.result()
        except (EndOfConversation, ProtocolError) as error:
            self.close()
            raise ToolchainError(
                f"{' '.join(argv)[:200]}: the plugin does not take this; see `clang-llm-tool explain`"
            ) from error
        if baseline.status is not Status.OK:
            self.close()
            raise ToolchainError(f"{self.request.source}: plain -Oz cannot be measured: {baseline.status.value}")
        self.size_oz, self.code_oz, self.parts_oz = baseline.size, baseline.code, baseline.parts

    def evaluate(self, recipes: Sequence[Recipe]) -> list[Result]:
        """Measure recipes, in order; neighbours with the same head run it once.

        Raises:
            EndOfConversation: clang died.
            ProtocolError: The plugin broke the protocol.
        """
        results: list[Result] = []
        for start in range(0, len(recipes), ROUND):
            batch = recipes[start : start + ROUND]
            self._connection.evaluate(batch)
            for _ in batch:
                result = self._connection.result()
                if result.id != self._next:
                    raise ProtocolError(f"result {result.id} came where {self._next} was due")
                self._next += 1
                results.append(result)
        return results

    def describe(self, head: str) -> list[str]:
        """Return the functions that a head leaves defined, as normalised text; raises as `evaluate` does."""
        return self._connection.describe(head)

    def ask(self, choice: Choice) -> list[tuple[int, ...]]:
        """Return what a small model says of the functions; raises as `evaluate` does, and BackendError."""
        return self._connection.ask(choice)

    def close(self) -> None:
        """End clang."""
        with suppress(EndOfConversation):
            self._connection.answer(Decision.OZ, reason="best")
        self.cpu_s = self._companion.close()

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Measuring:
    """Measures recipes for a `clang_llm.compile.search.Search` with a clang that is driven from here."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._results = [Result(-1, Status.OK, evaluator.size_oz, parts=evaluator.parts_oz)]

    def evaluate(self, recipes: Sequence[Recipe]) -> None:
        """Ask for measurements."""
        self._results += self._evaluator.evaluate(recipes)

    def result(self) -> Result:
        """Return the next measurement, that of plain -Oz first."""
        return self._results.pop(0)
