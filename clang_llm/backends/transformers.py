"""A large model in a local directory: LLM Compiler FTD, or one that answers its prompts.

The model is held by a server of this package (`clang_llm.models.serving`).
"""

from __future__ import annotations

from pathlib import Path

from clang_llm.backends.large import LargeModelBackend
from clang_llm.models import Task
from clang_llm.models.asking import Inference
from clang_llm.plans.coreset import Coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request
from clang_llm.system.errors import BackendError


class TransformersBackend(LargeModelBackend):
    """Asks the server that holds the model at CLANG_LLM_MODEL."""

    def asked(self, request: Request, coreset: Coreset | None) -> list[Recipe]:
        """Return what the model proposes; when it is slow, the module waits for it in the queue.

        Raises:
            BackendError: No directory is named.
        """
        del coreset
        if self._settings.model is None:
            raise BackendError("backend 'transformers' needs CLANG_LLM_MODEL, the directory of a model")

        def read() -> Task | None:
            if request.reader is None:
                return None
            module = request.reader.module()
            return Task(request.key, request.major, request.target, request.budget, module=module)

        return Inference("transformers", Path(self._settings.model).absolute(), self._settings).ask(request, read)
