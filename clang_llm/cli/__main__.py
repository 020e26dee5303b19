"""``python -m clang_llm.cli``: the tool in a checkout where nothing is installed."""

import sys

from clang_llm.cli import main

sys.exit(main())
