import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

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


def test_what_a_body_raises_is_its_own_and_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "lock", 0):
        (tmp_path / "missing").read_text()
    assert _try_once(tmp_path / "lock")


def test_two_threads_do_not_share_a_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 0) as held, ThreadPoolExecutor(1) as other:
        assert held
        assert other.submit(_try_once, tmp_path / "lock").result() is False
    assert _try_once(tmp_path / "lock")


def _try_once(path: Path) -> bool:
    with locked(path, 0) as held:
        return held


def test_a_lock_file_is_as_private_as_the_umask_says(tmp_path: Path) -> None:
    """A team that shares a cache can lock in it; nobody else can hold a user's locks."""
    for mask, mode in ((0o002, 0o664), (0o077, 0o600)):
        path = tmp_path / f"{mask:o}"
        before = os.umask(mask)
        try:
            for _ in range(2):
                assert _try_once(path)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("plant", ["link", "dangling", "fifo", "hard link", "directory", "device"])
def test_what_is_planted_in_its_place_is_neither_waited_for_nor_touched(tmp_path: Path, plant: str) -> None:
    """The directory may be shared with somebody who wants a file of ours emptied, or a compile to hang."""
    theirs, lock = tmp_path / "theirs", tmp_path / "locks" / "ab"
    theirs.write_text("precious")
    theirs.chmod(0o640)
    lock.parent.mkdir()
    if plant == "link":
        lock.symlink_to(theirs)
    elif plant == "dangling":
        lock.symlink_to(tmp_path / "nowhere")
    elif plant == "fifo":
        os.mkfifo(lock)
    elif plant == "hard link":
        lock.hardlink_to(theirs)
    elif plant == "directory":
        lock.mkdir()
    else:
        lock.symlink_to("/dev/zero")
    started = time.monotonic()
    with locked(lock, 30) as held:
        assert not held
    assert time.monotonic() - started < 10
    assert theirs.read_text() == "precious"
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "theirs"]
    assert [path.name for path in lock.parent.iterdir()] == ["ab"]
