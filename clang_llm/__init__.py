"""clang-llm: a drop-in clang that looks for the LLVM passes which make each module smallest at ``-Oz``."""

__version__ = "0.1.0"
