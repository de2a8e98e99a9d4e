"""What unit tests share: the metrics of one are not those of the next."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _metrics_of_its_own() -> Iterator[None]:
    """Forget what a test counted: the metrics are one object a process, and publish themselves at a hundred values."""
    yield
    if telemetry := sys.modules.get("rag.telemetry"):
        telemetry.metrics.clear_metrics()
