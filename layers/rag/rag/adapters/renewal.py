"""Keys rotate: a call whose key is refused is made once more with the key that the secret holds now."""

from collections.abc import Callable
from typing import TypeVar

from rag.errors import CredentialsRejected
from rag.ports import Credential

T = TypeVar("T")


def renewing(credential: Credential, attempt: Callable[[str], T]) -> T:
    """Return what `attempt` returns for the current key.

    Raises:
        CredentialsRejected: the key is refused, and is the current one.
        RagError: whatever else the attempt or the credential raises.
    """
    key = credential()
    try:
        return attempt(key)
    except CredentialsRejected:
        renewed = credential(fresh=True)
        if renewed == key:
            raise
    return attempt(renewed)
