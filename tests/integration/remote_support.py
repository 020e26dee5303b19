"""Hosts of a team, each with a cache directory and a checkout of its own, and the stores that they share."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clang_llm.system import log, process
from clang_llm.system.settings import MIB
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import PluginBuild

SERVER = Path(__file__).resolve().parents[2] / "cache" / "server"
#: Each has something to gain.
SOURCES = {
    "chain": """static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
int length(int x) { int n = 0; while (x != 1) { x = step(x); ++n; } return n; }
int longest(const int *v, int n) {
  int most = 0;
  for (int i = 0; i < n; ++i) { int k = length(v[i]); if (k > most) most = k; }
  return most;
}
""",
    "text": """static int blank(char c) { return c == ' ' || c == '\\t' || c == '\\n'; }
unsigned words(const char *s) {
  unsigned n = 0;
  for (int inside = 0; *s; ++s) { if (blank(*s)) inside = 0; else if (!inside) { inside = 1; ++n; } }
  return n;
}
unsigned number(const char *s) {
  unsigned v = 0;
  while (blank(*s)) ++s;
  for (; *s >= '0' && *s <= '9'; ++s) v = v * 10 + (unsigned)(*s - '0');
  return v;
}
""",
    "sort": """void sort(int *v, int n) {
  for (int i = 1; i < n; ++i) {
    int x = v[i], k = i;
    for (; k > 0 && v[k - 1] > x; --k) v[k] = v[k - 1];
    v[k] = x;
  }
}
int median(int *v, int n) { sort(v, n); return n & 1 ? v[n / 2] : (v[n / 2] + v[n / 2 - 1]) / 2; }
""",
}
#: Seconds for a courier to leave when its socket is gone; it looks four times a second.
LEAVE_S = 10.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process that is there."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Host:
    """One machine of a team: a cache directory, and sources in a place of its own."""

    def __init__(self, root: Path, compiler: Compiler, build: PluginBuild, remote: str, **environment: str) -> None:
        self.root, self.compiler, self.cache = root, compiler, root / "cache"
        #: What each compile is started by, such as `ip netns exec NAME`.
        self.by: list[str] = []
        (self.cache).mkdir(parents=True)
        (root / "src").mkdir()
        self.plugin = root / "plugin"
        shutil.copytree(build.directory, self.plugin)
        python = (self.plugin / "helper").read_text(encoding="utf-8").split("\n")
        python[0] = sys.executable  # which has the packages of the tests
        (self.plugin / "helper").write_text("\n".join(python), encoding="utf-8")
        for name, text in SOURCES.items():
            self.add(name, text)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "CLANG_LLM_CACHE_DIR": str(self.cache),
            "CLANG_LLM_MIN_INSTRUCTIONS": "0",
            "CLANG_LLM_BACKEND": "coreset",
            "CLANG_LLM_EFFORT": "2",
            "CLANG_LLM_LOG": str(root / "log"),
            "CLANG_LLM_REMOTE": remote,
            **environment,
        }

    def add(self, name: str, text: str) -> None:
        """Write a source file."""
        (self.root / "src" / f"{name}.c").write_text(text, encoding="utf-8")

    def command(self, name: str, *options: str) -> list[str]:
        """Return the command that compiles a source with the plugin."""
        source, output = self.root / "src" / f"{name}.c", self.root / f"{name}.o"
        options = tuple(option.replace("{root}", str(self.root)) for option in options)
        plugin = f"-fpass-plugin={self.plugin / 'stub.so'}"
        return [str(self.compiler.path), plugin, "-Oz", *options, "-c", str(source), "-o", str(output)]

    def compile(self, name: str, *options: str, **environment: str) -> process.Completed:
        """Compile a source; nothing is printed and nothing fails."""
        done = process.run(
            [*self.by, *self.command(name, *options)],
            env={**self.environment, **environment},
            cwd=self.root / "src",
            timeout_s=200,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return done

    def objects(self, *options: str) -> dict[str, bytes]:
        """Compile every source; return the objects."""
        for name in SOURCES:
            self.compile(name, *options)
        return {name: (self.root / f"{name}.o").read_bytes() for name in SOURCES}

    def plain(self, name: str, *options: str) -> process.Completed:
        """Compile a source with clang alone."""
        command = [word for word in self.command(name, *options) if not word.startswith("-fpass-plugin")]
        return process.run(command, env=self.environment, cwd=self.root / "src")

    def events(self) -> Counter[str]:
        """Return what was counted."""
        return log.fold_events(self.cache)

    def couriers(self) -> list[int]:
        """Return the process ids of couriers that live."""
        found = []
        for lock in self.cache.glob("courier-*/*.lock"):
            pid = int(lock.read_text(encoding="ascii").partition("\n")[0] or 0)
            if pid and _lives(pid, str(self.cache)):
                found.append(pid)
        return found

    def wait_for(self, event: str, count: int, seconds: float = 20.0) -> None:
        """Wait until something was counted so often."""
        latest = time.monotonic() + seconds
        while self.events()[event] < count:
            assert time.monotonic() < latest, (dict(self.events()), self.log())
            time.sleep(0.05)

    def log(self) -> str:
        """Return what was logged."""
        path = self.root / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Send the courier away, if there is one."""
        for path in self.cache.glob("courier-*/*.sock"):
            path.unlink(missing_ok=True)
        latest = time.monotonic() + LEAVE_S
        while self.couriers():
            assert time.monotonic() < latest, "the courier does not leave"
            time.sleep(0.05)


def _lives(pid: int, cache: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(cache) in words


@dataclass
class Served:
    """A server that runs.

    Attributes:
        remote: The setting for those who write.
        reader: The setting for those who only read.
        directory: Where its files are.
    """

    remote: str
    reader: str
    directory: Path


def program(name: str) -> str:
    """Return where a program is; the test is skipped where it is not installed."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: scripts/packages test")
    return found


def needs(package: str) -> None:
    """Skip the test where a package is not installed."""
    pytest.importorskip(package, reason=f"{package} is not installed: pip install clang-llm[remote]")


@contextlib.contextmanager
def running(command: list[str], directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the test is over."""
    with (directory / "said").open("wb") as said:
        server = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            latest = time.monotonic() + 20
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, (directory / "said").read_text(encoding="utf-8")
                assert time.monotonic() < latest
                time.sleep(0.02)
            yield server
        finally:
            server.terminate()
            server.wait(20)


def composed(kind: str, directory: Path) -> list[str]:
    """Return the command of a compose file, with what it mounts where the files are here."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install clang-llm[dev]")
    service = yaml.safe_load((SERVER / kind / "compose.yaml").read_text(encoding="utf-8"))["services"]["plans"]
    words = shlex.split(service["command"])
    for volume in service["volumes"]:
        here, there, *_ = volume.split(":")
        assert (SERVER / kind / here).exists()
        words = [word.replace(there, str(directory / here)) for word in words]
    return words


@contextlib.contextmanager
def redis(directory: Path, more_users: str = "") -> Iterator[Served]:
    """Run Redis with the configuration of `cache/server`, and with more users."""
    needs("redis")
    server = program("redis-server")
    shutil.copytree(SERVER / "redis", directory)
    port = free_port()
    command = composed("redis", directory)
    assert command[0] == "redis-server"
    text = (
        (directory / "redis.conf").read_text(encoding="utf-8").replace("port 6379", f"port {port}\nbind 127.0.0.1", 1)
    )
    (directory / "redis.conf").write_text(text, encoding="utf-8")
    users = (directory / "users.acl").read_text(encoding="utf-8")
    assert users.count("CHANGE-ME-TOO") == 1
    users = users.replace("CHANGE-ME-TOO", "reading-only").replace("CHANGE-ME", "secret-of-the-team")
    (directory / "users.acl").write_text(users + more_users, encoding="utf-8")
    for name, secret in (("writer", "secret-of-the-team"), ("reader", "reading-only")):
        (directory / name).write_text(secret + "\n", encoding="utf-8")
    with running([server, *command[1:]], directory, port):
        where = f"@127.0.0.1:{port}|password-file={directory}"
        yield Served(f"redis://clang-llm{where}/writer", f"redis://clang-llm-reader{where}/reader", directory)


@contextlib.contextmanager
def nginx(directory: Path) -> Iterator[Served]:
    """Run nginx with the configuration of `cache/server`."""
    needs("urllib3")
    server, openssl = program("nginx"), program("openssl")
    shutil.copytree(SERVER / "nginx", directory)
    port = free_port()
    text = (directory / "nginx.conf").read_text(encoding="utf-8")
    assert len(re.findall("8443", text)) == 1
    (directory / "nginx.conf").write_text(text.replace("8443", f"127.0.0.1:{port}"), encoding="utf-8")
    (directory / "store").mkdir()
    certify(openssl, directory)
    lines = {}
    for name, secret in (("clang-llm", "secret-of-the-team"), ("guest", "reading-only")):
        done = process.run([openssl, "passwd", "-6", secret])
        lines[name] = f"{name}:{done.output}"
        (directory / f"{name}.password").write_text(secret + "\n", encoding="utf-8")
    (directory / "readers").write_text("".join(lines.values()), encoding="utf-8")
    (directory / "writers").write_text(lines["clang-llm"], encoding="utf-8")
    command = composed("nginx", directory)
    assert command[0] == "nginx"
    with running([server, *command[1:]], directory, port):
        scheme = "https"
        where = f"@localhost:{port}|ca={directory}/ca.crt|password-file={directory}"
        yield Served(
            f"{scheme}://clang-llm{where}/clang-llm.password", f"{scheme}://guest{where}/guest.password", directory
        )


def certify(openssl: str, directory: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> None:
    """Make a certificate authority and a certificate for this machine."""
    ca = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=team", "-keyout", "ca.key", "-out", "ca.crt"]
    asked = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
    (directory / "names").write_text(f"subjectAltName={names}\n", encoding="utf-8")
    signed = ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    for words in (
        [*ca, *subject],
        [*asked, "-keyout", "server.key", "-out", "server.csr"],
        [*signed, "-extfile", "names", "-out", "server.crt"],
    ):
        done = process.run([openssl, *words], cwd=directory, memory_bytes=1024 * MIB)
        assert done.ok, done.stderr
