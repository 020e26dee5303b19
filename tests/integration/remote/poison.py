"""Hostile entries for a store, made by somebody without the team's key: one after another, in all the ways we know."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from clang_llm.plans.coreset import read_coreset
from clang_llm.plans.plan import MAGIC, MAX_BYTES, Plan, _body, _plan, encode, seal_on
from clang_llm.plans.recipe import Recipe
from clang_llm.plans.store.committed import NOTHING, Row, canonical
from clang_llm.plans.store.team import SHARED, TeamKey, make
from clang_llm.plans.types import FORMAT
from clang_llm.plans.vetted import shipped_pieces
from clang_llm.system.errors import PassListError, PlanError

Body = dict[str, Any]


class Honest(NamedTuple):
    """What the team has for a module, as the attacker can read it in the store."""

    plan: Plan
    data: bytes


class Attack(NamedTuple):
    """One of the attacker's tries: his dice, the module's entry, and that of another module."""

    dice: random.Random
    mine: Honest
    other: Honest
    key: TeamKey

    @property
    def body(self) -> Body:
        """The fields of the entry, to be spoiled."""
        found: Body = json.loads(self.mine.data.partition(b"\n")[2])
        return found

    def forge(self, *changes: tuple[str, object]) -> bytes:
        """Return the entry with some fields changed and a right checksum."""
        return around(json.dumps(self.body | dict(changes)).encode("ascii") + b"\n")

    def piped(self, text: str) -> bytes:
        """Return the entry with a text in the place of one of its pipelines."""
        place = self.dice.choice(("list", "module", "functions", "closing"))
        small = (("size", 1), ("parts", None))
        body = {name: value for name, value in (self.body | dict(small)).items() if name != "parts"}
        if place == "list":
            body |= {"module": text, "functions": [], "use": [], "closing": None}
        elif place == "functions":
            body |= {"functions": [text], "use": []}
        else:
            body |= {place: text}
        return around(json.dumps(body).encode("ascii") + b"\n")


def around(text: bytes, seal: str = "") -> bytes:
    """Return a header with the right checksum, and the text."""
    words = [hashlib.sha256(text).hexdigest(), *([seal] if seal else [])]
    return b"%s %d %s\n%s" % (MAGIC, FORMAT, " ".join(words).encode(), text)


def _bits(of: Attack) -> bytes:
    data = bytearray(of.mine.data)
    for _ in range(of.dice.choice((1, 1, 3, 40))):
        data[of.dice.randrange(len(data))] ^= 1 << of.dice.randrange(8)
    return bytes(data)


def _cut(of: Attack) -> bytes:
    return of.mine.data[: of.dice.randrange(len(of.mine.data))]


def _longer(of: Attack) -> bytes:
    return of.mine.data + of.dice.choice((b"\n", b" ", b"\0", b"{}", of.mine.data, of.other.data, os.urandom(100)))


def _inserted(of: Attack) -> bytes:
    at = of.dice.randrange(len(of.mine.data))
    return of.mine.data[:at] + of.dice.randbytes(of.dice.choice((1, 2, 5000))) + of.mine.data[at:]


def _removed(of: Attack) -> bytes:
    at = of.dice.randrange(len(of.mine.data))
    return of.mine.data[:at] + of.mine.data[at + of.dice.choice((1, 2, 64)) :]


def _noise(of: Attack) -> bytes:
    return of.dice.randbytes(of.dice.choice((1, 80, 5000)))


def _header(of: Attack) -> bytes:
    header, _, text = of.mine.data.partition(b"\n")
    words = header.split(b" ")
    bad = [
        [b"clang-llm-plans", *words[1:]],
        [words[0], b"99999999999999999999", *words[2:]],
        [words[0], b"-1", *words[2:]],
        [*words[:2], words[2].upper()],
        [*words[:2], words[2][:-1]],
        [*words[:2], b"0" * 64],
        [*words, *words],
        [b"", *words],
        [*words[:2]],
    ]
    return b" ".join(of.dice.choice(bad)) + of.dice.choice((b"\n", b"\r\n", b"", b"\0\n")) + text


def _old_checksum(of: Attack) -> bytes:
    header, _, _ = of.mine.data.partition(b"\n")
    changed = of.body | {of.dice.choice(("budget", "size")): of.dice.randrange(1 << 20)}
    return header + b"\n" + json.dumps(changed).encode() + b"\n"


def _checksum_of_other(of: Attack) -> bytes:
    return of.other.data.partition(b"\n")[0] + b"\n" + of.mine.data.partition(b"\n")[2]


#: Pipelines that LLVM would run, and nobody has vetted.
_UNVETTED = (
    "globaldce", "function(sroa)", "function(mem2reg),globaldce", "default<O0>", "default<O3>", "sroa", "dce,dce,dce",
    "cgscc(inline)", "always-inline", "function(loop-mssa(licm)),globaldce", "strip-dead-prototypes", "deadargelim",
)  # fmt: skip
#: Pipelines that no plan may have: passes that write files, show, instrument, crash or do not exist.
_FORBIDDEN = (
    "function(view-cfg)", "function(dot-cfg)", "print<domtree>", "module(print)", "asan", "tsan-module",
    "gcov-profiler",
    "internalize<preserve-gv=main>", "rewrite-statepoints-for-gc", "extract-blocks", "iroutliner", "hotcoldsplit",
    "no-such-pass", "no-op-module", "crash-module", "trigger-crash-module",
    "function(instcombine<max-iterations=1000000000>)",
    "strip", "metarenamer", "function(loop-extract)", "loop-extract-single", "embed-bitcode", "write-thinlto-bitcode",
    "pseudo-probe", "function(infinite-loop)", "coverage<file=/etc/passwd>", "globaldce -load=/tmp/x.so", "../../../x",
    "$(touch /tmp/poisoned)", "; touch /tmp/poisoned;", "`id`", "%s%s%s%n", "globaldce\n-o /etc/passwd", "globaldce\0x",
    "\ud800", "глобал", "\u202e", "", " ", ",", "(", ")", "<>", "function(", "function(sroa", "sroa)", "a" * 300,
)  # fmt: skip


def _unvetted(of: Attack) -> bytes:
    return of.piped(of.dice.choice(_UNVETTED))


def _forbidden(of: Attack) -> bytes:
    return of.piped(of.dice.choice(_FORBIDDEN))


def _long(of: Attack) -> bytes:
    times = of.dice.choice((600, 3000, 30_000))
    return of.piped(
        of.dice.choice((",".join(["globaldce"] * times), "function(" * times + ")" * times, "sroa" * times))
    )


def _shuffled(of: Attack) -> bytes:
    """Vetted pieces, put together for no module in particular, with an invented success."""
    by: dict[str, list[str]] = {}
    for kind, text in sorted(shipped_pieces(of.mine.plan.major)):
        by.setdefault(kind, []).append(text)
    count = of.dice.choice((1, 1, 2, 5))
    functions = tuple(of.dice.choice(by["function"]) for _ in range(count))
    use = tuple(of.dice.randrange(count) for _ in range(of.dice.choice((0, 1, 2, 3, 4, 5, 60_000))))
    recipe = Recipe(of.dice.choice(by["head"]), functions, use, of.dice.choice(by["closing"]))
    if of.dice.random() < 0.2:
        recipe = Recipe(of.dice.choice(by["list"]))
    size = of.dice.choice((0, 1, of.mine.plan.size_oz - 1))
    return encode(of.mine.plan._replace(recipe=recipe, size=size, budget=of.dice.choice((1, 1 << 30)), parts=None))


def _in_another_place(of: Attack) -> bytes:
    """Vetted pieces of another kind: a function pipeline as the head, and so on."""
    texts = sorted(text for _, text in shipped_pieces(of.mine.plan.major))
    return of.piped(of.dice.choice(texts))


def _of_another_llvm(of: Attack) -> bytes:
    majors = [major for major in (14, 15, 16, 19, 22) if major != of.mine.plan.major]
    major = of.dice.choice(majors)
    recipe = of.dice.choice(read_coreset(major).lists)
    llvm = of.dice.choice((of.mine.plan.llvm, f"{major}.0.6"))
    return encode(of.mine.plan._replace(recipe=recipe, size=1, parts=None, llvm=llvm))


def _use(of: Attack) -> bytes:
    bad: list[object] = [[1], [-1], [1 << 70], [0.5], [True], ["0"], [0] * 70_000, {}, "0", [[0]], [None], [10**400]]
    return of.forge(("use", of.dice.choice(bad)))


def _of_another_module(of: Attack) -> bytes:
    return of.other.data


def _renamed(of: Attack) -> bytes:
    """A good plan of another module, under this one's key."""
    return encode(of.other.plan._replace(key=of.mine.plan.key))


def _renamed_with_signature(of: Attack) -> bytes:
    text = encode(of.other.plan._replace(key=of.mine.plan.key)).partition(b"\n")[2]
    return around(text, seal_on(of.other.data)[1])


def _signature_of_something_else(of: Attack) -> bytes:
    recipe = Recipe(of.dice.choice(_UNVETTED))
    text = encode(of.mine.plan._replace(recipe=recipe, size=1, parts=None)).partition(b"\n")[2]
    return around(text, seal_on(of.dice.choice((of.mine, of.other)).data)[1])


def _signed_by_others(of: Attack) -> bytes:
    return encode(of.mine.plan._replace(budget=of.dice.randrange(1 << 20)), of.key.sign)


def _seal(of: Attack) -> bytes:
    """A seal as a local cache has it, or a signature, made up."""
    made_up = of.dice.randbytes(64).hex()
    seal = of.dice.choice((made_up[:64], f"hmac:{made_up[:64]}", f"ed25519:{made_up}", "hmac:", "x:y", ":" * 3000, "0"))
    recipe = of.dice.choice((of.mine.plan.recipe, Recipe("globaldce"), Recipe("function(sroa)")))
    plan = of.mine.plan._replace(recipe=recipe, size=0, parts=None)
    return around(encode(plan).partition(b"\n")[2], seal)


def _weaker(of: Attack) -> bytes:
    """What the team had once, sent again."""
    return encode(of.mine.plan._replace(budget=0), None)


def _huge(of: Attack) -> bytes:
    padding = of.dice.choice((b" ", b"\n", b"\0", b"[")) * (MAX_BYTES + of.dice.randrange(60_000))
    return of.dice.choice((of.mine.data + padding, padding, around(padding)))


def _deep(of: Attack) -> bytes:
    depth = of.dice.choice((200, 5_000, 100_000))
    deep = of.dice.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth))
    text = of.mine.data.partition(b"\n")[2].rstrip()
    return around(of.dice.choice((deep, text[:-1] + b', "more": ' + deep + b"}\n")))


_WRONG: tuple[object, ...] = (
    None, True, -1, 0, 1 << 63, 1 << 70, 10**200, 1.5, 1e308, "", "x", "\ud800", [], [[]], {}, {"oz": 1}, "a" * 20_000,
)  # fmt: skip


def _type(of: Attack) -> bytes:
    return of.forge((of.dice.choice(sorted(of.body)), of.dice.choice(_WRONG)))


def _number(of: Attack) -> bytes:
    text = of.mine.data.partition(b"\n")[2].decode()
    name = of.dice.choice(("size", "size_oz", "budget"))
    number = of.dice.choice(("9" * 5000, "NaN", "Infinity", "-Infinity", "1e999", "0x10", "-0", "1_000", "+1", "01"))
    return around(text.replace(f'"{name}": {of.body[name]}', f'"{name}": {number}').encode())


def _missing(of: Attack) -> bytes:
    body = of.body
    for name in of.dice.sample(sorted(body), of.dice.choice((1, 1, 3))):
        del body[name]
    return around(json.dumps(body).encode())


def _twice(of: Attack) -> bytes:
    text = of.mine.data.partition(b"\n")[2].decode().rstrip()
    again = json.dumps({of.dice.choice(("module", "key", "size")): of.dice.choice((*_UNVETTED, *_WRONG))})
    return around(f"{text[:-1]}, {again[1:]}\n".encode())


def _no_object(of: Attack) -> bytes:
    return around(
        of.dice.choice((b"", b"\n", b"null", b"[]", b'"x"', b"1", b"{}", b"{", b"\xff\xfe{}", b"\xef\xbb\xbf{}"))
    )


def _says_oz(of: Attack) -> bytes:
    """The worst that a right entry can say: nothing is to be gained."""
    size = of.dice.choice((0, of.mine.plan.size_oz, 1 << 62))
    recipe = of.dice.choice((None, None, Recipe("")))
    return encode(of.mine.plan._replace(recipe=recipe, size=size, size_oz=size, parts=None, budget=1 << 30))


#: In the order in which they are tried.
ATTACKS: tuple[Callable[[Attack], bytes], ...] = (
    _bits, _unvetted, _shuffled, _cut, _forbidden, _of_another_module, _type, _longer, _renamed, _huge, _shuffled,
    _inserted, _unvetted, _deep, _removed, _use, _signed_by_others, _header, _forbidden, _of_another_llvm, _number,
    _old_checksum, _shuffled, _renamed_with_signature, _missing, _noise, _signature_of_something_else, _twice, _long,
    _checksum_of_other, _in_another_place, _no_object, _shuffled, _seal, _weaker, _says_oz,
)  # fmt: skip


class Hostile(NamedTuple):
    """An entry for a module, and how it was made."""

    kind: str
    module: int
    data: bytes


def hostile(honest: Sequence[Honest], number: int) -> list[Hostile]:
    """Return so many entries for the modules in turn; the same each time."""
    return list(islice(_made(honest), number))


def _made(honest: Sequence[Honest]) -> Iterator[Hostile]:
    key = make(SHARED)
    for turn in count():
        attack = ATTACKS[turn % len(ATTACKS)]
        module = turn % len(honest)
        of = Attack(random.Random(turn), honest[module], honest[(module + 1) % len(honest)], key)
        yield Hostile(attack.__name__.strip("_"), module, attack(of))


def hostile_line(entry: Hostile, honest: Sequence[Honest]) -> list[bytes]:
    """Return the line of a committed file for an entry, and what it refers to.

    An entry that holds a plan is written as the file has it, with right checksums. Damage of any other kind is done to
    the line of the honest plan.
    """
    good = honest[entry.module]
    try:
        plan = _plan(_body(entry.data))
        row = Row(canonical(plan._replace(key=good.plan.key)), seal_on(entry.data)[1] or NOTHING)
        return [line.encode("ascii") for line in (row.line(), *(" ".join(each) for each in row.shared().items()))]
    except (KeyError, TypeError, ValueError, PlanError, PassListError):
        row = Row(canonical(good.plan), seal_on(good.data)[1])
        shared = [" ".join(each).encode("ascii") for each in row.shared().items()]
        dice = random.Random(entry.data)
        spoil = dice.choice((_bits, _cut, _longer, _inserted, _removed, _noise))
        of = Attack(dice, Honest(good.plan, row.line().encode("ascii")), Honest(good.plan, entry.data), make(SHARED))
        line = spoil(of)
        return [good.plan.key.encode("ascii") + line[64:], *shared] if dice.random() < 0.7 else [line, *shared]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        made.bind(path.name)
        os.chdir(here)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def _secret(path: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)


#: What can stand in the place of a file: nothing that is read.
PLANTS: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "full directory": lambda path: (path / "more").mkdir(parents=True),
    "socket": _socket,
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to a file": lambda path: path.symlink_to("/etc/passwd"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nowhere/at/all"),
    "a file of 1 TiB": _sparse,
    "a file that nobody may read": _secret,
}
