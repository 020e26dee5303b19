"""Plans as one text file that a project commits (docs/team-builds.md#the-file).

The file has a header, then lines in the order of their bytes: one for each module, then what the modules share, each
once and named by its content (`made:`: for which LLVM, by whom; `pipe:`: a pipeline). So a change of one module is a
change of one line, the same plans give the same bytes, and a line is found by bisection.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from clang_llm.plans.passlist import MAX_LENGTH
from clang_llm.plans.plan import Plan, decode, encode
from clang_llm.plans.recipe import MAX_FUNCTIONS, MAX_PIPELINES, Recipe
from clang_llm.system.errors import PlanError
from clang_llm.system.objects import Parts, read_parts

HEADER = "clang-llm-plans 1"
#: Longest line in bytes: what a plan entry may have. The plugin has the same bound.
MAX_LINE = 512 * 1024
#: Digits of a checksum, and of the name of what is shared. The signature covers everything; these find and compare.
SHORT = 16
#: In place of what is not there.
NOTHING = "-"

MADE, PIPE = "made:", "pipe:"
#: What is kept of a plan's provenance. The rest tells about one search, and would be another line for each module.
_KEPT = ("backend", "origin", "validated", "version")
_DIGEST = f"[0-9a-f]{{{SHORT}}}"
_PARTS = r"(?:[0-9]{1,15}(?:,[0-9]{1,15}){3}|-)"
_PLAN = re.compile(
    rf"([0-9a-f]{{64}}) ({_DIGEST}) ({_DIGEST}) ([0-9]{{1,15}}) ([0-9]{{1,15}}) ([0-9]{{1,7}}) ({_PARTS}) ({_PARTS}) "
    r"([0-9a-f,/*-]+) (-|hmac:[0-9a-f]{64}|ed25519:[0-9a-f]{128})(?: # ([ -~]*))?"
)
_RECIPE = re.compile(
    rf"({_DIGEST})(?:/((?:{_DIGEST}|-)(?:,(?:{_DIGEST}|-))*)/((?:[0-9*]+)(?:,[0-9*]+)*|-)/({_DIGEST}|-))?"
)
_RUN = re.compile(r"([0-9]{1,5})(?:\*([0-9]{1,5}))?")
_MADE = re.compile(r"([0-9]{1,4}\.[0-9A-Za-z.]{1,30}) ([A-Za-z0-9_.+-]{1,100}) (\{[ -~]*\})")

#: Finds the text behind a name such as ``pipe:0123456789abcdef``; None where there is none.
Resolve = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Row:
    """One module's line.

    Attributes:
        plan: What it says, with `canonical` provenance.
        signature: By whose key (`clang_llm.plans.store.team`), or `NOTHING`.
        source: Name of a source file, a comment that nothing depends on.
    """

    plan: Plan
    signature: str = NOTHING
    source: str = ""

    @property
    def checksum(self) -> str:
        """That of the plan's entry; it is what a signature is for."""
        return encode(self.plan).partition(b"\n")[0].rpartition(b" ")[2].decode("ascii")

    @property
    def rank(self) -> tuple[int, int, bool, str]:
        """The least of two for one module is kept: the smaller plan, the larger search, the signed, the first text."""
        return self.plan.size, -self.plan.budget, self.signature == NOTHING, self.line()

    def sound(self) -> Plan:
        """Return the plan, checked as an entry of a cache is.

        Raises:
            PlanError: It holds what the vocabulary does not allow, or contradicts itself.
        """
        return decode(encode(self.plan), self.plan.key)

    def line(self) -> str:
        """Return the line, without its end."""
        plan = self.plan
        parts = [",".join(map(str, each.listed())) for each in plan.parts] if plan.parts else [NOTHING] * 2
        words = (
            plan.key,
            self.checksum[:SHORT],
            _name(MADE, _made(plan)).removeprefix(MADE),
            str(plan.size_oz),
            str(plan.size),
            str(plan.budget),
            *parts,
            _spell(plan.recipe),
            self.signature,
        )
        return " ".join(words) + (f" # {self.source}" if self.source else "")

    def shared(self) -> dict[str, str]:
        """Return what the line refers to, text by name."""
        found = {_name(MADE, _made(self.plan)): _made(self.plan)}
        if self.plan.recipe is not None:
            recipe = self.plan.recipe
            texts = (recipe.module, *recipe.functions, recipe.closing)
            found.update((_name(PIPE, text), text) for text in texts if text)
        return found


def canonical(plan: Plan) -> Plan:
    """Return a plan with no more provenance than is committed."""
    kept = {name: plan.provenance[name] for name in _KEPT if isinstance(plan.provenance.get(name), str)}
    return plan._replace(provenance=kept)


def render(rows: Iterable[Row]) -> bytes:
    """Return the file of some rows, one a module; the same rows in any order give the same bytes."""
    kept = list(rows)
    shared = {name: text for row in kept for name, text in row.shared().items()}
    lines = sorted([row.line() for row in kept] + [f"{name} {text}" for name, text in shared.items()])
    return "".join(f"{line}\n" for line in (HEADER, *lines)).encode("ascii")


def read_row(line: str, resolve: Resolve) -> Row:
    """Read a module's line; the plan is whole, but not yet known to be `Row.sound`.

    Raises:
        PlanError: It is none, or is damaged.
    """
    found = _PLAN.fullmatch(line)
    if found is None:
        raise PlanError("no line of a plan")
    key, checksum, made, size_oz, size, budget, parts_oz, parts, recipe, signature, source = found.groups()
    version = _MADE.fullmatch(_resolved(MADE + made, resolve))
    if version is None:
        raise PlanError(f"{MADE}{made} is malformed")
    try:
        provenance = json.loads(version[3])
        both = None if parts_oz == NOTHING else (_parts(parts_oz, size_oz), _parts(parts, size))
    except (ValueError, RecursionError) as error:
        raise PlanError(f"malformed: {error}") from error
    plan = Plan(
        key=key,
        llvm=version[1],
        target=version[2],
        recipe=None if recipe == NOTHING else _recipe(recipe, resolve),
        size_oz=int(size_oz),
        size=int(size),
        budget=int(budget),
        provenance=provenance,
        parts=both,
    )
    row = Row(plan, signature, source or "")
    if row.checksum[:SHORT] != checksum:
        raise PlanError("its checksum is wrong")
    return row


def merge(base: Mapping[str, Row], ours: Mapping[str, Row], theirs: Mapping[str, Row]) -> dict[str, Row]:
    """Merge two descendants of one file; which of them is `ours` makes no difference.

    Where both have a module, the better row stays. What one side removed and the other left as it was is gone.
    """
    merged = {}
    for key in ours.keys() | theirs.keys():
        sides = [side[key] for side in (ours, theirs) if key in side]
        if len(sides) == 2 or sides[0] != base.get(key):
            merged[key] = min(sides, key=lambda row: row.rank)
    return merged


def _name(kind: str, text: str) -> str:
    return kind + hashlib.sha256(text.encode("ascii")).hexdigest()[:SHORT]


def _made(plan: Plan) -> str:
    return f"{plan.llvm} {plan.target} {json.dumps(dict(plan.provenance), separators=(',', ':'))}"


def _resolved(name: str, resolve: Resolve) -> str:
    text = resolve(name)
    if text is None:
        raise PlanError(f"{name} is missing")
    if len(text) > MAX_LENGTH or not text.isascii() or _name(name[: len(PIPE)], text) != name:
        raise PlanError(f"{name} is damaged")
    return text


def _spell(recipe: Recipe | None) -> str:
    if recipe is None:
        return NOTHING

    def named(text: str) -> str:
        return _name(PIPE, text).removeprefix(PIPE) if text else NOTHING

    if not recipe.staged:
        return named(recipe.module)
    runs = [(place, len(list(run))) for place, run in groupby(recipe.use)]
    use = ",".join(f"{place}*{count}" if count > 1 else str(place) for place, count in runs)
    return "/".join(
        (named(recipe.module), ",".join(map(named, recipe.functions)), use or NOTHING, named(recipe.closing))
    )


def _recipe(text: str, resolve: Resolve) -> Recipe:
    found = _RECIPE.fullmatch(text)
    if found is None:
        raise PlanError("its recipe is malformed")

    texts = {NOTHING: ""}

    def piped(digest: str) -> str:
        if digest not in texts:
            texts[digest] = _resolved(PIPE + digest, resolve)
        return texts[digest]

    head, functions, use, closing = found.groups()
    if functions is None:
        return Recipe(piped(head))
    names = functions.split(",")
    if len(names) > MAX_PIPELINES:
        raise PlanError(f"it has more than {MAX_PIPELINES} pipelines")
    return Recipe(piped(head), tuple(map(piped, names)), _use(use), piped(closing))


def _use(text: str) -> tuple[int, ...]:
    places: list[int] = []
    for word in () if text == NOTHING else text.split(","):
        run = _RUN.fullmatch(word)
        if run is None or len(places) + int(run[2] or 1) > MAX_FUNCTIONS:
            raise PlanError("which function takes which pipeline is malformed")
        places += [int(run[1])] * int(run[2] or 1)
    return tuple(places)


def _parts(text: str, size: str) -> Parts:
    return read_parts([int(each) for each in text.split(",")], int(size))
