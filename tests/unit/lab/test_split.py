"""Which packages may be used for what."""

from __future__ import annotations

import pytest

from clang_llm.lab.measure import demo, packages, savings
from clang_llm.lab.packages.recipes import RECIPES
from clang_llm.lab.packages.split import Split, require, split_of
from clang_llm.system.errors import SplitError


@pytest.mark.parametrize(
    ("package", "split"),
    [("lua5.4", Split.TRAIN), ("mawk", Split.VALIDATION), ("lz4", Split.TEST), ("libjsoncpp", Split.TEST)],
)
def test_the_split_is_fixed_by_the_name(package: str, split: Split) -> None:
    assert split_of(package) is split


@pytest.mark.parametrize("package", ["zlib", "libpng1.6", "libjpeg-turbo", "gnupg2", "sphinxbase", "lame", "tiff"])
def test_benchmark_programs_are_refused(package: str) -> None:
    with pytest.raises(SplitError, match="benchmark"):
        split_of(package)


def test_a_package_of_another_split_is_refused() -> None:
    assert require("mawk", Split.VALIDATION) is Split.VALIDATION
    with pytest.raises(SplitError, match="train"):
        require("lua5.4", Split.VALIDATION)


@pytest.mark.parametrize("name", [recipe.name for recipe in RECIPES])
def test_no_recipe_is_for_a_test_package(name: str) -> None:
    assert require(name, Split.TRAIN, Split.VALIDATION) in (Split.TRAIN, Split.VALIDATION)


def test_savings_are_measured_on_validation_packages_only() -> None:
    assert len(savings.DEFAULT_PACKAGES) >= 6
    assert {split_of(name) for name in savings.DEFAULT_PACKAGES} == {Split.VALIDATION}


def test_the_default_packages_have_recipes_and_both_languages() -> None:
    by_name = {recipe.name: recipe for recipe in RECIPES}
    assert len(packages.DEFAULT_PACKAGES) >= 12
    for names in (
        packages.DEFAULT_PACKAGES,
        packages.IDENTITY_PACKAGES,
        savings.DEFAULT_PACKAGES,
        demo.DEFAULT_PACKAGES,
    ):
        assert {by_name[name].language for name in names} == {"C", "C++"}
    assert len(packages.IDENTITY_PACKAGES) >= 5
    assert len(set(by_name)) == len(RECIPES)
