"""S3's refusals, in the form in which it answers them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)


class ObjectError(Exception):
    """A request that S3 refuses: the status line, S3's code, its sentence, and further elements of the answer."""

    def __init__(self, status: str, code: str, message: str, told: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self._elements = {"Code": code, "Message": message, **(told or {})}

    def answer(self, method: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request of this method."""
        request_id = str(uuid4())
        elements = {**self._elements, "RequestId": request_id}
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
        content = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
        headers = {"Content-Type": "application/xml", "x-amz-request-id": request_id}
        start_response(self.status, [*headers.items(), ("Content-Length", str(len(content)))])
        return [b"" if method == "HEAD" else content]


def denied(message: str) -> ObjectError:
    """Return the refusal of what is not allowed."""
    return ObjectError("403 Forbidden", "AccessDenied", message)
