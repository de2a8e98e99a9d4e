"""Credentials that need no Secrets Manager."""

from rag.ports import Credential


class RotatingCredential:
    """Gives the first key until it is asked for a fresh one, and each time it is asked, the next; the last for good."""

    def __init__(self, *keys: str) -> None:
        self._keys = list(keys)
        self.fresh_reads = 0

    def __call__(self, *, fresh: bool = False) -> str:
        if fresh:
            self.fresh_reads += 1
            if len(self._keys) > 1:
                self._keys.pop(0)
        return self._keys[0]


def fixed_credential(key: str = "stand-in-key") -> Credential:
    """Return a credential that never changes."""
    return RotatingCredential(key)
