"""One compile, from the plugin's question to the stored plan; and modules that waited for a model, compiled again."""
