"""Modules to learn from and to measure on, collected while packages are built."""
