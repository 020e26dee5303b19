"""Recipes: how a module is compiled instead of by -Oz.

A recipe is one pass list for the whole module, or three stages: a *head* (module pipeline), then a function pipeline
for each function, which may differ from function to function, then a *closing* module pipeline. Interprocedural facts
come from the one head that all functions share, so mixing function pipelines is sound (docs/plans.md).

As text, a staged recipe in which all functions take the same pipeline is ``HEAD | FUNCTION | CLOSING``, the last two
possibly empty; one pass list is itself. ``HEAD | FUNCTION / FUNCTION | CLOSING`` names several, which functions take in
turn: it stands for mixes when they are validated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from clang_llm.plans.types import MAX_LENGTH
from clang_llm.system.errors import PassListError

if TYPE_CHECKING:
    from clang_llm.plans.passlist import PassList
    from clang_llm.plans.vocabulary import Vocabulary

#: Between the stages of a recipe's text; no pipeline holds it.
SEPARATOR = "|"
#: Between the function pipelines of a mix, in text for people.
PER_FUNCTION = " / "
#: Functions among which pipelines are dealt out; later ones take the first.
_IN_TURN = 1024
#: Most function pipelines of one recipe and most functions of one module, the same as in the plugin.
MAX_PIPELINES, MAX_FUNCTIONS = 1024, 65536


class Recipe(NamedTuple):
    """One way to compile a module.

    Attributes:
        module: The pass list, or the head of a staged recipe; a module pipeline.
        functions: Function pipelines (what stands inside ``function(...)``, "" for none); empty: not staged.
        use: For each function that the head leaves defined, in module order, its place in `functions`; empty: all
            take the first.
        closing: Module pipeline after the functions, "" for none.
    """

    module: str
    functions: tuple[str, ...] = ()
    use: tuple[int, ...] = ()
    closing: str = ""

    @property
    def staged(self) -> bool:
        """Whether it has function pipelines."""
        return bool(self.functions)

    @property
    def head(self) -> tuple[str, str]:
        """What recipes must share for their functions to be mixed: head and closing pipeline."""
        return self.module, self.closing

    @property
    def text(self) -> str:
        """The recipe for people; parses back when `use` is empty."""
        if not self.staged:
            return self.module
        return f"{self.module} {SEPARATOR} {PER_FUNCTION.join(self.functions)} {SEPARATOR} {self.closing}".rstrip()

    @classmethod
    def read(cls, text: str) -> Recipe:
        """Read a text that `text` has made, with its pipelines as they stand.

        Raises:
            PassListError: There are not one or three stages.
        """
        stages = [stage.strip() for stage in text.split(SEPARATOR)]
        if len(stages) == 1:
            return cls(stages[0])
        if len(stages) != 3:
            raise PassListError(f"a recipe has one or three stages, not {len(stages)}; write HEAD | FUNCTION | CLOSING")
        head, function, closing = stages
        return cls(head, tuple(function.split(PER_FUNCTION)), closing=closing)

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Read a recipe's text; the pipelines come out in their canonical spelling.

        Raises:
            PassListError: A stage is no pipeline, or there are not one or three stages.
        """
        from clang_llm.plans.passlist import PassList

        as_written = cls.read(text)
        functions = (_function(PassList.parse(_wrapped(each))) if each else "" for each in as_written.functions)
        return cls(
            module=PassList.parse(as_written.module).text,
            functions=tuple(functions),
            closing=PassList.parse(as_written.closing).text if as_written.closing else "",
        )

    def message(self) -> str | dict[str, object]:
        """What the plugin is told (docs/protocol.md)."""
        if not self.staged:
            return self.module
        told: dict[str, object] = {"module": self.module, "functions": list(self.functions), "closing": self.closing}
        if self.use:
            told["use"] = list(self.use)
        return told

    def for_llvm(self, major: int) -> Recipe | None:
        """Return the recipe as this LLVM can run it (`PassList.for_llvm`), or None when nothing is left of its head."""
        from clang_llm.plans.passlist import PassList

        module = PassList.parse(self.module).for_llvm(major)
        if not module.items:
            return None
        closing = PassList.parse(self.closing).for_llvm(major).text if self.closing else ""
        functions = tuple(
            _function(PassList.parse(_wrapped(each)).for_llvm(major)) if each else "" for each in self.functions
        )
        return self._replace(module=module.text, functions=functions, closing=closing)

    def check(self, vocabulary: Vocabulary) -> None:
        """Check every pass, its parameters and its place.

        Raises:
            PassListError: With the first thing that is wrong.
        """
        from clang_llm.plans.passlist import PassList

        for text in self.pipelines():
            PassList.parse(text).check(vocabulary)
        if any(len(PassList.parse(_wrapped(each)).items) != 1 for each in self.functions if each):
            raise PassListError("a function pipeline closes its own stage; write what stands inside function(...)")
        self.check_counts()

    def check_counts(self) -> None:
        """Check how many function pipelines there are, and that there are those that functions use.

        Raises:
            PassListError: With the first thing that is wrong.
        """
        if len(self.functions) > MAX_PIPELINES or len(self.use) > MAX_FUNCTIONS:
            raise PassListError(f"{len(self.functions)} pipelines for {len(self.use)} functions are too many")
        if any(not 0 <= place < len(self.functions) for place in self.use):
            raise PassListError("a function uses a pipeline that the recipe does not have")

    def pipelines(self) -> Iterable[str]:
        """Yield each stage as a module pipeline."""
        yield self.module
        yield from (_wrapped(each) for each in self.functions if each)
        if self.closing:
            yield self.closing

    @property
    def flat(self) -> str:
        """The one pass list that does what the recipe does when all functions take its first pipeline."""
        return ",".join(self.uniform(self.functions[0]).pipelines()) if self.staged else self.module

    @property
    def opt_text(self) -> str:
        """`flat` as opt runs it: without what only the plugin knows; may be empty."""
        from clang_llm.plans.passlist import PassList

        return PassList.parse(self.flat).of_llvm().text

    def pipeline(self, place: int) -> str:
        """The function pipeline of the n-th function that the head leaves defined."""
        return self.functions[self.use[place] if self.use else 0]

    def uniform(self, function: str) -> Recipe:
        """Return the recipe with one function pipeline for all functions."""
        return self._replace(functions=(function,), use=())

    def in_turn(self) -> Recipe:
        """Return the recipe with its pipelines dealt out to functions in turn, for any module; one is for all."""
        if len(self.functions) < 2 or self.use:
            return self
        return self._replace(use=tuple(place % len(self.functions) for place in range(_IN_TURN)))

    def compact(self) -> Recipe:
        """Return the same recipe without function pipelines that no function uses."""
        if not self.use:
            return self
        kept = sorted(set(self.use))
        place = {old: new for new, old in enumerate(kept)}
        functions, use = (self.functions[old] for old in kept), (place[old] for old in self.use)
        return self._replace(functions=tuple(functions), use=tuple(use))


def usable(recipe: Recipe, major: int) -> Recipe | None:
    """Return a recipe as this LLVM runs it, or None when nothing is left or it is not allowed."""
    from clang_llm.plans.vocabulary import load

    fitting = recipe.for_llvm(major)
    if fitting is None:
        return None
    try:
        fitting.check(load(major))
    except PassListError:
        return None
    return fitting


def all_usable(
    recipes: Iterable[Recipe], major: int, judge: Callable[[Recipe, int], Recipe | None] = usable
) -> Iterator[Recipe]:
    """Yield what this LLVM can run, each once, no sooner than it is asked for: that costs a third of a millisecond.

    Args:
        recipes: The recipes.
        major: Major version of LLVM.
        judge: Says what `usable` does, quicker for some recipes.
    """
    seen = set()
    for recipe in recipes:
        fitting = judge(recipe, major)
        if fitting is not None and fitting not in seen:
            seen.add(fitting)
            yield fitting


def from_data(data: Mapping[str, object]) -> Recipe:
    """Read the recipe of a plan entry (docs/plans.md).

    Raises:
        TypeError: A field is not of its type.
        KeyError: A field is missing.
    """
    functions, use, closing = data["functions"], data.get("use", []), data["closing"]
    if not isinstance(functions, list) or not isinstance(use, list):
        raise TypeError("functions or use is not a list")
    return Recipe(
        module=_text(data["module"]),
        functions=tuple(_text(each) for each in functions),
        use=tuple(_place(each) for each in use),
        closing="" if closing is None else _text(closing),
    )


def _wrapped(function: str) -> str:
    return f"function({function})"


def _function(passes: PassList) -> str:
    """Return what stands in the one ``function(...)`` of a list, "" when nothing is left of it."""
    return passes.text.removeprefix("function(").removesuffix(")")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        raise TypeError(f"{str(value)[:40]!r} is not a pipeline")
    return value


def _place(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a place")
    return value
