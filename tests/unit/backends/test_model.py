"""The small model's backend: what the plugin is asked, and what becomes of its answers."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from clang_llm.backends.model import ModelBackend, with_lead
from clang_llm.models.small import by_rank
from clang_llm.plans.coreset import Coreset, read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Choice, Module, Request
from clang_llm.system import log
from clang_llm.system.errors import BackendError
from clang_llm.system.settings import Settings

KEY = "ab" * 32
#: Of the model that the tests make: the second is not in its menu.
RECIPES = [Recipe("globalopt", (each,), (), "globaldce") for each in ("sroa", "dse", "gvn")]


class Plugin:
    """Answers for the plugin."""

    def __init__(self, answer: list[tuple[int, ...]] | str) -> None:
        self.answer = answer
        self.choices: list[Choice] = []

    def describe(self, head: str) -> list[str]:
        raise AssertionError(head)

    def ask(self, choice: Choice) -> list[tuple[int, ...]]:
        self.choices.append(choice)
        if isinstance(self.answer, str):
            raise BackendError(self.answer)
        return self.answer

    def module(self) -> Module:
        raise AssertionError


def make_model(directory: Path, evidence: tuple[str, ...] = ("all programs",), **orders: list[Recipe]) -> Coreset:
    """Write what the backend itself reads of a model, and return its menu."""
    write_coreset(19, [RECIPES[2], RECIPES[0]], evidence, directory, orders=orders)
    header = json.dumps({"__metadata__": {"recipes": "\n".join(each.text for each in RECIPES)}}).encode()
    (directory / "profiles.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return read_coreset(19, directory)


def propose(
    root: Path, plugin: Plugin, explain_to: Path | None = None, budget: int = 4, **variables: str
) -> tuple[ModelBackend, list[Recipe]]:
    """Return the backend and its first round."""
    environ = {"HOME": str(root), "CLANG_LLM_CACHE_DIR": str(root / "cache"), "CLANG_LLM_LOG": str(root / "log")}
    environ |= {"CLANG_LLM_MODEL": str(root / "model"), **variables}
    if "CLANG_LLM_READONLY" not in variables:
        (root / "cache").mkdir(exist_ok=True)
    backend = ModelBackend(Settings.load(environ)._replace(explain_to=explain_to))
    proposals = backend.propose(Request(KEY, "19.1.7", 19, "x86_64", budget, reader=plugin))
    first = list(next(proposals))
    proposals.close()
    return backend, first


def counts(root: Path) -> Counter[str]:
    return log.fold_events(root / "cache")


REQUEST = Request(KEY, "19.1.7", 19, "x86_64", 4)
FIRST = next(read_coreset(19).for_target("x86_64"))


def test_of_the_coresets_those_with_other_heads_come_first() -> None:
    first = [Recipe("globalopt", (f"first{number}",)) for number in range(14)]
    same = [Recipe("globalopt", (f"same{number}",)) for number in range(2)]
    whole = Recipe("globaldce")
    other = [Recipe("ipsccp", ("a",)), Recipe("globalopt", ("b",), (), "globaldce")]
    second = [same[0], other[0], whole, other[1], same[1]]
    assert list(with_lead(first, iter(second))) == [*first[:12], *other, same[0], whole, same[1], *first[12:]]
    # Nothing is read before it is needed.
    left = iter(second)
    assert list(islice(with_lead(first, left), 13)) == [*first[:12], other[0]]
    assert list(left) == second[2:]
    # Without a model the coreset's order is its own.
    assert list(with_lead([], iter(second))) == second
    assert list(with_lead(first[:2], same)) == [*first[:2], *same]


def test_the_coresets_recipes_come_after_the_models_first(tmp_path: Path) -> None:
    menu = make_model(tmp_path / "model")
    mixed = Recipe("globalopt", ("gvn", "sroa"), (0, 1), "globaldce")
    backend, first = propose(tmp_path, plugin := Plugin([(0,), (1,)]))
    # The first look (`mixture.in_order`).
    assert first == [mixed, FIRST]
    # The menu's recipes are the last and the first of the model's.
    assert plugin.choices == [Choice("globalopt", str(tmp_path / "model"), "x86", (2, 0), 2)]
    assert [backend.origin(each) for each in first] == ["model", "coreset"]
    assert backend.origin(mixed._replace(use=(1, 1))) == "mix"
    assert all(backend.accepts(each) for each in first)
    assert backend.vetted(REQUEST) == f"{menu.identity}+{read_coreset(19).identity}"
    assert counts(tmp_path) == Counter({"model:answered": 1})


def test_rankings_become_recipes() -> None:
    menu = [Recipe("globalopt", (each,), (), "globaldce") for each in ("sroa", "gvn", "dce")]
    first, second = by_rank(menu, [(2, 1), (0, 1), (2, 1)])
    assert first == Recipe("globalopt", ("dce", "sroa"), (0, 1, 0), "globaldce")
    assert second == menu[1]
    assert by_rank(menu, []) == []


def test_no_more_is_asked_for_than_is_compiled(tmp_path: Path) -> None:
    make_model(tmp_path / "model")
    propose(tmp_path, plugin := Plugin([(1,)]), budget=1)
    assert [choice.number for choice in plugin.choices] == [1]


def test_what_nobody_vetted_is_not_accepted(tmp_path: Path) -> None:
    make_model(tmp_path / "model")
    backend, _ = propose(tmp_path, Plugin([(0, 1)]))
    assert backend.accepts(Recipe("globalopt", ("sroa", "gvn"), (1, 0), "globaldce"))
    assert backend.accepts(Recipe("globalopt", ("sroa",), (), read_coreset(19).closings[0]))
    for bad in ("dse", "sroa,gvn", ""):
        assert not backend.accepts(Recipe("globalopt", ("sroa", bad), (1, 0), "globaldce"))
    assert not backend.accepts(Recipe("globalopt", ("sroa",), (), "globalopt"))
    assert not backend.accepts(Recipe("globalopt"))


def test_a_menu_that_nobody_validated_is_not_used(tmp_path: Path) -> None:
    make_model(tmp_path / "model", ())
    backend, first = propose(tmp_path, plugin := Plugin([(0, 1)]))
    assert first[0] == FIRST
    assert plugin.choices == []
    assert backend.vetted(REQUEST) == read_coreset(19).identity
    assert "never validated" in (tmp_path / "log").read_text()


def test_a_model_for_other_machines_is_not_asked(tmp_path: Path) -> None:
    make_model(tmp_path / "model", arm=RECIPES)
    backend, first = propose(tmp_path, plugin := Plugin([(0, 1)]), explain_to=tmp_path / "said")
    assert first[0] == FIRST
    assert plugin.choices == []
    assert backend.vetted(REQUEST) == read_coreset(19).identity
    said = (tmp_path / "said").read_text()
    assert '"unusable"' in said
    assert "is for arm, not for x86_64" in said
    assert counts(tmp_path) == Counter()
    make_model(tmp_path / "model", arm=RECIPES, x86=RECIPES)
    _, first = propose(tmp_path, plugin)
    assert first[0] == RECIPES[2]
    assert len(plugin.choices) == 1


@pytest.mark.parametrize("damage", [b"", b"\xff" * 8, b"\2\0\0\0\0\0\0\0{}", b"\2\0\0\0\0\0\0\0[]"])
def test_profiles_without_recipes_cost_nothing_but_the_model(tmp_path: Path, damage: bytes) -> None:
    make_model(tmp_path / "model")
    (tmp_path / "model" / "profiles.safetensors").write_bytes(damage)
    _, first = propose(tmp_path, plugin := Plugin([(0, 1)]))
    assert (first[0], plugin.choices) == (FIRST, [])
    assert counts(tmp_path) == Counter({"model:failed": 1})
    assert "holds no profiles" in (tmp_path / "log").read_text()


def test_what_the_plugin_refuses_is_told(tmp_path: Path) -> None:
    make_model(tmp_path / "model")
    backend, first = propose(tmp_path, Plugin("the network is too large"), explain_to=tmp_path / "said")
    assert first[0] == FIRST
    assert backend.vetted(REQUEST) == read_coreset(19).identity
    assert counts(tmp_path) == Counter({"model:failed": 1})
    assert "the network is too large" in (tmp_path / "said").read_text()


def test_a_module_without_functions_has_the_coresets_recipes(tmp_path: Path) -> None:
    make_model(tmp_path / "model")
    backend, first = propose(tmp_path, Plugin([]))
    assert first[0] == FIRST
    assert backend.vetted(REQUEST) == read_coreset(19).identity


def test_nothing_is_counted_where_nothing_may_be_written(tmp_path: Path) -> None:
    make_model(tmp_path / "model")
    propose(tmp_path, Plugin([(0, 1)]), CLANG_LLM_READONLY="1")
    assert not (tmp_path / "cache").exists()
