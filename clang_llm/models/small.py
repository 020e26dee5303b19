"""The small model: which recipes of a menu should be tried on each function, best first. The plugin computes it.

Its directory holds what `transformers.AutoModelForCausalLM` reads (``config.json``, ``model.safetensors``), the
tokenizer (``tokenizer.json``), the profiles (``profiles.safetensors``) and for each LLVM the menu
(``llvm-<major>.txt``): vetted recipes that share one head. What comes back from the plugin are places in the menu:
nothing that was not vetted can be said (docs/small-model.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from clang_llm.plans.coreset import Coreset, family_of
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Choice
from clang_llm.system.errors import BackendError

#: The file of the profiles; the header of safetensors keeps the texts of their recipes under this name, one a line.
PROFILES, RECIPES = "profiles.safetensors", "recipes"
#: Bytes of a header, which is JSON.
_MOST_HEADER = 16 << 20
#: Recipes of a menu: the plugin answers with a byte for each choice.
_MOST_RECIPES = 255


def texts_of(directory: Path) -> list[str]:
    """Return the recipes that a model knows as texts, in the order of its profiles' columns.

    Raises:
        BackendError: There are none.
    """
    try:
        with (directory / PROFILES).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _MOST_HEADER)))
        return list(header["__metadata__"][RECIPES].splitlines())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BackendError(
            f"{directory} holds no profiles ({error}); make the model with clang_llm.lab.training.train"
        ) from error


def recipes_of(directory: Path) -> tuple[Recipe, ...]:
    """Return the same as recipes.

    Raises:
        BackendError: There are none.
        PassListError: One has not one or three stages.
    """
    return tuple(map(Recipe.read, texts_of(directory)))


def known_of(menu: Sequence[Recipe], recipes: Sequence[Recipe], major: int) -> dict[Recipe, int]:
    """Return where the recipes of a menu stand among those of profiles; those that are not there are left out.

    Args:
        menu: As one LLVM can run them, which may be fewer than the model knows.
        recipes: Of the profiles, maybe as another LLVM runs them.
        major: Major version of the menu's LLVM.
    """
    places = {each.for_llvm(major): place for place, each in enumerate(recipes)}
    return {each: places[each] for each in menu if each in places}


def by_rank(menu: Sequence[Recipe], rankings: Sequence[Sequence[int]]) -> list[Recipe]:
    """Return recipes: the first gives every function its first choice, the second its second, and so on.

    Args:
        menu: Recipes of one head.
        rankings: For each function places in the menu, best first; all of one length.
    """
    recipes = []
    for choices in zip(*rankings, strict=True):
        distinct = list(dict.fromkeys(choices))
        functions = tuple(menu[place].functions[0] for place in distinct)
        use = tuple(distinct.index(place) for place in choices)
        recipes.append(Recipe(menu[0].module, functions, use if len(distinct) > 1 else (), menu[0].closing))
    return recipes


def columns_of(menu: Coreset, directory: Path) -> dict[Recipe, int]:
    """Return what a model knows of a menu, with the columns of its profiles; raises as `recipes_of` does."""
    if menu.columns:
        return dict(zip(menu.lists, menu.columns, strict=True))
    texts = {text: place for place, text in enumerate(texts_of(directory))}
    found = {each: texts[each.text] for each in menu.lists if each.text in texts}
    # Parsing takes longer than all else; only another LLVM than the one of the training may spell recipes otherwise.
    return found if len(found) == len(menu.lists) else known_of(menu.lists, recipes_of(directory), menu.major)


def ranked(
    ask: Callable[[Choice], Sequence[tuple[int, ...]]], menu: Coreset, target: str, directory: Path, count: int
) -> list[Recipe]:
    """Return so many recipes for a module, at most as many as the model knows of the menu; see `by_rank`.

    Args:
        ask: Asks the plugin.
        menu: The model's, for the LLVM that asks.
        target: The triple.
        directory: The model's.
        count: How many.

    Raises:
        BackendError: The model has nothing for this LLVM, or the plugin refuses it.
        PassListError: A recipe does not parse.
    """
    known = columns_of(menu, directory)
    recipes, columns = list(known)[:_MOST_RECIPES], tuple(known.values())[:_MOST_RECIPES]
    if not recipes:
        raise BackendError(f"{directory} knows no recipe of its menu for LLVM {menu.major}")
    # Targets without a family are read as the one of which most was seen.
    choice = Choice(recipes[0].module, str(directory), family_of(target) or "x86", columns, min(count, len(recipes)))
    return by_rank(recipes, ask(choice)) if count > 0 else []
