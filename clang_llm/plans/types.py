"""Names and numbers that several modules share: the words of the protocol and of the plan format."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from clang_llm.system.objects import Parts

#: Version of the plan entries and of the key (docs/plans.md, docs/cache-directory.md).
FORMAT = 1
#: Version of the conversation between plugin and helper (docs/protocol.md).
PROTOCOL = 1
#: Behind a triple or a family of targets: without unwind tables.
BARE = "-bare"
#: What is minimised: bytes of allocated sections that occupy file space.
OBJECTIVE = "text+data"

#: Longest pass list in characters, the same as in the plugin: ten times the longest that a search has produced, and
#: far below the protocol's 1 MiB a line.
MAX_LENGTH = 16 * 1024
#: Bytes charged for a function that must not be compiled so: more than anything that is measured.
REFUSED = 1 << 40


_KEY_LENGTH, _HEX_DIGITS = 64, frozenset("0123456789abcdef")


def is_key(text: str) -> bool:
    """Whether a text may be a module's key: 64 hexadecimal digits."""
    return len(text) == _KEY_LENGTH and _HEX_DIGITS.issuperset(text)


class Status(str, Enum):
    """How the measurement of one candidate ended (docs/protocol.md)."""

    OK = "ok"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    INVALID = "invalid"
    UNVERIFIED = "unverified"
    INTERFACE = "interface"
    DIAGNOSTICS = "diagnostics"
    FAILED = "failed"


class Lookup(str, Enum):
    """Why the plugin asks the helper: what its own look into the local cache gave."""

    MISS = "miss"
    WEAKER = "weaker"
    CORRUPT = "corrupt"
    RECACHE = "recache"
    UNVETTED = "unvetted"
    UNSEALED = "unsealed"


class Decision(str, Enum):
    """What the helper tells the plugin to do."""

    EVALUATE = "evaluate"
    APPLY = "apply"
    LOOKUP = "lookup"
    OZ = "oz"
    MODULE = "module"
    DESCRIBE = "describe"
    ASK = "ask"


class Choice(NamedTuple):
    """What the small model is asked about the functions of a module.

    Attributes:
        head: The module pipeline that leaves the functions.
        model: The model's directory.
        family: Family of the target, as the model's tokenizer names it.
        recipes: Columns of the model's profiles among which it chooses.
        number: How many for each function; at most as many as there are.
    """

    head: str
    model: str
    family: str
    recipes: tuple[int, ...]
    number: int


class Module(NamedTuple):
    """The unoptimised module, and the code-generation part of clang's -cc1 line that goes with it."""

    bitcode: bytes
    options: tuple[str, ...]


class Result(NamedTuple):
    """One measurement; `id` -1 is plain -Oz, `size` is in bytes and counts only when `status` is ok.

    `parts` says what `size` is made of; None where whoever measured did not tell.
    `functions` has, for a staged recipe, the bytes of each function that its head left defined, in module order.
    `reason` says what an object breaks whose `status` is interface (docs/soundness.md).
    When `status` is interface or diagnostics and functions alone are to blame, the sizes are told all the same, with
    `REFUSED` more for each of these functions, and `size` is so much larger, too: a mix without them is as good as any.
    """

    id: int
    status: Status
    size: int
    functions: tuple[int, ...] = ()
    parts: Parts | None = None
    reason: str = ""

    @property
    def code(self) -> int:
        """The part of `size` that is instructions."""
        return self.parts.code if self.parts else 0

    @property
    def teaches(self) -> bool:
        """Whether it tells what the recipe makes of functions, or of the module."""
        return self.status is Status.OK or bool(self.functions)


class Reader(Protocol):
    """Reads more of the module that is being compiled; for models."""

    def describe(self, head: str) -> list[str]:
        """Return the functions that a head leaves defined, as normalised text; empty when the head fails."""

    def ask(self, choice: Choice) -> list[tuple[int, ...]]:
        """Return for each function that the head leaves defined the places among `recipes` that suit it, best first.

        Raises:
            BackendError: The model does not fit, and why.
        """

    def module(self) -> Module:
        """Return the unoptimised module."""


class Request(NamedTuple):
    """What is known about the module (docs/protocol.md).

    Attributes:
        key: The module's key.
        llvm: Version of LLVM, such as "19.1.7".
        major: Its first number.
        target: The triple.
        budget: How many candidates may be compiled.
        instructions: IR instructions of the unoptimised module.
        functions: Functions that it defines.
        source: Name of the source file, for logs only.
        reader: Reads the module itself; None when nobody can be asked.
        unwind: Whether some function of it has an entry in unwind tables.
    """

    key: str
    llvm: str
    major: int
    target: str
    budget: int
    instructions: int = 0
    functions: int = 0
    source: str = ""
    reader: Reader | None = None
    unwind: bool = True

    @property
    def machine(self) -> str:
        """The triple, with `BARE` behind it where there are no unwind tables: other recipes save bytes there."""
        return self.target if self.unwind else self.target + BARE
