"""What clang-llm saves and costs: the numbers of README and docs, and every promise checked on packages."""
