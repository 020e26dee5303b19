"""The real clang: finding it, building the plugin for it, and leaving the plugin where the wrapper looks."""
