"""The space that searches walk through: function pipelines and heads as sequences of elements of the vocabulary."""

from __future__ import annotations

import random
from collections.abc import Sequence

from clang_llm.plans.passlist import PassList
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.vocabulary import CODEGEN, Level, Vocabulary, load

#: Elements of a sequence, at most; the published search used lists of up to 50 passes.
MAX_ELEMENTS = 40
#: Passes of which nearly every good list has several; they are drawn more often, by this factor.
_FAVOURITES = ("instcombine", "simplifycfg", "sroa", "gvn", "early-cse", "licm", CODEGEN)
_FAVOUR = 4
#: Share of random function pipelines that begin with sroa: without it most passes see only memory.
_BEGINS_WITH_SROA = 0.8

Sequence_ = tuple[str, ...]


class Space:
    """Random, mutated and crossed sequences; every one that comes out fits the vocabulary.

    Args:
        major: Major version of LLVM.
        level: How far the vocabulary reaches.
    """

    def __init__(self, major: int, level: Level = Level.EXTENDED) -> None:
        vocabulary = load(major, level)
        self.major = major
        self.function = Elements(_function_elements(vocabulary))
        self.module = Elements(_module_elements(vocabulary))

    def random_function(self, rng: random.Random) -> Sequence_:
        """Return a random function pipeline of 4 to 30 elements."""
        found = self.function.sequence(rng, rng.randint(4, 30))
        return ("sroa", *found) if rng.random() < _BEGINS_WITH_SROA and self.function.has("sroa") else found


class Elements:
    """What sequences of one kind are made of; each pass is drawn equally often, then one of its variants.

    Args:
        variants: For each pass its elements.
    """

    def __init__(self, variants: dict[str, tuple[str, ...]]) -> None:
        # A pass whose parameters are all of another level has none here.
        self._variants = {name: elements for name, elements in variants.items() if elements}
        self._names = [name for name in self._variants for _ in range(_FAVOUR if name in _FAVOURITES else 1)]
        self.all = tuple(element for elements in variants.values() for element in elements)

    def has(self, element: str) -> bool:
        """Whether an element is one of these."""
        return element in self.all

    def one(self, rng: random.Random) -> str:
        """Draw an element."""
        return rng.choice(self._variants[rng.choice(self._names)])

    def sequence(self, rng: random.Random, length: int) -> Sequence_:
        """Draw a sequence."""
        return tuple(self.one(rng) for _ in range(length))

    def mutated(self, rng: random.Random, parent: Sequence_) -> Sequence_:
        """Return a sequence that differs from its parent in one to four edits."""
        child = list(parent)
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
            place = rng.randrange(len(child) + 1)
            edit = rng.random()
            if edit < 0.4 or not child:
                child.insert(place, self.one(rng))
            elif edit < 0.6:
                del child[place % len(child)]
            elif edit < 0.85:
                child[place % len(child)] = self.one(rng)
            else:
                moved = child.pop(place % len(child))
                child.insert(rng.randrange(len(child) + 1), moved)
        return tuple(child[:MAX_ELEMENTS])

    def crossed(self, rng: random.Random, first: Sequence_, second: Sequence_) -> Sequence_:
        """Return the beginning of one sequence with the end of another."""
        child = first[: rng.randrange(len(first) + 1)] + second[rng.randrange(len(second) + 1) :]
        return (child or first)[:MAX_ELEMENTS]


def elements_of(pipeline: str) -> Sequence_:
    """Cut a pipeline into its outermost elements."""
    if not pipeline:
        return ()
    # A function pipeline is not a module pipeline, but it is one inside function(...).
    wrapped = PassList.parse(f"function({pipeline})") if _is_function(pipeline) else PassList.parse(pipeline)
    items = wrapped.items[0].items if _is_function(pipeline) else wrapped.items  # type: ignore[union-attr]
    return tuple(item.text for item in items)


def pipeline_of(elements: Sequence[str]) -> str:
    """Join elements."""
    return ",".join(elements)


def in_all_ways(recipes: Sequence[Recipe], major: int, ways: Sequence[str] = ()) -> list[Recipe]:
    """Return recipes as they are and with every other way of generating code that is worth trying, each once.

    Args:
        recipes: The recipes.
        major: Major version of LLVM.
        ways: The ways, as what is between `codegen<` and `>`; all that the data lists when there are none.
    """
    listed = load(major).variants(CODEGEN) if CODEGEN in load(major).entries else ()
    ways = [f"{CODEGEN}<{way}>" for way in ways] or listed
    found: dict[Recipe, None] = {}
    for recipe in recipes:
        found[recipe] = None
        if len(recipe.functions) == 1:
            passes = [each for each in elements_of(recipe.functions[0]) if not each.startswith(CODEGEN)]
            found.update((recipe.uniform(pipeline_of([*passes, way])), None) for way in ways)
    return list(found)


def _is_function(pipeline: str) -> bool:
    """Whether a pipeline's first element can only stand in a function."""
    name = pipeline.partition("(")[0].partition(",")[0].partition("<")[0]
    if name in ("loop", "loop-mssa"):
        return True
    # The kind of a pass is the same in every version for all that a function pipeline of ours begins with.
    return any(load(major).fits(name, "function") for major in (22, 19, 14))


def _function_elements(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    found = {name: vocabulary.variants(name) for name in vocabulary.names("function") if not _coroutine(name)}
    for kind in ("loop", "loop-mssa"):
        for name in vocabulary.names(kind):
            found[name] = tuple(f"{kind}({variant})" for variant in vocabulary.variants(name))
    return found


def _module_elements(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    found = {name: vocabulary.variants(name) for name in vocabulary.names("module") if not _coroutine(name)}
    for name in vocabulary.names("cgscc"):
        if not _coroutine(name):
            found[name] = tuple(f"cgscc({variant})" for variant in vocabulary.variants(name))
    for name, variants in _function_elements(vocabulary).items():
        found[f"function {name}"] = tuple(f"function({variant})" for variant in variants)
    return found


def _coroutine(name: str) -> bool:
    # The mandatory lowerings have split coroutines before any list runs.
    return name.startswith("coro-")
