"""``make fuzz``: every target in turn, until each has had its time. Resumable: corpus and counts are in build/fuzz.

``build/fuzz/<target>/corpus`` is what libFuzzer keeps, ``found/`` what broke a target; move such a file to
``tests/data/fuzz/<target>`` once it is mended, and the gate replays it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

from clang_llm.system import process
from clang_llm.system.errors import ProcessError
from clang_llm.toolchain.compiler import Compiler, installed_compilers
from fuzz import harness, parsers, seeds, tiny_model

ROOT = Path(__file__).resolve().parents[2]
#: libFuzzer's bounds of one input: seconds, megabytes, bytes. The second that is allowed is measured in the replay, on
#: processor time: here the machine may be busy with other work.
_TIMEOUT_S, _MEMORY_MB, _LENGTH = 20, 2048, 65536
#: How long a target may take to read its corpus and to end, beyond its shift, on a busy machine.
_GRACE_S = 600.0
_EXECUTIONS = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
_COVERAGE = re.compile(rb"cov: (\d+) ft: (\d+)")


class Target:
    """One target, with what it has done so far."""

    def __init__(self, name: str, place: Path) -> None:
        self.name = name
        self.place = place / name
        self.corpus, self.found = self.place / "corpus", self.place / "found"
        self._state = self.place / "state.json"
        self.seconds = self.executions = self.coverage = 0
        if self._state.exists():
            state = json.loads(self._state.read_text(encoding="ascii"))
            self.seconds, self.executions, self.coverage = state["seconds"], state["executions"], state["coverage"]

    def keep(self) -> None:
        """Remember what was done."""
        state = {"seconds": self.seconds, "executions": self.executions, "coverage": self.coverage}
        self._state.write_text(json.dumps(state), encoding="ascii")

    def findings(self) -> list[str]:
        """Return the names of what broke it."""
        return sorted(path.name for path in self.found.iterdir()) if self.found.is_dir() else []


def command(target: Target, compiler: Compiler, place: Path) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command that fuzzes a target, without libFuzzer's options, and its environment."""
    cache = place / "cache"
    tiny_model.write(cache)
    environ = harness.environment(cache)
    if target.name in harness.TARGETS:
        return [harness.build(compiler, place / "bin", fuzzer=True) / f"fuzz-{target.name}"], environ
    environ["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    return [sys.executable, "-m", "fuzz.atheris_main", target.name], environ


def shift(target: Target, compiler: Compiler, place: Path, seconds: int) -> None:
    """Fuzz one target for a while."""
    for directory in (target.corpus, target.found):
        directory.mkdir(parents=True, exist_ok=True)
    seeds.write(target.place / "seeds", target.name, compiler.major, compiler.version)
    words = place / "words.dict"
    words.write_text(seeds.dictionary(compiler.major), encoding="ascii")
    argv, environ = command(target, compiler, place)
    argv += [f"-max_total_time={seconds}", f"-timeout={_TIMEOUT_S}", f"-rss_limit_mb={_MEMORY_MB}"]
    argv += [f"-max_len={_LENGTH}", f"-artifact_prefix={target.found}/", f"-dict={words}", "-print_final_stats=1"]
    argv += ["-detect_leaks=0", "-reload=0", target.corpus, target.place / "seeds"]
    begun = time.monotonic()
    try:
        done = process.run(argv, env=environ, cwd=target.place, timeout_s=seconds + _GRACE_S)
        said = done.stdout + done.stderr
    except ProcessError as error:
        said = str(error).encode()
    (target.place / "last.log").write_bytes(said[-100_000:])
    target.seconds += round(time.monotonic() - begun)
    target.executions += sum(map(int, _EXECUTIONS.findall(said)))
    target.coverage = max([target.coverage, *(int(edges) for edges, _ in _COVERAGE.findall(said))])
    target.keep()


def main() -> int:
    """Fuzz; exit status 1 when something was found."""
    words = argparse.ArgumentParser(prog="make fuzz", description=__doc__.partition("\n")[0])
    words.add_argument(
        "--seconds", type=int, default=3600, help="for each target, all runs together (default: %(default)s)"
    )
    words.add_argument("--shift", type=int, default=600, help="seconds after which the next target has its turn")
    words.add_argument("--targets", help="comma-separated; default: all")
    words.add_argument("--log", type=Path, help="file to which a line is appended for every shift")
    options = words.parse_args()
    place = ROOT / "build" / "fuzz"
    place.mkdir(parents=True, exist_ok=True)
    names = options.targets.split(",") if options.targets else [*harness.TARGETS, *parsers.TARGETS]
    if find_spec("atheris") is None:
        left_out = [name for name in names if name in parsers.TARGETS]
        print(f"left out, for want of atheris (pip install '.[fuzz]'): {', '.join(left_out) or 'nothing'}")
        names = [name for name in names if name not in left_out]
    compilers = installed_compilers()
    compiler = next((each for each in compilers if each.major == 19), compilers[0])
    targets = [Target(name, place) for name in names]
    while waiting := [target for target in targets if target.seconds < options.seconds and not target.findings()]:
        for target in waiting:
            shift(target, compiler, place, min(options.shift, options.seconds - target.seconds))
            now = datetime.now(timezone.utc).strftime("%H:%M:%S")
            line = f"{now} {target.name}: {target.seconds} s, {target.executions} executions, {target.coverage} edges"
            line += f", found {target.findings()}" if target.findings() else ""
            print(line, flush=True)
            if options.log:
                with options.log.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
    return int(any(target.findings() for target in targets))


if __name__ == "__main__":
    sys.exit(main())
