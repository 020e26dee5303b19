"""``python -m clang_llm.tuning LISTS``: validate pass lists."""

import sys

from clang_llm.system.settings import process_environment
from clang_llm.tuning.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
