"""Making the model: the data set's files, and (where torch and tokenizers are installed) tokens and the loss."""

from __future__ import annotations

import gzip
import json
import math
import random
from dataclasses import asdict
from pathlib import Path

import pytest

from clang_llm.lab.shipping.coreset import under_one_head
from clang_llm.lab.training.dataset import ModuleData, load
from clang_llm.lab.training.evaluate import (
    BOTH,
    CORESET,
    COUNTS,
    TUNER,
    WAYS,
    differences,
    draw,
    for_modules,
    savings,
    tables,
)
from clang_llm.lab.training.examples import Example, examples_of
from clang_llm.plans.coreset import read_menu, write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import REFUSED
from clang_llm.system.errors import BackendError, DataError
from clang_llm.tuning.mixes import mixes_of


def staged(function: str, head: str = "globalopt") -> Recipe:
    return Recipe(head, (function,), (), "globaldce")


def test_a_menu_has_one_head(tmp_path: Path) -> None:
    write_coreset(19, [staged("sroa"), staged("gvn")], [], tmp_path)
    assert [recipe.functions for recipe in read_menu(19, tmp_path).lists] == [("sroa",), ("gvn",)]
    write_coreset(19, [staged("sroa"), staged("gvn", "ipsccp")], [], tmp_path)
    with pytest.raises(BackendError, match="--one-head"):
        read_menu(19, tmp_path)
    write_coreset(19, [staged("sroa"), Recipe("globaldce")], [], tmp_path)
    with pytest.raises(BackendError, match="--one-head"):
        read_menu(19, tmp_path)


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


def example(*sizes: int) -> Example:
    return Example((), sizes, 1.0)


def test_sets_add_most_to_what_is_there() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.answers import best_sets

    rng = torch.Generator().manual_seed(3)
    excess = torch.rand((7, 5), generator=rng)
    logits = torch.randn((4, 7), generator=rng)
    chances = torch.softmax(logits, dim=1)
    for function, chosen in enumerate(best_sets(logits, excess, 5).tolist()):
        assert sorted(chosen) == list(range(5))
        for count in range(1, 4):
            # What comes next is at least as good as anything else there was.
            expected = {
                place: float(chances[function] @ excess[:, [*chosen[: count - 1], place]].min(dim=1).values)
                for place in range(5)
            }
            assert expected[chosen[count - 1]] == pytest.approx(min(expected.values()), abs=1e-5)
    # Whoever is sure takes the best recipe of the profile; more than there are is all there are.
    sure = torch.full((1, 7), -100.0)
    sure[0, 2] = 100.0
    assert best_sets(sure, excess, 99).shape == (1, 5)
    assert best_sets(sure, excess, 1).item() == excess[2].argmin().item()


def test_profiles_are_the_kinds_of_functions_there_are() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.profiles import excess_of, fixed_order, make_profiles, with_profiles

    kinds = [(100, 120, 110), (150, 100, 100), (16, 16, 24)]
    examples = [example(*sizes) for sizes in kinds for _ in range(5)]
    assert excess_of(examples)[0].tolist() == pytest.approx([0.0, 0.2, 0.1])
    # Small functions count as if they had 16 bytes, and hopeless recipes as if they doubled the size.
    assert excess_of([example(4, 8, 400)])[0].tolist() == pytest.approx([0.0, 0.25, 1.0])
    profiles = make_profiles(examples, 9, 1)
    assert torch.equal(profiles, make_profiles(examples, 9, 1))
    found = with_profiles(examples, profiles)
    for some in (found[:5], found[5:10], found[10:]):
        (place,) = {each.profile for each in some}
        assert profiles[place].tolist() == pytest.approx(excess_of(some)[0].tolist(), abs=1e-6)
    assert len({each.profile for each in found}) == 3
    for each in found:
        shares = [share for _, share in each.near]
        assert sum(shares) == pytest.approx(1)
        assert shares == sorted(shares, reverse=True)
    assert sum(each.stake for each in found) == pytest.approx(len(found))
    # The third recipe is best for one kind only, and yet best when there is but one.
    assert fixed_order(found, profiles) == [2, 0, 1]
    assert make_profiles(examples[:2], 9, 1).shape == (2, 3)


def test_profiles_come_back_as_they_were_written(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.answers import read_profiles, write_profiles
    from clang_llm.models.small import known_of

    with pytest.raises(BackendError, match="profiles"):
        read_profiles(tmp_path)
    recipes = (staged("sroa,instcombine<no-verify-fixpoint>"), staged("gvn"))
    write_profiles(tmp_path, torch.tensor([[0.0, 0.5], [0.25, 0.0]]), recipes)
    excess, known = read_profiles(tmp_path)
    assert excess.tolist() == [[0.0, 0.5], [0.25, 0.0]]
    assert known == recipes
    # Another LLVM may have fewer of them, in another order, and write them otherwise.
    menu = [staged("gvn"), staged("dse"), staged("sroa,instcombine")]
    assert known_of(menu, known, 14) == {menu[0]: 1, menu[2]: 0}
    (tmp_path / "profiles.safetensors").write_bytes(b"nothing")
    with pytest.raises(BackendError, match="profiles"):
        read_profiles(tmp_path)


def test_the_loss_is_least_for_the_right_profile() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.loss import loss_of_profiles

    batch = [Example((), (1,), 1.0, near=((1, 1.0),), stake=2.0), Example((), (1,), 1.0, near=((0, 1.0),), stake=1.0)]
    logits = torch.tensor([[0.0, 3.0], [0.0, 3.0]])
    first, second = loss_of_profiles(logits, batch).tolist()
    assert first / 2 < second
    assert first == pytest.approx(2 * math.log(1 + math.exp(-3)))
    # Where two are right, being sure of one of them costs.
    (shared,) = loss_of_profiles(logits[:1], [Example((), (1,), 1.0, near=((1, 0.5), (0, 0.5)))]).tolist()
    (even,) = loss_of_profiles(torch.zeros((1, 2)), [Example((), (1,), 1.0, near=((1, 0.5), (0, 0.5)))]).tolist()
    assert even == pytest.approx(math.log(2))
    assert shared == pytest.approx((first / 2 + second) / 2)
    assert shared > even


def test_a_text_that_does_not_fit_is_marked() -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.tokenizer import (
        BEGIN,
        CUT,
        FRONT,
        QUESTIONS,
        encode,
        profile_token,
        size_token,
        token_id,
        token_ids,
        train_tokenizer,
    )

    texts = ["global i32\nadd.i32 a1;ret. v;\n", "local p\nload.i32 a;br. ;\nret. v;\n"] * 4
    tokenizer = train_tokenizer(texts, 3, 200)
    whole = encode(tokenizer, texts[0], "thumbv7m-none-eabi", 100)
    # Two instructions are about eight bytes: two doublings of two, in quarters.
    assert whole[:FRONT] == token_ids(tokenizer, (BEGIN, "<arm>", size_token(8)))
    assert whole[-3:] == [token_id(tokenizer, question) for question in QUESTIONS]
    assert token_id(tokenizer, CUT) not in whole
    assert tokenizer.decode(whole[FRONT:-3]).replace(" ", "") == texts[0].replace(" ", "")
    cut = encode(tokenizer, texts[0] * 50, "x86_64", 20)
    assert len(cut) == 20
    assert cut.count(token_id(tokenizer, CUT)) == 1
    # What was cut off counts, too: a hundred instructions.
    assert cut[FRONT - 1] == token_id(tokenizer, size_token(31))
    assert len({tokenizer.token_to_id(profile_token(place)) for place in range(3)}) == 3


def test_what_is_refused_counts_as_the_worst_of_the_rest() -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.tokenizer import train_tokenizer

    text = "global \nret. ;\n"
    functions = ((10, REFUSED + 4), (20, REFUSED + 5), None, (REFUSED + 1, REFUSED + 6))
    data = ModuleData("p/a.c", "p", (text, text), functions, (50, 60, None, 70), 60, "x86_64", ())
    found = examples_of([data], train_tokenizer([text], 3, 200), 64)
    assert [each.sizes for each in found] == [(10, 20, 20, 20), (0, 0, 0, 0)]


def test_sizes_have_places_on_a_scale() -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.tokenizer import SIZES, place_of, size_at

    assert place_of(0) == place_of(2) == 0.0
    assert place_of(1 << 30) == SIZES - 1
    for size in (2, 3, 17, 250, 4000, 50000):
        assert size_at(place_of(size)) == pytest.approx(size)


def test_the_loss_of_sizes_is_least_where_they_are() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.loss import loss_of_sizes
    from clang_llm.lab.training.tokenizer import SIZES, place_of

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
    from clang_llm.lab.training.examples import forgetful

    example = Example((1, 2, *range(100, 400), 7, 8, 9), (1,), 1.0)
    assert forgetful(example, random.Random(0), 0.0, 2) == example
    assert forgetful(example, random.Random(0), 1.0, 2).tokens == (1, 2, 7, 8, 9)
    some = forgetful(example, random.Random(0), 0.3, 2).tokens
    assert (some[:2], some[-3:]) == ((1, 2), (7, 8, 9))
    assert 120 < len(some) < 270
    assert list(some[2:-3]) == sorted(some[2:-3])


ROWS: list[dict[str, dict[str, int]]] = [
    {
        "oz": {"0": size},
        **{way: {str(count): size - saved for count in COUNTS} for way in WAYS},
        TUNER: {"50": size // 2},
    }
    for size, saved in ((100, 10), (1000, 0))
]


def test_savings_are_told_as_mean_and_total() -> None:
    mean, total = savings(ROWS, WAYS[0])[8]
    assert mean == pytest.approx(1 - math.sqrt(0.9))
    assert total == pytest.approx(10 / 1100)
    found = tables(ROWS)
    assert list(found) == ["savings", "difference", TUNER]
    assert found["savings"].markdown().count("5.13 / 0.91 %") == len(COUNTS) * len(WAYS)
    # No way is better than another, whatever is drawn.
    assert found["difference"].markdown().count("| +0.00 | +0.00 | +0.00 |") == len(COUNTS)
    assert "| 50 | 50.00 / 50.00 % |" in found[TUNER].markdown()
    assert TUNER not in tables([{name: row[name] for name in ("oz", *WAYS)} for row in ROWS])


def test_what_one_module_decides_is_told_without_it() -> None:
    huge = {"oz": {"0": 100}, **{way: {str(count): 50 for count in COUNTS} for way in WAYS}}
    huge |= {CORESET: {str(count): 100 for count in COUNTS}, TUNER: {"50": 50}}
    found = tables([*ROWS, huge])
    assert found["steady"].markdown().count("5.13 / 0.91 %") == len(COUNTS) * len(WAYS)
    assert "5.13 / 0.91 %" not in found["savings"].markdown()
    gain, low, high = differences([*ROWS, huge], BOTH, CORESET)[1]
    assert gain == pytest.approx(savings([*ROWS, huge], BOTH)[1][0] - savings([*ROWS, huge], CORESET)[1][0])
    assert 0 == low < gain < high


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install clang-llm[model]")
    for name in ("first.svg", "second.svg"):
        draw(ROWS, tmp_path / name)
    text = (tmp_path / "first.svg").read_text()
    assert text == (tmp_path / "second.svg").read_text()
    assert text.count("<use ") >= len(COUNTS) * len(WAYS)


def test_without_choice_per_function_the_most_wanted_pipeline_is_everybodys() -> None:
    ranked = [
        Recipe("globalopt", ("sroa", "gvn"), (0, 0, 1)),
        Recipe("globalopt", ("gvn", "dce"), (0, 1, 1)),
        Recipe("globalopt", ("gvn",), ()),
    ]
    # The third function weighs more than the others.
    assert for_modules(ranked, [10, 20, 40]) == [Recipe("globalopt", (each,)) for each in ("gvn", "dce")]


def test_sizes_are_off_by_function_and_by_module() -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    from clang_llm.lab.training.network import Opinion
    from clang_llm.lab.training.prediction import errors_of

    functions = ((100, 60), None, (90, REFUSED + 2))
    data = ModuleData("p/a.c", "p", ("", ""), functions, (200, None, 210), 200, "x86_64", (0, 80))
    found = errors_of(data, [Opinion((0,), 50.0, 99.0), Opinion((0,), 60.0, 30.0)])
    # The function that had no bytes before counts for the whole only.
    assert found == {
        "before": [0.25],
        "before, modules": [pytest.approx(30 / 80)],
        "after": [pytest.approx(0.1), 0.5],
        "after, modules": [pytest.approx(21 / 150)],
    }
