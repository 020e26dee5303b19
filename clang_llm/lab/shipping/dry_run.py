"""Recipes in opt on next to nothing: what fails there is wrong, whatever the programs of the validation say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clang_llm.plans.recipe import Recipe
from clang_llm.system import process
from clang_llm.system.errors import ProcessTimeout, ToolchainError
from clang_llm.toolchain.compiler import Compiler

#: A loop that nobody needs; as LLVM 16 and later write it.
_MODULE = """
define i32 @f(ptr %p) {
entry:
  br label %loop
loop:
  %i = phi i32 [ 0, %entry ], [ %next, %loop ]
  %next = add i32 %i, 1
  %again = icmp slt i32 %next, 10
  br i1 %again, label %loop, label %done
done:
  ret i32 %next
}
"""
#: For a list; the longest take a tenth of a second.
_LIMIT_S = 60.0


def module_for(major: int) -> str:
    """Return the module's text; LLVM 14 and 15 write pointers with their type."""
    return _MODULE if major >= 16 else _MODULE.replace("ptr", "i8*")


def failing(compiler: Compiler, recipes: Sequence[Recipe]) -> dict[Recipe, str]:
    """Return the recipes that opt does not run to the end, its verifier on after every pass, each with its last words.

    Raises:
        ToolchainError: There is no opt beside the compiler.
    """
    opt = compiler.tool("opt")
    if not opt.is_file():
        raise ToolchainError(f"{opt} is not there; install llvm-{compiler.major}")
    found: dict[Recipe, str] = {}
    for recipe in recipes:
        command: list[str | Path] = [opt, f"-passes={recipe.opt_text}", "-verify-each", "-disable-output", "-"]
        try:
            done = process.run(command, stdin=module_for(compiler.major).encode("ascii"), timeout_s=_LIMIT_S)
        except ProcessTimeout as error:
            found[recipe] = str(error)
            continue
        if not done.ok:
            found[recipe] = f"opt: {done.stderr[:200].decode(errors='replace')}"
    return found
