"""Which pass lists are valid (PassListEval), and how better ones are searched for."""
