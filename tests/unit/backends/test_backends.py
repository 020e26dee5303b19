from pathlib import Path

import pytest

from clang_llm import backends
from clang_llm.backends import TABLE
from clang_llm.backends.coreset import CoresetBackend
from clang_llm.backends.model import resolved
from clang_llm.backends.scripted import ScriptedBackend, read_lists
from clang_llm.plans.coreset import read_coreset, write_coreset
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.types import Request, Result, Status
from clang_llm.plans.vocabulary import load
from clang_llm.system.errors import BackendError, PassListError
from clang_llm.system.settings import DEFAULT_BACKEND, Settings

SUPPORTED = (14, 15, 16, 19, 22)


def make_settings(**variables: str) -> Settings:
    return Settings.load({"HOME": "/nowhere", **variables})


def make_request(major: int = 19, budget: int = 4) -> Request:
    return Request("ab" * 32, f"{major}.1.0", major, "x86_64", budget)


def lists(*texts: str) -> list[Recipe]:
    return [Recipe.parse(text) for text in texts]


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_name_in_the_table_makes_a_backend(name: str) -> None:
    backend = backends.create(name, make_settings())
    assert type(backend).__name__.lower() == f"{name}backend"


def test_an_unknown_backend_is_told_with_the_known_ones() -> None:
    with pytest.raises(BackendError, match="coreset, model, openai, scripted"):
        backends.create("nobody", make_settings())


def test_the_default_is_the_model_where_it_has_a_menu_and_the_coreset_elsewhere(tmp_path: Path) -> None:
    write_coreset(19, lists("globaldce"), [], tmp_path, orders={"arm": lists("globaldce")})
    settings = make_settings(CLANG_LLM_MODEL=str(tmp_path))._replace(backend=DEFAULT_BACKEND)
    assert resolved(settings, 19, "armv7em-none-eabi") == settings._replace(backend="model")
    assert resolved(settings, 19, "x86_64-pc-linux-gnu") == settings._replace(backend="coreset")
    assert resolved(settings, 16, "armv7em-none-eabi") == settings._replace(backend="coreset")
    # What is set stays, a misspelt name included: it is told. So is a menu that somebody has changed.
    for name in ("model", "modell"):
        assert resolved(settings._replace(backend=name), 16, "x86_64").backend == name
    (tmp_path / "llvm-19.txt").write_text("changed")
    assert resolved(settings, 19, "x86_64").backend == "model"
    # The one that comes with the package needs nothing else.
    assert resolved(make_settings(), 19, "x86_64-pc-linux-gnu").backend == "model"
    assert resolved(make_settings(), 19, "aarch64-linux-gnu").backend == "coreset"


def test_a_backend_whose_package_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "TABLE", {"model": "no_such_package.model:Model"})
    with pytest.raises(BackendError, match="no_such_package"):
        backends.create("model", make_settings())


def test_scripted_reads_one_list_a_line(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("# a comment\n\nglobaldce\nfunction(adce)\n")
    backend = ScriptedBackend(make_settings(CLANG_LLM_SCRIPT=str(tmp_path / "script")))
    assert next(backend.propose(make_request())) == lists("globaldce", "function(adce)")
    assert backend.vetted(make_request()) is None


def test_scripted_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="CLANG_LLM_SCRIPT"):
        list(ScriptedBackend(make_settings()).propose(make_request()))
    with pytest.raises(BackendError, match="No such file"):
        list(ScriptedBackend(make_settings(CLANG_LLM_SCRIPT=str(tmp_path / "x"))).propose(make_request()))


def test_scripted_lists_that_do_not_parse(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("function(adce\n")
    with pytest.raises(PassListError):
        read_lists(tmp_path / "script")


def test_a_coreset_survives_writing(tmp_path: Path) -> None:
    written = lists("globaldce", "function(adce)")
    path = write_coreset(19, written, ["HumanEval-X, 164 programs", "twice"], tmp_path)
    coreset = read_coreset(19, tmp_path)
    assert path.name == "llvm-19.txt"
    assert coreset.lists == tuple(written)
    assert coreset.evidence == ("HumanEval-X, 164 programs", "twice")
    assert coreset.identity in path.read_text()


def test_a_coreset_keeps_the_closing_stages_of_its_mixes(tmp_path: Path) -> None:
    closings = ["mergefunc,globaldce", "no-such-pass", "function(instcombine)"]
    write_coreset(19, lists("globaldce"), [], tmp_path, closings)
    coreset = read_coreset(19, tmp_path)
    assert coreset.closings == ("mergefunc,globaldce", "function(instcombine<no-verify-fixpoint>)")
    path = tmp_path / "llvm-19.txt"
    path.write_text(path.read_text().replace("mergefunc,", ""))
    with pytest.raises(BackendError, match="validate --write"):
        read_coreset(19, tmp_path)


def test_a_coreset_is_normalised_and_holds_each_list_once(tmp_path: Path) -> None:
    texts = ["function(instcombine)", "globaldce", "function(instcombine<no-verify-fixpoint>)", "elim-avail-extern"]
    write_coreset(19, lists(*texts), [], tmp_path)
    assert read_coreset(19, tmp_path).lists == tuple(lists("function(instcombine<no-verify-fixpoint>)", "globaldce"))
    write_coreset(14, lists(*texts), [], tmp_path)
    assert read_coreset(14, tmp_path).lists == tuple(lists("function(instcombine)", "globaldce"))


def test_a_list_outside_the_vocabulary_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(PassListError, match="structurizecfg"):
        write_coreset(19, lists("function(structurizecfg)"), [], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_identity_depends_on_the_lists_and_their_order(tmp_path: Path) -> None:
    identities = set()
    for texts in (["globaldce", "function(adce)"], ["function(adce)", "globaldce"], ["globaldce"]):
        write_coreset(19, lists(*texts), [], tmp_path)
        identities.add(read_coreset(19, tmp_path).identity)
    assert len(identities) == 3


def test_families_of_targets_have_an_order_of_their_own(tmp_path: Path) -> None:
    some = lists("globaldce", "function(adce)", "function(sroa)")
    write_coreset(19, some, [], tmp_path, orders={"arm": [some[2], some[0], *lists("function(gvn)")], "wasm": []})
    coreset = read_coreset(19, tmp_path)
    assert coreset.orders == {"arm": (2, 0)}
    for triple in ("armv7em-none-eabi", "thumbv7m-none-eabi"):
        assert list(coreset.for_target(triple)) == [some[2], some[0], some[1]]
    for triple in ("x86_64-pc-linux-gnu", "wasm32-wasi", "aarch64-linux-gnu"):
        assert list(coreset.for_target(triple)) == some
    # The order is part of what was chosen, so it is part of the identity.
    write_coreset(19, some, [], tmp_path, orders={"arm": some})
    assert read_coreset(19, tmp_path).identity != coreset.identity


def test_an_order_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    some = lists("globaldce", "function(adce)")
    path = write_coreset(19, some, [], tmp_path, orders={"arm": some})
    for changed in ("# order arm: 1,0", "# order arm: 0,x"):
        path.write_text(path.read_text().replace("# order arm: 0,1", changed))
        with pytest.raises(BackendError, match="validate --write"):
            read_coreset(19, tmp_path)


def test_a_menu_says_under_which_numbers_the_model_knows_its_lists(tmp_path: Path) -> None:
    some = lists("globaldce", "function(adce)")
    path = write_coreset(19, some, [], tmp_path, columns={some[0]: 3, some[1]: 1})
    menu = read_coreset(19, tmp_path)
    assert menu.columns == (3, 1)
    for wrong in ("3", "3,1,2", "3,x", ""):
        path.write_text(path.read_text().replace("# columns: 3,1\n", f"# columns: {wrong}\n"))
        with pytest.raises(BackendError, match="validate --write"):
            read_coreset(19, tmp_path)
        write_coreset(19, some, [], tmp_path, columns={some[0]: 3, some[1]: 1})
    # What is allowed is the same without, and so is the identity; a menu of which the model knows a part has none.
    for columns in (None, {some[0]: 3}):
        write_coreset(19, some, [], tmp_path, columns=columns)
        assert read_coreset(19, tmp_path) == menu._replace(columns=())


@pytest.mark.parametrize("edit", [("globaldce\n", ""), ("globaldce", "globalopt"), ("# clang-llm coreset 1", "# x")])
def test_a_coreset_that_was_changed_by_hand_is_refused(tmp_path: Path, edit: tuple[str, str]) -> None:
    path = write_coreset(19, lists("globaldce", "function(adce)"), [], tmp_path)
    path.write_text(path.read_text().replace(*edit))
    with pytest.raises(BackendError, match="validate --write"):
        read_coreset(19, tmp_path)


def test_there_is_no_set_for_an_llvm_that_nothing_was_validated_on(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="LLVM 19"):
        read_coreset(19, tmp_path)


@pytest.mark.parametrize("major", SUPPORTED)
def test_the_shipped_sets_are_whole_and_allowed(major: int) -> None:
    coreset = read_coreset(major)
    assert coreset.lists
    for passes in coreset.lists:
        passes.check(load(major))
        assert passes.for_llvm(major) == passes
    assert len({passes.text for passes in coreset.lists}) == len(coreset.lists)


def test_the_coreset_backend_proposes_its_set_in_order_and_keeps_room_for_the_mix() -> None:
    backend = CoresetBackend(make_settings())
    recipes = list(read_coreset(19).for_target("x86_64"))
    proposals = backend.propose(make_request(budget=32))
    assert next(proposals) == recipes[:2]
    failed = [(recipe, Result(number, Status.CRASHED, 0)) for number, recipe in enumerate(recipes[:2])]
    # One compilation is the mix's, and one in seven another closing stage's.
    assert proposals.send(failed) == recipes[2:27]
    assert all(backend.accepts(recipe) for recipe in read_coreset(19).lists)
    expected = read_coreset(19).identity if read_coreset(19).evidence else None
    assert backend.vetted(make_request()) == expected
