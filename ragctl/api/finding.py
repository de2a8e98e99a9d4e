"""The way to a deployment's API: its address, and what says who calls."""

import os
from collections.abc import Sequence
from typing import Final

import httpx

from rag.contracts import AskedBy
from rag.errors import InvalidRequest
from ragctl.api.authentication import ApiKey, BearerToken, SignatureV4
from ragctl.api.client import Client
from ragctl.deployment import Deployment
from ragctl.failure import Failure

TOKEN_VARIABLE: Final = "RAG_API_TOKEN"  # noqa: S105 - a name, no token
KEY_VARIABLE: Final = "RAG_API_KEY"
TOKENS: Final = frozenset({"COGNITO", "JWT"})
_FROM_CREDENTIALS: Final = (
    "Over HTTP, tenant and groups come from the credentials alone: leave --tenant and --group out"
)
_WHERE: Final = {
    "IAM": "see `rag principals list`",
    "API_KEY": "see `rag principals list`",
    "COGNITO": "they are claims of the token",
    "JWT": "they are claims of the token",
}


def client_of(
    deployment: Deployment,
    *,
    token: str | None = None,
    tenant: str | None = None,
    groups: Sequence[str] | None = None,
) -> Client:
    """Return a client of the deployment's API, as one who calls it by the authorisation that it has.

    The local stack's API takes a tenant and groups: a token for them is signed with its own key.

    Raises:
        Failure: the credentials that it wants are missing, or tenant and groups were given where they cannot be.
    """
    authorisation = deployment.output("ApiAuthorization")
    named = tenant is not None or bool(groups)
    if named and (deployment.endpoint is None or authorisation not in TOKENS):
        raise Failure(f"{_FROM_CREDENTIALS} ({_WHERE.get(authorisation, 'see docs/access.md')}).")
    if named and token:
        raise Failure(
            "A token (--token, RAG_API_TOKEN) names tenant and groups itself: give it, or --tenant and --group."
        )
    url = deployment.output("ApiUrl")
    if named:
        return Client(url, BearerToken(_local_token(url, tenant or "default", groups or ())))
    return Client(url, _authentication(deployment, authorisation, token))


def _authentication(deployment: Deployment, authorisation: str, token: str | None) -> httpx.Auth | None:
    if authorisation == "IAM":
        return SignatureV4(*deployment.signing())
    if authorisation == "API_KEY":
        return ApiKey(_secret(KEY_VARIABLE, "The API of this stack wants a key"))
    if token:
        return BearerToken(token)
    if deployment.endpoint is not None:
        return None  # the local gateway signs a token for the tenant `default`
    raise Failure(f"The API of this stack wants a token of its issuer: set {TOKEN_VARIABLE}, or give --token.")


def _local_token(url: str, tenant: str, groups: Sequence[str]) -> str:
    """Return a token that the local stack's issuer might have signed: its key is a file of this machine.

    Raises:
        Failure: the tenant or a group is no name; the stack, or the key, cannot be read.
    """
    from ragctl.local.http.issuer import Claims, Issuer

    try:
        AskedBy.parse({"tenant": tenant, "groups": list(groups)})
        return Issuer.at(url).token(Claims(tenant, tuple(groups)))
    except InvalidRequest as error:
        raise Failure(str(error)) from error
    except (OSError, ValueError) as error:
        raise Failure("The key of the local issuer cannot be read: does the stack run on this machine?") from error


def _secret(variable: str, wanted: str) -> str:
    if value := os.environ.get(variable, "").strip():
        return value
    raise Failure(f"{wanted}: set {variable}.")
