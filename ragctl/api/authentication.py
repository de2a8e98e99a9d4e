"""The three ways to say who is calling, each as httpx applies it to a request."""

from collections.abc import Generator
from typing import Any, Final

import httpx

_SERVICE: Final = "execute-api"


class SignatureV4(httpx.Auth):
    """Signs each request with AWS credentials, for an API that is authorised by IAM."""

    requires_request_body = True  # its hash is signed

    def __init__(self, credentials: Any, region: str) -> None:
        """Take credentials as boto3's session gives them; they are read anew for each request, since they expire."""
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        unsigned = AWSRequest(
            method=request.method,
            url=str(request.url),
            data=request.content,
            headers={name: request.headers[name] for name in ("Host", "Content-Type") if name in request.headers},
        )
        SigV4Auth(self._credentials.get_frozen_credentials(), _SERVICE, self._region).add_auth(unsigned)
        request.headers.update(dict(unsigned.headers.items()))
        yield request


class BearerToken(httpx.Auth):
    """Sends a token of the issuer that the API trusts."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class ApiKey(httpx.Auth):
    """Sends a key of the API's usage plan."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers["X-Api-Key"] = self._key
        yield request
