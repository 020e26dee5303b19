"""What a build, a tree of objects or a linked file is made of, and what was saved on it, shown (docs/report.md)."""
