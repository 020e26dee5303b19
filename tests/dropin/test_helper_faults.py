"""A helper that crashes, hangs or answers garbage costs nothing but the saving: the object is that of plain -Oz."""

from __future__ import annotations

import time

import pytest

from dropin import sources
from dropin.helpers import events, use_helper
from dropin.processes import belonging_to, wait_for
from dropin.twin import Case, Twin

#: Seconds for the plugin to wait for an answer here; a minute in use.
HELPER_S = 2
CASE = Case((("-Oz", "-Werror", "-c", "a.c"),), {"a.c": sources.C}, env={"_CLANG_LLM_HELPER_SECONDS": str(HELPER_S)})

FAULTS = {
    "ends at once": "exit 0",
    "fails": "exit 3",
    "crashes": "kill -SEGV $$",
    "is killed": "kill -KILL $$",
    "reads the question and ends": "read -r question",
    "hangs": "exec sleep 1000",
    "hangs and holds on": "trap '' TERM INT HUP; while :; do sleep 1; done",
    "closes its end and hangs": "exec </dev/null >/dev/null; exec sleep 1000",
    "answers garbage": "read -r q; echo '\\000\\377garbage'; exec sleep 1000",
    "answers an empty line": "read -r q; echo; exec sleep 1000",
    "answers half a line": "read -r q; printf '{\"do\": '",
    "answers a list": "read -r q; echo '[1, 2]'; exec sleep 1000",
    "answers a number": "read -r q; echo 7; exec sleep 1000",
    "answers without do": "read -r q; echo '{}'; exec sleep 1000",
    "answers an unknown do": 'read -r q; echo \'{"do": "frobnicate"}\'; exec sleep 1000',
    "answers the wrong type": "read -r q; echo '{\"do\": 3}'; exec sleep 1000",
    "applies what was never measured": 'read -r q; echo \'{"do": "apply", "id": 0}\'; exec sleep 1000',
    "applies nothing": 'read -r q; echo \'{"do": "apply"}\'; exec sleep 1000',
    "applies a negative id": 'read -r q; echo \'{"do": "apply", "id": -5}\'; exec sleep 1000',
    "evaluates no list": 'read -r q; echo \'{"do": "evaluate"}\'; exec sleep 1000',
    "evaluates what are no strings": 'read -r q; echo \'{"do": "evaluate", "lists": [1, null]}\'; exec sleep 1000',
    "evaluates unknown passes": (
        'read -r q; echo \'{"do": "evaluate", "lists": ["frobnicate", "(", ""]}\'; exec cat >/dev/null'
    ),
    "applies an invalid list": (
        'read -r q; echo \'{"do": "evaluate", "lists": ["frobnicate"]}\'; read -r a; read -r b; '
        'echo \'{"do": "apply", "id": 0}\'; exec cat >/dev/null'
    ),
    "says lookup although nothing is there": 'read -r q; echo \'{"do": "lookup"}\'; exec sleep 1000',
    "says lookup for ever": 'while :; do echo \'{"do": "lookup"}\'; done',
    "asks for the module and ends": 'read -r q; echo \'{"do": "module"}\'; read -r size',
    "asks for the module for ever": 'while :; do echo \'{"do": "module"}\'; done',
    "floods": "exec cat /dev/zero",
    "floods with lines": "exec yes",
    "has no reason": 'read -r q; echo \'{"do": "oz"}\'',
    "has a strange reason": 'read -r q; printf \'{"do": "oz", "reason": "a b\\\\nhit"}\\n\'',
}


@pytest.mark.parametrize("program", FAULTS.values(), ids=FAULTS.keys())
def test_helper_that(twin: Twin, program: str) -> None:
    use_helper(twin, program)
    expected = twin.plain(CASE)
    started = time.monotonic()
    found = twin.ours(CASE, "plan")
    assert time.monotonic() - started < 10 * HELPER_S
    assert found == expected
    assert [event for event in events(twin) if event.startswith("error:")] != []
    assert not {"applied", "stored", "hit"} & set(events(twin))
    assert wait_for(lambda: not belonging_to(twin.cache)), belonging_to(twin.cache)


@pytest.mark.parametrize("kind", ["missing", "not executable", "a directory"])
def test_helper_that_cannot_be_started(twin: Twin, kind: str) -> None:
    script = use_helper(twin, "exit 0")
    if kind == "not executable":
        script.chmod(0o644)
    else:
        script.unlink()
    if kind == "a directory":
        script.mkdir()
    assert twin.ours(CASE, "plan") == twin.plain(CASE)
    assert [event for event in events(twin) if event.startswith("error:")] != []


def test_helper_file_is_gone(twin: Twin) -> None:
    script = use_helper(twin, "exit 0")
    (twin.cache / "plugins" / "own" / "helper").unlink()
    assert script.exists()
    assert twin.ours(CASE, "plan") == twin.plain(CASE)


def test_plain_helper_finds_its_way(twin: Twin) -> None:
    """The counterpart of all these: with the real helper the module is decided and remembered."""
    twin.ours(CASE, "plan")
    assert "stored" in events(twin)
    assert not [event for event in events(twin) if event.startswith("error:")]
    twin.ours(CASE, "plan")
    assert events(twin)[-1] in {"hit", "hit:oz", "applied"}
