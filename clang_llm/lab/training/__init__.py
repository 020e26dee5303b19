"""Making the model: its data set, its tokenizer, its training (README.md beside this file)."""
