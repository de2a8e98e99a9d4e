"""Logger, tracer and metrics, which read their configuration from the environment at import, as Powertools does."""

import functools
import json
import logging
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from rag.errors import InternalError, RagError, Refusal
from rag.places import place_of

# Every other character is escaped: what ends a line or steers a terminal, and halves that no encoding could carry.
ASCII = functools.partial(json.dumps, default=str, separators=(",", ":"))

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

logger = Logger(json_serializer=ASCII)
tracer = Tracer(auto_patch=False)  # patching imports every client library; the segments of our own are what is read
metrics = Metrics()

for _name in ("boto3", "botocore", "urllib3", "openai", "httpx", "httpx2", "httpcore", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # at DEBUG they log bodies, and botocore the secret it read


def count(**values: float | None) -> None:
    """Record counts, named in snake case here and in CloudWatch's camel case there; what is None is not known."""
    for name, value in values.items():
        if value is not None:
            metrics.add_metric("".join(map(str.capitalize, name.split("_"))), MetricUnit.Count, value)


def contained(handler: Handler) -> Handler:
    """Log every error by name alone, and turn an unexpected one into InternalError: its message may quote user text."""

    @functools.wraps(handler)
    def contain(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except Refusal as error:
            count(requests_refused=1)
            logger.info("refused", extra={"error": type(error).__name__})
            raise
        except RagError as error:
            count(failed=1)
            logger.warning("failed", extra={"error": type(error).__name__, "reason": str(error)})
            raise
        except Exception as error:  # noqa: BLE001 # whatever it is, its message must not leave
            count(failed=1)
            place = place_of(error)
            logger.error("failed unexpectedly", extra={"error": type(error).__name__, "place": place})  # noqa: TRY400 # a traceback quotes
            raise InternalError(
                f"A defect, {type(error).__name__} at {place}. The function's log has its trace id."
            ) from None

    return contain
