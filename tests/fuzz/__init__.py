"""Fuzzers of the plugin (libFuzzer) and of the parsers in Python (atheris), and what replays their findings."""
