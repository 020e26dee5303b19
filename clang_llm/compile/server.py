"""``python -m clang_llm.compile.server``: started by `clang_llm.models.asking.client`.

It runs the model's server (`clang_llm.models.serving`) and gives it `spare`, which compiles the modules in the queues.
"""

import sys

from clang_llm.compile.spare import SpareTime
from clang_llm.models.serving.running import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], SpareTime))
