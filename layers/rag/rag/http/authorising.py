"""A token into a principal: whoever has a sound token and claims that make no whole principal may do nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from rag.contract import Groups, Tenant
from rag.errors import InternalError, Unauthorized
from rag.http.callers import Caller, token_caller_id
from rag.http.settings import TokenSettings
from rag.models import Principal

_BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\Z", re.IGNORECASE)
_METHOD: Final = re.compile(r"(arn:[^:/]+:execute-api:[^:/]+:[^:/]*:[^:/]+/[^:/]+)/")
_NOBODY: Final = "nobody"


class Tokens(Protocol):
    """Verifies tokens of one issuer."""

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token.

        Raises:
            Unauthorized: it is none, or its signature, issuer or times are not right.
            TransientError: that cannot be told just now.
        """
        ...


@dataclass(frozen=True, slots=True)
class AuthorizeCaller:
    """Decides on a token once for the whole API, since API Gateway remembers the decision for each token."""

    tokens: Tokens
    settings: TokenSettings

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the policy for an authorizer's event, with the principal as its context.

        Raises:
            Unauthorized: there is no token that is to be trusted.
            TransientError: that cannot be told just now.
        """
        given = event.get("authorizationToken")
        bearer = _BEARER.match(given) if isinstance(given, str) else None
        if bearer is None:
            raise Unauthorized
        claims = self.tokens.claims(bearer[1])
        if not self._is_for_us(claims):
            raise Unauthorized
        return _policy(str(event.get("methodArn", "")), self.caller(claims))

    def caller(self, claims: Mapping[str, Any]) -> Caller | None:
        """Return who the claims speak of, or None where they make no whole principal."""
        caller_id = token_caller_id(claims.get("sub"))
        try:
            tenant = msgspec.convert(claims.get(self.settings.tenant_claim), Tenant)
            groups = msgspec.convert(claims.get(self.settings.groups_claim, []), Groups)
        except msgspec.ValidationError:
            return None
        if caller_id is None:
            return None
        writer = claims.get(self.settings.writer_claim)
        return Caller(caller_id, Principal(tenant, tuple(sorted(set(groups)))), writer is True or writer == "true")

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether a token was made for this API; an access token of Cognito names its client instead."""
        if self.settings.cognito and claims.get("token_use") not in ("id", "access"):
            return False
        intended = claims.get("aud", claims.get("client_id"))
        named: Sequence[Any] = intended if isinstance(intended, list) else [intended]
        return any(name in self.settings.audiences for name in named if isinstance(name, str))


def _policy(method: str, caller: Caller | None) -> dict[str, Any]:
    """Return what API Gateway is to do with every request of this token, to whatever method of the stage."""
    stage = _METHOD.match(method)
    if stage is None:
        raise InternalError("The authorizer was called for what is no method of an API.")
    statement = {
        "Effect": "Deny" if caller is None else "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"{stage[1]}/*",
    }
    policy = {
        "principalId": _NOBODY if caller is None else caller.id.removeprefix("token/"),
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    if caller is None:
        return policy
    context = {
        "tenant": caller.principal.tenant,
        "groups": ",".join(caller.principal.groups),  # quotes would have to survive API Gateway's own escaping
        "writer": "true" if caller.writer else "false",
    }
    return {**policy, "context": context}
