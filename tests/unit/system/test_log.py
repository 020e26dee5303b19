import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from clang_llm.system import log

ROOT = Path(__file__).resolve().parents[3]


def test_events_are_counted_over_several_folds(tmp_path: Path) -> None:
    log.append_event(tmp_path, "hit")
    log.append_event(tmp_path, "miss", "stored")
    assert log.fold_events(tmp_path) == Counter(hit=1, miss=1, stored=1)
    log.append_event(tmp_path, "hit")
    assert log.fold_events(tmp_path) == Counter(hit=2, miss=1, stored=1)
    assert log.fold_events(tmp_path) == Counter(hit=2, miss=1, stored=1)


def test_events_are_one_line_each(tmp_path: Path) -> None:
    log.append_event(tmp_path, "bypass:lto", "error:helper")
    assert (tmp_path / "events").read_bytes() == b"bypass:lto\nerror:helper\n"


def test_nothing_is_written_for_no_events(tmp_path: Path) -> None:
    log.append_event(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_not_whole_yet_waits(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(b"hit\nmi")
    assert log.fold_events(tmp_path) == Counter(hit=1)
    with (tmp_path / "events").open("ab") as file:
        file.write(b"ss\n")
    assert log.fold_events(tmp_path) == Counter(hit=1, miss=1)


def test_lines_that_are_no_events_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(b"hit\n\nHIT\na b\n\xff\nhit:oz\nx:y:z\nx:y:z:w\n")
    assert log.fold_events(tmp_path) == Counter({"hit": 1, "hit:oz": 1, "x:y:z": 1})


def test_zero_starts_again(tmp_path: Path) -> None:
    log.append_event(tmp_path, "hit", "hit")
    log.zero(tmp_path)
    assert log.fold_events(tmp_path) == Counter()
    log.append_event(tmp_path, "hit")
    assert log.fold_events(tmp_path) == Counter(hit=1)


def test_a_damaged_stats_file_costs_no_more_than_old_counts(tmp_path: Path) -> None:
    log.append_event(tmp_path, "hit")
    log.fold_events(tmp_path)
    for content in ("", "{", "[]", '{"counters": {"hit": "x"}}', '{"counters": 1, "folded": {}}'):
        (tmp_path / "stats.json").write_text(content)
        assert log.fold_events(tmp_path) == Counter(hit=1)


def test_no_directory_is_no_error(tmp_path: Path) -> None:
    log.append_event(tmp_path / "none", "hit")
    assert log.fold_events(tmp_path / "none") == Counter()
    log.zero(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "ROTATE_BYTES", 100)
    monkeypatch.setattr(log, "QUIET_S", 0.0)
    for _ in range(30):
        log.append_event(tmp_path, "hit")
    log.fold_events(tmp_path)


def test_a_long_file_is_rotated_without_losing_a_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for times in range(1, 5):
        rotate(tmp_path, monkeypatch)
        assert (tmp_path / "events.old").exists()
        assert not (tmp_path / "events").exists()
        assert log.fold_events(tmp_path) == Counter(hit=30 * times)


def test_a_writer_that_was_late_for_the_rotation_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append_event(tmp_path, "hit")
    late = os.open(tmp_path / "events", os.O_WRONLY | os.O_APPEND)
    rotate(tmp_path, monkeypatch)
    os.write(late, b"miss\n")
    os.close(late)
    assert log.fold_events(tmp_path) == Counter(hit=31, miss=1)
    rotate(tmp_path, monkeypatch)
    assert log.fold_events(tmp_path) == Counter(hit=61, miss=1)


def test_an_old_file_is_kept_while_it_may_still_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate(tmp_path, monkeypatch)
    monkeypatch.setattr(log, "QUIET_S", 3600.0)
    old = (tmp_path / "events.old").stat().st_ino
    for _ in range(30):
        log.append_event(tmp_path, "hit")
    assert log.fold_events(tmp_path) == Counter(hit=60)
    assert (tmp_path / "events.old").stat().st_ino == old


@pytest.mark.parametrize("stop_at", ["unlink", "write", "rename"])
def test_a_crash_inside_the_rotation_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: str
) -> None:
    rotate(tmp_path, monkeypatch)
    for _ in range(30):
        log.append_event(tmp_path, "hit")
    with monkeypatch.context() as crash:
        writes: list[object] = []
        write = log._Stats.write

        def count_and_stop(stats: log._Stats, path: Path) -> None:
            writes.append(path)
            if len(writes) == 2:
                raise KeyboardInterrupt
            write(stats, path)

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        if stop_at == "write":
            crash.setattr(log._Stats, "write", count_and_stop)
        else:
            crash.setattr(Path, stop_at, stop)
        with pytest.raises(KeyboardInterrupt):
            log.fold_events(tmp_path)
    assert log.fold_events(tmp_path) == Counter(hit=60)
    log.append_event(tmp_path, "hit")
    assert log.fold_events(tmp_path) == Counter(hit=61)


WRITER = """
import sys
from pathlib import Path
from clang_llm.system import log
for _ in range(400):
    log.append_event(Path(sys.argv[1]), "hit", "applied")
    log.append_event(Path(sys.argv[1]), "miss")
"""


def test_no_count_is_lost_among_many_processes_that_fold_and_rotate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "ROTATE_BYTES", 3000)
    # Long enough for a writer on a loaded machine to get from open() to write(); that is what QUIET_S is for.
    monkeypatch.setattr(log, "QUIET_S", 0.5)
    folder = (
        "import sys, time; from pathlib import Path; from clang_llm.system import log\n"
        "log.ROTATE_BYTES, log.QUIET_S = 3000, 0.5\n"
        "for _ in range(60): log.fold_events(Path(sys.argv[1])); time.sleep(0.01)\n"
    )
    programs = [WRITER] * 6 + [folder] * 2
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for code in programs]
    rotations = set()
    while any(child.poll() is None for child in running):
        log.fold_events(tmp_path)
        if (tmp_path / "events.old").exists():
            rotations.add((tmp_path / "events.old").stat().st_ino)
        time.sleep(0.005)
    assert [child.returncode for child in running] == [0] * len(running)
    assert log.fold_events(tmp_path) == Counter(hit=2400, applied=2400, miss=2400)
    assert rotations
    assert len(json.loads((tmp_path / "stats.json").read_text())["folded"]) <= 2


def test_a_directory_that_cannot_be_written_is_counted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append_event(tmp_path, "hit")
    log.fold_events(tmp_path)
    log.append_event(tmp_path, "hit")
    before = (tmp_path / "stats.json").read_bytes()

    really = os.open

    def refuse(path: str, flags: int, *mode: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError
        return really(path, flags, *mode)

    monkeypatch.setattr(os, "open", refuse)
    log.append_event(tmp_path, "hit")
    assert log.fold_events(tmp_path) == Counter(hit=2)
    assert (tmp_path / "stats.json").read_bytes() == before


def test_the_log_is_optional_and_never_fails(tmp_path: Path) -> None:
    log.write_log(None, "nowhere")
    log.write_log(tmp_path / "no" / "such" / "directory", "nowhere")
    log.write_log(tmp_path / "log", "a line with \udcff")
    log.write_log(tmp_path / "log", "another")
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert [line.partition(b": ")[2] for line in lines] == [b"a line with \xff", b"another"]
