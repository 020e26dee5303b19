"""Debian packages: which may be used for what, fetched, built, and compared object by object."""
