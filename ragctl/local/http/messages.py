"""What comes in and what goes out: requests and responses, apart from any server."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")


class Headers:
    """Header fields in the order of the wire, found whatever their case."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.fields = tuple(fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """Return the last value of a field, as API Gateway does where only one can be told."""
        values = self.all(name)
        return values[-1] if values else None


@dataclass(frozen=True)
class Request:
    """An HTTP request; `target` is the path with its query, undecoded. Of an `oversized` one the body stays unread."""

    method: str
    target: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    oversized: bool = False

    @property
    def path(self) -> str:
        """The path as it was sent, percent signs and all."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's parameters, decoded, in their order."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @classmethod
    def json(cls, status: int, document: Any) -> "Response":
        """Return a JSON document."""
        text = json.dumps(document, ensure_ascii=False, indent=2)
        return cls(status, Headers([("Content-Type", "application/json")]), text.encode())


def is_field(name: str, value: str) -> bool:
    """Return whether these may go on the wire as a header field: nothing in them can begin another."""
    return bool(_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(value))
