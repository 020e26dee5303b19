"""How to configure, build and test each package; plain data, and a guess for packages that have no recipe.

A recipe overrides what the detected build system would do. Words may hold ``{cc}``, ``{cxx}``, ``{flags}``, ``{jobs}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clang_llm.system.errors import PackageError

AUTOTOOLS = "autotools"
CMAKE = "cmake"
MAKE = "make"


@dataclass(frozen=True)
class Recipe:
    """One package.

    Attributes:
        name: Debian source package.
        language: ``C`` or ``C++``: what most of it is written in.
        system: ``autotools``, ``cmake`` or ``make``; empty to detect it.
        subdir: Directory of the source tree to build in.
        configure: More arguments of configure or cmake.
        make: More arguments of every make or ``cmake --build`` command, among them targets.
        test: Command that runs the package's own tests after the build; empty when it has none.
        needs: Binary packages that must be installed beside compiler, make, cmake and autotools.
        patches: Whether to apply the distribution's patches; some replace the build system by one that needs more.
    """

    name: str
    language: str = "C"
    system: str = ""
    subdir: str = "."
    configure: tuple[str, ...] = ()
    make: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    patches: bool = True


_MAKE_CHECK = ("make", "check")
_CTEST = ("ctest", "--test-dir", "_build", "--output-on-failure")
# One set of objects instead of two (with and without -fPIC) halves the time and changes nothing that is measured.
_STATIC = ("--disable-shared",)

# Suites of mbedtls that check certificates whose time is over.
_EXPIRED = "^(ssl|x509parse)-suite$"

# Everything but the manual, which takes tools of its own.
_GIFLIB_TOOLS = "2rgb build fix text tool clrmp bg color echo filter histo into sponge wedge"
_GIFLIB = ("libgif.a", "libutil.a", *(f"gif{name}" for name in _GIFLIB_TOOLS.split()))
# For packages that ship no configure script.
_AUTOTOOLS = ("autoconf", "automake", "libtool")

RECIPES: tuple[Recipe, ...] = (
    Recipe("bzip2", make=("bzip2", "bzip2recover", "libbz2.a"), test=("make", "test", "CC={cc}", "CFLAGS={flags}")),
    Recipe("cjson", system=CMAKE, configure=("-DENABLE_CJSON_UTILS=On", "-DBUILD_SHARED_LIBS=Off"), test=_CTEST),
    Recipe("expat", subdir="expat", configure=(*_STATIC, "--without-docbook"), test=_MAKE_CHECK),
    Recipe("jansson", configure=_STATIC, test=_MAKE_CHECK, needs=_AUTOTOOLS),
    Recipe("json-c", system=CMAKE, configure=("-DBUILD_SHARED_LIBS=Off", "-DDISABLE_WERROR=On"), test=_CTEST),
    Recipe("libcsv", configure=_STATIC, test=_MAKE_CHECK),
    Recipe("libtommath", make=("libtommath.a",), test=("sh", "-c", "make test_standalone CC={cc} && ./test")),
    Recipe("libyaml", configure=_STATIC, test=_MAKE_CHECK, needs=_AUTOTOOLS),
    Recipe(
        "lua5.4",
        make=("linux", "MYCFLAGS={flags}", "CFLAGS={flags} -DLUA_COMPAT_5_3 -DLUA_USE_LINUX"),
        test=("make", "test"),
        patches=False,
    ),
    Recipe("mbedtls", system=CMAKE, configure=("-DENABLE_PROGRAMS=Off",), test=(*_CTEST, "-E", _EXPIRED)),
    Recipe("yajl", system=CMAKE, test=("make", "-C", "_build", "test")),
    Recipe("double-conversion", "C++", CMAKE, configure=("-DBUILD_TESTING=On",), test=_CTEST),
    Recipe("fmtlib", "C++", CMAKE, test=_CTEST, needs=("libgtest-dev", "libgmock-dev")),
    Recipe("tinyxml2", "C++", MAKE, make=("xmltest",), test=("./xmltest",)),
    Recipe("unittest++", "C++", CMAKE, test=("./_build/TestUnitTest++",)),
    Recipe("brotli", system=CMAKE, test=_CTEST),
    Recipe("dash"),
    Recipe("giflib", make=("CFLAGS=-std=gnu99 -fPIC {flags}", *_GIFLIB), test=("make", "-C", "tests")),
    Recipe("hunspell", "C++", AUTOTOOLS, configure=_STATIC, test=_MAKE_CHECK),
    Recipe("leveldb", "C++", CMAKE, configure=("-DLEVELDB_BUILD_TESTS=Off", "-DLEVELDB_BUILD_BENCHMARKS=Off")),
    Recipe("libogg", configure=_STATIC, test=_MAKE_CHECK),
    Recipe("mawk", test=_MAKE_CHECK),
    Recipe(
        "snappy",
        "C++",
        CMAKE,
        configure=("-DSNAPPY_BUILD_BENCHMARKS=Off", "-DBUILD_SHARED_LIBS=On"),
        test=_CTEST,
        needs=("libgtest-dev", "libgmock-dev"),
    ),
)


def recipe_for(package: str) -> Recipe:
    """Return the package's recipe, or an empty one that detects everything."""
    return next((recipe for recipe in RECIPES if recipe.name == package), Recipe(package))


def usual_test(system: str) -> tuple[str, ...]:
    """The command by which a build system runs a package's tests; empty where there is no custom."""
    return {AUTOTOOLS: _MAKE_CHECK, CMAKE: _CTEST}.get(system, ())


def detect_system(tree: Path) -> str:
    """Tell the build system of a source tree by its files.

    Raises:
        PackageError: none that is known here.
    """
    if any((tree / name).exists() for name in ("configure", "configure.ac", "configure.in")):
        return AUTOTOOLS
    if (tree / "CMakeLists.txt").exists():
        return CMAKE
    if any((tree / name).exists() for name in ("GNUmakefile", "makefile", "Makefile")):
        return MAKE
    raise PackageError(f"{tree} has no configure, CMakeLists.txt or Makefile; choose another package")
