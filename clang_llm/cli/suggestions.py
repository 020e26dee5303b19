"""What `advise` tries: options that make objects or programs smaller, when they apply, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from clang_llm.cli.compiles import Compile


class Suggestion(NamedTuple):
    """Options to try.

    Attributes:
        options: They go behind those of the command.
        applies: Whether they would change anything about a command, and may be said there.
        remark: What changes beside the size, in a phrase.
        everywhere: Whether it is no suggestion when one command fails with them: the program needs what they forbid.
    """

    options: tuple[str, ...]
    applies: Callable[[Compile], bool]
    remark: str
    everywhere: bool = False

    @property
    def text(self) -> str:
        """The options as a user writes them."""
        return " ".join(self.options)


def _keeps_unwind_tables(one: Compile) -> bool:
    """Whether functions have tables that no exception needs."""
    throws = one.has("-fexceptions", "-fcxx-exceptions")
    return not throws and any(word.startswith(("-funwind-tables", "-munwind-tables")) for word in one.front)


def _is_bare_metal(one: Compile) -> bool:
    return "-none" in one.triple or "-unknown-elf" in one.triple or one.triple.endswith("-elf")


def _is_pic(one: Compile) -> bool:
    """Whether it is meant for a shared library."""
    return one.has("-pic-level") and not one.has("-pic-is-pie")


#: For single objects, in the order in which they are told when they gain the same.
FOR_OBJECTS: tuple[Suggestion, ...] = (
    Suggestion(("-Oz",), lambda one: one.level != "-Oz", "slower than what it replaces, to be measured"),
    Suggestion(
        ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
        _keeps_unwind_tables,
        "no backtraces, and no exceptions, through these functions",
    ),
    Suggestion(
        ("-fno-exceptions",),
        lambda one: one.cxx and one.has("-fcxx-exceptions"),
        "an exception of another module that passes through ends the program; libraries may throw",
        everywhere=True,
    ),
    Suggestion(
        ("-fno-rtti",),
        lambda one: one.cxx and not one.has("-fno-rtti"),
        "no dynamic_cast and typeid; not where others' code catches or casts these types",
        everywhere=True,
    ),
    Suggestion(
        ("-fno-threadsafe-statics",),
        lambda one: one.cxx and _is_bare_metal(one) and not one.has("-fno-threadsafe-statics"),
        "local statics must not be met by two threads at once",
    ),
    Suggestion(
        ("-msave-restore",),
        lambda one: one.triple.startswith("riscv") and "+save-restore" not in one.front,
        "needs __riscv_save_* and __riscv_restore_* of libgcc or compiler-rt, not counted here",
    ),
    Suggestion(
        ("-mthumb",), lambda one: one.triple.startswith("armv7"), "another instruction set; assembly may need ARM code"
    ),
    Suggestion(
        ("-munaligned-access",),
        lambda one: one.triple.startswith(("arm", "thumb", "aarch64")) and one.has("+strict-align"),
        "only where memory and processor take accesses that are not aligned",
    ),
    Suggestion(
        ("-fvisibility=hidden",),
        lambda one: _is_pic(one) and one.value("-fvisibility") != "hidden" and not one.has("-fvisibility=hidden"),
        "changes the interface of a shared library: what it exports needs an attribute",
    ),
    Suggestion(
        ("-fomit-frame-pointer",),
        lambda one: one.has("-mframe-pointer=all", "-mframe-pointer=non-leaf") and one.level != "-O0",
        "profilers and debuggers that walk frame pointers do not work",
    ),
    Suggestion(
        ("-fno-math-errno",), lambda one: one.has("-fmath-errno"), "functions of mathematics may leave errno alone"
    ),
)
