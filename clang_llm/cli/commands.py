"""The type of what every command group adds its parsers to."""

import argparse
from typing import TypeAlias

# argparse has no public name for what add_subparsers() returns, and its class takes no parameters at run time.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
