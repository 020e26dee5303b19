"""The real clang: finding it, building the plugin for it, and leaving that where the wrapper looks."""
