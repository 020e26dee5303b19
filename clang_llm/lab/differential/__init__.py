"""The differential factory: programs × forced plans, compared with the same programs without (docs/differential.md)."""
