"""Checks of what no public linter sees: the state machines, the API's contract, and the layers that were built."""
