"""Waiting for what a store shows with a delay."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look until it holds; fail when it does not in time."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            raise AssertionError(f"It did not come to hold within {seconds:g} s.")
        time.sleep(0.02)
