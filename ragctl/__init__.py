"""The command `rag`: what runs on an operator's machine."""
