import argparse
import subprocess
import sys
from collections.abc import Mapping

import pytest

from clang_llm import __version__, cli
from clang_llm.cli import config
from clang_llm.system.errors import StoreError


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["--help"])
    assert exit_info.value.code == 0
    said = capsys.readouterr().out
    for command in ("doctor", "stats", "explain", "cache", "config", "validate"):
        assert f"\n    {command} " in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["--version"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"clang-llm {__version__}\n"


def test_an_unknown_command_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["fly"])
    assert exit_info.value.code == 2
    assert "fly" in capsys.readouterr().err


def test_errors_become_one_line_and_their_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        raise StoreError(f"{arguments.json} {len(environ) > 0}; try again")

    monkeypatch.setattr(config, "run", fail)
    assert cli.main(["config"]) == StoreError.exit_code
    assert capsys.readouterr() == ("", "clang-llm-tool: False True; try again\n")


def test_an_interruption_is_the_shells_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        raise KeyboardInterrupt(arguments, environ)

    monkeypatch.setattr(config, "run", interrupt)
    assert cli.main(["config"]) == 130


def test_a_reader_that_leaves_is_no_error() -> None:
    tool = subprocess.Popen(
        [sys.executable, "-m", "clang_llm.cli", "config"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert tool.stdout is not None
    tool.stdout.close()
    _, stderr = tool.communicate(timeout=60)
    assert (tool.returncode, stderr) == (0, b"")
