"""Always fails, with a class that a state machine knows by its name."""

from typing import Any


class Flaky(Exception):
    pass


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    raise Flaky("not today")
