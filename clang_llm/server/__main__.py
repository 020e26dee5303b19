"""``python -m clang_llm.server``: started by `clang_llm.inference.client`."""

import sys

from clang_llm.server.running import main

sys.exit(main(sys.argv[1:]))
