"""The deployment, rehearsed offline: translated, linted, created and run under each combination of parameters."""
