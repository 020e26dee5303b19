"""What a plan may be made of, whose word counts for it, and what becomes of a plan that nobody here has measured."""

import os
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from clang_llm.backends import Measured
from clang_llm.backends.model import BUNDLED
from clang_llm.backends.proposal import ProposalBackend
from clang_llm.plans import vetted
from clang_llm.plans.coreset import read_coreset, read_menu
from clang_llm.plans.plan import Plan, decode, encode, seal_on
from clang_llm.plans.recipe import MAX_FUNCTIONS, Recipe, usable
from clang_llm.plans.store import seal
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.vouched import is_vouched, vouch
from clang_llm.plans.types import Request, Result, Status
from clang_llm.system.errors import BackendError

KEY = "ab" * 32
STRANGE = Recipe("globalopt,globaldce,globalopt,globaldce,globalopt")


def shipped_recipe(place: int = 0) -> Recipe:
    return [recipe for recipe in read_coreset(19).lists if recipe.staged][place]


def make_plan(recipe: Recipe | None, budget: int = 6) -> Plan:
    size = 100 if recipe is None else 90
    return Plan(KEY, "19.1.7", "x86_64-pc-linux-gnu", recipe, 100, size, budget, {"backend": "coreset"})


@pytest.mark.parametrize("major", [14, 15, 16, 19, 22])
def test_all_that_is_shipped_is_vetted_and_nothing_else(major: int) -> None:
    known = vetted.shipped(major)
    for some in (read_coreset(major), read_menu(major, BUNDLED)):
        for recipe in some.lists:
            assert vetted.digests_of(recipe) <= known
            for closing in some.closings:
                if recipe.staged:
                    assert vetted.digests_of(recipe._replace(closing=closing)) <= known
    assert not vetted.digests_of(STRANGE) & known


@pytest.mark.parametrize("major", [14, 15, 16, 19, 22])
def test_all_that_is_shipped_is_run_as_it_is_written(major: int) -> None:
    """So nobody parses it: not who reads a set, and not the search."""
    for some in (read_coreset(major), read_menu(major, BUNDLED)):
        for recipe in (*some.lists, *map(Recipe, some.closings)):
            assert Recipe.parse(recipe.text) == recipe
            assert usable(recipe, major) == vetted.usable_or_shipped(recipe, major) == recipe


@pytest.mark.parametrize("use", [(), (0,), (1,), (-1,), (0,) * (MAX_FUNCTIONS + 1)])
def test_a_recipe_of_shipped_pieces_is_judged_like_any_other(use: tuple[int, ...]) -> None:
    recipe = shipped_recipe()._replace(use=use)
    assert vetted.usable_or_shipped(recipe, 19) == usable(recipe, 19)
    for other in (recipe._replace(closing="instcombine"), recipe._replace(module="no-such-pass"), STRANGE):
        assert vetted.usable_or_shipped(other, 19) == usable(other, 19)


def test_a_piece_counts_for_its_stage_alone() -> None:
    recipe = shipped_recipe()
    assert not vetted.digests_of(Recipe(recipe.module)) <= vetted.shipped(19)
    assert not vetted.digests_of(recipe._replace(closing=recipe.module)) <= vetted.shipped(19)


def test_an_unknown_llvm_has_nothing_vetted() -> None:
    assert vetted.shipped(17) == frozenset()
    assert vetted.sources(17) == ()


def test_what_this_user_vouches_for_is_believed_for_that_llvm(tmp_path: Path) -> None:
    assert is_vouched(tmp_path, 19, shipped_recipe())
    assert not is_vouched(tmp_path, 19, STRANGE)
    assert vouch(tmp_path, 19, STRANGE)
    assert is_vouched(tmp_path, 19, STRANGE)
    assert not is_vouched(tmp_path, 16, STRANGE)


def test_vouching_twice_writes_once_and_for_nobody_else_to_write(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        assert vouch(tmp_path, 19, STRANGE)
        assert vouch(tmp_path, 19, STRANGE)
    finally:
        os.umask(old)
    path = tmp_path / "vetted" / "llvm-19"
    assert path.read_text().split() == sorted(vetted.digests_of(STRANGE))
    assert path.stat().st_mode & 0o022 == 0
    assert path.parent.stat().st_mode & 0o022 == 0


def test_a_link_or_a_pipe_vouches_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "vetted").mkdir()
    (tmp_path / "elsewhere").write_text("\n".join(vetted.digests_of(STRANGE)))
    (tmp_path / "vetted" / "llvm-19").symlink_to(tmp_path / "elsewhere")
    assert not is_vouched(tmp_path, 19, STRANGE)
    (tmp_path / "vetted" / "llvm-19").unlink()
    os.mkfifo(tmp_path / "vetted" / "llvm-19")
    assert not is_vouched(tmp_path, 19, STRANGE)
    assert not vouch(tmp_path, 19, STRANGE)


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    assert seal.key_of(tmp_path) is None
    key = seal.key_of(tmp_path, create=True)
    assert key is not None
    assert len(key) == 64
    assert seal.key_of(tmp_path, create=True) == key
    path = tmp_path / f"seal-{os.geteuid()}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602])
def test_a_key_that_others_may_read_or_write_is_none(tmp_path: Path, mode: int) -> None:
    seal.key_of(tmp_path, create=True)
    (tmp_path / f"seal-{os.geteuid()}").chmod(mode)
    assert seal.key_of(tmp_path, create=True) is None


def test_a_plan_of_ours_is_sealed_and_one_that_was_copied_there_is_not(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert store.put(make_plan(shipped_recipe()))
    assert store.is_sealed(KEY)
    other = LocalStore(tmp_path / "other")
    other.path(KEY).parent.mkdir(parents=True)
    other.path(KEY).write_bytes(store.path(KEY).read_bytes())
    assert not other.is_sealed(KEY)
    assert other.get(KEY) == make_plan(shipped_recipe())
    assert other.put(make_plan(None)._replace(key="cd" * 32))  # now the other one has a key, too
    assert not other.is_sealed(KEY)


def test_a_seal_is_for_one_text(tmp_path: Path) -> None:
    key = seal.key_of(tmp_path, create=True) or b""
    sealed = encode(make_plan(shipped_recipe()), lambda checksum: seal.seal_of(key, checksum))
    checksum, words = seal_on(sealed)
    assert words == seal.seal_of(key, checksum)
    assert decode(sealed, KEY) == make_plan(shipped_recipe())
    assert seal_on(encode(make_plan(shipped_recipe()))) == ("", "")


def test_a_plan_of_others_gives_way_to_what_was_measured_here(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    path = store.path(KEY)
    path.parent.mkdir(parents=True)
    path.write_bytes(encode(make_plan(shipped_recipe(1))._replace(size=1, budget=32)))
    assert store.put(make_plan(shipped_recipe()))
    assert store.get(KEY) == make_plan(shipped_recipe())


class Scripted:
    """A backend that proposes one recipe."""

    def __init__(self) -> None:
        self.asked = False

    def propose(self, request: Request) -> Generator[Sequence[Recipe], Sequence[Measured], None]:
        del request
        self.asked = True
        yield [Recipe("globaldce")]

    def accepts(self, recipe: Recipe) -> bool:
        return recipe == Recipe("globaldce")

    def vetted(self, request: Request) -> str | None:
        del request
        return None


def request(budget: int = 6) -> Request:
    return Request(KEY, "19.1.7", 19, "x86_64-pc-linux-gnu", budget, 10, 1, "a.c", None)


def proposals(backend: ProposalBackend, status: Status, budget: int = 6) -> list[Sequence[Recipe]]:
    asking = backend.propose(request(budget))
    asked = [next(asking)]
    try:
        while True:
            asked.append(asking.send([(asked[-1][0], Result(0, status, 90))]))
    except StopIteration:
        return asked


def test_a_plan_that_ends_well_ends_the_search() -> None:
    inner = Scripted()
    backend = ProposalBackend(make_plan(shipped_recipe()), inner)
    assert proposals(backend, Status.OK) == [[shipped_recipe()]]
    assert not inner.asked
    assert backend.accepts(shipped_recipe())
    assert not backend.accepts(STRANGE)


@pytest.mark.parametrize(("status", "budget"), [(Status.INTERFACE, 6), (Status.CRASHED, 6), (Status.OK, 7)])
def test_a_plan_that_does_not_or_is_from_a_smaller_search_begins_one(status: Status, budget: int) -> None:
    backend = ProposalBackend(make_plan(shipped_recipe()), Scripted())
    assert proposals(backend, status, budget) == [[shipped_recipe()], [Recipe("globaldce")]]


def test_a_confirmed_plan_keeps_its_origin_and_any_other_does_not() -> None:
    theirs = make_plan(shipped_recipe(), budget=32)._replace(provenance={"backend": "tune"})
    backend = ProposalBackend(theirs, Scripted())
    ours = make_plan(shipped_recipe())
    assert backend.confirmed(ours) == ours._replace(budget=32, provenance={"backend": "tune"})
    assert backend.confirmed(make_plan(None)) == make_plan(None)


def test_a_plan_for_oz_proposes_nothing() -> None:
    with pytest.raises(BackendError, match="proposes nothing"):
        ProposalBackend(make_plan(None), Scripted())
