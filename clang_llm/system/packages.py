"""Packages that are installed beside Python's own library, in a process that was started without them.

That is the helper (``python -S``): looking for packages takes longer than all else that a start of Python does, and a
miss with the backends that come with clang-llm needs none.
"""

from __future__ import annotations

import sys
from functools import cache


@cache
def find_packages() -> None:
    """Let installed packages be imported, as in any other Python; does nothing where they can be."""
    if sys.flags.no_site:
        import site  # under -S this finds nothing by itself

        site.main()
