"""S3's requests in IAM's terms, which name several of them otherwise than S3's API does."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol
from urllib.parse import unquote
from xml.etree import ElementTree

from ragctl.iam.policy import Call

_SUBRESOURCES = {"tagging": "Tagging", "acl": "Acl"}
_FIELD = re.compile(rb'name="(?P<name>[^"]+)"[^\r\n]*(?:\r\n[^\r\n]+)*\r\n\r\n(?P<value>[^\r\n]*)')
_FORM_BYTES = 65_536  # before its file a form is short
_FILE = b'name="file"'  # what a form says after it does not count


class ObjectRequest(Protocol):
    """What of a request is looked at."""

    @property
    def method(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def query(self) -> Mapping[str, list[str]]: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def body(self) -> Callable[[], bytes]: ...  # noqa: D102


def object_calls(request: ObjectRequest) -> Iterator[Call]:
    """Yield what a request to S3, with the bucket in the path, does in IAM's terms."""
    bucket, _, key = request.path.lstrip("/").partition("/")
    if not bucket:
        yield Call("s3:ListAllMyBuckets", "*")
    elif key:
        yield from _of_object(request, bucket, key)
    else:
        yield from _of_bucket(request, bucket)


def listing(bucket: str, prefix: str | None = None) -> Call:
    """Return the listing of a bucket, which S3 also asks for before it says that an object is missing."""
    return Call("s3:ListBucket", f"arn:aws:s3:::{bucket}", {} if prefix is None else {"s3:prefix": [prefix]})


def form_fields(body: bytes) -> Mapping[str, str]:
    """Return the fields of a form that posts an object, by their names in lower case."""
    found = _FIELD.finditer(body[:_FORM_BYTES].partition(_FILE)[0])
    return {field["name"].decode().lower(): field["value"].decode("utf-8", "replace") for field in found}


def _of_object(request: ObjectRequest, bucket: str, key: str) -> Iterator[Call]:
    arn = f"arn:aws:s3:::{bucket}/{key}"
    of = "".join(suffix for name, suffix in _SUBRESOURCES.items() if name in request.query)
    version = "Version" if "versionId" in request.query else ""
    match request.method:
        case "GET" | "HEAD":
            action = "ListMultipartUploadParts" if "uploadId" in request.query else f"GetObject{version}{of}"
            yield Call(f"s3:{action}", arn)
        case "DELETE":
            action = "AbortMultipartUpload" if "uploadId" in request.query else f"DeleteObject{version}{of}"
            yield Call(f"s3:{action}", arn)
        case "PUT" | "POST":
            if source := request.headers.get("x-amz-copy-source"):
                path, _, query = unquote(source).lstrip("/").partition("?")
                yield Call(f"s3:GetObject{'Version' if query else ''}", f"arn:aws:s3:::{path}")
            yield Call(f"s3:PutObject{of}", arn)


def _of_bucket(request: ObjectRequest, bucket: str) -> Iterator[Call]:
    arn = f"arn:aws:s3:::{bucket}"
    prefix = request.query.get("prefix")
    if request.method == "POST" and "delete" in request.query:
        for element in ElementTree.fromstring(request.body()).iter():  # noqa: S314 - from who owns this machine
            if element.tag.rpartition("}")[2] == "Object":
                named = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
                yield Call(f"s3:DeleteObject{'Version' if named.get('VersionId') else ''}", f"{arn}/{named['Key']}")
    elif request.method == "POST":
        yield Call("s3:PutObject", f"{arn}/{form_fields(request.body()).get('key', '')}")
    elif request.method in {"GET", "HEAD"} and "versions" in request.query:
        yield Call("s3:ListBucketVersions", arn, {"s3:prefix": prefix} if prefix else {})
    elif request.method in {"GET", "HEAD"} and set(request.query) <= _OF_A_LISTING:
        yield listing(bucket, prefix[0] if prefix else None)
    else:
        yield Call(f"s3:{request.method}{''.join(sorted(request.query))}", arn)


_OF_A_LISTING = {
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "marker",
    "start-after",
    "continuation-token",
    "encoding-type",
    "fetch-owner",
}
