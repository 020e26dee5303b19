"""``scripts/packages`` on a system that is played by shell scripts: what it installs, and what it says otherwise."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
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
NEEDED = ("sed", "sort", "tail", "cut", "cat", "rm", "mktemp", "env", "true", "dirname")

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
    script: Path = SCRIPT

    def play(self, name: str, body: str) -> None:
        script = self.bin / name
        script.write_text(f"#!/bin/bash\n{body}\n")
        script.chmod(0o755)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.bin), "HOME": str(self.root), "PYTHON": "python3"}
        return subprocess.run(
            ["/bin/bash", self.script, *words],
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


@pytest.fixture
def fresh(system: System) -> System:
    """A container as it begins: an ordinary user, no clang, no package lists."""
    system.play("apt-cache", f"[ -e lists ] || {{ [ $1 = search ]; exit; }}\n{APT_CACHE}")
    system.play("apt-get", f"case $1 in update) : >lists ;; esac\n{APT_GET}")
    system.play("id", "echo 1000")
    system.play("sudo", '[ "$1" != -n ] || exit 1; exec "$@"')
    (system.bin / "bash").symlink_to("/bin/bash")
    script = system.root / "a checkout" / "packages"
    script.parent.mkdir()
    # The clangs of the machine that runs the tests are not this one's.
    script.write_text(SCRIPT.read_text().replace(" /usr/", f" {system.root}/usr/"))
    script.chmod(0o755)
    return replace(system, script=script)


def advice(done: subprocess.CompletedProcess[str]) -> str:
    """Return the command that is to be run."""
    assert done.returncode == 1
    (line,) = [line.strip() for line in done.stderr.splitlines() if "apt-get install" in line]
    assert line.startswith("sudo apt-get update && sudo apt-get install --no-install-recommends ")
    return line


@pytest.mark.parametrize("wanted", ["demo", "test"])
def test_without_lists_it_says_how_to_get_them_and_what_they_tell(fresh: System, wanted: str) -> None:
    """What it says installs what a user with lists is told, and no name is guessed."""
    done = fresh.run(wanted)
    command = advice(done)
    assert fresh.installed == []
    assert "clang-" not in done.stderr
    assert "There are no package lists yet" in done.stderr
    environ = {"PATH": str(fresh.bin), "HOME": str(fresh.root), "PYTHON": "python3"}
    subprocess.run(["/bin/bash", "-ec", command], env=environ, cwd=fresh.root, timeout=60, check=True)
    assert {"clang-17", "llvm-17-dev", "lld-17", "cmake", "make"} <= set(fresh.installed)
    assert ("clang-14" in fresh.installed) == (wanted == "test")
    assert fresh.run(wanted, "--print").stdout == ""


def test_after_the_lists_came_it_says_the_names(fresh: System) -> None:
    (fresh.root / "lists").touch()
    done = fresh.run("demo")
    assert {"clang-17", "llvm-17-dev", "lld-17"} <= set(advice(done).split())
    assert "no package lists" not in done.stderr


def test_without_lists_nothing_is_asked_for_where_all_is_there(fresh: System) -> None:
    """Containers throw their lists away when they have installed what they need."""
    usable = fresh.root / "usr" / "lib" / "llvm-17"
    for path in (usable / "bin" / "clang", usable / "bin" / "llvm-config"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\ncase $1 in --version) echo 17.0.6 ;; *) echo {usable}/include ;; esac\n")
        path.chmod(0o755)
    (usable / "include" / "llvm" / "Passes").mkdir(parents=True)
    (fresh.root / "installed").write_text("make dpkg-dev cmake\n")
    assert "sudo apt-get update" in fresh.run("demo").stderr
    (fresh.root / "installed").write_text("make dpkg-dev cmake ninja-build\n")
    done = fresh.run("demo")
    assert (done.returncode, done.stderr) == (0, "")


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
