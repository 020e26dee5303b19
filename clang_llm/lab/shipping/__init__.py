"""Searching on the corpus, and choosing, shortening and validating what is shipped."""
