"""Plan entries: the remembered answer for one module (docs/plans.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from clang_llm.plans.recipe import Recipe, from_data
from clang_llm.plans.types import FORMAT, OBJECTIVE
from clang_llm.system.errors import PassListError, PlanError, PlanFormatError
from clang_llm.system.objects import Parts, read_parts

MAGIC = b"clang-llm-plan"
#: Largest entry in bytes: a module of ten thousand functions, each with its place in a list of pipelines, has 100 kB.
MAX_BYTES = 512 * 1024


class Plan(NamedTuple):
    """The best known way to compile one module.

    Attributes:
        key: 64 hexadecimal digits.
        llvm: Version of LLVM, such as "19.1.7".
        target: The triple.
        recipe: How to compile it, or None when plain -Oz is best.
        size_oz: Bytes of allocated, non-bss sections under -Oz.
        size: The same under this plan; equal to `size_oz` when `recipe` is None.
        budget: Number of candidates that was asked for.
        provenance: Who found it and how; data for people, never acted upon.
        parts: What `size_oz` and `size` are made of; None in entries of before this was kept.
    """

    key: str
    llvm: str
    target: str
    recipe: Recipe | None
    size_oz: int
    size: int
    budget: int
    provenance: Mapping[str, object] = MappingProxyType({})
    objective: str = OBJECTIVE
    parts: tuple[Parts, Parts] | None = None

    @property
    def by(self) -> str:
        """Who proposed the recipe: the backend, and which of its sources where it has several."""
        origin = self.provenance.get("origin")
        return f"{self.provenance.get('backend', '-')}{f'/{origin}' if origin else ''}"

    @property
    def major(self) -> int:
        """Major version of LLVM."""
        return int(self.llvm.partition(".")[0])

    def beats(self, other: Plan) -> bool:
        """Whether this plan may replace another: smaller, or as small and found with a larger budget."""
        return (self.size, -self.budget) < (other.size, -other.budget)


def as_data(plan: Plan) -> dict[str, object]:
    """Return the fields of the entry's JSON object."""
    recipe = plan.recipe
    return {
        "key": plan.key,
        "llvm": plan.llvm,
        "objective": plan.objective,
        "target": plan.target,
        "module": recipe.module if recipe else None,
        "functions": list(recipe.functions) if recipe else [],
        "use": list(recipe.use) if recipe else [],
        "closing": (recipe.closing or None) if recipe else None,
        "size_oz": plan.size_oz,
        "size": plan.size,
        **({"parts": {"oz": plan.parts[0].listed(), "ours": plan.parts[1].listed()}} if plan.parts else {}),
        "budget": plan.budget,
        "provenance": dict(plan.provenance),
    }


def encode(plan: Plan, seal: Callable[[str], str] | None = None) -> bytes:
    """Return the entry's bytes.

    Args:
        plan: What is to be remembered.
        seal: Makes the seal of a checksum (`clang_llm.plans.store.seal`), for what was measured here.
    """
    data = json.dumps(as_data(plan)).encode("ascii") + b"\n"
    checksum = hashlib.sha256(data).hexdigest()
    words = [checksum, *([seal(checksum)] if seal is not None else [])]
    return b"%s %d %s\n%s" % (MAGIC, FORMAT, " ".join(words).encode("ascii"), data)


def seal_on(data: bytes) -> tuple[str, str]:
    """Return checksum and seal in the header of an entry's bytes; texts that are not there are empty."""
    fields = data.partition(b"\n")[0].decode("ascii", errors="replace").split(" ")
    return (fields[2], fields[3]) if len(fields) == 4 else ("", "")


def decode(data: bytes, key: str) -> Plan:
    """Read an entry.

    Raises:
        PlanFormatError: It is whole, but of a format that this version does not know.
        PlanError: It is damaged, of another key, or holds what the vocabulary does not allow.
    """
    body = _body(data)
    try:
        plan = _plan(body)
        problem = _problem(plan, key)
    except (KeyError, TypeError, ValueError, PassListError) as error:
        raise PlanError(f"the entry is not a plan ({error}); `clang-llm-tool cache verify` removes it") from error
    if problem:
        raise PlanError(f"the entry {problem}; `clang-llm-tool cache verify` removes it")
    return plan


def _body(data: bytes) -> dict[str, object]:
    """Check header and checksum and return the JSON object."""
    header, newline, text = data[:MAX_BYTES].partition(b"\n")
    fields = header.split(b" ")
    if not newline or len(fields) not in (3, 4) or fields[0] != MAGIC:
        raise PlanError("the entry has no header; `clang-llm-tool cache verify` removes it")
    if fields[1] != b"%d" % FORMAT:
        raise PlanFormatError(f"the entry has format {fields[1]!r}; another clang-llm wrote it")
    if hashlib.sha256(text).hexdigest().encode("ascii") != fields[2]:
        raise PlanError("the entry's checksum is wrong; `clang-llm-tool cache verify` removes it")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"the entry is not JSON ({error}); `clang-llm-tool cache verify` removes it") from error
    if not isinstance(body, dict):
        raise PlanError("the entry is not a JSON object; `clang-llm-tool cache verify` removes it")
    return body


def _plan(body: Mapping[str, object]) -> Plan:
    provenance = body["provenance"]
    if not isinstance(provenance, dict):
        raise TypeError("provenance is not an object")
    size_oz, size = _count(body["size_oz"]), _count(body["size"])
    return Plan(
        key=_text(body["key"]),
        llvm=_text(body["llvm"]),
        target=_text(body["target"]),
        recipe=None if body["module"] is None else from_data(body),
        size_oz=size_oz,
        size=size,
        parts=_parts(body["parts"], size_oz, size) if "parts" in body else None,
        budget=_count(body["budget"]),
        provenance=provenance,
        objective=_text(body["objective"]),
    )


def _problem(plan: Plan, key: str) -> str | None:
    """Return what is wrong with a plan that has every field."""
    if plan.key != key:
        return "belongs to another key"
    if plan.objective != OBJECTIVE:
        return "has another objective"
    if plan.recipe is None:
        same = plan.size == plan.size_oz and (plan.parts is None or plan.parts[0] == plan.parts[1])
        return None if same else "says -Oz and has another size"
    from clang_llm.plans.vocabulary import load  # not needed to write an entry

    plan.recipe.check(load(plan.major))
    return None if plan.size < plan.size_oz else "is not smaller than -Oz"


def _parts(both: object, size_oz: int, size: int) -> tuple[Parts, Parts]:
    if not isinstance(both, dict) or set(both) != {"oz", "ours"}:
        raise TypeError(f"{both!r} is not what -Oz and the plan are made of")
    return read_parts(both["oz"], size_oz), read_parts(both["ours"], size)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is not a count")
    return value
