"""WSGI middleware that journals what a request changed, after it has and before the answer goes out."""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import RLock
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from ragctl.local.durable import OBJECT, DurableState, item_key, secret_key
from ragctl.local.journal import Key
from ragctl.local.upload_forms import is_form, read_form

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_SECRET_CHANGES = {"CreateSecret", "PutSecretValue", "UpdateSecret", "DeleteSecret", "RestoreSecret"}
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/(?P<service>[^/]+)/aws4_request")


class Journaling:
    """Wraps the AWS endpoint. PartiQL's writes to DynamoDB are not understood, hence not kept."""

    def __init__(self, application: Application, state: DurableState) -> None:
        self._application = application
        self._state = state
        self._lock = RLock()  # whoever records last has read last

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on, then record."""
        changes = _changes(environ)
        if changes is None:
            return self._application(environ, start_response)
        succeeded = False

        def watch(status: str, *rest: Any) -> Any:
            nonlocal succeeded
            succeeded = status.startswith("2")
            return start_response(status, *rest)

        answer = self._application(environ, watch)
        if succeeded:
            with self._lock:
                self._state.record(changes())
        return answer


def _changes(environ: Environ) -> Callable[[], list[Key]] | None:
    """Return what lists the keys that this request may change; None for one that changes nothing durable."""
    service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    if service.startswith("DynamoDB_") and operation in _ITEM_CHANGES:
        return _of_json(environ, lambda body: [item_key(*change) for change in _ITEM_CHANGES[operation](body)])
    if service == "secretsmanager" and operation in _SECRET_CHANGES:
        return _of_json(environ, lambda body: [secret_key(body.get("SecretId") or body["Name"])])
    if is_form(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("CONTENT_TYPE", "")):
        return _of_form(environ)
    if environ["REQUEST_METHOD"] in {"PUT", "POST", "DELETE"} and _is_s3(environ):
        return _of_s3(environ)
    return None


def _of_json(environ: Environ, keys: Callable[[Any], list[Key]]) -> Callable[[], list[Key]]:
    body = read_body(environ)
    return lambda: keys(json.loads(body))


def _of_form(environ: Environ) -> Callable[[], list[Key]]:
    bucket, content_type, body = environ["PATH_INFO"].strip("/"), environ["CONTENT_TYPE"], read_body(environ)
    return lambda: [(OBJECT, bucket, read_form(content_type, body).key)]


def _of_s3(environ: Environ) -> Callable[[], list[Key]] | None:
    path = environ["PATH_INFO"].encode("latin-1").decode()  # as WSGI passes it
    bucket, _, name = path.lstrip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if "uploads" in query or ("uploadId" in query and environ["REQUEST_METHOD"] != "POST"):
        return None  # of a multipart upload only the completion changes an object
    if name:
        return lambda: [(OBJECT, bucket, name)]
    if "delete" in query:
        body = read_body(environ)
        return lambda: [(OBJECT, bucket, deleted) for deleted in _named_in(body)]
    return None


def _named_in(document: bytes) -> Iterator[str]:
    for element in ElementTree.fromstring(document).iter():  # noqa: S314 - from the one who already owns this machine
        if element.tag.rpartition("}")[2] == "Key":
            yield element.text or ""


def _is_s3(environ: Environ) -> bool:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope["service"] == "s3" if scope else "X-Amz-Signature=" in environ.get("QUERY_STRING", "")


def read_body(environ: Environ) -> bytes:
    """Read the request's body and leave it to be read again."""
    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    body: bytes = stream.read(int(length)) if length else stream.read() if environ.get("wsgi.input_terminated") else b""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _batch(body: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for table, requests in body["RequestItems"].items():
        for request in requests:
            for change in request.values():
                yield table, change.get("Item") or change["Key"]


def _transaction(body: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for action in body["TransactItems"]:
        for kind, change in action.items():
            if kind != "ConditionCheck":
                yield change["TableName"], change.get("Item") or change["Key"]


_ITEM_CHANGES: Mapping[str, Callable[[Any], Iterable[tuple[str, Mapping[str, Any]]]]] = {
    "PutItem": lambda body: [(body["TableName"], body["Item"])],
    "UpdateItem": lambda body: [(body["TableName"], body["Key"])],
    "DeleteItem": lambda body: [(body["TableName"], body["Key"])],
    "BatchWriteItem": _batch,
    "TransactWriteItems": _transaction,
}
