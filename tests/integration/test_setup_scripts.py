"""``scripts/packages`` on a system that is played by shell scripts: what it installs, and what it says otherwise."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "packages"

#: Packages that the played distribution has.
AVAILABLE = (
    "clang-14 llvm-14-dev lld-14 clang-17 llvm-17-dev lld-17 make dpkg-dev cmake ninja-build meson shellcheck "
    "qemu-user wasi-libc libc6-dev-arm64-cross libgcc-11-dev-arm64-cross libstdc++-11-dev-arm64-cross "
    "libgcc-13-dev-arm64-cross libstdc++-13-dev-arm64-cross lib32stdc++-13-dev libc++-14-dev-wasm32 "
    "libc++-17-dev-wasm32 libc++abi-17-dev-wasm32 libclang-rt-17-dev libclang-rt-17-dev-wasm32"
)
NEEDED = ("sed", "sort", "tail", "cut", "cat", "rm", "mktemp", "env", "true")

DPKG_QUERY = """\
read -ra all <installed 2>/dev/null
case " ${all[*]} " in *" ${@: -1} "*) echo installed ;; *) exit 1 ;; esac
"""
APT_CACHE = f"""\
case $1 in
search) for each in {AVAILABLE}; do if [[ $each =~ ${{@: -1}} ]]; then echo "$each - for development"; fi; done ;;
show) case " {AVAILABLE} " in *" ${{@: -1}} "*) echo "Package: ${{@: -1}}" ;; *) exit 1 ;; esac ;;
esac
"""
APT_GET = """\
case " $* " in
*" install "*) while [ "$1" != --no-install-recommends ]; do shift; done; shift; echo "$@" >>installed ;;
esac
"""


@dataclass(frozen=True)
class System:
    """A PATH with the played commands and nothing else."""

    bin: Path
    root: Path

    def play(self, name: str, body: str) -> None:
        script = self.bin / name
        script.write_text(f"#!/bin/bash\n{body}\n")
        script.chmod(0o755)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.bin), "HOME": str(self.root), "PYTHON": "python3"}
        return subprocess.run(
            ["/bin/bash", SCRIPT, *words],
            env=environ,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def installed(self) -> list[str]:
        """The words of every installation."""
        log = self.root / "installed"
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system of root's without any of the packages."""
    if not Path("/bin/bash").exists():
        pytest.skip("there is no bash")
    directory = tmp_path / "bin"
    directory.mkdir()
    played = System(directory, tmp_path)
    for name in NEEDED:
        found = shutil.which(name, path="/usr/bin:/bin")
        assert found, name
        (directory / name).symlink_to(found)
    played.play("python3", "exit 0")
    played.play("id", "echo 0")
    played.play("dpkg-query", DPKG_QUERY)
    played.play("apt-cache", APT_CACHE)
    played.play("apt-get", APT_GET)
    return played


def test_the_tests_take_every_version_there_is(system: System) -> None:
    done = system.run("test")
    assert done.returncode == 0, done.stderr
    assert {"clang-14", "llvm-14-dev", "clang-17", "llvm-17-dev", "cmake", "meson", "shellcheck"} <= set(
        system.installed
    )
    assert not [name for name in system.installed if "15" in name or "16" in name or "19" in name]
    before = system.installed
    assert system.run("test").stderr == ""
    assert system.installed == before


def test_the_tests_take_what_emulation_needs(system: System) -> None:
    assert system.run("test").returncode == 0
    wanted = {"qemu-user", "wasi-libc", "libc6-dev-arm64-cross", "libgcc-13-dev-arm64-cross", "lib32stdc++-13-dev"}
    wanted |= {"libc++-17-dev-wasm32", "libc++abi-17-dev-wasm32", "libclang-rt-17-dev", "libclang-rt-17-dev-wasm32"}
    assert wanted <= set(system.installed)
    # One version is enough, and what the distribution lacks is not asked for.
    others = {"libgcc-11-dev-arm64-cross", "libc++-14-dev-wasm32", "libc6-dev-armhf-cross", "csmith", "cvise"}
    assert not others & set(system.installed)


def test_a_demonstration_takes_no_emulation(system: System) -> None:
    assert system.run("demo").returncode == 0
    assert "cmake" in system.installed
    assert not [name for name in system.installed if "cross" in name or "wasm" in name or name == "qemu-user"]


def test_printing_installs_nothing(system: System) -> None:
    done = system.run("test", "--print")
    assert "clang-14" in done.stdout.split()
    assert system.installed == []


def test_without_the_right_it_says_what_to_run(system: System) -> None:
    system.play("id", "echo 1000")
    system.play("sudo", "exit 1")
    done = system.run("test")
    (line,) = [line.strip() for line in done.stderr.splitlines() if "apt-get install" in line]
    assert line.startswith("sudo apt-get update && sudo apt-get install --no-install-recommends ")
    assert "clang-17" in line.split()
    assert system.installed == []


def test_sudo_that_asks_nothing_is_used(system: System) -> None:
    system.play("id", "echo 1000")
    system.play("sudo", '[ "$1" = -n ] || exit 1; shift; exec env "$@"')
    done = system.run("test")
    assert done.returncode == 0, done.stderr
    assert "clang-14" in system.installed


def test_a_failing_installation_tells_why(system: System) -> None:
    system.play("apt-get", 'case " $* " in *" install "*) echo "E: no space left"; exit 100 ;; esac')
    done = system.run("test")
    assert "E: no space left" in done.stderr


def test_a_missing_venv_module_is_installed(system: System) -> None:
    system.play("python3", "exit 1")
    system.play("apt-cache", 'case $1 in search) echo "clang-14 - a compiler" ;; show) echo "Package: any" ;; esac')
    system.run("test")
    assert "python3-venv" in system.installed


def test_other_words_are_refused(system: System) -> None:
    done = system.run("everything")
    assert done.returncode == 1
    assert "usage:" in done.stderr
