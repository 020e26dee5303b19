"""A tiny model in the manner of LLM Compiler, for the tests of large models: made once for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from clang_llm.toolchain.compiler import Compiler
from integration.tiny_ftd import Taught


@pytest.fixture(scope="session")
def taught(a_compiler: Compiler, builds: Path) -> Taught:
    """The model with what it learned."""
    for package in ("torch", "transformers", "tokenizers", "llvmlite"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install clang-llm[model]")
    if a_compiler.llvm_config is None:
        pytest.skip(f"llvm-{a_compiler.major}-dev is not installed")
    return Taught.make(a_compiler, builds)
