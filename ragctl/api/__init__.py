"""A typed client of the HTTP API of api/openapi.yaml."""

from ragctl.api.authentication import ApiKey, BearerToken, SignatureV4
from ragctl.api.client import Client
from ragctl.api.problems import ApiProblemError, ApiUnreachableError, Problem

__all__ = ["ApiKey", "ApiProblemError", "ApiUnreachableError", "BearerToken", "Client", "Problem", "SignatureV4"]
