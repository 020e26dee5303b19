"""The type of what every command group adds its parsers to."""

import argparse

# argparse has no public name for what add_subparsers() returns.
Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
