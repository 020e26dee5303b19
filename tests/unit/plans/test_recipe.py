"""Recipes as text, as messages, for a version of LLVM."""

import pytest

from clang_llm.cli.explain import tell
from clang_llm.cli.trial import PLUGIN, Explanation
from clang_llm.plans.recipe import Recipe, from_data, usable
from clang_llm.plans.vocabulary import load
from clang_llm.system.errors import PassListError

STAGED = Recipe("globalopt,function(sroa)", ("gvn,loop-mssa(licm)",), (), "globaldce")


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("globaldce", Recipe("globaldce")),
        ("globalopt,function(sroa)|gvn,loop-mssa(licm)|globaldce", STAGED),
        (" globalopt | sroa | ", Recipe("globalopt", ("sroa",))),
        ("globalopt||", Recipe("globalopt", ("",))),
    ],
)
def test_recipes_are_read_and_written(text: str, recipe: Recipe) -> None:
    assert Recipe.parse(text) == recipe
    assert Recipe.parse(recipe.text) == recipe


@pytest.mark.parametrize(
    "text", ["", "a | b", "globaldce | sroa | globaldce | globaldce", "globaldce | sroa) | x", "| sroa |"]
)
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(PassListError):
        Recipe.parse(text)


def test_what_the_plugin_is_told() -> None:
    assert Recipe("globaldce").message() == "globaldce"
    assert STAGED.message() == {
        "module": "globalopt,function(sroa)",
        "functions": ["gvn,loop-mssa(licm)"],
        "closing": "globaldce",
    }
    mixed = Recipe("globalopt", ("sroa", "", "gvn"), (2, 0, 2), "")
    assert mixed.compact() == Recipe("globalopt", ("sroa", "gvn"), (1, 0, 1), "")
    told = mixed.message()
    assert isinstance(told, dict)
    assert told["use"] == [2, 0, 2]
    assert from_data({**told, "closing": None}) == mixed


def test_a_recipe_is_thinned_to_what_a_version_has() -> None:
    recipe = Recipe("globalopt", ("instcombine,infer-alignment",), (), "globaldce")
    old, new = recipe.for_llvm(14), recipe.for_llvm(19)
    assert old is not None
    assert new is not None
    assert old.functions == ("instcombine",)
    assert new.functions == ("instcombine<no-verify-fixpoint>,infer-alignment",)
    assert Recipe("infer-alignment", ("sroa",)).for_llvm(14) is None or not load(14).allows("infer-alignment")
    assert usable(Recipe("globalopt", ("structurizecfg",)), 19) is None


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("globalopt", ("globaldce",)),
        Recipe("globalopt", ("sroa),function(sroa",)),
        Recipe("globalopt", ("sroa",), (1,)),
        Recipe("globalopt", ("sroa",), (0,) * 70000),
        Recipe("sroa", ("sroa",)),
        Recipe("globalopt", ("sroa",), (), "structurizecfg"),
    ],
    ids=["module pass", "closes its stage", "place", "too many", "head", "closing"],
)
def test_what_may_not_run_is_refused(recipe: Recipe) -> None:
    with pytest.raises(PassListError):
        recipe.check(load(19))


def test_the_flat_list_of_a_recipe() -> None:
    assert STAGED.flat == "globalopt,function(sroa),function(gvn,loop-mssa(licm)),globaldce"
    assert Recipe("globalopt", ("",)).flat == "globalopt"
    assert Recipe("globalopt").flat == "globalopt"


def test_a_mix_is_explained_stage_by_stage() -> None:
    mixed = Recipe("globalopt", ("sroa", "gvn"), (0, 1), "globaldce").text
    events: list[dict[str, object]] = [
        {"event": "result", "id": -1, "status": "ok", "size": 100, "parts": [60, 20, 0, 20], "pipeline": ""},
        {"event": "result", "id": 0, "status": "ok", "size": 90, "parts": [50, 20, 0, 20], "pipeline": mixed},
        {"event": "decision", "do": "apply", "pipeline": mixed, "reason": ""},
    ]
    lines = "\n".join(tell(Explanation("clang", "19.1.7", PLUGIN, 1, [events])))
    assert "mix of 2 function pipelines" in lines
    assert "first for the module: globalopt\n" in lines
    assert "then for each function that it suits: gvn\n" in lines
    assert "then for the module: globaldce" in lines


def test_opt_is_spared_what_only_the_plugin_knows() -> None:
    recipe = Recipe("globalopt", ("sroa,codegen<no-minsize>,loop(loop-rotate)",), (), "globaldce")
    assert recipe.opt_text == "globalopt,function(sroa,loop(loop-rotate)),globaldce"
    assert Recipe("globalopt", ("codegen<frame-pointer>",)).opt_text == "globalopt"
    assert Recipe("function(codegen<frame-pointer>)").opt_text == ""


def test_how_code_is_generated_is_said_with_parameters_only() -> None:
    for text in ("codegen", "codegen<no-such>", "codegen<frame-pointer;no-such>"):
        with pytest.raises(PassListError, match="codegen"):
            Recipe("globalopt", (text,)).check(load(19))
    Recipe("globalopt", ("codegen<frame-pointer;no-minsize>",)).check(load(19))
