"""Custom token authorizers: a Lambda function that reads a header field and returns a policy and a context."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

from ragctl.local.account import REGION
from ragctl.local.http.definition import Document
from ragctl.local.http.exchange import Exchange
from ragctl.local.http.gateway_responses import Refusal
from ragctl.local.http.integrations import IntegrationFailedError, IntegrationTimeoutError, Invoke, function_of, within
from ragctl.local.http.policies import allows
from ragctl.local.http.strict_json import MalformedJsonError, parse

_DEFAULT_TTL_SECONDS = 300
_TIMEOUT_SECONDS = 29.0
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True)
class _Verdict:
    """What the function said of one token: the same for every method until it expires."""

    context: Mapping[str, str]
    policy: Any
    until: float


class TokenAuthorizer:
    """Asks the function of one security scheme, and remembers its answers as long as that says."""

    def __init__(self, scheme: Document, invoke: Invoke, clock: Callable[[], float] = monotonic) -> None:
        settings: Document = scheme["x-amazon-apigateway-authorizer"]
        self._header = str(scheme["name"])
        self._function = function_of(settings["authorizerUri"])
        self._pattern = str(settings.get("identityValidationExpression") or "")
        self._ttl = int(settings.get("authorizerResultTtlInSeconds", _DEFAULT_TTL_SECONDS))
        self._invoke = invoke
        self._clock = clock
        self._remembered: dict[str, _Verdict] = {}
        self._lock = Lock()

    def __call__(self, exchange: Exchange) -> None:
        """Let the request pass, with what the function says of who sent it.

        Raises:
            Refusal: there is no token or it does not fit, the function fails, its policy does not allow this.
        """
        token = exchange.request.headers.get(self._header)
        if not token or (self._pattern and not re.fullmatch(self._pattern, token)):
            raise Refusal("UNAUTHORIZED", "Unauthorized")
        arn = exchange.stage.method_arn(REGION, exchange.request.method, exchange.request.path)
        verdict = self._verdict(token, arn)
        if not allows(verdict.policy, arn):
            raise Refusal("ACCESS_DENIED", "User is not authorized to access this resource")
        exchange.authorizer.update(verdict.context)

    def _verdict(self, token: str, arn: str) -> _Verdict:
        with self._lock:
            known = self._remembered.get(token)
        if known and self._clock() < known.until:
            return known
        verdict = self._asked(token, arn)
        if self._ttl:
            with self._lock:
                if len(self._remembered) >= _MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[token] = verdict
        return verdict

    def _asked(self, token: str, arn: str) -> _Verdict:
        event = json.dumps({"type": "TOKEN", "methodArn": arn, "authorizationToken": token}).encode()
        try:
            result = within(_TIMEOUT_SECONDS, lambda: self._invoke(self._function, event))
        except IntegrationTimeoutError:
            raise _failed() from None
        except IntegrationFailedError:
            raise _misconfigured() from None
        try:
            answer = parse(result.payload)
        except MalformedJsonError:
            raise _misconfigured() from None
        if result.function_error:
            said = answer.get("errorMessage") if isinstance(answer, dict) else None
            raise Refusal("UNAUTHORIZED", "Unauthorized") if said == "Unauthorized" else _failed()
        return self._understood(answer)

    def _understood(self, answer: Any) -> _Verdict:
        if not isinstance(answer, dict) or not isinstance(principal := answer.get("principalId"), str) or not principal:
            raise _misconfigured()
        context = answer.get("context") or {}
        policy = answer.get("policyDocument")
        if not isinstance(context, dict) or not isinstance(policy, dict) or "Statement" not in policy:
            raise _misconfigured()
        if not all(isinstance(value, str | int | float) or value is None for value in context.values()):
            raise _misconfigured()  # a list or an object: API Gateway takes strings, numbers and booleans
        told = {name: _written(value) for name, value in context.items() if value is not None}
        return _Verdict({**told, "principalId": principal}, policy, self._clock() + self._ttl)


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _failed() -> Refusal:
    return Refusal("AUTHORIZER_FAILURE", "Internal server error")


def _misconfigured() -> Refusal:
    return Refusal("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error")
