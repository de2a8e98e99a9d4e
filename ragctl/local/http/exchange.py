"""One request on its way through the gateway: what is known of it, and what templates may ask of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ragctl.local.account import ACCOUNT_ID
from ragctl.local.http.definition import Operation
from ragctl.local.http.messages import Request
from ragctl.local.http.velocity import NotInApiGatewayError

_IDENTITY = (
    "accessKey",
    "accountId",
    "apiKey",
    "apiKeyId",
    "caller",
    "principalOrgId",
    "sourceIp",
    "user",
    "userAgent",
    "userArn",
)


@dataclass(frozen=True)
class Stage:
    """Where an API is deployed."""

    api_id: str
    name: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def method_arn(self, region: str, method: str, path: str) -> str:
        """Return the ARN that policies are written about."""
        return f"arn:aws:execute-api:{region}:{ACCOUNT_ID}:{self.api_id}/{self.name}/{method}{path}"


class Override(dict[str, Any]):
    """What a template overrides: each once, as in AWS, where a second time ends in a 500."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self:
            raise NotInApiGatewayError(f"overrides {name} a second time")
        super().__setitem__(name, value)


@dataclass
class Exchange:
    """A request, the operation it is for, who sent it, and the overrides that templates asked for."""

    request: Request
    stage: Stage
    operation: Operation
    path_values: Mapping[str, str]
    request_id: str = field(default_factory=lambda: str(uuid4()))
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    identity: dict[str, str] = field(default_factory=dict)
    authorizer: dict[str, str] = field(default_factory=dict)
    status_override: Override = field(default_factory=Override)
    header_override: Override = field(default_factory=Override)

    @property
    def context(self) -> dict[str, Any]:
        """`$context`."""
        return {
            **self.request_context,
            "authorizer": self.authorizer,
            "responseOverride": self.status_override,
        }

    @property
    def request_context(self) -> dict[str, Any]:
        """The part of `$context` that a Lambda function sees too."""
        domain = self.request.headers.get("Host") or ""
        known = {"sourceIp": self.request.source_ip, "userAgent": self.request.headers.get("User-Agent")}
        return {
            "accountId": ACCOUNT_ID,
            "apiId": self.stage.api_id,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "extendedRequestId": self.request_id,
            "httpMethod": self.request.method,
            "identity": {name: {**known, **self.identity}.get(name) for name in _IDENTITY},
            "path": self.request.path,  # as under a domain of its own, without the stage
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": f"{self.began:%d/%b/%Y:%H:%M:%S %z}",
            "requestTimeEpoch": int(self.began.timestamp() * 1_000),
            "resourceId": self.operation.path,
            "resourcePath": self.operation.path,
            "stage": self.stage.name,
        }

    @property
    def parameters(self) -> dict[str, dict[str, str]]:
        """The parameters that `$input.params` finds, in the order in which it looks."""
        return {
            "path": dict(self.path_values),
            "querystring": dict(self.request.query),
            "header": dict(self.request.headers),
        }

    def __post_init__(self) -> None:
        dict.__setitem__(self.status_override, "header", self.header_override)
