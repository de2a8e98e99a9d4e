"""Returns the event and what the function sees around it."""

import os
from typing import Any

from toy_layer import LAYER  # type: ignore[import-not-found]  # a layer is on the path of the function alone


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    names = ("GREETING", "LIMIT", "TABLE", "CHOSEN", "ABSENT", "AWS_ENDPOINT_URL")
    return {**event, "layer": LAYER, "environment": {name: os.environ[name] for name in names if name in os.environ}}
