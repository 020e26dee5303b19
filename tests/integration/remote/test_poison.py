"""A store that somebody without the team's key has filled: nothing is applied but what is made of vetted pieces."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from integration import remote_support
from integration.remote.conftest import MakeHost
from integration.remote.poison import PLANTS, Honest, Hostile, hostile, hostile_line
from integration.remote_support import Host, Served

from clang_llm.plans.plan import encode
from clang_llm.plans.store.committed import HEADER
from clang_llm.plans.store.local import LocalStore
from clang_llm.plans.store.plansfile import PlansFile
from clang_llm.plans.store.team import SHARED, TeamKey, make
from clang_llm.plans.store.vouched import DIRECTORY, is_vouched
from clang_llm.plans.vetted import added_to
from clang_llm.remote.address import parse
from clang_llm.remote.fetching import fetch
from clang_llm.remote.guarded import Guarded
from clang_llm.remote.signing import Signing
from clang_llm.system import objects, process
from clang_llm.system.settings import Settings
from clang_llm.toolchain.compiler import Compiler
from clang_llm.toolchain.plugins import build_plugin

#: A link-time assertion beside code with something to gain: a plan that inlines nothing leaves a call to nowhere.
MODULE = """
extern void width_is_wrong(void);
static int width(int kind) { switch (kind) { case 4: return 32; case 8: return 64; default: return 0; } }
static int step(int x) { return x & 1 ? 3 * x + 1 : x / 2; }
static int blank(char c) { return c == ' ' || c == '\\t' || c == '\\n'; }
unsigned wordsN(const char *s) {
  unsigned n = 0;
  for (int inside = 0; *s; ++s) { if (blank(*s)) inside = 0; else if (!inside) { inside = 1; ++n; } }
  return n;
}
int lengthN(int x) { int n = N; while (x > 1) { x = step(x); ++n; } return n; }
int checkN(const int *v, int n) {
  int most = 0;
  if (width(sizeof(int)) != 32) width_is_wrong();
  for (int i = 0; i < n; ++i) { int k = lengthN(v[i]); if (k > most) most = k; }
  return most * 100 + (int)wordsN("a word and N more");
}
"""
#: What may be said of a hostile entry; each leaves the store on.
OF_ENTRIES = frozenset({"damaged", "oversized", "signature", "unvetted"})
PATIENCE_S = 20.0


class Team(NamedTuple):
    """Modules with their sources, and the plans that the team has signed."""

    sources: dict[str, str]
    honest: list[Honest]
    key_file: Path


def sources(count: int) -> dict[str, str]:
    return {f"module{number}": MODULE.replace("N", str(number)) for number in range(count)}


@pytest.fixture(scope="module")
def make_team(a_compiler: Compiler, builds: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Team]:
    """Search the plans of so many modules, and sign them."""
    made: dict[int, Team] = {}

    def team(count: int) -> Team:
        if count not in made:
            root = tmp_path_factory.mktemp("team")
            host = Host(root / "host", a_compiler, build_plugin(a_compiler, builds), "")
            key = make(SHARED)
            key.write(root / "team.key")
            for name, text in sources(count).items():
                host.add(name, text)
                host.compile(name)
            plans = [LocalStore(host.cache).get(key_of(host, name)) for name in sources(count)]
            honest = [Honest(plan, encode(plan, key.sign)) for plan in plans if plan is not None and plan.recipe]
            assert len(honest) == count
            made[count] = Team(sources(count), honest, root / "team.key")
        return made[count]

    return team


def key_of(host: Host, name: str) -> str:
    """Return the key of a module: the ledger has it."""
    lines = (host.cache / f"savings-{os.geteuid()}").read_text(encoding="ascii").splitlines()
    return next(line.split("\t")[0] for line in lines if line.endswith(f"/{name}.o"))


class Victim:
    """A host of the team that builds what a program needs, again and again."""

    def __init__(self, host: Host, team: Team) -> None:
        self.host, self.team = host, team
        self.local = LocalStore(host.cache)
        for name, text in team.sources.items():
            host.add(name, text)
        (host.root / "src" / "main.c").write_text(main_of(len(team.sources)), encoding="utf-8")
        self.main = host.root / "main.o"
        assert process.run([host.compiler.path, "-c", host.root / "src" / "main.c", "-o", self.main]).ok
        self.sizes = {name: self._plain(name) for name in team.sources}
        self.said = self._link_and_run()

    def _plain(self, name: str) -> int:
        assert self.host.plain(name).ok
        return self._size(name)

    def _size(self, name: str) -> int:
        return objects.allocated_size((self.host.root / f"{name}.o").read_bytes())

    def _link_and_run(self) -> str:
        program = self.host.root / "program"
        parts = [self.host.root / f"{name}.o" for name in self.team.sources]
        linked = process.run([self.host.compiler.path, self.main, *parts, "-o", program])
        assert linked.ok, linked.stderr
        ran = process.run([program])
        assert ran.ok
        return ran.output

    def build(self, **environment: str) -> Counter[str]:
        """Compile everything, and see that all is well; return what was counted meanwhile."""
        before = self.host.events()
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(self.host.compile, name, **environment) for name in self.team.sources]:
                done.result()
        assert self._link_and_run() == self.said
        for name, most in self.sizes.items():
            assert self._size(name) <= most, name
        self.see_that_all_is_vetted()
        counted = self.host.events() - before
        assert not [event for event in counted if event.startswith("error:")], counted
        return counted

    def see_that_all_is_vetted(self) -> None:
        """Every plan that the cache holds, applied or not, is made of what is shipped; nothing was vouched for."""
        assert not (self.host.cache / DIRECTORY).exists()
        for key, path in self.local.entries():
            if self.local.is_sealed(key):
                plan = self.local.get(key)
                assert plan is not None
                assert plan.recipe is None or not added_to(plan.recipe, plan.major), path.read_bytes()

    def forget(self) -> None:
        """Empty the cache of plans."""
        self.local.clear()


def main_of(count: int) -> str:
    lines = [f"int check{number}(const int *, int);" for number in range(count)]
    calls = [f'printf("%d\\n", check{number}(v, 9));' for number in range(count)]
    return (
        f"int printf(const char *, ...);\n{' '.join(lines)}\n"
        f"int main(void) {{ int v[9] = {{3, 27, 97, 871, 12, 6171, 1, 54, 73}}; {' '.join(calls)} return 0; }}\n"
    )


@pytest.fixture(params=["redis", "nginx", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """Each kind of store, with time for a machine that is busy."""
    if request.param == "directory":
        (tmp_path / "store").mkdir()
        remote = f"file:{tmp_path / 'store'}|timeout-ms=600"
        yield Served(remote, f"{remote}|read-only", tmp_path / "store")
        return
    serve = {"redis": remote_support.redis, "nginx": remote_support.nginx}[request.param]
    with serve(tmp_path / "server") as one:
        yield Served(f"{one.remote}|timeout-ms=600", f"{one.reader}|timeout-ms=600|read-only", one.directory)


def guarded(remote: str) -> Guarded:
    (address,), problems = parse(remote)
    assert not problems
    return Guarded(address, MappingProxyType({}))


class Attacker:
    """Somebody who may write into the store."""

    def __init__(self, remote: str) -> None:
        self._store = guarded(remote)

    def write(self, key: str, data: bytes) -> None:
        assert self._store.update(key, lambda _: data, PATIENCE_S)


class Courier:
    """What a courier does with an entry, without the courier: it may not be hurt by any."""

    def __init__(self, remote: str, cache: Path, key_file: Path) -> None:
        settings = Settings.load({"CLANG_LLM_CACHE_DIR": str(cache), "CLANG_LLM_KEY_FILE": str(key_file)})
        self.local, self.store = LocalStore(cache), guarded(remote)
        self._signing = Signing(settings)

    def fetch(self, key: str, major: int) -> str:
        """Return what is said of an entry, or nothing; the store stays on."""
        found, problem = fetch(key, major, [self.store], self.local, self._signing)
        assert self.store.down == "", self.store.why
        assert not found or not problem
        plan = self.local.get(key)
        if found:
            assert plan is not None
            assert plan.recipe is None or is_vouched(self.local.root, major, plan.recipe)
        return problem


def test_sixty_hostile_entries(make_host: MakeHost, make_team: Callable[[int], Team], store: Served) -> None:
    team = make_team(6)
    victim = Victim(make_host(store.reader, CLANG_LLM_KEY_FILE=str(team.key_file), CLANG_LLM_EFFORT="0"), team)
    attacker, courier = Attacker(store.remote), Courier(store.reader, victim.host.cache, team.key_file)
    said = Counter[str]()
    for each in hostile(team.honest, 60):
        plan = team.honest[each.module].plan
        attacker.write(plan.key, each.data)
        said[courier.fetch(plan.key, plan.major)] += 1
    assert set(said) - {""} == OF_ENTRIES, said
    # What was fetched, such as vetted pieces in an order that fits nothing, lies in the cache now.
    assert victim.build()["unsealed"]


@pytest.mark.projects
@pytest.mark.timeout(3000)
def test_a_thousand_hostile_entries(make_host: MakeHost, make_team: Callable[[int], Team], store: Served) -> None:
    team = make_team(50)
    victim = Victim(make_host(store.reader, CLANG_LLM_KEY_FILE=str(team.key_file), CLANG_LLM_EFFORT="0"), team)
    attacker, counted = Attacker(store.remote), Counter[str]()
    for turn, some in enumerate(rounds(team, 1000)):
        for each in some:
            attacker.write(team.honest[each.module].plan.key, each.data)
        counted += victim.build(CLANG_LLM_EFFORT="2" if turn % 5 == 0 else "0")
        victim.forget()
    asked = {name: count for name, count in counted.items() if name.startswith("remote:")}
    print(dict(counted))
    assert sum(asked.values()) == 1000, counted
    errors = {name.removeprefix("remote:error:") for name in asked} - {"remote:hit", "remote:miss"}
    assert errors == OF_ENTRIES, counted
    # A replayed entry that the team has signed for this very module is the team's; nothing else is applied at once.
    assert counted["unsealed"] > 100


def rounds(team: Team, number: int) -> Iterator[Sequence[Hostile]]:
    """Yield as many hostile entries as there are modules, one for each, and the rest."""
    every, step = hostile(team.honest, number), len(team.honest)
    return (every[start : start + step] for start in range(0, number, step))


class Committed(NamedTuple):
    """A file of plans that somebody without the key has written."""

    file: Path
    team: Team

    def write(self, some: Sequence[Hostile]) -> None:
        """Write a line for each entry; some of them break the file's order, too."""
        lines = {line for each in some for line in hostile_line(each, self.team.honest)}
        self.file.write_bytes(b"\n".join([HEADER.encode(), *sorted(lines)]) + b"\n")


def settings_of(committed: Committed, frozen: str) -> dict[str, str]:
    return {
        "CLANG_LLM_PLANS": str(committed.file),
        "CLANG_LLM_KEY_FILE": str(committed.team.key_file),
        "CLANG_LLM_FROZEN": frozen,
    }


def test_sixty_hostile_lines(make_host: MakeHost, make_team: Callable[[int], Team], tmp_path: Path) -> None:
    team = make_team(6)
    committed = Committed(tmp_path / "team.plans", team)
    file = PlansFile(committed.file, lambda: TeamKey.load(team.key_file))
    read = signed = 0
    every = list(rounds(team, 60))
    for some in every:
        committed.write(some)
        for honest in team.honest:
            plan, is_signed = file.look_up(honest.plan.key)
            read += plan is not None
            signed += is_signed
            assert not is_signed or plan == honest.plan
    assert read > signed
    victim = Victim(make_host("", **settings_of(committed, "1")), team)
    committed.write(every[0])
    counted = victim.build()
    assert counted["plans:unvetted"] + counted["bypass:frozen"] + counted["stored"] + counted["hit:oz"], counted


@pytest.mark.projects
@pytest.mark.timeout(3000)
def test_a_thousand_hostile_lines(make_host: MakeHost, make_team: Callable[[int], Team], tmp_path: Path) -> None:
    team = make_team(50)
    committed = Committed(tmp_path / "team.plans", team)
    victim, counted = Victim(make_host("", **settings_of(committed, "1")), team), Counter[str]()
    for turn, some in enumerate(rounds(team, 1000)):
        committed.write(some)
        counted += victim.build(CLANG_LLM_FROZEN="1" if turn % 5 else "0")
        victim.forget()
    print(dict(counted))
    assert counted["miss"] == 1000, counted
    assert min(counted[name] for name in ("plans:unvetted", "plans:refused", "bypass:frozen", "stored")) > 5, counted


@pytest.mark.parametrize("kind", PLANTS)
def test_what_is_no_file_in_a_directory(
    make_team: Callable[[int], Team], directory_store: Served, tmp_path: Path, kind: str
) -> None:
    """It is one bad entry, or none; other entries are fetched, and a better plan takes its place if it may."""
    bad, good, *_ = make_team(6).honest
    path = directory_store.directory / "clang-llm" / "1" / bad.plan.key[:2] / bad.plan.key[2:]
    path.parent.mkdir(parents=True)
    PLANTS[kind](path)
    courier = Courier(directory_store.remote, tmp_path / "cache", make_team(6).key_file)
    assert courier.fetch(bad.plan.key, bad.plan.major) in ("damaged", "oversized", "")
    Attacker(directory_store.remote).write(good.plan.key, good.data)
    assert courier.fetch(good.plan.key, good.plan.major) == ""
    assert courier.local.is_sealed(good.plan.key)
    assert courier.store.update(bad.plan.key, lambda _: bad.data, PATIENCE_S) == (not path.is_dir())
    assert path.is_dir() or path.read_bytes() == bad.data


def replaced(data: bytes, _: bytes | None) -> bytes:
    return data


def test_what_is_no_text_in_redis(make_team: Callable[[int], Team], tmp_path: Path) -> None:
    import redis

    team = make_team(6)
    with remote_support.redis(tmp_path / "server", "user attacker on >his ~* &* +@all\n") as served:
        port = int(served.remote.partition("127.0.0.1:")[2].partition("|")[0])
        his = redis.Redis(host="127.0.0.1", port=port, username="attacker", password="his", protocol=2)
        names = [f"clang-llm/1/{each.plan.key}" for each in team.honest]
        his.lpush(names[0], "x")
        his.hset(names[1], "x", "y")
        his.sadd(names[2], "x")
        his.zadd(names[3], {"x": 1})
        his.xadd(names[4], {"x": "y"})
        his.setbit(names[5], 1 << 27, 1)  # 16 MiB
        his.close()
        courier = Courier(served.remote, tmp_path / "cache", team.key_file)
        said = [courier.fetch(each.plan.key, each.plan.major) for each in team.honest]
        assert said == ["damaged"] * 5 + ["oversized"]
        for each in team.honest:
            assert courier.store.update(each.plan.key, partial(replaced, each.data), PATIENCE_S)
            assert courier.fetch(each.plan.key, each.plan.major) == ""


def test_what_is_no_file_in_nginx(make_team: Callable[[int], Team], tmp_path: Path) -> None:
    """Whoever may write there can make a directory of a plan's name, from which nginx leads to another address."""
    bad, good, *_ = make_team(6).honest
    with remote_support.nginx(tmp_path / "server") as served:
        Attacker(f"{served.remote}|namespace=clang-llm").write(good.plan.key, good.data)
        (address,), _ = parse(served.remote)
        inside = Guarded(address, MappingProxyType({}))
        assert inside.update(f"{bad.plan.key}/inside", lambda _: b"x", PATIENCE_S)
        courier = Courier(served.remote, tmp_path / "cache", make_team(6).key_file)
        assert courier.fetch(bad.plan.key, bad.plan.major) == "damaged"
        assert not courier.store.update(bad.plan.key, lambda _: bad.data, PATIENCE_S)
        assert courier.fetch(good.plan.key, good.plan.major) == ""
