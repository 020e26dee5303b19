"""Build systems, the commands that follow from them, source lines, configuration logs; without a compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.lab.measure.configlog import differences, normalise
from clang_llm.lab.packages import dependencies, sources
from clang_llm.lab.packages.build import Built, Compilers, Project, StepResult, build, plan_steps
from clang_llm.lab.packages.recipes import AUTOTOOLS, CMAKE, MAKE, RECIPES, Recipe, detect_system, recipe_for
from clang_llm.lab.packages.sources import source_lines
from clang_llm.system.errors import PackageError

COMPILERS = Compilers("/x/clang-llm", "/x/clang-llm++", {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("files", "system"),
    [
        (("configure", "CMakeLists.txt", "Makefile"), AUTOTOOLS),
        (("configure.ac",), AUTOTOOLS),
        (("CMakeLists.txt", "Makefile"), CMAKE),
        (("GNUmakefile",), MAKE),
    ],
)
def test_the_build_system_is_told_by_the_files(tmp_path: Path, files: tuple[str, ...], system: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert detect_system(tmp_path) == system


def test_a_tree_without_a_build_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="choose another package"):
        detect_system(tmp_path)


def test_a_package_without_a_recipe_gets_an_empty_one() -> None:
    assert recipe_for("nobody-knows-it") == Recipe("nobody-knows-it")
    assert recipe_for("lua5.4") in RECIPES


def test_autotools_steps_pass_compilers_and_flags(tmp_path: Path) -> None:
    (tmp_path / "configure.ac").touch()
    recipe = Recipe("a", configure=("--disable-shared",), test=("make", "check"))
    steps = plan_steps(recipe, tmp_path, COMPILERS, "-Oz -g", 2)
    assert [step.kind for step in steps] == ["configure", "configure", "build", "test"]
    assert steps[0].argv[0] == "autoreconf"
    assert {"CC=/x/clang-llm", "CXX=/x/clang-llm++", "CFLAGS=-Oz -g", "--disable-shared"} <= set(steps[1].argv)
    assert steps[2].argv == ("make", "-j2")


def test_cmake_steps_leave_the_optimisation_level_to_us(tmp_path: Path) -> None:
    steps = plan_steps(Recipe("a", system=CMAKE), tmp_path, COMPILERS, "-Oz", 1)
    assert {"-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_FLAGS=-Oz", "-DCMAKE_CXX_COMPILER=/x/clang-llm++"} <= set(
        steps[0].argv
    )


def test_make_steps_fill_the_recipe_in(tmp_path: Path) -> None:
    recipe = Recipe("a", system=MAKE, make=("CFLAGS=-fPIC {flags}", "all"), test=("sh", "t", "{cc}", "{jobs}"))
    steps = plan_steps(recipe, tmp_path, COMPILERS, "-Oz", 3)
    # make takes the last of two assignments, so a recipe may replace what every build passes.
    assert steps[0].argv.index("CFLAGS=-Oz") < steps[0].argv.index("CFLAGS=-fPIC -Oz")
    assert steps[1].argv == ("sh", "t", "/x/clang-llm", "3")


def project(tmp_path: Path, makefile: str, test: tuple[str, ...] = ()) -> Project:
    source = tmp_path / "source"
    source.mkdir()
    (source / "Makefile").write_text(makefile)
    return Project(Recipe("a", test=test), source, tmp_path, 1)


def test_every_variant_is_built_in_the_same_place(tmp_path: Path) -> None:
    made = project(tmp_path, "all:\n\tpwd > where\n\techo $(CC) $$SOURCE_DATE_EPOCH > what\n")
    trees = [build(made, variant, COMPILERS, "-Oz").tree for variant in ("one", "two")]
    assert trees == [tmp_path / "one", tmp_path / "two"]
    assert trees[0].joinpath("where").read_text() == trees[1].joinpath("where").read_text()
    compiler, epoch = trees[0].joinpath("what").read_text().split()
    assert compiler == "/x/clang-llm"
    assert epoch.isdigit()
    assert not (made.source / "where").exists()


def test_a_failing_build_names_its_log(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"one\.0\.build\.log") as caught:
        build(project(tmp_path, "all:\n\techo because; exit 3\n"), "one", COMPILERS, "-Oz")
    assert "because" in Path(str(caught.value).rpartition("see ")[2]).read_text()


def test_failing_tests_are_a_result(tmp_path: Path) -> None:
    made = project(tmp_path, "all:\n\ttrue\ncheck:\n\tfalse\n", ("make", "check"))
    assert build(made, "one", COMPILERS, "-Oz", test=True).tests_passed is False
    assert build(made, "two", COMPILERS, "-Oz").tests_passed is None


def test_times_are_summed_by_kind(tmp_path: Path) -> None:
    steps = tuple(StepResult(kind, 0, 1.5, 2.5, tmp_path) for kind in ("configure", "build", "build", "test"))
    built = Built(tmp_path, steps)
    assert built.cpu_s("build") == 3.0
    assert built.wall_s("configure", "build") == 7.5
    assert built.tests_passed is True


def test_source_lines_are_derived_from_binary_lines() -> None:
    old = "# comment\ndeb [arch=amd64] mirror stable main\ndeb-src mirror stable main\n"
    assert source_lines(old, deb822=False) == "deb-src [arch=amd64] mirror stable main\n"
    new = "Types: deb\nURIs: mirror\nSuites: stable\n\nTypes: deb deb-src\nURIs: other\n"
    assert source_lines(new, deb822=True) == new.replace("Types: deb deb-src", "Types: deb-src").replace(
        "Types: deb\n", "Types: deb-src\n"
    )


PLAIN = {"/usr/bin/clang-19": "@CC@", "clang-19": "@CC@", "clang++-19": "@CXX@"}
OURS = {**PLAIN, "/x/clang-llm": "@CC@", "clang-llm": "@CC@", "clang-llm++": "@CXX@"}


def test_names_and_noise_are_normalised() -> None:
    plain = "CC='/usr/bin/clang-19' clang++-19 conftest12.c /tmp/conftest-1a2b3c.o at 12:34:56 cmTC_0ab12"
    ours = "CC='/x/clang-llm' clang-llm++ conftest977.c /tmp/conftest-ffffff.o at 23:59:59 cmTC_99999"
    assert normalise(plain, PLAIN) == normalise(ours, OURS)
    assert normalise("clang-19.1 xclang-19", PLAIN) != normalise("clang-llm.1 xclang-llm", OURS)


def configured(tree: Path, log: str) -> Path:
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "config.log").write_text(log)
    (tree / "CMakeCache.txt").write_text("CMAKE_C_COMPILER:FILEPATH=" + log.partition(" ")[0] + "\n")
    return tree


def test_a_configuration_that_found_the_same_has_no_difference(tmp_path: Path) -> None:
    plain = configured(tmp_path / "plain", "clang-19 works: yes\n")
    ours = configured(tmp_path / "ours", "clang-llm works: yes\n")
    assert differences(plain, ours, PLAIN, OURS) == []


def test_a_configuration_that_found_something_else_is_told(tmp_path: Path) -> None:
    plain = configured(tmp_path / "plain", "clang-19 works: yes\n")
    ours = configured(tmp_path / "ours", "clang-llm works: no\n")
    found = differences(plain, ours, PLAIN, OURS)
    assert "-@CC@ works: yes" in found
    assert "+@CC@ works: no" in found
    (ours / "CMakeCache.txt").unlink()
    assert any(line.startswith("-CMAKE_C_COMPILER") for line in differences(plain, ours, PLAIN, OURS))


def test_without_apt_sources_the_way_on_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_SYSTEM_SOURCES", (tmp_path / "none", tmp_path / "none.d"))
    with pytest.raises(PackageError, match="sample programs"):
        sources.Apt(tmp_path / "apt", {"PATH": "/usr/bin:/bin"}).download("hello", tmp_path)


def test_without_the_package_system_the_way_on_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match="dpkg-dev"):
        dependencies.missing(["hello"], {"PATH": str(tmp_path)})


def test_a_user_who_may_not_install_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    dependencies.install([], {})
    with pytest.raises(PackageError, match=r"sudo apt-get install --no-install-recommends libfoo-dev libbar-dev$"):
        dependencies.install(["libfoo-dev", "libbar-dev"], {})
