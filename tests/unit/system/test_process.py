import signal
import sys
import time
from pathlib import Path

import pytest

from clang_llm.system import process
from clang_llm.system.errors import ProcessError, ProcessTimeout


def python(code: str, **options: object) -> process.Completed:
    return process.run([sys.executable, "-c", code], **options)  # type: ignore[arg-type]


def test_streams_status_and_times() -> None:
    done = python("import sys; print(sys.stdin.read()[::-1], end=''); sys.stderr.write('e'); sys.exit(7)", stdin=b"abc")
    assert (done.stdout, done.stderr, done.returncode, done.ok) == (b"cba", b"e", 7, False)
    assert done.cpu_s > 0
    assert 0 < done.wall_s < 30


def test_cpu_time_is_the_child_s_own() -> None:
    busy = python("import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass")
    idle = python("import time; time.sleep(0.2)")
    assert busy.cpu_s >= 0.2 > idle.cpu_s


def test_a_signal_is_a_negative_status() -> None:
    assert python("import os; os.kill(os.getpid(), 11)").returncode == -11


def test_much_output_on_both_streams_does_not_block() -> None:
    done = python("import sys; sys.stdout.write('o' * 3000000); sys.stderr.write('e' * 3000000)", timeout_s=60)
    assert (len(done.stdout), len(done.stderr)) == (3000000, 3000000)


def test_a_grandchild_that_keeps_the_streams_does_not_hold_us(tmp_path: Path) -> None:
    code = f"import os, time\nif os.fork() == 0:\n time.sleep(60)\nopen({str(tmp_path / 'x')!r}, 'w')"
    started = time.monotonic()
    assert python(code, timeout_s=30).ok
    assert time.monotonic() - started < 20


def test_environment_and_directory(tmp_path: Path) -> None:
    done = python(
        "import os; print(os.getcwd(), os.environ.get('A'), 'HOME' in os.environ)", env={"A": "b"}, cwd=tmp_path
    )
    assert done.output.split() == [str(tmp_path), "b", "False"]


def test_a_time_limit_ends_the_whole_tree(tmp_path: Path) -> None:
    mark = tmp_path / "grandchild"
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n"
        f" open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    started = time.monotonic()
    with pytest.raises(ProcessTimeout, match=r"longer than 1 s"):
        python(code, timeout_s=1.0)
    assert time.monotonic() - started < 20
    grandchild = int(mark.read_text())
    for _ in range(100):
        if not _alive(grandchild):
            return
        time.sleep(0.05)
    pytest.fail("the grandchild lives on")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_memory_limit_holds() -> None:
    code = "data = bytearray(600 << 20)"
    assert python(code).ok
    assert not python(code, memory_bytes=400 << 20).ok


def test_the_processor_is_limited_and_waiting_is_not() -> None:
    code = "import time; time.sleep(1.5); print('slept', flush=True)\nwhile True: pass"
    done = python(code, processor_s=1)
    assert (done.returncode, done.stdout) == (-signal.SIGXCPU, b"slept\n")


def test_the_memory_limit_passes_arguments_on() -> None:
    done = process.run(["printf", "%s|", "a b", "$HOME", "'"], memory_bytes=1 << 30)
    assert done.stdout == b"a b|$HOME|'|"


@pytest.mark.parametrize("name", ["/no/such/program", "/", "with\0nul"])
def test_what_cannot_be_started_is_told(name: str) -> None:
    with pytest.raises(ProcessError, match="cannot run"):
        process.run([name])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to count descriptors")
def test_nothing_is_left_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        python("pass", timeout_s=30)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
