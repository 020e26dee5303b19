import os
import threading
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest

from clang_llm.system import ledger
from clang_llm.system.objects import Parts

KEY = "ab" * 32


def line(
    output: str | bytes = "/w/a.o",
    source: str | bytes = "/w/a.c",
    sizes: str = "100\t90",
    parts: str = "60,10,10,20\t60,10,10,10",
    by: str = "coreset",
) -> bytes:
    names = "\t".join(quote_from_bytes(os.fsencode(each)) for each in (source, output))
    return f"{KEY}\t{sizes}\t{parts}\t{by}\t{names}".encode()


def append(cache: Path, *lines: bytes) -> None:
    with ledger.path(cache).open("ab") as file:
        file.writelines(each + b"\n" for each in lines)


def saved(cache: Path) -> dict[str, int]:
    return {name: each.saved for name, each in ledger.read(cache).compiles.items()}


def test_a_line_is_read() -> None:
    found = ledger.read_line(line())
    assert found == ledger.Compiled(
        KEY, 100, 90, Parts(60, 10, 10, 20), Parts(60, 10, 10, 10), "coreset", "/w/a.c", "/w/a.o"
    )
    assert (found.saved, found.name, found.gone) == (10, "/w/a.o", True)


def test_any_name_survives() -> None:
    name = b"/w/x\ny\tz \xff%41\\.o"
    found = ledger.read_line(line(output=name))
    assert found is not None
    assert os.fsencode(found.object) == name


def test_what_was_not_measured_saves_nothing() -> None:
    found = ledger.read_line(line(sizes="-\t-", parts="-\t-", by="-"))
    assert found is not None
    assert (found.size, found.saved, found.parts) == (None, 0, None)
    totals = ledger.read_line(line(parts="-\t-"))
    assert totals is not None
    assert (totals.saved, totals.parts) == (10, None)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense",
        line()[1:],
        line() + b"\tmore",
        line().replace(b"ab", b"AB"),
        line(sizes="90\t100"),
        line(sizes="-\t90"),
        line(sizes="100\t-90"),
        line(sizes="1e2\t90"),
        line(sizes="9" * 19 + "\t90"),
        line(parts="60,10,10,21\t60,10,10,10"),
        line(parts="60,10,10,20\t-"),
        line(parts="60,10,10\t60,10,10,10"),
        line(parts="60,10,-10,40\t60,10,10,10"),
        line(parts="60,10,10,-\t60,10,10,10"),
        line(sizes="-\t-"),
        line(by="\x1b[2J"),
        line(by=""),
        line(output="/w/\0.o"),
    ],
)
def test_what_is_no_line_is_left_out(bad: bytes, tmp_path: Path) -> None:
    append(tmp_path, bad, line())
    found = ledger.read(tmp_path)
    assert (list(found.compiles), found.unreadable) == (["/w/a.o"], 1)


def test_the_last_compile_of_an_object_counts(tmp_path: Path) -> None:
    append(tmp_path, line(), line(output="/w/b.o"), line(output="/w/x/../a.o", sizes="100\t80", parts="-\t-"))
    assert saved(tmp_path) == {"/w/b.o": 10, "/w/a.o": 20}
    append(tmp_path, line(sizes="-\t-", parts="-\t-"))
    assert saved(tmp_path) == {"/w/b.o": 10, "/w/a.o": 0}


def test_half_a_line_waits(tmp_path: Path) -> None:
    ledger.path(tmp_path).write_bytes(line() + b"\n" + line(output="/w/b.o")[:-3])
    found = ledger.read(tmp_path)
    assert (list(found.compiles), found.unreadable) == (["/w/a.o"], 0)


@pytest.mark.parametrize(
    ("output", "remark"),
    [
        ("/tmp/a-0718fc.o", ledger.LINKED),
        ("/tmp/a-0718f.o", ""),
        ("/tmp/b-0718fc.o", ""),
        ("/w/a.o", ""),
        ("-", ledger.PIPED),
        ("/dev/null", ledger.DROPPED),
    ],
)
def test_objects_that_do_not_last_are_known_by_their_source(tmp_path: Path, output: str, remark: str) -> None:
    append(tmp_path, line(output=output))
    (found,) = ledger.read(tmp_path).compiles.values()
    assert found.remark == remark
    assert found.name == (f"/w/a.c ({remark})" if remark else output)
    assert found.gone is not bool(remark)


def test_a_file_that_only_looks_temporary_is_a_file(tmp_path: Path) -> None:
    kept = tmp_path / "a-0718fc.o"
    kept.touch()
    append(tmp_path, line(output=str(kept)))
    (found,) = ledger.read(tmp_path).compiles.values()
    assert (found.remark, found.name, found.gone) == ("", str(kept), False)


def test_links_count_each_source_once(tmp_path: Path) -> None:
    append(tmp_path, *(line(output=f"/tmp/a-00000{digit}.o") for digit in range(8)))
    assert saved(tmp_path) == {"/w/a.c (linked at once)": 10}


def test_sources_of_a_key(tmp_path: Path) -> None:
    append(tmp_path, line(), line(output="/w/b.o"), line(output="/w/c.o", source="/w/c.c"))
    assert ledger.read(tmp_path).sources_of(KEY) == ["/w/a.c", "/w/c.c"]
    assert ledger.read(tmp_path).sources_of("cd" * 32) == []


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none"):
        assert ledger.read(directory).compiles == {}
        ledger.fold(directory, 0)
        ledger.zero(directory)
    assert not (tmp_path / "none").exists()


def test_zero_forgets_and_a_late_writer_counts(tmp_path: Path) -> None:
    append(tmp_path, line())
    late = os.open(ledger.path(tmp_path), os.O_WRONLY | os.O_APPEND)
    ledger.zero(tmp_path)
    assert saved(tmp_path) == {}
    os.write(late, line(output="/w/late.o") + b"\n")
    os.close(late)
    assert saved(tmp_path) == {"/w/late.o": 10}


def test_folding_keeps_the_last_line_of_each_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "QUIET_S", 0.0)
    for size in range(10, 60):
        append(tmp_path, line(sizes=f"100\t{size}", parts="-\t-"), line(output="/w/b.o"))
        ledger.fold(tmp_path, at_least=0)
    assert saved(tmp_path) == {"/w/a.o": 41, "/w/b.o": 10}
    files = sorted(tmp_path.glob("savings-*"))
    assert [path.name.rpartition(".")[2] for path in files] == ["kept", "old"]
    assert sum(path.stat().st_size for path in files) <= 5 * len(line())
    assert {path.stat().st_mode & 0o077 for path in files if path.suffix == ".kept"} == {0}
    ledger.zero(tmp_path)
    assert saved(tmp_path) == {}


def test_a_short_ledger_is_left_alone(tmp_path: Path) -> None:
    append(tmp_path, line())
    ledger.fold(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [ledger.path(tmp_path).name]


def test_what_may_still_be_written_is_not_folded(tmp_path: Path) -> None:
    append(tmp_path, line())
    late = os.open(ledger.path(tmp_path), os.O_WRONLY | os.O_APPEND)
    ledger.fold(tmp_path, at_least=0)
    append(tmp_path, line(output="/w/b.o"))
    ledger.fold(tmp_path, at_least=0)  # the moved ledger is younger than QUIET_S
    os.write(late, line(output="/w/late.o") + b"\n")
    os.close(late)
    assert set(saved(tmp_path)) == {"/w/a.o", "/w/b.o", "/w/late.o"}


def test_folding_remembers_so_many_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "QUIET_S", 0.0)
    monkeypatch.setattr(ledger, "MAX_OBJECTS", 3)
    append(tmp_path, *(line(output=f"/w/{number}.o") for number in range(9)))
    ledger.fold(tmp_path, at_least=0)
    append(tmp_path, line(output="/w/last.o"))
    ledger.fold(tmp_path, at_least=0)
    assert list(saved(tmp_path)) == ["/w/6.o", "/w/7.o", "/w/8.o", "/w/last.o"]


@pytest.mark.parametrize("stop_at", ["replace", "unlink"])
def test_a_crash_inside_the_folding_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: str
) -> None:
    monkeypatch.setattr(ledger, "QUIET_S", 0.0)
    append(tmp_path, line(sizes="100\t50", parts="-\t-"))
    ledger.fold(tmp_path, at_least=0)
    append(tmp_path, line())
    with monkeypatch.context() as crash:

        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        crash.setattr(Path, stop_at, stop)
        with pytest.raises(KeyboardInterrupt):
            ledger.fold(tmp_path, at_least=0)
    assert saved(tmp_path) == {"/w/a.o": 10}
    for left in tmp_path.glob(".*.tmp"):
        left.unlink()
    ledger.fold(tmp_path, at_least=0)
    assert saved(tmp_path) == {"/w/a.o": 10}


def test_no_line_is_lost_among_writers_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "QUIET_S", 0.3)
    begun, written = threading.Barrier(5), threading.Event()

    def write(number: int) -> None:
        begun.wait()
        for place in range(300):
            append(tmp_path, line(output=f"/w/{number}-{place}.o"))

    def fold() -> None:
        begun.wait()
        last = False
        while not last:
            last = written.is_set()
            ledger.fold(tmp_path, at_least=2000)

    writers = [threading.Thread(target=write, args=(number,)) for number in (1, 2, 3)]
    folders = [threading.Thread(target=fold) for _ in range(2)]
    for thread in (*writers, *folders):
        thread.start()
    for thread in writers:
        thread.join()
    written.set()
    for thread in folders:
        thread.join()
    found = ledger.read(tmp_path)
    assert (len(found.compiles), found.unreadable) == (900, 0)
    assert (tmp_path / f"{ledger.path(tmp_path).name}.old").exists()


def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(line() + b"\n")
    ledger.path(tmp_path).symlink_to(theirs)
    assert saved(tmp_path) == {}
    ledger.zero(tmp_path)
    assert theirs.read_bytes() == line() + b"\n"
    ledger.path(tmp_path).unlink()
    os.mkfifo(ledger.path(tmp_path))
    assert saved(tmp_path) == {}
