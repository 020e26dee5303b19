"""Measurements on whole programs: real packages built twice, compared object by object."""
