"""Every command of the tool with inputs that nobody means: no traceback, nothing that hangs, one clear line.

The commands and their arguments are taken from the parser, so a new one is tried, too, or this fails for want of a
command line for it. What is tried goes on in this process; compilers are asked questions, and compile nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clang_llm import cli
from clang_llm.system import settings
from clang_llm.toolchain.compiler import Compiler

NUMBERS = ("", "-1", "0", "1e9", "9" * 30, "9" * 5000, "x", "٣", "0x10")
WORDS = ("", " ", "-", "--", "x" * 5000, "\udcff", "../../etc", "\n", "0", "*", "'", "%s%n", "٣")
TEXTS: dict[str, bytes] = {
    "empty": b"",
    "comment": b"# nothing\n",
    "binary": bytes(range(256)) * 16,
    "list": b"[5]",
    "object": b'{"a": 1}',
    "number": b"9" * 5000,
    "deep": b"[" * 200_000,
    "nested": b"function(" * 5000,
    "entry": b'[{"directory": "/", "arguments": [["cc"]]}]',
    "utf-16": '[{"directory": "/nonexistent", "command": "cc"}]'.encode("utf-16"),
}


@dataclass
class Hostile:
    """A directory with things that are no proper input, an environment, and the tool."""

    root: Path
    environ: dict[str, str]
    capsysbinary: pytest.CaptureFixture[bytes]

    def paths(self) -> list[str]:
        made = [str(self.root / name) for name in TEXTS]
        others = [
            "missing",
            "directory",
            "fifo",
            "loop",
            "unreadable",
            "\udcff",
            "x" * 300,
            "empty/below",
            "line\nbreak",
        ]
        return [
            *made,
            *(str(self.root / name) for name in others),
            "",
            ".",
            "/dev/null",
            "/dev/zero",
            "/dev/full",
            "/proc/nope",
        ]

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command; what it raises fails the test, with the command line."""
        try:
            status = cli.main(words)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except Exception as error:
            raise AssertionError(f"{[word[:100] for word in words]}: {type(error).__name__}: {error}"[:1000]) from error
        out, err = (said.decode(errors="backslashreplace") for said in self.capsysbinary.readouterr())
        assert "Traceback" not in out + err, words
        if err.startswith("clang-llm-tool: "):
            assert status != 0, words
            # These go on after a command that cannot be run, and say how many there were, or what was checked.
            more = {"tune": 2, "train": 2, "warm": 2, "plans": 3}
            assert err.count("\n") <= 1 + more.get(words[0], 0), (words, err)
        elif status not in (0, 1):
            assert err.startswith("usage: ") or err.splitlines()[-1].startswith("clang-llm-tool: "), (
                words,
                status,
                err,
            )
        return status, out, err


@pytest.fixture
def hostile(
    tmp_path: Path,
    a_compiler: Compiler,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Hostile:
    root = tmp_path / "hostile"
    root.mkdir()
    for name, content in TEXTS.items():
        (root / name).write_bytes(content)
    (root / "directory").mkdir()
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    (root / "unreadable").write_text("[]")
    (root / "unreadable").chmod(0)
    (root / "a.c").write_text("int f(void) { return 1; }\n")
    # A command that can be read and not be run: nothing is compiled.
    entry = {"directory": str(root / "nowhere"), "command": "cc -c a.c", "file": "a.c"}
    (root / "commands.json").write_text(json.dumps([entry]))
    (root / "broken.lists").write_text("function(\n")
    (tmp_path / "cache").mkdir()
    mine = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "CLANG_LLM_CACHE_DIR": str(tmp_path / "cache"),
        "CLANG_LLM_CLANG": str(a_compiler.path),
        "CLANG_LLM_BACKEND": "coreset",
    }
    monkeypatch.setattr(settings, "process_environment", lambda: mine)
    monkeypatch.chdir(root)
    return Hostile(root, mine, capsysbinary)


#: A command line for each command that ends soon, the model's and the builder's work left out.
LINES: dict[str, tuple[str, ...]] = {
    "doctor": (),
    "stats": (),
    "report": (),
    "explain": ("clang-llm", "-O2", "-c", "a.c"),
    "advise": ("--compile-commands", "commands.json"),
    "cache show": ("00",),
    "cache list": (),
    "cache cleanup": (),
    "cache clear": (),
    "cache verify": (),
    "cache path": (),
    "config": (),
    "validate": ("broken.lists",),
    "tune": ("--compile-commands", "commands.json"),
    "warm": ("--compile-commands", "commands.json"),
    "train": ("--out", "new", "--compile-commands", "commands.json"),
    "serve": ("--status",),
    "path": ("wrappers",),
    "plans export": ("new.plans",),
    "plans import": ("a.c",),
    "plans merge": ("base.plans", "ours.plans", "theirs.plans"),
    "plans verify": ("a.c",),
    "plans check": ("--file", "a.c", "--compile-commands", "commands.json"),
    "key new": ("new.key",),
    "key show": ("a.c",),
}


def leaves(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, below in group.choices.items():
            yield from leaves(below, f"{name} {word}".strip())


def variants(name: str, parser: argparse.ArgumentParser, paths: list[str]) -> Iterator[tuple[str, ...]]:
    """Command lines with one argument that nobody means."""
    line = LINES[name]
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
            continue
        values = list(paths if action.type is Path else NUMBERS if action.type is int else (*WORDS, *paths))
        if action.nargs == argparse.REMAINDER:
            # A FIFO, and what has no end, is what such a command line asks for: clang itself would wait for it, too.
            values = [each for each in values if each != "/dev/zero" and not each.endswith("fifo")]
            yield from ((*line[: -len(line) or None], each) for each in values)
            yield ()
        elif not action.option_strings:
            yield from ((each,) for each in values)
        elif action.nargs == 0:
            yield (*line, action.option_strings[0])
        elif action.option_strings[0] in line:
            place = line.index(action.option_strings[0]) + 1
            yield from ((*line[:place], each, *line[place + 1 :]) for each in values)
        else:
            # A report into a pipe waits for its reader, as it should.
            values = [each for each in values if action.dest not in ("json", "html") or not each.endswith("fifo")]
            yield from ((action.option_strings[0], each, *line) for each in values)


PARSERS = dict(leaves(cli.build_parser()))


def test_there_is_a_line_for_every_command() -> None:
    assert PARSERS.keys() == LINES.keys()


def failures_of(hostile: Hostile, lines: Iterable[tuple[str, ...]]) -> tuple[int, list[str]]:
    """Run command lines; returns how many there were, and what went wrong."""
    tried, found = 0, []
    for words in lines:
        tried += 1
        try:
            hostile.run(*words)
        except AssertionError as error:
            found.append(str(error).split("\nassert ")[0])
    return tried, found


@pytest.mark.timeout(120)  # seconds: a command that hangs fails instead of holding the gate
@pytest.mark.parametrize("name", [name for name in LINES if name not in ("doctor", "train")])
def test_arguments_that_nobody_means(hostile: Hostile, name: str) -> None:
    lines = ((*name.split(), *words) for words in variants(name, PARSERS[name], hostile.paths()))
    tried, found = failures_of(hostile, lines)
    assert not found
    assert tried >= len([action for action in PARSERS[name]._actions if action.dest != "help"])


@pytest.mark.timeout(120)
def test_training_with_arguments_that_nobody_means(hostile: Hostile) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install clang-llm[model]")
    lines = (("train", *words) for words in variants("train", PARSERS["train"], hostile.paths()))
    tried, found = failures_of(hostile, lines)
    assert not found
    assert tried > 100


#: Commands that read every setting and compile nothing.
QUICK = (
    ("config",),
    ("config", "--json"),
    ("stats",),
    ("stats", "--json"),
    ("cache", "list"),
    ("cache", "verify"),
    ("cache", "path"),
    ("cache", "show", "00"),
    ("serve", "--status"),
    ("serve", "--status", "--json"),
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", settings.NAMES)
def test_settings_that_nobody_means(hostile: Hostile, name: str) -> None:
    backend = {"URL": "openai", "API_KEY": "openai", "SCRIPT": "scripted", "MODEL": "transformers"}.get(name, "coreset")
    hostile.environ |= {"CLANG_LLM_BACKEND": backend, "CLANG_LLM_URL": "x", "CLANG_LLM_INFER_MS": "200"}
    found: list[str] = []
    config = hostile.root / "config"
    values = (*WORDS, *NUMBERS, *hostile.paths(), "http:/" + "/[::1", "http:/" + "/127.0.0.1:99999")
    for turn, value in enumerate(values):
        # Each value meets two commands, by turns, and `config`.
        lines = [QUICK[0], QUICK[turn % len(QUICK)], QUICK[(turn + 3) % len(QUICK)]]
        hostile.environ[f"CLANG_LLM_{name}"] = value
        found += [f"{value[:100]!r}: {each}" for each in failures_of(hostile, lines)[1]]
        if name == "CONFIG":
            continue
        del hostile.environ[f"CLANG_LLM_{name}"]
        config.write_bytes(f"{name.lower()} = {value}\n".encode("utf-8", "surrogateescape") + b"\0\xff = \n")
        hostile.environ["CLANG_LLM_CONFIG"] = str(config)
        found += [f"{value[:100]!r} in a file: {each}" for each in failures_of(hostile, lines[1:2])[1]]
        del hostile.environ["CLANG_LLM_CONFIG"]
    assert not found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", [name for name in settings.NAMES if name != "MODEL"])
def test_doctor_with_settings_that_nobody_means(hostile: Hostile, name: str) -> None:
    backend = {"URL": "openai", "API_KEY": "openai", "SCRIPT": "scripted"}.get(name, "coreset")
    hostile.environ |= {"CLANG_LLM_BACKEND": backend, "CLANG_LLM_URL": "x", "CLANG_LLM_INFER_MS": "200"}
    hostile.environ["CLANG_LLM_CLANG"] = "/nonexistent/clang"
    paths = hostile.paths()
    values = (*WORDS[1:], *paths[:2], *paths[len(TEXTS) :])
    found: list[str] = []
    for value in values:
        if name in ("CLANG", "BACKEND") and not value:
            continue  # the defaults: a trial compile and a server of a model, which other tests are about
        hostile.environ[f"CLANG_LLM_{name}"] = value
        found += [f"{value[:100]!r}: {each}" for each in failures_of(hostile, [("doctor",)])[1]]
    assert not found


def test_a_cache_directory_full_of_strange_things(hostile: Hostile) -> None:
    cache = Path(hostile.environ["CLANG_LLM_CACHE_DIR"])
    for name in ("plans/00", "plans/ab", "quarantine", "locks", "queue", "vetted", "toolchains/a/b"):
        (cache / name).mkdir(parents=True)
    (cache / "plans" / "cd").write_text("a file in the place of a directory")
    (cache / "plans" / "ef").symlink_to("/nonexistent")
    os.mkfifo(cache / "plans" / "00" / ("0" * 62))
    (cache / "plans" / "00" / ("1" * 62)).mkdir()
    (cache / "plans" / "ab" / ("2" * 62)).write_bytes(TEXTS["binary"])
    (cache / "plans" / "ab" / "\udcff").write_bytes(b"")
    os.mkfifo(cache / "toolchains" / "a" / "b" / "failed")
    for name in ("events", "events.old", "locks/stats"):
        os.mkfifo(cache / name)
    (cache / "stats.json").write_bytes(TEXTS["deep"])
    (cache / "queue" / ("3" * 64 + ".json")).write_bytes(TEXTS["deep"])
    os.mkfifo(cache / "vetted" / "llvm-17.txt")
    hostile.environ["CLANG_LLM_CLANG"] = "/nonexistent/clang"
    lines = [*QUICK, ("doctor",), ("cache", "show", "1"), ("stats", "--zero"), ("cache", "cleanup"), ("cache", "clear")]
    _, found = failures_of(hostile, lines)
    assert not found


@pytest.mark.parametrize("words", [("--help",), ("--version",), *QUICK], ids=" ".join)
def test_an_output_that_is_full_is_one_line(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    if words[0] == "serve":  # a backend that has a server
        hostile.environ |= {"CLANG_LLM_BACKEND": "transformers", "CLANG_LLM_MODEL": str(hostile.root)}
    with open("/dev/full", "w", encoding="utf-8") as full, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr(sys, "stdout", full)
        status, out, err = hostile.run(*words)
    if words == ("cache", "show", "00"):  # which has nothing to say but that
        assert "no entry" in err
    else:
        assert (status, out) == (1, "")
        assert (
            err == "clang-llm-tool: cannot write the output: No space left on device; give it room, or another place\n"
        )


def in_a_shell(hostile: Hostile, script: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the tool as `$tool` of a shell, in a process of its own."""
    root = str(Path(cli.__file__).resolve().parents[2])
    environ = {**hostile.environ, "PYTHONPATH": root, "tool": f"{sys.executable} -m clang_llm.cli", **variables}
    return subprocess.run(["sh", "-c", script], env=environ, capture_output=True, timeout=100, check=False)


@pytest.mark.parametrize(
    ("redirection", "status", "err"),
    [
        (">&-", 0, b""),
        (">&- 2>&- <&-", 0, b""),
        (">/dev/full", 1, b"clang-llm-tool: cannot write the output: "),
        (">/dev/full 2>/dev/full", 1, b""),
        ("--help >/dev/full", 1, b"clang-llm-tool: cannot write the output: "),
    ],
)
def test_streams_of_a_real_process(hostile: Hostile, redirection: str, status: int, err: bytes) -> None:
    done = in_a_shell(hostile, f"$tool config {redirection}")
    assert done.returncode == status
    assert done.stderr.startswith(err)
    assert done.stderr.count(b"\n") == bool(err)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "utf-16"])
def test_names_that_are_no_text_come_out_as_they_are(hostile: Hostile, encoding: str) -> None:
    cache = os.fsencode(hostile.root) + b"/\xff\xc3\xa9"
    done = in_a_shell(hostile, "$tool cache path", CLANG_LLM_CACHE_DIR=os.fsdecode(cache), PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = {
        "utf-8": cache,
        "ascii": cache.replace(b"\xc3\xa9", b"\\xe9"),
        "latin-1": cache.replace(b"\xc3\xa9", b"\xe9"),
    }
    if encoding in expected:
        assert done.stdout == expected[encoding] + b"\n"
    assert (
        in_a_shell(
            hostile,
            "$tool doctor --json",
            LC_ALL="C",
            PYTHONUTF8="0",
            PYTHONCOERCECLOCALE="0",
            CLANG_LLM_CACHE_DIR=os.fsdecode(cache),
            CLANG_LLM_CLANG="/nonexistent",
        ).returncode
        == 1
    )
