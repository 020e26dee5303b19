"""Starts the server of a model and waits until its model is loaded, for commands that can wait."""

from __future__ import annotations

import time
from pathlib import Path

from clang_llm.models.asking import client
from clang_llm.models.asking.place import Place
from clang_llm.system.errors import BackendError, ServerError, ServerTimeout

#: Seconds for a model to be loaded: a large one is read from a slow disk.
LOAD_S = 600.0
#: Seconds between two looks at it.
_LOOK_S = 0.1


def start(place: Place, idle_s: int, cache: Path | None) -> None:
    """Start the server if none runs, and wait until its model is loaded.

    Raises:
        BackendError: The model cannot be loaded.
        ServerError: The server cannot be started.
    """
    if not client.listens(place):
        # Somebody asks for it, so what went wrong before may have been mended.
        place.remember_failure(None)
        client.launch(place, idle_s, cache)
    latest = time.monotonic() + LOAD_S
    while time.monotonic() < latest:
        try:
            found = client.status(place)
        except ServerTimeout as error:
            raise ServerError("the server hangs; `clang-llm-tool serve --stop` ends it") from error
        except ServerError:
            found = None  # it has just left; why is in its place
        if found is not None and found.get("state") == "ready":
            return
        reason = place.failure()
        if found is None and reason is not None:
            raise BackendError(reason)
        time.sleep(_LOOK_S)
    raise ServerError(f"the model is not loaded after {LOAD_S:g} s; see {place.log}")
