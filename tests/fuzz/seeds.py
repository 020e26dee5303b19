"""Where the fuzzers start: real entries, recipes, conversations, answers and config files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from clang_llm.models.prompt import STRUCTURE
from clang_llm.plans import vocabulary
from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import Plan, encode
from clang_llm.plans.recipe import Recipe, usable
from clang_llm.plans.store import SEED
from clang_llm.system.objects import Parts
from fuzz import tiny_model
from fuzz.parsers import KEY

#: Recipes of the coreset that become seeds; all would say the same again.
_SOME = 12


def recipes(major: int) -> list[Recipe]:
    """Return some shipped recipes, and a mix."""
    found = [usable(recipe, major) for recipe in read_coreset(major).lists]
    kept = [recipe for recipe in found if recipe is not None][:_SOME]
    staged = [recipe for recipe in kept if recipe.staged]
    if staged:
        one = staged[0]
        functions = tuple(dict.fromkeys(each.functions[0] for each in staged))
        kept.append(Recipe(one.module, functions, tuple(n % len(functions) for n in range(20)), one.closing))
    return kept


def plans(major: int, version: str) -> list[Plan]:
    """Return sound plans for `KEY`: one for each recipe, and one that says -Oz."""
    provenance = {"backend": "coreset", "list": 1, "tried": 8, "rejected": {"interface": 1}, "version": "0.1.0"}
    made = [Plan(KEY, version, "x86_64-pc-linux-gnu", recipe, 1234, 1200, 8, provenance) for recipe in recipes(major)]
    # Entries of before do not say what the sizes are made of.
    made = [plan._replace(parts=(Parts(900, 100, 34, 200), Parts(900, 100, 34, 166))) for plan in made[1:]] + made[:1]
    return [*made, Plan(KEY, version, "x86_64-pc-linux-gnu", None, 1234, 1234, 8, provenance)]


def _bodies(found: Iterable[Plan]) -> list[bytes]:
    return [b"\n" + encode(each).partition(b"\n")[2] for each in found]


def _conversations(found: Sequence[Recipe]) -> list[bytes]:
    """Return what a helper says."""

    def say(*messages: dict[str, object]) -> bytes:
        return b"".join(json.dumps(message).encode() + b"\n" for message in messages)

    lists = [recipe.message() for recipe in found]
    return [
        say({"do": "evaluate", "lists": lists}, {"do": "apply", "id": 1}),
        say({"do": "evaluate", "lists": lists[:1]}, {"do": "evaluate", "lists": lists[1:3]}, {"do": "apply", "id": 0}),
        say({"do": "describe", "module": "globaldce"}, {"do": "module"}, {"do": "oz", "reason": "best"}),
        say({"do": "lookup"}),
        say({"do": "apply", "id": -1}),
    ]


def _questions() -> list[bytes]:
    """Return what a plugin says; the first byte chooses what it is asked."""
    asked = {
        "protocol": 1, "key": KEY, "llvm": "19.1.7", "major": 19, "target": "x86_64-pc-linux-gnu", "budget": 8,
        "lookup": "miss", "instructions": 100, "functions": 3, "source": "main.c",
    }  # fmt: skip
    results = [
        {"id": -1, "status": "ok", "size": 1000, "parts": [800, 100, 20, 80]},
        {"id": 0, "status": "ok", "size": 900, "parts": [700, 100, 20, 80], "functions": [300, 200]},
        {"id": 1, "status": "interface", "size": 900, "functions": [300, 200], "refused": [1], "reason": "section"},
    ]
    first = json.dumps(asked).encode() + b"\n"
    module = first + json.dumps({"bytes": 4, "options": ["-Oz", "-fPIC"]}).encode() + b"\nBC\xc0\xde"
    texts = first + b'{"lengths": [3, 2]}\nabcde'
    places = first + b'{"functions": 3, "count": 2}\n\0\1\2\0\1\2'
    asked_first = b"".join(json.dumps(each).encode() + b"\n" for each in results)
    return [b"0" + first + asked_first, b"1" + module, b"2" + texts, b"3" + places]


def _messages(found: Sequence[Recipe]) -> list[bytes]:
    """Return what a model's server and its clients say."""
    parts = json.dumps([recipe.message() for recipe in found]).encode()
    answer = json.dumps({"protocol": 1, "lengths": [len(parts)]}).encode() + b"\n" + parts
    asked = {"protocol": 1, "do": "propose", "key": KEY, "major": 19, "target": "wasm32", "budget": 8, "options": []}
    return [answer, json.dumps({**asked, "lengths": [2, 3]}).encode() + b"\nabBC\xc0", b'{"error": "no"}\n']


def _answers(found: Sequence[Recipe]) -> list[bytes]:
    """Return what a large model says."""
    flat = [recipe.flat for recipe in found]
    return [
        f"Use opt -passes='{flat[0]}' to get instruction count 10 and binary size 200 bytes.".encode(),
        f"opt --p {flat[-1]}".encode(),
        b"default<Oz>",
        b"require<globals-aa>,cgscc(devirt<4>(inline)),function<eager-inv>(sroa<modify-cfg>,loop(licm))",
        *(each.encode() for each in flat[:4]),
    ]


def _configs() -> list[bytes]:
    lines = ["effort = 3", "candidates=40 # few", "jobs = 2", "max_size = 256M", "infer = wait", "unvetted=validate"]
    return ["\n".join(lines).encode(), b"cache_dir = /tmp/x\nlog=/tmp/y\ndisable = yes\nbackend = script\nnonsense=1"]


def seeds(major: int, version: str) -> dict[str, list[bytes]]:
    """Return the seeds of every target.

    Args:
        major: Major version of the LLVM whose recipes are taken.
        version: Its full version.
    """
    found, entries = recipes(major), plans(major, version)
    texts = [recipe.text.encode() for recipe in found]
    data = [json.dumps(recipe.message()).encode() for recipe in found]
    shipped = sorted(path for path in SEED.rglob("*") if path.is_file())[:10] if SEED else []
    bodies = _bodies(entries) + [encode(each) for each in entries] + [path.read_bytes() for path in shipped]
    return {
        "entry": bodies,
        "recipe": data + [each for each in texts if b"|" not in each],
        "protocol": _conversations(found),
        "model": tiny_model.seeds(),
        "python-plan": bodies,
        "python-recipe": data + texts,
        "python-passlist": [recipe.flat.encode() for recipe in found],
        "python-answer": _answers(found),
        "python-wire": _messages(found),
        "python-protocol": _questions(),
        "python-config": _configs(),
    }


def dictionary(major: int) -> str:
    """Return words for libFuzzer: passes, parameters and names of fields."""
    known = vocabulary.load(major, vocabulary.Level.UNSAFE)
    words = {*known.entries, *STRUCTURE, *(token for entry in known.entries.values() for token in entry.tokens)}
    words |= {'"key"', '"budget"', '"module"', '"functions"', '"use"', '"closing"', '"do"', '"lists"', '"evaluate"'}
    words |= {'"apply"', '"describe"', '"lookup"', '"oz"', '"id"', "null", "1e999", "-0", "\\ud800", KEY, '"lengths"'}
    return "".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for word in sorted(words))


def write(place: Path, name: str, major: int, version: str) -> None:
    """Write the seeds of a target and the dictionary into a directory."""
    place.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(major, version)[name]):
        (place / f"seed-{number}").write_bytes(data)
