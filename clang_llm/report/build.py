"""A report on compiles: what the ledger says of their objects, and the cache of their plans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clang_llm.plans.plan import Plan
from clang_llm.report.facts import BEST, BUILD, CHANGED, GONE, UNMEASURED, Bytes, File, Report, below, common_root
from clang_llm.system.errors import ObjectError
from clang_llm.system.files import read_regular
from clang_llm.system.ledger import Compiled
from clang_llm.system.objects import Parts, parts_of

#: Finds the plan of a key, as `LocalStore.get` does.
Plans = Callable[[str], Plan | None]
#: Bytes of a file that are read: more than any linker takes.
MAX_BYTES = 1 << 32
# What the plugin says of a compile: `plugin[<pid>]: <source> key <hex> apply|oz <recipe or reason>`.
_LINE = re.compile(r"^plugin\[\d+\]: .* key ([0-9a-f]{64}) (apply|oz) (.*)$", re.MULTILINE)
_REASON = re.compile(r"[a-z0-9_]{1,40}")


def reasons_in(log: str) -> dict[str, str]:
    """Return for the key of each compile that a log tells of why it was plain -Oz; nothing where it was not."""
    return {key: why if do == "oz" and _REASON.fullmatch(why) else "" for key, do, why in _LINE.findall(log)}


class Recipes:
    """Texts of recipes, each once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Return the number of a text."""
        return self._places.setdefault(text, len(self._places))

    def texts(self) -> tuple[str, ...]:
        """Return all of them in the order of their numbers."""
        return tuple(self._places)


def file_of(compiled: Compiled, plans: Plans, recipes: Recipes, why: str, *, changed: bool) -> File:
    """Return what is known of one compile.

    Args:
        compiled: The compile.
        plans: Finds its plan.
        recipes: Gets its recipe.
        why: The reason that the plugin told for plain -Oz; nothing where nobody knows.
        changed: Whether something else has made the object since.
    """
    plan = plans(compiled.key)
    # A later search may have replaced the plan that the object was made with.
    mine = plan if plan is not None and compiled.size in (None, plan.size) else None
    number = recipes.place(mine.recipe.text) if mine is not None and mine.recipe and compiled.saved else None
    tried = mine.provenance.get("tried") if mine is not None else None
    rejected = mine.provenance.get("rejected") if mine is not None else None
    # What nobody measured is -Oz's object.
    there = _on_disk(compiled) if compiled.size is None and not changed else None
    return File(
        name=compiled.source if compiled.remark else compiled.object,
        source=compiled.source,
        before=_bytes(compiled.size_oz, compiled.parts_oz) or there,
        after=_bytes(compiled.size, compiled.parts) or there,
        by=compiled.by if compiled.saved and compiled.by != "-" else "",
        recipe=number,
        why="" if compiled.saved else why or (UNMEASURED if compiled.size is None else BEST),
        tried=tried if isinstance(tried, int) else None,
        rejected=_counts(rejected),
        target=mine.target if mine is not None else "",
        state=CHANGED if changed else GONE if compiled.gone else compiled.remark,
    )


def _bytes(size: int | None, parts: Parts | None) -> Bytes | None:
    return None if size is None else Bytes(size, parts)


def _on_disk(compiled: Compiled) -> Bytes | None:
    if compiled.remark:
        return None
    try:
        return Bytes.of(parts_of(read_regular(Path(compiled.object), MAX_BYTES)))
    except (OSError, ObjectError):
        return None


def _counts(rejected: object) -> dict[str, int]:
    """Return what a plan says of refused candidates; it is read as data, and may be anything."""
    items = rejected.items() if isinstance(rejected, dict) else ()
    return {str(word): count for word, count in items if isinstance(count, int) and count > 0}


def report(
    title: str,
    counted: Sequence[Compiled],
    changed: Sequence[Compiled],
    plans: Plans,
    events: Mapping[str, int],
    reasons: Mapping[str, str] | None = None,
) -> Report:
    """Return the report on compiles.

    Args:
        title: What they are.
        counted: Those whose objects are what the ledger says, or gone.
        changed: Those whose objects something else made since.
        plans: Finds plans.
        events: What was counted meanwhile.
        reasons: Why compiles were plain -Oz, by key, as far as a log tells.
    """
    recipes, why = Recipes(), reasons or {}
    files = [
        file_of(each, plans, recipes, why.get(each.key, ""), changed=some is changed)
        for some in (counted, changed)
        for each in some
    ]
    return rooted(Report(BUILD, title, files=tuple(files), recipes=recipes.texts(), events=dict(events)))


def of_plan(title: str, name: str, plan: Plan, emitted: Path) -> Report:
    """Return the report on one object that a plan was applied to."""
    tried = plan.provenance.get("tried")
    file = File(
        name,
        before=Bytes(plan.size_oz, plan.parts[0] if plan.parts else None),
        after=Bytes.of(parts_of(read_regular(emitted, MAX_BYTES))),
        by=plan.by,
        recipe=0,
        tried=tried if isinstance(tried, int) else None,
        rejected=_counts(plan.provenance.get("rejected")),
        target=plan.target,
    )
    return Report(BUILD, title, files=(file,), recipes=(plan.recipe.text if plan.recipe else "",))


def rooted(found: Report) -> Report:
    """Return a report in its final order.

    Names are below the root that they have in common, files with the largest savings come first, and recipes are
    numbered as files name them.
    """
    there = [each for each in found.files if each.state != GONE] or found.files
    root = found.root or common_root(name for each in there for name in (each.name, each.source))
    files = sorted(found.files, key=_order)
    order = list(dict.fromkeys(each.recipe for each in files if each.recipe is not None))
    place = {old: new for new, old in enumerate(order)}
    named = [
        replace(
            each,
            name=below(each.name, root),
            source=below(each.source, root),
            recipe=None if each.recipe is None else place[each.recipe],
        )
        for each in files
    ]
    return replace(found, root=root, files=tuple(named), recipes=tuple(found.recipes[old] for old in order))


def _order(each: File) -> tuple[int, int, str]:
    return -each.saved, -(each.after.total if each.after else 0), each.name


def compiles_by_object(compiles: Iterable[Compiled]) -> dict[Path, Compiled]:
    """Return compiles by what their objects' names lead to."""
    return {Path(each.object).resolve(): each for each in compiles if not each.remark}
