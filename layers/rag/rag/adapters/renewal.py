"""Calls with a key, under one deadline: a call whose key is refused is made once more with the key of now."""

import time
from collections.abc import Callable
from typing import TypeVar

from rag.deadlines import within
from rag.errors import CredentialsRejected, RagError, UpstreamUnavailable
from rag.ports import Credential

T = TypeVar("T")


def renewing(
    credential: Credential,
    attempt: Callable[[str], T],
    seconds: float,
    *,
    service: str,
    late: type[RagError] = UpstreamUnavailable,
) -> T:
    """Return what `attempt` returns for the current key; both reads of the key and both attempts share the `seconds`.

    Raises:
        CredentialsRejected: the key is refused, and is the current one.
        UpstreamUnavailable, or whatever `late` is: the time is up.
        RagError: whatever else the attempt or the credential raises.
    """
    give_up = time.monotonic() + seconds

    def timely(key: str) -> T:
        # The thread of an abandoned call runs on: it must not begin an attempt that is paid for and read by nobody.
        if time.monotonic() >= give_up:
            raise UpstreamUnavailable(f"The key came too late to ask {service} within {seconds:g} s.")
        return attempt(key)

    def call() -> T:
        key = credential()
        try:
            return timely(key)
        except CredentialsRejected:
            renewed = credential(fresh=True)
            if renewed == key:
                raise
        return timely(renewed)

    return within(seconds, call, service=service, late=late)
