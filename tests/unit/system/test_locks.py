import subprocess
import sys
import time
from pathlib import Path

from clang_llm.system.locks import locked

ROOT = Path(__file__).resolve().parents[3]

HOLD = """
import sys, time
from pathlib import Path
from clang_llm.system.locks import locked
with locked(Path(sys.argv[1]), 10) as held:
    print(held, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    """Start a process that holds the lock, and wait until it does."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    return child


def test_a_free_lock_is_taken_at_once_and_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "ab"
    for _ in range(2):
        with locked(path, 0) as held:
            assert held
    assert path.exists()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    child = holder(tmp_path / "lock", 0.5)
    with locked(tmp_path / "lock", 30) as held:
        assert held
    assert child.communicate()[0] == ""
    assert child.returncode == 0


def test_waiting_is_bounded(tmp_path: Path) -> None:
    child = holder(tmp_path / "lock", 60)
    started = time.monotonic()
    with locked(tmp_path / "lock", 0.2) as held:
        assert not held
    assert 0.1 < time.monotonic() - started < 20
    child.kill()
    child.communicate()


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    child = holder(tmp_path / "lock", 60)
    child.kill()
    child.communicate()
    with locked(tmp_path / "lock", 10) as held:
        assert held


def test_a_place_that_cannot_be_written_is_told_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with locked(tmp_path / "file" / "lock", 0) as held:
        assert not held
