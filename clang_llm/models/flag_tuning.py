"""What all large models share: which questions a module makes, and which recipes their answers make.

A module that fits the model's window is one question. A longer one is a question for each of its largest functions. The
answer for a function becomes a recipe that runs its pipeline on all functions, under the head that most shipped recipes
share, because the function's place after the head is unknown until the head has run. The measurements tell what each
pipeline did to each function, and the mix takes the best for each (`clang_llm.plans.mixture`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clang_llm.models.ir import function_modules, normalised
from clang_llm.models.prompt import flag_tuning, read_answer
from clang_llm.models.translation import translate, translate_for_function
from clang_llm.plans.recipe import Recipe

#: Tokens of a question and its answer: the context of LLM Compiler.
WINDOW = 16384
#: Tokens of an answer, at most: what the published demonstration allows.
NEW_TOKENS = 800
#: Characters of an answer that the log keeps: all of any sensible one.
_LOGGED = 4000


@dataclass(frozen=True)
class Question:
    """One prompt.

    Attributes:
        function: The function that it shows; None when it shows the whole module.
    """

    prompt: str
    function: str | None = None


def questions(
    text: str, fits: Callable[[str], bool], at_most: int, say: Callable[[str], None], checked: bool = True
) -> list[Question]:
    """Return the questions that a module makes. What is not asked about is counted in the log.

    Args:
        text: The module.
        fits: Whether a prompt fits the model's window.
        at_most: How many questions may be asked.
        say: Takes lines for the log.
        checked: Have the modules of functions read and printed by llvmlite; False where it is not installed.
    """
    whole = flag_tuning(text)
    if fits(whole):
        return [Question(whole)]
    modules = sorted(function_modules(text), key=lambda each: -len(each[1]))
    asked: list[Question] = []
    long = broken = 0
    for name, module in modules:
        if len(asked) == at_most:
            break
        printed = normalised(module) if checked else module
        prompt = flag_tuning(printed) if printed is not None else ""
        if printed is None:
            broken += 1
        elif not fits(prompt):
            long += 1
        else:
            asked.append(Question(prompt, name))
    more = len(modules) - len(asked) - long - broken
    say(
        f"the module does not fit: {len(asked)} of {len(modules)} functions are asked about; "
        f"{long} do not fit either, {broken} cannot be cut out, {more} are beyond the budget"
    )
    return asked


def head_of(recipes: Iterable[Recipe]) -> Recipe | None:
    """Return the first staged recipe under the head that most have; None when none is staged."""
    staged = [recipe for recipe in recipes if recipe.staged]
    counts = Counter(recipe.head for recipe in staged)
    return max(staged, key=lambda recipe: counts[recipe.head], default=None)


def choices_of(recipes: Iterable[Recipe]) -> dict[str, Recipe]:
    """Return the answers to which a model can be held, each with the recipe that it stands for."""
    return {recipe.flat: recipe for recipe in recipes}


def recipes_of(
    answers: Sequence[tuple[Question, str]],
    major: int,
    like: Recipe | None,
    say: Callable[[str], None],
    choices: Mapping[str, Recipe] | None = None,
) -> list[Recipe]:
    """Return the recipes that answers make, in their order, each once.

    Args:
        answers: Questions with what the model said.
        major: Major version of LLVM.
        like: From `head_of`.
        say: Takes lines for the log.
        choices: From `choices_of`: answers that are one of these are understood word by word.
    """
    found: dict[Recipe, None] = {}
    for question, text in answers:
        about = f"function {question.function}" if question.function else "module"
        say(f"answer for the {about}: {text[:_LOGGED]!r}")
        chosen = (choices or {}).get(text.strip())
        if chosen is not None:
            found[chosen] = None
            continue
        pipeline = read_answer(text).pipeline
        if pipeline is None:
            say("the answer holds no pass list")
            continue
        if question.function is None:
            translated = translate(pipeline, major)
        elif like is None:
            say(f"no recipe is shipped for LLVM {major} whose head a function's pass list could have")
            continue
        else:
            translated = translate_for_function(pipeline, major, like)
        if translated.dropped:
            say(f"{len(translated.dropped)} passes are left out: {' '.join(translated.dropped)[:_LOGGED]}")
        if translated.recipe is not None:
            found[translated.recipe] = None
        else:
            say("plain -Oz is the answer" if translated.plain else "no pass of the answer can be used")
    return list(found)
