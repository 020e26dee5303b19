"""Offline work on pass lists: validation (PassListEval) and, later, search."""
