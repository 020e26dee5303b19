"""``python -m clang_llm.compile.server``: started by `clang_llm.models.asking.client`.

The server only answers questions about a model; compiling what waits in the queues is given to it here.
"""

import sys

from clang_llm.compile.spare import SpareTime
from clang_llm.models.serving.running import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], SpareTime))
