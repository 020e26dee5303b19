"""What is wrong with the settings, in words: values that are not used, what was probably meant, what follows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

from clang_llm.cli.output import counted
from clang_llm.cli.reasons import NO_HOME, describe
from clang_llm.system.reader import FALSE_WORDS, TRUE_WORDS
from clang_llm.system.settings import CHOICES, NAMES, PREFIX, SWITCHES, Settings

# Backends that do nothing without another setting, with what it is.
_NEEDS = {
    "openai": ("URL", "the base URL of a server"),
    "scripted": ("SCRIPT", "a file with one recipe per line"),
    "transformers": ("MODEL", "a model's directory"),
}
# Errors that come from the settings or from what they lead to.
_TELLING = ("backend", "unvalidated")


def closest(word: str, words: Iterable[str]) -> str:
    """Return the word that was probably meant, or nothing."""
    return next(iter(difflib.get_close_matches(word, list(words), n=1)), "")


def meant(settings: Settings, name: str) -> str:
    """Return what was probably meant by the rejected value of a setting (upper case name), or nothing."""
    words = CHOICES.get(name, (*TRUE_WORDS, *FALSE_WORDS) if name in SWITCHES else ())
    return closest(settings.rejected[name].value.lower(), words)


def meant_name(name: str) -> str:
    """Return the setting that was probably meant by a name that is none, spelled the same way, or nothing."""
    close = closest(name.removeprefix(PREFIX).upper(), NAMES)
    if not close:
        return ""
    return PREFIX + close if name.startswith(PREFIX) else close.lower()


def missing(settings: Settings) -> str:
    """Return what the backend lacks, in a sentence, or nothing."""
    name, what = _NEEDS.get(settings.backend, ("", ""))
    if not name or getattr(settings, name.lower()):
        return ""
    return f"{PREFIX}BACKEND={settings.backend} needs {PREFIX}{name}, {what}; new modules are plain -Oz"


def problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each value that is not used, in a sentence, with what to do about it."""
    for name, (_, problem) in settings.rejected.items():
        close = meant(settings, name)
        yield problem, f"did you mean '{close}'?" if close else "correct the value"
    about_values = {problem for _, problem in settings.rejected.values()}
    for problem in settings.problems:
        if problem not in about_values:
            yield problem, "correct the file"
    if lacking := missing(settings):
        yield lacking, "set it, or another backend"


def at_os(settings: Settings, counters: Mapping[str, int]) -> str:
    """Return how compiles at -Os would be taken on, where some were left alone, or nothing."""
    count = counters.get("bypass:level_os", 0)
    if not count or "Os" in settings.levels:
        return ""
    return f"{counted(count, 'compile was', 'compiles were')} -Os: {PREFIX}LEVELS=Oz,Os would take them on"


def attention(settings: Settings, counters: Mapping[str, int]) -> list[str]:
    """Return one line on why new modules come out otherwise than the settings ask for, or none.

    Args:
        settings: Those of now.
        counters: What was counted (docs/settings.md).
    """
    found = [f"every compile is plain clang: {describe(NO_HOME)}"] if settings.homeless else []
    found += [f"{problem}; {remedy}" for problem, remedy in problems(settings)]
    found += [
        f"{name} is not a setting; did you mean {close}?" for name in settings.unknown if (close := meant_name(name))
    ]
    for reason in _TELLING:
        if count := counters.get(f"error:{reason}", 0):
            found.append(f"{counted(count, 'module was', 'modules were')} plain -Oz: {describe(reason)}")
    failed = counters.get("model:failed", 0)
    if failed > counters.get("model:answered", 0):
        found.append(
            f"the model gave no answer for {counted(failed, 'module')}, shipped recipes served; "
            "clang-llm-tool doctor says why"
        )
    more = f" ({len(found) - 1} more: clang-llm-tool doctor)" if len(found) > 1 else ""
    return [f"Attention: {found[0]}{more}"] if found else []
