"""What is shipped: an ordered set of vetted pass lists for each LLVM (the coreset), tried from the first on.

A set is one file of package data, ``data/coreset/llvm-<major>.txt``: a header, then one pass list a line. The lists
stand in the order for x86; families of targets for which another order saves more have a line of their own in the
header. The set's identity is a hash of all this, so that an entry's provenance names the very set that was validated; a
file that was edited by hand is refused. ``clang-llm-tool validate --write`` writes these files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clang_llm.plans.recipe import Recipe, all_usable
from clang_llm.plans.types import BARE
from clang_llm.system.errors import BackendError, PassListError

DATA = Path(__file__).resolve().parents[1] / "data" / "coreset"

_FIRST_LINE = "# clang-llm coreset 1"
_IDENTITY = "# set: "
_CLOSING = "# closing: "
_ORDER = "# order "
_COLUMNS = "# columns: "
_EVIDENCE = "# validated: "

#: The origin of a recipe that was mixed from others that were measured.
MIX = "mix"


#: Families of targets with an order of their own, by how their triples begin.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "aarch64": ("aarch64", "arm64"),
    "arm": ("arm", "thumb"),
    "riscv": ("riscv",),
    "wasm": ("wasm",),
    "x86": ("x86_64", "i386", "i486", "i586", "i686"),
}


def family_of(target: str) -> str:
    """Return the family of a triple; "" for those that take the lists as they stand."""
    return next((family for family, beginnings in FAMILIES.items() if target.startswith(beginnings)), "")


def kind_of(machine: str) -> str:
    """Return the family of a triple, and `BARE` behind it where the triple ends so."""
    return family_of(machine) + (BARE if machine.endswith(BARE) else "")


class Coreset(NamedTuple):
    """Vetted pass lists for one major version of LLVM, in the order in which they are tried.

    Attributes:
        identity: Hash of the lists, 16 hexadecimal digits.
        evidence: What the lists passed, in words, one sentence each; empty when nothing is known.
        lists: The lists, as they are written.
        closings: Closing stages that any mix of the lists may have instead of its own, best first.
        orders: For families of targets the places of the lists that come first there, in their order.
        columns: Of a model's menu: under which number the model knows each list; empty when nobody has noted it.
    """

    major: int
    identity: str
    evidence: tuple[str, ...]
    lists: tuple[Recipe, ...]
    closings: tuple[str, ...]
    orders: Mapping[str, tuple[int, ...]]
    columns: tuple[int, ...]

    def order_of(self, machine: str) -> str:
        """Return the name of the order for a triple, which may end in `BARE`; "" where the lists stay as they stand."""
        return next((name for name in (kind_of(machine), family_of(machine)) if name in self.orders), "")

    def for_target(self, machine: str) -> Iterator[Recipe]:
        """Yield all lists in the order for a triple, which may end in `BARE`."""
        first = self.orders.get(self.order_of(machine), ())
        for place in dict.fromkeys([*first, *range(len(self.lists))]):
            yield self.lists[place]

    def in_order(self, family: str) -> tuple[Recipe, ...]:
        """Return what a family takes first; nothing for families without an order of their own."""
        return tuple(self.lists[place] for place in self.orders.get(family, ()))


def identity_of(
    lists: Sequence[str], closings: Sequence[str] = (), orders: Mapping[str, Sequence[int]] | None = None
) -> str:
    """Return the identity of an ordered set of lists, of the closing stages of their mixes, and of other orders."""
    texts = [*lists, *(_CLOSING + each for each in closings), *_order_lines(orders or {})]
    return hashlib.sha256("\n".join(texts).encode("ascii")).hexdigest()[:16]


def _order_lines(orders: Mapping[str, Sequence[int]]) -> list[str]:
    return [f"{_ORDER}{family}: {','.join(map(str, places))}" for family, places in sorted(orders.items())]


def _read_orders(headers: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Read the orders of families; raises ValueError."""
    found = {}
    for line in headers:
        if line.startswith(_ORDER):
            family, _, places = line[len(_ORDER) :].partition(": ")
            found[family] = _numbers(places)
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def read_coreset(major: int, directory: Path = DATA) -> Coreset:
    """Read the set for one major version of LLVM.

    Raises:
        BackendError: There is none, or it was changed after its validation.
    """
    path = directory / f"llvm-{major}.txt"
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise BackendError(f"no vetted pass lists for LLVM {major}; use another backend or another clang") from error
    headers = [line for line in lines if line.startswith("#")]
    texts = tuple(line for line in lines if line.strip() and not line.startswith("#"))
    closings = tuple(line[len(_CLOSING) :] for line in headers if line.startswith(_CLOSING))
    changed = BackendError(f"{path} was changed by hand; write it with `clang-llm-tool validate --write`")
    try:
        # As `write_coreset` has left them: parsing them takes longer than a whole miss should.
        lists = tuple(map(Recipe.read, texts))
        orders = _read_orders(headers)
        columns = next((_numbers(line[len(_COLUMNS) :]) for line in headers if line.startswith(_COLUMNS)), ())
    except (ValueError, PassListError):
        raise changed from None
    identity = identity_of(texts, closings, orders)
    if lines[:1] != [_FIRST_LINE] or _IDENTITY + identity not in headers or len(columns) not in (0, len(texts)):
        raise changed
    evidence = tuple(line[len(_EVIDENCE) :] for line in headers if line.startswith(_EVIDENCE))
    return Coreset(major, identity, evidence, lists, closings, orders, columns)


def majors_in(directory: Path) -> list[int]:
    """Return the major versions of LLVM that have a set in a directory, the lowest first.

    Raises:
        ValueError: A file is called like a set, but not by a version.
    """
    return sorted(int(path.stem.removeprefix("llvm-")) for path in directory.glob("llvm-*.txt"))


def read_menu(major: int, directory: Path) -> Coreset:
    """Read the set in a model's directory: vetted recipes that share one head, among which the model chooses.

    Raises:
        BackendError: There is none for this LLVM, or its recipes do not share one head.
    """
    menu = read_coreset(major, directory)
    if len({recipe.head for recipe in menu.lists}) != 1 or not all(recipe.staged for recipe in menu.lists):
        raise BackendError(f"{directory} is no menu: its recipes have several heads; make one with `--one-head`")
    return menu


def origin_of(recipe: Recipe, proposed: Container[Recipe], shipped: Iterable[Coreset]) -> str:
    """Return "model" for what a model proposed, "coreset" for what is in a vetted set, else `MIX`."""
    if recipe in proposed:
        return "model"
    return "coreset" if any(recipe in some.lists for some in shipped) else MIX


def write_coreset(
    major: int,
    lists: Sequence[Recipe],
    evidence: Sequence[str],
    directory: Path = DATA,
    closings: Sequence[str] = (),
    orders: Mapping[str, Sequence[Recipe]] | None = None,
    columns: Mapping[Recipe, int] | None = None,
) -> Path:
    """Write the set for one major version of LLVM and return its path.

    Args:
        major: Major version of LLVM.
        lists: Lists that passed, best first; repetitions after normalisation for this version are left out.
        evidence: What they passed, one sentence each.
        directory: Where the sets are.
        closings: Closing stages with which mixes passed too.
        orders: For families of targets some of the lists, best first; what is not among `lists` is left out.
        columns: Of a model's menu: under which number the model knows each of them. That is no part of the identity,
            since it changes what is tried first, and never what is allowed.

    Raises:
        PassListError: A recipe uses what the vocabulary does not allow.
        OSError: The file cannot be written.
    """
    from clang_llm.plans.vocabulary import load  # not needed to read a set

    fitting = (each.for_llvm(major) for each in lists)
    distinct = list({each.text: each for each in fitting if each is not None}.values())
    for each in distinct:
        each.check(load(major))
    stages = [stage.module for stage in all_usable(map(Recipe, closings), major)]
    places = {
        family: tuple(dict.fromkeys(_places(distinct, some, major))) for family, some in (orders or {}).items() if some
    }
    lines = [
        _FIRST_LINE,
        _IDENTITY + identity_of([each.text for each in distinct], stages, places),
        *_order_lines(places),
    ]
    lines += [*(_EVIDENCE + sentence for sentence in evidence), *(_CLOSING + each for each in stages)]
    if columns and all(each in columns for each in distinct):
        lines.append(_COLUMNS + ",".join(str(columns[each]) for each in distinct))
    path = directory / f"llvm-{major}.txt"
    directory.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text("\n".join([*lines, *(each.text for each in distinct)]) + "\n", encoding="ascii")
    temporary.replace(path)
    return path


def _places(lists: Sequence[Recipe], some: Sequence[Recipe], major: int) -> list[int]:
    """Return where some recipes stand among normalised lists."""
    fitting = (each.for_llvm(major) for each in some)
    return [lists.index(each) for each in fitting if each is not None and each in lists]
