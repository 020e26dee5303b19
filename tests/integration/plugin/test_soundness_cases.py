"""Sources that plans have broken: at every effort, with coreset and model, they are what clang makes of them at -Oz.

Each kind is here twice: written for these tests, and as the file that was reported, where the shared folder is there.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection
from integration import soundness_sources as texts
from integration.model_support import Serving
from integration.wrapper_box import WRAPPERS, real_environment

from clang_llm.backends.model import BUNDLED
from clang_llm.system import process
from clang_llm.system.settings import EFFORT_TABLE
from clang_llm.toolchain.compiler import Compiler

# Seconds: up to 32 candidates, the model's start, and others at work on the machine.
pytestmark = pytest.mark.timeout(300)

#: Efforts at which the model is asked, too: the default, and those at which most was found.
MODEL_EFFORTS = (4, 5, 9)
#: Settings that are looked at without --run-projects, too.
EVERY_TIME = (("coreset", 2), ("coreset", 5), ("coreset", 9), ("model", 4))
SETTINGS = [*(("coreset", effort) for effort in range(len(EFFORT_TABLE))), *(("model", each) for each in MODEL_EFFORTS)]


@dataclass
class Looked:
    """One object, read, and the clang that links it."""

    path: Path
    clang: Path

    def code(self) -> dict[str, int]:
        """Section with code in it → bytes."""
        with self.path.open("rb") as file:
            sections = list(ELFFile(file).iter_sections())
            found = [each for each in sections if each["sh_flags"] & SH_FLAGS.SHF_EXECINSTR and each["sh_size"]]
            return {each.name: each["sh_size"] for each in found}

    def references(self) -> Counter[str]:
        """Symbol → how often sections of the program refer to it."""
        found: Counter[str] = Counter()
        with self.path.open("rb") as file:
            elf = ELFFile(file)
            for section in elf.iter_sections():
                if isinstance(section, RelocationSection):
                    symbols = elf.get_section(section["sh_link"])
                    assert isinstance(symbols, SymbolTableSection)
                    found.update(symbols.get_symbol(each["r_info_sym"]).name for each in section.iter_relocations())
        return found

    def named(self, wanted: Callable[[str], bool]) -> Counter[str]:
        """The references to some symbols."""
        return Counter({name: count for name, count in self.references().items() if wanted(name)})

    def ran(self) -> tuple[int, bytes]:
        """Link and run the program: its exit status and what it printed."""
        program = self.path.with_suffix("")
        linked = process.run([self.clang, self.path, "-o", program], timeout_s=60)
        assert linked.ok, linked.stderr
        # A shell tells a fault as a status, and its message about it is none of the program's.
        done = process.run(["/bin/sh", "-c", 'ulimit -c 0; "$0"', program], timeout_s=60, memory_bytes=1 << 30)
        return done.returncode, done.stdout


Judge = Callable[[Looked, Looked], None]


def same_program(plain: Looked, ours: Looked) -> None:
    assert ours.ran() == plain.ran()


def same_places(plain: Looked, ours: Looked) -> None:
    assert set(ours.code()) == set(plain.code())


def same_checks(plain: Looked, ours: Looked) -> None:
    checks = plain.named(lambda name: name.endswith("_chk"))
    assert checks
    assert not checks - ours.named(lambda name: name.endswith("_chk"))


def same_hooks(plain: Looked, ours: Looked) -> None:
    hooks = plain.named(lambda name: name.startswith("__cyg_profile_func_"))
    assert len(hooks) == 2
    assert ours.named(lambda name: name.startswith("__cyg_profile_func_")) == hooks


@dataclass(frozen=True)
class Case:
    """How a source is compiled, and who tells whether its object is right."""

    judges: tuple[Judge, ...] = (same_program,)
    options: tuple[str, ...] = ()


FORTIFY = ("-D_FORTIFY_SOURCE=2",)
WRITTEN = {
    **{name: (Case(), texts.TWINS.format(pair=pair, use=use)) for name, (pair, use) in texts.LIBRARY.items()},
    "called_from": (Case(), texts.CALLED_FROM),
    "ram": (Case((same_places,)), texts.RAM),
    "fortified": (Case((same_checks, same_program), FORTIFY), texts.FORTIFIED),
    "jumps": (Case(), texts.JUMPS),
    "asserted": (Case(), texts.ASSERTED),
    "hooked": (Case((same_hooks,), ("-finstrument-functions",)), texts.HOOKED),
}
#: The files as they were reported.
REPORTED = {
    "memcpy_twin.c": Case(),
    "return_address.c": Case(),
    "ram_section.c": Case((same_places,)),
    "fortify_copy.c": Case((same_checks, same_program), FORTIFY),
    "fortify_move.c": Case((same_checks,), FORTIFY),
    "linked_assertion.c": Case(),
    "setjmp_outlined.c": Case(),
}


class Bench:
    """The wrapper with a real clang; each compile gets a cache that holds no plan."""

    def __init__(self, environ: dict[str, str], compiler: Compiler, root: Path) -> None:
        self.environ, self.compiler, self.root = environ, compiler, root
        self._made = 0

    def plain(self, source: Path, *options: str) -> Looked:
        return self._compiled([str(self.compiler.path), *options], source, {})

    def ours(self, source: Path, backend: str, effort: int, *options: str) -> Looked:
        self._made += 1
        cache = self.root / f"cache-{self._made}"
        cache.mkdir()
        shared = Path(self.environ["CLANG_LLM_CACHE_DIR"])
        for part in ("plugins", "toolchains"):
            (cache / part).symlink_to((shared / part).resolve())
        switches = {"CLANG_LLM_CACHE_DIR": str(cache), "CLANG_LLM_BACKEND": backend, "CLANG_LLM_EFFORT": str(effort)}
        looked = self._compiled([str(WRAPPERS / "clang-llm"), *options], source, switches)
        # Or the test would be about clang alone.
        assert effort == 0 or (cache / "events").exists()
        return looked

    def _compiled(self, command: list[str], source: Path, switches: dict[str, str]) -> Looked:
        output = self.root / f"{source.stem}-{'ours' if switches else 'plain'}.o"
        output.unlink(missing_ok=True)
        words = [*command, "-Oz", "-w", "-c", str(source), "-o", str(output)]
        done = subprocess.run(words, env={**self.environ, **switches}, capture_output=True, timeout=240, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        return Looked(output, self.compiler.path)


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory, a_compiler: Compiler, builds: Path) -> Iterator[dict[str, str]]:
    """What the compiles run with, and one server for all that ask the model."""
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    root = tmp_path_factory.mktemp("cases")
    environ = real_environment(builds, a_compiler.path, root)
    environ |= {"CLANG_LLM_INFER": "wait", "XDG_RUNTIME_DIR": str(root)}
    yield environ
    Serving({**environ, "CLANG_LLM_BACKEND": "model"}).kill()


@pytest.fixture
def bench(environ: dict[str, str], a_compiler: Compiler, tmp_path: Path) -> Bench:
    return Bench(environ, a_compiler, tmp_path)


def _marked(setting: tuple[str, int]) -> object:
    """All settings take a quarter of an hour; the gate has those at which something was found."""
    marks = [] if setting in EVERY_TIME else [pytest.mark.projects]
    return pytest.param(setting, id=f"{setting[0]}-{setting[1]}", marks=marks)


@pytest.fixture(params=map(_marked, SETTINGS))
def setting(request: pytest.FixtureRequest, a_compiler: Compiler) -> tuple[str, int]:
    backend, effort = request.param
    if backend == "model" and not (BUNDLED / f"llvm-{a_compiler.major}.txt").exists():
        pytest.skip(f"the bundled model has no menu for LLVM {a_compiler.major}")
    return backend, effort


def judge(bench: Bench, source: Path, case: Case, setting: tuple[str, int]) -> None:
    plain, ours = bench.plain(source, *case.options), bench.ours(source, *setting, *case.options)
    for each in case.judges:
        each(plain, ours)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_plans_have_broken_is_what_clang_makes_of_it(bench: Bench, setting: tuple[str, int], name: str) -> None:
    case, text = WRITTEN[name]
    source = bench.root / f"{name}.c"
    source.write_text(text, encoding="utf-8")
    judge(bench, source, case, setting)


@pytest.mark.parametrize("name", REPORTED)
def test_the_reported_files_are_what_clang_makes_of_them(
    bench: Bench, setting: tuple[str, int], shared: Path, name: str
) -> None:
    source = shared / "cases" / "soundness" / name
    if not source.exists():
        pytest.skip(f"{source} is not there")
    judge(bench, source, REPORTED[name], setting)


@pytest.mark.parametrize("name", [name for name, (case, _) in WRITTEN.items() if same_program in case.judges])
def test_the_programs_are_right_without_us(bench: Bench, name: str) -> None:
    """Each says at -O1 what it says at -Oz, or it could judge nothing."""
    case, text = WRITTEN[name]
    source = bench.root / f"{name}.c"
    source.write_text(text, encoding="utf-8")
    told = bench.plain(source, *case.options).ran()
    # 128 + SIGABRT, as a shell says it: the check that a fortified program fails.
    assert told[0] == (134 if name == "fortified" else 0)
    other = bench.root / "other.o"
    words = [str(bench.compiler.path), "-O1", *case.options, "-w", "-c", str(source), "-o", str(other)]
    assert process.run(words, timeout_s=60, env=dict(os.environ)).ok
    assert Looked(other, bench.compiler.path).ran() == told
