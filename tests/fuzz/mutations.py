"""Plan entries as they should not be: sound ones changed at random, and hostile ones shaped by hand.

Most have a right checksum, since whoever can write a cache can compute one; none has a right seal unless its body is
one that was sealed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from clang_llm.plans import vocabulary
from clang_llm.plans.plan import MAGIC, Plan, as_data
from clang_llm.plans.types import FORMAT
from fuzz.parsers import KEY

Fields = dict[str, object]

#: Values of every type, for fields that should have another one.
ODD_VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1 << 31,
    1 << 32,
    1 << 63,
    1 << 64,
    10**400,
    1e308,
    -0.0,
    float("inf"),
    float("nan"),
    "",
    "\0",
    "globaldce",
    "\ud800",
    "\udfff\ud800",
    "é" * 5000,
    [],
    [[]],
    {},
    {"key": KEY},
    [None],
    [0] * 70_000,
    ["globaldce"] * 2000,
    {str(n): n for n in range(5000)},
    "(" * 20_000,
    "a," * 8_191 + "a",
    "function(" * 1800,
)
#: Pipelines that are wrong in one way each.
BAD_PIPELINES = (
    "",
    ",",
    "globaldce,",
    ",globaldce",
    "()",
    "module()",
    "function()",
    "function(loop(licm))",
    "loop(licm)",
    "licm",
    "function(licm)",
    "function(instcombine<max-iterations=1>)",
    "function(instcombine<>)",
    "function(simplifycfg",
    "function(simplifycfg))",
    "function(simplifycfg<)",
    "function(simplifycfg<bonus-inst-threshold=9999999>)",
    "function(simplifycfg<bonus-inst-threshold=->)",
    "function(simplifycfg<bonus-inst-threshold=\uff11>)",
    "default<Oz>",
    "function(codegen<>)",
    "function(codegen<nonsense>)",
    "codegen<no-minsize>",
    "iroutliner",
    "mergefunc<nonsense>",
    "module(module(module(module(module(module(module(module(module(module(globaldce))))))))))",
    "cgscc(module(globaldce))",
    "require<globals-aa>",
    "invalidate<all>",
    "repeat<1000000>(globaldce)",
    "print",
    "write-bitcode<x>",
    "globaldce globaldce",
    "globaldce\n",
    " globaldce",
    "GLOBALDCE",
    "globaldce\0",
    "function(simplifycfg)\0)",
    "internalize",
    "strip",
    "verify,asan",
)
_SEALS = ("", "0" * 64, "x", "0" * 63, "\t", "0" * 64 + " 0")


@dataclass
class Maker:
    """Makes entries.

    Attributes:
        plans: Sound plans for `KEY`.
        bad: Pass lists that are known to harm programs.
        sealed: What seals a checksum.
        originals: The sound entries, sealed.
    """

    plans: Sequence[Plan]
    bad: Sequence[str]
    sealed: Callable[[str], str]
    originals: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.originals = [self.entry(_dump(as_data(each))) for each in self.plans]
        self.names = sorted(vocabulary.load(99, vocabulary.Level.UNSAFE).entries)
        self.seals = [each.split(b" ", 3)[3].partition(b"\n")[0].decode() for each in self.originals]

    def entry(self, body: bytes, seal: str | None = None) -> bytes:
        """Return an entry with a right checksum; without `seal`, its own right one."""
        checksum = hashlib.sha256(body).hexdigest()
        seal = self.sealed(checksum) if seal is None else seal
        words = f"{FORMAT} {checksum} {seal}".rstrip(" ")
        return MAGIC + b" " + words.encode("utf-8", "replace") + b"\n" + body

    def mutated(self, count: int, seed: int) -> Iterator[bytes]:
        """Yield sound entries that were changed at random."""
        dice = random.Random(seed)
        ways = [
            self._flipped,
            self._damaged,
            self._moved,
            self._other_pass,
            self._swapped,
            self._other_type,
            self._crossed,
            self._parameter,
            self._placed,
            self._header,
        ]
        for number in range(count):
            yield ways[number % len(ways)](dice)

    def _body(self, dice: random.Random) -> Fields:
        return as_data(dice.choice(self.plans))

    def _finish(self, dice: random.Random, body: bytes) -> bytes:
        """Close an entry, with no seal, or with that of a sound one."""
        return self.entry(body, dice.choice(["", *dice.sample(self.seals, 2)]))

    def _flipped(self, dice: random.Random) -> bytes:
        body = bytearray(_dump(self._body(dice)))
        for _ in range(dice.choice((1, 1, 2, 5, 50))):
            body[dice.randrange(len(body))] = dice.choice((dice.randrange(256), *b'",[]{}():<>0-\\'))
        return self._finish(dice, bytes(body))

    def _damaged(self, dice: random.Random) -> bytes:
        whole = bytearray(dice.choice(self.originals))
        whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        return bytes(whole)

    def _moved(self, dice: random.Random) -> bytes:
        body = _dump(self._body(dice))
        begin, end = sorted(dice.randrange(len(body)) for _ in range(2))
        piece = body[begin:end]
        return self._finish(
            dice, dice.choice((body[:begin] + body[end:], body[:end] + piece + body[end:], piece, body[:begin]))
        )

    def _pipelines(self, dice: random.Random, change: Callable[[str], str]) -> bytes:
        data = self._body(dice)
        functions = data["functions"]
        assert isinstance(functions, list)
        places = [name for name in ("module", "closing") if data[name]] + list(range(len(functions)))
        if places:
            place = dice.choice(places)
            target = functions if isinstance(place, int) else data
            target[place] = change(str(target[place]))  # type: ignore[index]
        return self._finish(dice, _dump(data))

    def _other_pass(self, dice: random.Random) -> bytes:
        def change(text: str) -> str:
            items = text.split(",")
            items[dice.randrange(len(items))] = dice.choice(
                (dice.choice(self.names), f"function({dice.choice(self.names)})")
            )
            return ",".join(items)

        return self._pipelines(dice, change)

    def _parameter(self, dice: random.Random) -> bytes:
        def change(text: str) -> str:
            names = ("<no-minsize>", "<lower-allocs;x=1>", "<>", "<99999999>", "<bonus-inst-threshold=7>", "<", ">")
            at = text.find(",", dice.randrange(len(text))) if text else -1
            return text[:at] + dice.choice(names) + text[at:] if at >= 0 else text + dice.choice(names)

        return self._pipelines(dice, change)

    def _swapped(self, dice: random.Random) -> bytes:
        data = self._body(dice)
        one, other = dice.sample(sorted(data), 2)
        data[one], data[other] = data[other], data[one]
        return self._finish(dice, _dump(data))

    def _other_type(self, dice: random.Random) -> bytes:
        data = self._body(dice)
        data[dice.choice(sorted(data))] = dice.choice(ODD_VALUES)
        return self._finish(dice, _dump(data))

    def _crossed(self, dice: random.Random) -> bytes:
        """Stages of several plans in one: vetted pieces, perhaps in places where they were not vetted."""
        data, other = self._body(dice), self._body(dice)
        for name in dice.sample(("module", "functions", "closing", "use"), 2):
            data[name] = other[name]
        if dice.random() < 0.5:
            data["module"], data["closing"] = data["closing"] or "globaldce", data["module"]
        return self._finish(dice, _dump(data))

    def _placed(self, dice: random.Random) -> bytes:
        data = self._body(dice)
        data["use"] = [dice.choice((0, 0, 0, 1, 7, -1, 1024, 1 << 40, 0.5, "0")) for _ in range(dice.randrange(1, 30))]
        return self._finish(dice, _dump(data))

    def _header(self, dice: random.Random) -> bytes:
        whole = dice.choice(self.originals)
        words = whole.partition(b"\n")[0].split(b" ")
        place = dice.randrange(len(words))
        words[place] = dice.choice(
            (b"", b"1", b"2", b"00", words[-1], words[2].upper(), b"0" * 5000, b"clang-llm-plan\0")
        )
        return b" ".join(words) + b"\n" + whole.partition(b"\n")[2]

    def hostile(self) -> Iterator[bytes]:
        """Yield entries shaped by hand."""
        plain = as_data(next(each for each in self.plans if each.recipe))
        seals = itertools.cycle((*_SEALS, self.seals[0]))
        for name, value in itertools.product(sorted(plain), ODD_VALUES):
            yield self.entry(_dump({**plain, name: value}), next(seals))
        for pipeline in (*BAD_PIPELINES, *self.bad):
            for data in self._with(plain, pipeline):
                yield self.entry(_dump(data), next(seals))
        for body in self._texts(plain):
            yield self.entry(body, next(seals))
        yield from self._wholes(self.originals[0])

    def bodies_with(self, pipeline: str) -> list[bytes]:
        """Return the bodies of entries that have a pipeline in each place."""
        plain = as_data(next(each for each in self.plans if each.recipe))
        return [_dump(data) for data in self._with(plain, pipeline)]

    @staticmethod
    def _with(plain: Fields, pipeline: str) -> Iterator[Fields]:
        """Yield an entry for each place that a pipeline may have."""
        inner = pipeline.removeprefix("function(").removesuffix(")")
        yield {**plain, "module": pipeline, "functions": [], "use": [], "closing": None}
        yield {**plain, "module": pipeline, "functions": ["simplifycfg"], "use": [], "closing": None}
        yield {**plain, "module": "globaldce", "functions": ["simplifycfg"], "use": [], "closing": pipeline}
        yield {**plain, "module": "globaldce", "functions": ["simplifycfg", inner], "use": [0, 1], "closing": None}
        yield {
            **plain,
            "module": "globaldce",
            "functions": [f"simplifycfg),{pipeline},function(simplifycfg"],
            "use": [],
        }

    @staticmethod
    def _texts(plain: Fields) -> Iterator[bytes]:
        """Yield bodies that are hard to parse."""
        sound = _dump(plain)
        start = sound.rstrip()[:-1]
        for depth in (8, 31, 32, 33, 40, 1000, 20_000, 100_000):
            for opening, closing in (("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")):
                nested = (opening * depth + "1" + closing * depth).encode()
                yield start + b', "provenance": ' + nested + b"}"
                yield nested
                yield opening.encode() * depth
        for name in plain:
            for value in ("null", '"globaldce"', "[]", "1e5", "-1", "9" * 4000, '"iroutliner"', "{}"):
                yield start + f', "{name}": {value}}}'.encode()
                yield f'{{"{name}": {value}, '.encode() + sound[1:]
        for length in (16_383, 16_384, 16_385, 400_000):
            yield _dump({**plain, "module": "globaldce," * (length // 10) + "globaldce"})
            yield _dump({**plain, "functions": ["x" * length]})
        for count in (1023, 1024, 1025, 20_000):
            yield _dump({**plain, "functions": ["simplifycfg"] * count, "use": [count - 1]})
            yield _dump({**plain, "functions": ["simplifycfg"], "use": [0] * 64 * count})
        for piece in (
            b"\0",
            b"\xff",
            b"\xef\xbb\xbf",
            b"\xed\xa0\x80",
            b"/**/",
            b"\x1b[2J",
            b"\\u0000",
            b"'",
            b"NaN",
            b"\\ud800",
        ):
            yield piece + sound
            yield sound + piece
            yield sound.replace(b'"key"', b'"k' + piece + b'ey"')
            yield sound.replace(b'"globaldce', b'"' + piece + b"globaldce")
        yield _dump({**plain, "key": "0" * 64})
        yield _dump({**plain, "key": KEY.upper()})
        yield _dump({**plain, "key": KEY + " "})

    @staticmethod
    def _wholes(sound: bytes) -> Iterator[bytes]:
        """Yield files whose header is odd."""
        header, _, body = sound.partition(b"\n")
        yield from (
            b"",
            b"\n",
            b" ",
            header,
            header + b"\n",
            body,
            b"\0" * 1000,
            b"clang-llm-plan",
            b"clang-llm-plan \n",
        )
        yield from (sound[: len(sound) // n] for n in range(2, 40))
        yield from (header + separator + body for separator in (b"\r\n", b" \n", b"  \n", b"\n\n", b"\0\n"))
        yield sound + b" " * 600_000
        yield header + b" x" * 300_000 + b"\n" + body
        yield header.replace(b" ", b" " * 100) + b"\n" + body
        yield b"\n" * 100_000 + sound


def _dump(data: Fields) -> bytes:
    return json.dumps(data).encode("ascii") + b"\n"
