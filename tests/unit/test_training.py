"""Making the model: the data set's files, and (where torch and tokenizers are installed) tokens and the loss."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from dataclasses import asdict
from pathlib import Path

import pytest

from clang_llm.backends.coreset import write_coreset
from clang_llm.errors import BackendError, DataError
from clang_llm.evaluation.coreset import mixes_of, under_one_head
from clang_llm.models.small import menu_at
from clang_llm.recipe import Recipe
from clang_llm.training.dataset import ModuleData, load


def staged(function: str, head: str = "globalopt") -> Recipe:
    return Recipe(head, (function,), (), "globaldce")


def test_a_menu_has_one_head(tmp_path: Path) -> None:
    write_coreset(19, [staged("sroa"), staged("gvn")], [], tmp_path)
    assert [recipe.functions for recipe in menu_at(tmp_path, 19)] == [("sroa",), ("gvn",)]
    write_coreset(19, [staged("sroa"), staged("gvn", "ipsccp")], [], tmp_path)
    with pytest.raises(BackendError, match="--one-head"):
        menu_at(tmp_path, 19)
    write_coreset(19, [staged("sroa"), Recipe("globaldce")], [], tmp_path)
    with pytest.raises(BackendError, match="--one-head"):
        menu_at(tmp_path, 19)


def test_a_pool_under_one_head_keeps_each_pipeline_once() -> None:
    found = under_one_head([staged("sroa"), staged("sroa", "ipsccp"), Recipe("globaldce"), staged("gvn")], 19)
    assert [recipe.functions for recipe in found] == [("sroa",), ("gvn",)]
    assert len({recipe.head for recipe in found}) == 1


def test_mixes_deal_out_the_pipelines_of_a_head() -> None:
    recipes = [staged("sroa"), staged("gvn"), staged("dce"), staged("adce", "ipsccp"), Recipe("globaldce")]
    found = mixes_of(recipes)
    # A head with one pipeline has nothing to mix.
    assert {recipe.module for recipe in found} == {"globalopt"}
    assert all(sorted(recipe.functions) == ["dce", "gvn", "sroa"] for recipe in found)
    assert found == mixes_of(recipes)
    again = Recipe.parse(found[0].text)
    assert again == found[0]
    assert again.in_turn().use[:4] == (0, 1, 2, 0)


def test_module_data_come_back_as_they_were_written(tmp_path: Path) -> None:
    data = ModuleData("p/a.c", "p", ("global \nret. ;\n",), ((10,), None), (50, None), 60, "x86_64", (12,))
    with gzip.open(tmp_path / "00.json.gz", "wt", encoding="ascii") as file:
        json.dump(asdict(data), file)
    assert load(tmp_path) == [data]
    with pytest.raises(DataError, match="dataset"):
        load(tmp_path / "nowhere")


def test_the_expected_minimum_is_exact() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.training.loss import expected_minimum

    logits = torch.tensor([[0.3, -1.0, 0.8, 0.0]])
    sizes = torch.tensor([[7.0, 3.0, 9.0, 3.0]])
    chances = torch.softmax(logits, dim=1)[0].tolist()
    for draws in (1, 2, 3):
        expected = 0.0
        for drawn in itertools.product(range(4), repeat=draws):
            chance = 1.0
            for place in drawn:
                chance *= chances[place]
            expected += chance * min(sizes[0, place].item() for place in drawn)
        assert expected_minimum(logits, sizes, draws).item() == pytest.approx(expected, rel=1e-5)


def test_a_text_that_does_not_fit_is_marked() -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install clang-llm[model]")
    from clang_llm.models.tokenizer import BEGIN, CUT, QUESTIONS, encode, recipe_token, token_id, train_tokenizer

    texts = ["global i32\nadd.i32 a1;ret. v;\n", "local p\nload.i32 a;br. ;\nret. v;\n"] * 4
    tokenizer = train_tokenizer(texts, 3, 200)
    whole = encode(tokenizer, texts[0], "thumbv7m-none-eabi", 100)
    assert whole[:2] == [token_id(tokenizer, BEGIN), token_id(tokenizer, "<arm>")]
    assert whole[-3:] == [token_id(tokenizer, question) for question in QUESTIONS]
    assert token_id(tokenizer, CUT) not in whole
    assert tokenizer.decode(whole[2:-3]).replace(" ", "") == texts[0].replace(" ", "")
    cut = encode(tokenizer, texts[0] * 50, "x86_64", 20)
    assert len(cut) == 20
    assert cut.count(token_id(tokenizer, CUT)) == 1
    assert len({tokenizer.token_to_id(recipe_token(place)) for place in range(3)}) == 3


def test_sizes_have_places_on_a_scale() -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install clang-llm[model]")
    from clang_llm.models.tokenizer import SIZES, place_of, size_at

    assert place_of(0) == place_of(2) == 0.0
    assert place_of(1 << 30) == SIZES - 1
    for size in (2, 3, 17, 250, 4000, 50000):
        assert size_at(place_of(size)) == pytest.approx(size)


def test_the_loss_of_sizes_is_least_where_they_are() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.models.tokenizer import SIZES, place_of
    from clang_llm.training.examples import Example
    from clang_llm.training.loss import loss_of_sizes

    example = Example((), (40, 32), 1.0, 100)
    near, far = torch.zeros((1, 2, SIZES)), torch.zeros((1, 2, SIZES))
    for question, size in enumerate((100, 32)):
        near[0, question, round(place_of(size))] = 5.0
        far[0, question, round(place_of(4 * size))] = 5.0
    assert loss_of_sizes(near, [example]).item() < loss_of_sizes(far, [example]).item()
    unknown = Example((), (40, 32), 1.0)
    assert loss_of_sizes(near, [unknown]).item() < loss_of_sizes(near, [example]).item()


def test_what_is_forgotten_is_never_a_question() -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.training.examples import Example, forgetful

    example = Example((1, 2, *range(100, 400), 7, 8, 9), (1,), 1.0)
    assert forgetful(example, random.Random(0), 0.0, 2) == example
    assert forgetful(example, random.Random(0), 1.0, 2).tokens == (1, 2, 7, 8, 9)
    some = forgetful(example, random.Random(0), 0.3, 2).tokens
    assert (some[:2], some[-3:]) == ((1, 2), (7, 8, 9))
    assert 120 < len(some) < 270
    assert list(some[2:-3]) == sorted(some[2:-3])
