"""Who may call an operation: each security scheme of an API, carried out."""

from collections.abc import Callable, Mapping

from ragctl.local.http import api_keys, signatures
from ragctl.local.http.definition import DefinitionError, Document
from ragctl.local.http.exchange import Exchange
from ragctl.local.http.integrations import Invoke
from ragctl.local.http.token_authorizer import TokenAuthorizer

Authorizer = Callable[[Exchange], None]


def authorizers(document: Document, invoke: Invoke) -> Mapping[str, Authorizer]:
    """Return what carries out each security scheme, by its name.

    Raises:
        DefinitionError: a scheme is of a kind that the local gateway does not know.
    """
    schemes: Document = document.get("components", {}).get("securitySchemes", {})
    return {name: _authorizer(name, scheme, invoke) for name, scheme in schemes.items()}


def takes_tokens(document: Document) -> bool:
    """Return whether some scheme of the API reads a token."""
    schemes: Document = document.get("components", {}).get("securitySchemes", {})
    return any(scheme.get("x-amazon-apigateway-authtype") == "custom" for scheme in schemes.values())


def _authorizer(name: str, scheme: Document, invoke: Invoke) -> Authorizer:
    kind = scheme.get("x-amazon-apigateway-authtype")
    settings: Document = scheme.get("x-amazon-apigateway-authorizer", {})
    if kind == "awsSigv4":
        return signatures.authenticate
    if kind == "custom" and settings.get("type") == "token":
        return TokenAuthorizer(scheme, invoke)
    if kind is None and scheme.get("type") == "apiKey" and str(scheme.get("name")).lower() == api_keys.HEADER:
        return api_keys.authenticate
    raise DefinitionError(f"The API's security scheme {name} is of a kind that the local gateway does not know.")
