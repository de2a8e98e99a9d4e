"""Requests as an attacker puts them on the wire: any path, any header, as often as it likes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Attempt:
    """One request. Its path is sent as it is; its body is JSON unless it is bytes."""

    method: str
    path: str
    headers: Fields = ()
    body: object = None

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return (
            b"" if self.body is None else self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        )


@dataclass(frozen=True)
class Shown:
    """All that came back."""

    status: int
    headers: Fields
    body: bytes
    attempt: Attempt = field(repr=False)

    @property
    def everything(self) -> str:
        """Status, headers and body as one text."""
        lines = [f"{name}: {value}" for name, value in self.headers]
        return "\n".join([str(self.status), *lines, self.body.decode("utf-8", "replace")])

    def json(self) -> Any:
        return json.loads(self.body)


def send(url: str, attempt: Attempt, timeout_seconds: float = 60.0) -> Shown:
    """Send a request over a connection of its own."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=timeout_seconds)
    try:
        connection.putrequest(attempt.method, attempt.path, skip_accept_encoding=True)
        for name, value in attempt.headers:
            connection.putheader(name, value.encode("utf-8"))
        connection.putheader("Content-Length", str(len(attempt.content)))
        connection.endheaders(attempt.content)
        answer = connection.getresponse()
        return Shown(answer.status, answer.getheaders(), answer.read(), attempt)
    finally:
        connection.close()
