"""A client of a local stack's HTTP API that sends anything, well-formed or not."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from ragctl.deployment import Deployment
from ragctl.local.http.issuer import Claims, Issuer

GUARD_SECONDS = 60.0  # only a failing test waits this long
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """The status and the kind of a problem, which is of the right content type and says the same status."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        assert self.json.keys() <= {"type", "title", "status", "detail", "trace_id"}
        return self.status, self.json["type"].removeprefix("urn:serverless-rag:")


@dataclass(frozen=True)
class Api:
    """The API at an address."""

    url: str

    @classmethod
    def of(cls, deployment: Deployment) -> "Api":
        """Return the API of a local stack."""
        return cls(deployment.output("ApiUrl"))

    def token(self, claims: Claims) -> str:
        """Return the value of the header Authorization."""
        return f"Bearer {Issuer.at(self.url).token(claims)}"

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        by: str | None = None,
    ) -> Answer:
        """Send a request, its body as JSON unless it is bytes; `by` is the value of the header Authorization."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = {"Content-Type": "application/json"} if body is not None else {}
        fields |= {"Authorization": by} if by else {}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=GUARD_SECONDS)
        try:
            connection.request(method, path, sent, {**fields, **(headers or {})})
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, response.read())
        finally:
            connection.close()

    def until(self, path: str, name: str, *values: str, by: str | None = None) -> Any:
        """Return the document at a path once a member of it has one of these values."""
        pause = Event()
        for _ in range(int(GUARD_SECONDS / _LOOK_SECONDS)):
            answer = self.call("GET", path, by=by)
            if answer.status == 200 and answer.json[name] in values:
                return answer.json
            pause.wait(_LOOK_SECONDS)
        raise TimeoutError(answer)
