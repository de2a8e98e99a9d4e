"""API keys: those that moto's API Gateway knows, enabled and in a usage plan of the API's stage."""

from typing import Any

from moto.apigateway.models import apigateway_backends

from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.http.exchange import Exchange, Stage
from ragctl.local.http.gateway_responses import Refusal

HEADER = "x-api-key"


def authenticate(exchange: Exchange) -> None:
    """Let the request pass as whom its key stands for.

    Raises:
        Refusal: there is no key, or none that is valid for this stage.
    """
    sent = exchange.request.headers.get(HEADER)
    backend: Any = apigateway_backends[ACCOUNT_ID][REGION]
    for key in backend.get_api_keys():
        if sent and key.value == sent and _is_enabled(key) and _is_for(backend, key.id, exchange.stage):
            exchange.identity.update(apiKey=sent, apiKeyId=key.id)
            return
    raise Refusal("INVALID_API_KEY", "Forbidden")


def _is_enabled(key: Any) -> bool:
    return str(key.enabled).lower() == "true"


def _is_for(backend: Any, key_id: str, stage: Stage) -> bool:
    """Return whether a usage plan of this stage holds the key."""
    wanted = (stage.api_id, stage.name)
    plans = backend.get_usage_plans(key_id)
    return any((use.get("apiId"), use.get("stage")) == wanted for plan in plans for use in plan.api_stages)
