"""A tiny real model, and a build that uses it: what the tests of serving share."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clang_llm.cli.serve import place_of
from clang_llm.models.asking import client, wire
from clang_llm.models.asking.place import Place
from clang_llm.plans.coreset import read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.system import log
from clang_llm.system.errors import ServerError
from clang_llm.system.settings import Settings

#: Recipes of the menu.
MENU = 6
#: Profiles of the model.
PROFILES = 5
#: Seconds for what takes one: loading the libraries of the model takes ten on a busy machine.
PATIENCE_S = 120.0


def menu(major: int) -> list[Recipe]:
    """Return recipes of the shipped set that share the head which most of them have."""
    staged = [recipe for recipe in read_coreset(major).lists if recipe.staged]
    ((head, _),) = Counter(recipe.head for recipe in staged).most_common(1)
    # The last ones, so that it can be told whether the model or the coreset proposed them.
    return [recipe for recipe in staged if recipe.head == head][-MENU:]


def write_model(directory: Path, major: int, seed: int = 1) -> Path:
    """Make a model with random weights, its tokenizer and its menu, as training does."""
    import torch

    from clang_llm.lab.training.answers import write_profiles
    from clang_llm.lab.training.tokenizer import train_tokenizer
    from clang_llm.lab.training.train import make_model

    torch.manual_seed(seed)
    texts = ["global i32 i32\nadd.i32 a1;ret. v;\n", "local p\nload.i32 a;br. ;\nret. v;\n"] * 4
    profiles = torch.rand((PROFILES, MENU))
    tokenizer = train_tokenizer(texts, PROFILES, 200)
    directory.mkdir(parents=True)
    make_model(tokenizer, 32, 1, 128).save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"))
    write_profiles(directory, profiles, menu(major))
    write_coreset(major, menu(major), ["the programs of the shipped set"], directory)
    return directory


@dataclass
class Serving:
    """Servers of one test, reached as a helper reaches them.

    Attributes:
        environ: The environment of the builds.
    """

    environ: dict[str, str]

    @property
    def settings(self) -> Settings:
        return Settings.load(self.environ)

    @property
    def place(self) -> Place:
        return place_of(self.settings)

    def status(self) -> dict[str, Any] | None:
        """What the server says of itself; None when there is none."""
        try:
            answer = client.ask(self.place, _message("status"), time.monotonic() + 10)
        except ServerError:
            return None
        return None if answer is None else dict(answer.header)

    def until(self, happened: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Wait for something."""
        latest = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < latest, self.said()
            time.sleep(0.05)

    def ready(self) -> dict[str, Any]:
        """Start the server, wait until its model is loaded, and return its status."""
        client.start_soon(self.place, None, time.monotonic() + PATIENCE_S)
        self.until(lambda: (self.status() or {}).get("state") == "ready")
        return self.status() or {}

    def said(self) -> str:
        """What the servers wrote into their logs."""
        directory = self.place.socket.parent
        return "".join(path.read_text() for path in directory.glob("*.log"))

    def pids(self) -> list[int]:
        """The servers of this test that run."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"clang_llm.compile.server" in b" ".join(words) and os.fsencode(self.place.socket.parent) in b" ".join(
                words
            ):
                found.append(int(process.name))
        return found

    def kill(self) -> None:
        """End the servers at once."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.until(lambda: not self.pids())

    def counts(self) -> Counter[str]:
        return log.fold_events(self.settings.cache_dir)

    def plans(self) -> list[dict[str, Any]]:
        plans = sorted((self.settings.cache_dir / "plans").glob("??/*"))
        return [json.loads(path.read_bytes().split(b"\n")[1]) for path in plans]


def _message(do: str) -> wire.Message:
    return wire.Message({"protocol": wire.PROTOCOL, "do": do})
