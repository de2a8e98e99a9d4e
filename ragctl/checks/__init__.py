"""Checks of what no public linter sees: the state machines' definitions, and the layers that were built."""
