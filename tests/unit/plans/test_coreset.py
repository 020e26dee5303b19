"""The vetted pass lists that the package ships."""

from __future__ import annotations

import pytest

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.vocabulary import load
from clang_llm.system.settings import EFFORT_TABLE

SHIPPED = (14, 15, 16, 19, 22)


@pytest.mark.parametrize("major", SHIPPED)
def test_every_set_is_vetted_and_long_enough(major: int) -> None:
    coreset = read_coreset(major)
    assert f"on LLVM {major}." in coreset.evidence[0]
    assert len(coreset.lists) >= max(EFFORT_TABLE)


@pytest.mark.parametrize("major", SHIPPED)
def test_every_list_fits_the_vocabulary_and_is_normalised(major: int) -> None:
    for each in read_coreset(major).lists:
        each.check(load(major))
        assert each.for_llvm(major) == each
