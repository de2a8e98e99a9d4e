"""Outlives its timeout."""

from threading import Event
from typing import Any


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    Event().wait(600)
