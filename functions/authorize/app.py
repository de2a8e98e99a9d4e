"""The API's authorizer under tokens: turn a JSON Web Token into a tenant, groups and the right to write."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.jwks import IssuerKeys
from rag.adapters.jwt_tokens import JwtTokens
from rag.errors import Unauthorized
from rag.http.authorising import AuthorizeCaller
from rag.http.settings import TokenSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def authorize() -> AuthorizeCaller:
    """Wire this function's adapters, once per execution environment."""
    settings = TokenSettings.from_environment(os.environ)
    return AuthorizeCaller(JwtTokens(settings.issuer, IssuerKeys(settings.issuer)), settings)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    try:
        policy = authorize()(event)
    except Unauthorized:
        count(tokens_refused=1)
        raise
    accepted = int("context" in policy)
    count(tokens_accepted=accepted, tokens_refused=1 - accepted)
    return policy
