"""``python -m clang_llm.tuning LISTS``: validate pass lists."""

import os
import sys

from clang_llm.tuning.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - the boundary where the environment enters
