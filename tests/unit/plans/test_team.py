"""Keys of a team: what they sign, what they verify, and which key files are refused."""

import hashlib
import hmac
import importlib.util
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from clang_llm.cli import main
from clang_llm.plans.plan import Plan, encode, seal_on
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store import team
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.team import TeamKey
from clang_llm.plans.store.vouched import is_vouched
from clang_llm.system.errors import DataError

SUM = hashlib.sha256(b"a plan").hexdigest()
OTHER = hashlib.sha256(b"another plan").hexdigest()

pair_installed = pytest.mark.skipif(
    importlib.util.find_spec("cryptography") is None, reason="the extra `team` is not installed"
)


@pytest.fixture(params=[team.SHARED, pytest.param(team.PRIVATE, marks=pair_installed)])
def key(request: pytest.FixtureRequest) -> TeamKey:
    return team.make(request.param)


def test_a_signature_holds_for_one_checksum_and_one_key(key: TeamKey) -> None:
    signature = key.sign(SUM)
    assert re.fullmatch(r"hmac:[0-9a-f]{64}|ed25519:[0-9a-f]{128}", signature)
    assert key.sign(SUM) == signature
    assert key.verifies(SUM, signature)
    assert not key.verifies(OTHER, signature)
    assert not team.make(key.kind).verifies(SUM, signature)
    for wrong in (
        "",
        signature[:-1],
        signature + "0",
        signature.upper(),
        signature.partition(":")[2],
        "hmac:é",
        "x" * 64,
    ):
        assert not key.verifies(SUM, wrong)
    flipped = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    assert not key.verifies(SUM, flipped)
    assert not key.verifies("", signature)
    with pytest.raises(DataError, match="no checksum"):
        key.sign("nonsense")


def test_what_is_signed_is_format_and_checksum(tmp_path: Path) -> None:
    (tmp_path / "k").write_text(f"clang-llm-key hmac-sha256 {'ab' * 32}\n")
    (tmp_path / "k").chmod(0o600)
    signed = hmac.new(bytes.fromhex("ab" * 32), b"clang-llm-plan 1 " + SUM.encode(), hashlib.sha256).hexdigest()
    assert TeamKey.load(tmp_path / "k").sign(SUM) == f"hmac:{signed}"


@pair_installed
def test_a_pair_is_ed25519_as_its_specification_has_it(tmp_path: Path) -> None:
    """The first test vector of RFC 8032, 7.1: the public half of a private key."""
    (tmp_path / "k").write_text(
        f"clang-llm-key ed25519-private {'9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'}\n"
    )
    (tmp_path / "k").chmod(0o600)
    key = TeamKey.load(tmp_path / "k")
    key.public().write(tmp_path / "p")
    assert (tmp_path / "p").read_text().split()[2] == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pair_installed
def test_the_public_half_only_verifies(tmp_path: Path) -> None:
    key = team.make(team.PRIVATE)
    public = team.write_pair(key, tmp_path / "k")
    assert public == tmp_path / "k.pub"
    read = TeamKey.load(public)
    assert (key.can_sign, read.can_sign) == (True, False)
    assert read.verifies(SUM, TeamKey.load(tmp_path / "k").sign(SUM))
    assert not read.verifies(OTHER, key.sign(SUM))
    assert read.fingerprint == key.fingerprint
    with pytest.raises(DataError, match="private"):
        read.sign(SUM)
    assert not team.make(team.SHARED).verifies(SUM, key.sign(SUM))
    assert not read.verifies(SUM, team.make(team.SHARED).sign(SUM))
    with pytest.raises(DataError, match="there already"):
        team.write_pair(key, tmp_path / "k")


def test_a_key_file_is_private_whatever_the_umask(key: TeamKey, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key.write(tmp_path / "k")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert TeamKey.load(tmp_path / "k") == key
    with pytest.raises(DataError, match="there already"):
        key.write(tmp_path / "k")
    assert TeamKey.load(tmp_path / "k") == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_secret_that_others_may_use_is_refused(key: TeamKey, tmp_path: Path, mode: int) -> None:
    key.write(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(DataError, match=r"others may use the secret.*chmod 600"):
        TeamKey.load(tmp_path / "k")


@pair_installed
def test_a_public_key_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    public = team.write_pair(team.make(team.PRIVATE), tmp_path / "k")
    public.chmod(0o664)
    assert not TeamKey.load(public).can_sign
    public.chmod(0o666)
    with pytest.raises(DataError, match="proves nothing"):
        TeamKey.load(public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "clang-llm-key\n",
        f"clang-llm-key rsa {'ab' * 32}\n",
        f"clang-llm-key hmac-sha256 {'ab' * 31}\n",
        f"clang-llm-key hmac-sha256 {'AB' * 32}\n",
        f"clang-llm-key hmac-sha256 {'ab' * 32}\n\n",
        "x" * 4096,
    ],
)
def test_what_is_no_key_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text)
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(DataError, match="holds no key"):
        TeamKey.load(tmp_path / "k")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "none", tmp_path, tmp_path / "fifo"):
        with pytest.raises(DataError, match=r"cannot be read.*key new"):
            TeamKey.load(path)


def test_without_the_package_a_pair_is_refused_and_a_secret_works(tmp_path: Path) -> None:
    code = """if True:
        import sys
        sys.modules["cryptography"] = None
        from clang_llm.plans.store import team
        from clang_llm.system.errors import DataError
        assert team.make(team.SHARED).sign("0" * 64)
        for kind in (team.PRIVATE, team.PUBLIC):
            open("k", "w").write(f"clang-llm-key {kind} " + "ab" * 32)
            try:
                team.TeamKey.load(__import__("pathlib").Path("k"))
            except DataError as error:
                print(error)
    """
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run(
        ["sh", "-c", 'umask 077; exec "$0" -c "$1"', sys.executable, code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("pip install 'clang-llm[team]'") == 2


def test_a_signed_plan_is_taken_over(key: TeamKey, tmp_path: Path) -> None:
    plan = Plan("ab" * 32, "19.1.7", "x86_64-pc-linux-gnu", Recipe("function(sroa),globaldce"), 100, 90, 4)
    checksum, signature = seal_on(encode(plan, key.sign))
    assert key.verifies(checksum, signature)
    assert seal_on(encode(plan._replace(size=80), key.sign))[0] != checksum
    store = LocalStore(tmp_path / "cache")
    assert plan.recipe is not None
    assert not is_vouched(store.root, plan.major, plan.recipe)
    assert store.adopt(plan)
    assert store.is_sealed(plan.key)
    assert store.get(plan.key) == plan
    assert is_vouched(store.root, plan.major, plan.recipe)
    assert store.adopt(plan._replace(size=80))
    assert not store.adopt(plan)
    assert store.get(plan.key) == plan._replace(size=80)


def test_a_cache_that_is_only_read_takes_nothing_over(tmp_path: Path) -> None:
    plan = Plan("ab" * 32, "19.1.7", "x86_64-pc-linux-gnu", Recipe("globaldce"), 100, 90, 4)
    assert not LocalStore(tmp_path / "cache", read_only=True).adopt(plan)
    assert not (tmp_path / "cache").exists()


def test_the_commands_show_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", "--hmac", str(tmp_path / "k")]) == 0
    assert main(["key", "show", str(tmp_path / "k")]) == 0
    out = capsys.readouterr().out
    assert (tmp_path / "k").read_text().split()[2] not in out
    assert out.count(TeamKey.load(tmp_path / "k").fingerprint) == 2
    assert "signs and verifies" in out
    assert main(["key", "new", "--hmac", str(tmp_path / "k")]) == DataError.exit_code
    assert main(["key", "show", str(tmp_path / "none")]) == DataError.exit_code
    assert "key new FILE" in capsys.readouterr().err


@pair_installed
def test_a_pair_is_made_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", str(tmp_path / "k")]) == 0
    capsys.readouterr()
    assert main(["key", "show", str(tmp_path / "k.pub")]) == 0
    shown = capsys.readouterr().out
    assert "cannot sign" in shown
    assert TeamKey.load(tmp_path / "k").fingerprint in shown
