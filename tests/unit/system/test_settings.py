import os
from pathlib import Path

import pytest

from clang_llm.backends import TABLE
from clang_llm.system.places import own_cache
from clang_llm.system.settings import (
    BACKEND_WORDS,
    DEFAULT_BACKEND,
    DEFAULT_EFFORT,
    DEFAULT_INFER_MS,
    DEFAULT_MAX_SIZE,
    DEFAULT_MIN_INSTRUCTIONS,
    EFFORT_TABLE,
    NAMES,
    Settings,
    compiler_environment,
    parse_size,
)


def load(tmp_path: Path, config: str | None = None, **variables: str) -> Settings:
    if config is not None:
        (tmp_path / "clang-llm.conf").write_text(config)
    environ = {**os.environ, "CLANG_LLM_CONFIG": str(tmp_path / "clang-llm.conf")}
    for name in ("BACKEND", "MIN_INSTRUCTIONS"):
        environ.pop(f"CLANG_LLM_{name}", None)
    return Settings.load({**environ, **{f"CLANG_LLM_{name}": value for name, value in variables.items()}})


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.clang is None
    assert [settings.disable, settings.recache, settings.readonly, settings.explaining] == [False] * 4
    assert settings.backend == DEFAULT_BACKEND
    assert settings.effort == DEFAULT_EFFORT
    assert settings.candidates == EFFORT_TABLE[DEFAULT_EFFORT]
    assert (settings.jobs, settings.min_instructions) == (None, DEFAULT_MIN_INSTRUCTIONS)
    assert settings.max_size == DEFAULT_MAX_SIZE
    assert (settings.unknown, settings.problems) == ((), ())
    assert settings.origin("effort") == "default"


def test_a_large_model_is_waited_for_as_long_as_is_said(tmp_path: Path) -> None:
    assert load(tmp_path).infer_ms == DEFAULT_INFER_MS
    assert load(tmp_path, INFER_MS="70").infer_ms == 70


def test_the_effort_table_rises_from_nothing() -> None:
    assert len(EFFORT_TABLE) == 10
    assert EFFORT_TABLE[0] == 0
    assert sorted(set(EFFORT_TABLE)) == list(EFFORT_TABLE)


def test_the_environment_wins_over_the_config_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "effort = 5\n# a comment\nbackend=scripted # another\nJOBS = 4\n\n", EFFORT="7")
    assert (settings.effort, settings.backend, settings.jobs) == (7, "scripted", 4)
    assert settings.origin("EFFORT") == "environment"
    assert settings.origin("backend") == "config file"
    assert settings.origin("readonly") == "default"
    assert settings.problems == ()


def test_config_in_its_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = tmp_path / "clang-llm" / "clang-llm.conf"
    place.parent.mkdir()
    place.write_text("effort = 1\n")
    assert Settings.load({}).effort == 1
    assert Settings.load({}).config == place


def test_the_cache_is_where_it_was_told_to_be_else_the_user_s_own(tmp_path: Path) -> None:
    assert load(tmp_path, CACHE_DIR="/c").cache_dir == Path("/c")
    assert load(tmp_path, "cache_dir = /d\n").cache_dir == Path("/d")
    assert load(tmp_path, CACHE_DIR="").cache_dir == own_cache(os.environ)
    assert not load(tmp_path).homeless


def test_without_a_home_nothing_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    settings = Settings.load(os.environ)
    assert settings.homeless
    with pytest.raises(NotADirectoryError):
        settings.cache_dir.mkdir(parents=True)
    assert not Settings.load({**os.environ, "CLANG_LLM_CACHE_DIR": str(tmp_path / "c")}).homeless


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_switches_that_are_on(tmp_path: Path, value: str) -> None:
    assert load(tmp_path, DISABLE=value).disable


@pytest.mark.parametrize("value", ["0", "false", "No", "off", ""])
def test_switches_that_are_off(tmp_path: Path, value: str) -> None:
    assert not load(tmp_path, "disable = 1\n", DISABLE=value).disable


def test_the_exact_count_wins_over_the_effort(tmp_path: Path) -> None:
    assert load(tmp_path, EFFORT="2", CANDIDATES="17").candidates == 17
    assert load(tmp_path, EFFORT="2", CANDIDATES="0").candidates == 0
    assert load(tmp_path, EFFORT="2").candidates == EFFORT_TABLE[2]


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        ({"EFFORT": "high"}, "effort", DEFAULT_EFFORT),
        ({"EFFORT": "-1"}, "effort", DEFAULT_EFFORT),
        ({"EFFORT": "10"}, "effort", 9),
        ({"CANDIDATES": "3.5"}, "candidates", EFFORT_TABLE[DEFAULT_EFFORT]),
        ({"CANDIDATES": "٣"}, "candidates", EFFORT_TABLE[DEFAULT_EFFORT]),
        ({"CANDIDATES": "4294967296"}, "candidates", EFFORT_TABLE[DEFAULT_EFFORT]),
        ({"LEVELS": "Oz,O2"}, "levels", ("Oz",)),
        ({"LEVELS": ","}, "levels", ("Oz",)),
        ({"DISABLE": "maybe"}, "disable", True),
        ({"MAX_SIZE": "big"}, "max_size", DEFAULT_MAX_SIZE),
    ],
    ids=str,
)
def test_senseless_values_are_told_and_never_fatal(
    tmp_path: Path, variables: dict[str, str], field: str, value: object
) -> None:
    settings = load(tmp_path, **variables)
    assert getattr(settings, field) == value
    assert len(settings.problems) == 1
    assert next(iter(variables)) in settings.problems[0]


@pytest.mark.parametrize(
    ("name", "value", "used"),
    [
        ("JOBS", "100000", 256),
        ("CANDIDATES", "1000001", 1_000_000),
        ("INFER_MS", "9999999", 1_000_000),
    ],
)
def test_numbers_are_bounded_and_that_is_told(tmp_path: Path, name: str, value: str, used: int) -> None:
    settings = load(tmp_path, **{name: value})
    spelled = {"CANDIDATES": "candidates_set"}.get(name, name.lower())
    assert getattr(settings, spelled) == used
    assert settings.rejected[name].value == value
    assert f"{used} is used" in settings.rejected[name].problem


def test_zeros_in_front_are_no_matter(tmp_path: Path) -> None:
    settings = load(tmp_path, JOBS="0" * 5000 + "7", CANDIDATES="000")
    assert (settings.jobs, settings.candidates_set, settings.problems) == (7, 0, ())


def test_a_backend_that_there_is_not_is_told_and_kept(tmp_path: Path) -> None:
    settings = load(tmp_path, BACKEND="modle")
    assert settings.backend == "modle"
    assert settings.problems == (settings.rejected["BACKEND"].problem,)
    assert "expected one of auto, coreset, model" in settings.problems[0]


def test_the_words_for_backends_are_the_table() -> None:
    assert sorted(BACKEND_WORDS) == sorted([*TABLE, DEFAULT_BACKEND, "capture"])


def test_a_config_file_is_cut_as_the_plugin_cuts_it(tmp_path: Path) -> None:
    text = "effort\x1f= 1\nefﬀort = 2\n\v EFFORT\t=\f3 \r\njobs = 2\0\n"
    settings = load(tmp_path, text)
    assert (settings.effort, settings.jobs) == (3, None)
    assert any("NUL" in problem for problem in settings.problems)


def test_jobs_are_bounded(tmp_path: Path) -> None:
    assert load(tmp_path, JOBS="0").jobs is None
    assert load(tmp_path, JOBS="Auto").jobs is None
    assert load(tmp_path, JOBS="100000").jobs == 256


def test_unknown_names_are_reported_from_both_sources(tmp_path: Path) -> None:
    settings = load(tmp_path, "efort = 3\nconfig = x\n", EFORT="3")
    assert settings.unknown == ("CLANG_LLM_EFORT", "config", "efort")


def test_an_unreadable_config_file_is_a_problem_not_an_error(tmp_path: Path) -> None:
    settings = Settings.load({"CLANG_LLM_CONFIG": str(tmp_path)})
    assert len(settings.problems) == 1
    assert str(tmp_path) in settings.problems[0]


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    (tmp_path / "clang-llm.conf").write_bytes(b"log = /tmp/\xff.log\n")
    assert load(tmp_path).log == Path("/tmp/\udcff.log")


def test_every_documented_name_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, **dict.fromkeys(set(NAMES) - {"CONFIG"}, "1"))
    assert all(settings.origin(name) == "environment" for name in NAMES)


@pytest.mark.parametrize(
    ("value", "levels"),
    [("", ("Oz",)), ("Oz", ("Oz",)), ("os", ("Os",)), ("OS , oz", ("Oz", "Os")), ("Oz,Oz", ("Oz",))],
)
def test_levels(tmp_path: Path, value: str, levels: tuple[str, ...]) -> None:
    settings = load(tmp_path, LEVELS=value)
    assert (settings.levels, settings.problems) == (levels, ())


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("512", 512), ("1k", 1024), ("256M", 256 << 20), ("5 G", 5 << 30), ("1T", 1 << 40)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "1.5M", "-1", "1MB", "ten"])
def test_no_sizes(text: str) -> None:
    assert parse_size(text) is None


def test_compilers_are_asked_without_what_changes_their_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CCC_OVERRIDE_OPTIONS", "CPATH", "CLANG_LLM_EFFORT", "_CLANG_LLM_APPLY", "CC_PRINT_OPTIONS"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("KEPT", "yes")
    environment = compiler_environment({"_CLANG_LLM_IDENTITY": "file"})
    assert environment["KEPT"] == "yes"
    assert environment["_CLANG_LLM_IDENTITY"] == "file"
    assert not {"CCC_OVERRIDE_OPTIONS", "CPATH", "CLANG_LLM_EFFORT", "_CLANG_LLM_APPLY", "CC_PRINT_OPTIONS"} & set(
        environment
    )
