"""Fuzz targets in Python: each takes any bytes, and ends normally or by an error of `clang_llm.system.errors`.

What else ends it (another exception, more than a second of processor time, an answer that does not read back) is a
finding.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from clang_llm.compile.protocol import Connection
from clang_llm.models import prompt, translation
from clang_llm.models.asking import wire
from clang_llm.plans import plan, vocabulary
from clang_llm.plans.passlist import PassList
from clang_llm.plans.recipe import Recipe, from_data
from clang_llm.plans.types import FORMAT, Choice
from clang_llm.system.errors import ClangLlmError, PassListError
from clang_llm.system.settings import Settings, parse_size

#: The key for which seeds are made; the targets in C++ have the same.
KEY = "00112233445566778899aabbccddeeff" * 2
#: Most seconds of processor time that an input may take.
LIMIT_S = 1.0
_LLVM = 19
#: What a socket takes at once without anybody reading.
_MOST = 60_000


def fuzz_plan(data: bytes) -> None:
    """Plan entries; a leading line feed stands for a header with the right checksum."""
    if data.startswith(b"\n"):
        data = sealed(data[1:])
    found = plan.decode(data, KEY)
    again = plan.decode(plan.encode(found), KEY)
    if again != found and "NaN" not in repr(found.provenance) and "nan" not in repr(found.provenance):
        raise AssertionError("an entry that was read does not read back")


def sealed(text: bytes) -> bytes:
    """Return an entry with this body."""
    return b"%s %d %s\n%s" % (plan.MAGIC, FORMAT, hashlib.sha256(text).hexdigest().encode(), text)


def fuzz_recipe(data: bytes) -> None:
    """Recipes as data and as text, and what becomes of them."""
    text = data.decode("utf-8", "surrogateescape")
    recipe: Recipe | None = None
    # The documented errors of `from_data`.
    with suppress(ValueError, RecursionError, KeyError, TypeError):
        read = json.loads(text)
        recipe = from_data(read) if isinstance(read, dict) else None
    if recipe is None:
        recipe = Recipe.parse(text)
        if Recipe.parse(recipe.text).text != recipe.text:
            raise AssertionError("a recipe's text does not read back")
    fitting = recipe.for_llvm(_LLVM)
    for each in (recipe, fitting):
        if each is not None:
            each.check(vocabulary.load(_LLVM))
            json.dumps(each.message())
            each.compact().in_turn().opt_text.encode("ascii")


def fuzz_passlist(data: bytes) -> None:
    """Pass lists."""
    found = PassList.parse(data.decode("utf-8", "surrogateescape"))
    if PassList.parse(found.text).text != found.text:
        raise AssertionError("a pass list does not read back")
    for major in (14, 19, 22):
        fitting = found.for_llvm(major)
        fitting.of_llvm().text.encode("ascii")
        with suppress(PassListError):
            fitting.check(vocabulary.load(major))
    for leaf in found.leaves():
        vocabulary.load(_LLVM).problem(leaf.name, leaf.params)


def fuzz_answer(data: bytes) -> None:
    """Answers of large models, and their translation."""
    text = data.decode("utf-8", "surrogateescape")
    answer = prompt.read_answer(text)
    like = Recipe("globaldce", ("simplifycfg",))
    for pipeline in filter(None, (answer.pipeline, text)):
        for made in (
            translation.translate(pipeline, _LLVM),
            translation.translate_for_function(pipeline, _LLVM, like),
        ):
            if made.recipe is not None:
                made.recipe.check(vocabulary.load(_LLVM))


def fuzz_wire(data: bytes) -> None:
    """Messages of a model's server, and of whoever asks it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:_MOST])
        theirs.shutdown(socket.SHUT_WR)
        message = wire.receive(ours, time.monotonic() + 10)
    with suppress(ClangLlmError):
        wire.task_of(message)
    for recipe in wire.recipes_of(message):
        recipe.check(vocabulary.load(_LLVM))


def fuzz_protocol(data: bytes) -> None:
    """What a plugin says; the first byte chooses what it is asked."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[1 : _MOST + 1])
        theirs.shutdown(socket.SHUT_WR)
        connection = Connection(ours.fileno(), ours.fileno())
        question = connection.question()
        json.dumps([question.request.key, question.request.source])
        for choice in data[:1] * 3:
            if choice % 4 == 0:
                connection.result()
            elif choice % 4 == 1:
                connection.module()
            elif choice % 4 == 2:
                connection.describe("globaldce")
            else:
                connection.ask(Choice("globaldce", "/model", "x86", (0, 1, 2), 2))


def fuzz_config(data: bytes) -> None:
    """The config file, and the values in it."""
    with tempfile.TemporaryDirectory(prefix="clang-llm-fuzz-") as place:
        config = Path(place) / "config"
        config.write_bytes(data)
        found = Settings.load({"CLANG_LLM_CONFIG": str(config), "HOME": place})
        numbers = (found.candidates, found.max_size, found.infer_ms, found.min_instructions)
        if min(numbers) < 0 or (found.jobs is not None and found.jobs < 1):
            raise AssertionError("a number is out of its range")
        os.fsencode("".join(found.problems))
    parse_size(data.decode("utf-8", "surrogateescape"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "python-plan": fuzz_plan,
    "python-recipe": fuzz_recipe,
    "python-passlist": fuzz_passlist,
    "python-answer": fuzz_answer,
    "python-wire": fuzz_wire,
    "python-protocol": fuzz_protocol,
    "python-config": fuzz_config,
}


def run(name: str, data: bytes) -> None:
    """Run a target; raises what is a finding."""
    begun = time.process_time()
    with suppress(ClangLlmError):
        TARGETS[name](data)
    took = time.process_time() - begun
    if took > LIMIT_S:
        raise AssertionError(f"it took {took:.1f} s")
