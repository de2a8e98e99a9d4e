"""What the local HTTP API's parts know of each other before any of them is there."""

from collections.abc import Mapping
from typing import Any

ISSUER_PATH = "/_local/issuer"  # below the API's address: no route of the API begins so
AUDIENCE = "serverless-rag-local"
_API = "AWS::Serverless::Api"


def has_api(template: Mapping[str, Any]) -> bool:
    """Return whether a SAM template declares a REST API."""
    return any(resource.get("Type") == _API for resource in template["Resources"].values())
