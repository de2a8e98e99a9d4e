"""Forms that post an object, read and held against their own policies as S3 does.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import hmac
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.auth import S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from ragctl.local.account import CREDENTIAL
from ragctl.local.object_errors import MISMATCH, ObjectError, denied

_SCOPE = re.compile(r"(?P<key>[^/\s]+)/(?P<day>\d{8})/(?P<region>[^/\s]+)/s3/aws4_request")
_FILE, _RANGE = "file", "content-length-range"
_UNJUDGED = {"policy", "x-amz-signature"}
_NO_KEY = "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
_FILES = "POST requires exactly one file upload per request."


@dataclass(frozen=True)
class Form:
    """What stands before the file, by names in lower case, and how many bytes the file has."""

    fields: Mapping[str, str]
    size: int

    @property
    def key(self) -> str:
        """The object's key."""
        return self.fields["key"]


def is_form(method: str, path: str, content_type: str) -> bool:
    """Return whether a request posts a form to a bucket."""
    bucket = path.strip("/")
    is_multipart = content_type.lower().startswith("multipart/form-data")
    return method == "POST" and is_multipart and bool(bucket) and "/" not in bucket


def read_form(content_type: str, body: bytes) -> Form:
    """Read a form; what follows the file is passed over.

    Raises:
        ObjectError: it is none, has no key, a field twice, or not exactly one file.
    """
    fields: dict[str, str] = {}
    size: int | None = None
    for name, filename, content in _parts(content_type, body):
        if size is not None or (filename is not None and name != _FILE):
            if filename is not None:
                raise ObjectError("400 Bad Request", "IncorrectNumberOfFilesInPostRequest", _FILES)
        elif name == _FILE:
            size = len(content)
            given = os.path.basename(filename or "")  # noqa: PTH119 - the name is no file of this machine
            fields["key"] = fields.get("key", "").replace("${filename}", given)
        elif name in fields:
            raise ObjectError("400 Bad Request", "InvalidArgument", f"POST requires exactly one field named {name}.")
        else:
            fields[name] = content.decode("utf-8", "replace")
    if size is None:
        raise ObjectError("400 Bad Request", "IncorrectNumberOfFilesInPostRequest", _FILES)
    if not fields["key"]:
        raise ObjectError("400 Bad Request", "InvalidArgument", _NO_KEY)
    return Form(fields, size)


def judge(form: Form, bucket: str, now: datetime) -> None:
    """Return if whoever signed the form's policy lets this be posted to this bucket now.

    Raises:
        ObjectError: the form is not signed, its signature is another's, or its policy allows something else.
    """
    scope = _SCOPE.fullmatch(form.fields.get("x-amz-credential", ""))
    policy = form.fields.get("policy")
    if not scope or not policy:
        raise denied("Access Denied")
    signer: Any = S3SigV4PostAuth(Credentials(scope["key"], CREDENTIAL), "s3", scope["region"])
    request = AWSRequest()
    request.context["timestamp"] = scope["day"]
    given = form.fields.get("x-amz-signature", "")
    if not hmac.compare_digest(signer.signature(policy, request).encode(), given.encode()):
        raise ObjectError("403 Forbidden", "SignatureDoesNotMatch", MISMATCH)
    try:
        said = json.loads(base64.b64decode(policy))
        expiration, conditions = datetime.fromisoformat(said["expiration"]), list(said["conditions"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise _unreadable() from None
    if now >= (expiration if expiration.tzinfo else expiration.replace(tzinfo=UTC)):
        raise denied("Invalid according to Policy: Policy expired.")
    _hold(form, bucket, conditions)


def _hold(form: Form, bucket: str, conditions: list[Any]) -> None:
    fields = {**form.fields, "bucket": bucket}
    named = set(_UNJUDGED)
    ranges = [one for one in conditions if isinstance(one, list) and one[:1] == [_RANGE]]
    for condition in conditions:
        if condition in ranges:
            continue
        how, name, wanted = _comparison(condition)
        value = fields.get(name.lower(), "")
        if not (value == wanted if how == "eq" else value.startswith(wanted)):
            failed = json.dumps([how, f"${name}", wanted], ensure_ascii=False)
            raise denied(f"Invalid according to Policy: Policy Condition failed: {failed}")
        named.add(name.lower())
    if extra := sorted(name for name in fields.keys() - named if not name.startswith("x-ignore-")):
        raise denied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")
    for one in ranges:
        match one:
            case [_, int(least), int(most)]:
                _hold_size(form.size, least, most)
            case _:
                raise _unreadable()


def _comparison(condition: Any) -> tuple[str, str, str]:
    """Return how to compare, the field's name and its value, of a condition in either of two forms."""
    pairs = [*condition.items()] if isinstance(condition, dict) else []
    match [*pairs, condition]:
        case [(str(name), str(wanted)), _]:
            return "eq", name, wanted
        case [["eq" | "starts-with" as how, str(name), str(wanted)]] if name.startswith("$"):
            return how, name[1:], wanted
    raise _unreadable()


def _hold_size(size: int, least: int, most: int) -> None:
    if size > most:
        told = {"ProposedSize": str(size), "MaxSizeAllowed": str(most)}
        said = "Your proposed upload exceeds the maximum allowed size"
        raise ObjectError("400 Bad Request", "EntityTooLarge", said, told)
    if size < least:
        told = {"ProposedSize": str(size), "MinSizeAllowed": str(least)}
        said = "Your proposed upload is smaller than the minimum allowed size"
        raise ObjectError("400 Bad Request", "EntityTooSmall", said, told)


def _unreadable() -> ObjectError:
    return ObjectError("400 Bad Request", "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.")


def _parts(content_type: str, body: bytes) -> list[tuple[str, str | None, bytes]]:
    """Return each part's name in lower case, its file's name if it has one, and its content."""
    parts: list[tuple[str, str | None, bytes]] = []
    _, options = parse_options_header(content_type)
    decoder = MultipartDecoder(options.get("boundary", "").encode(), None)
    try:
        decoder.receive_data(body)
        decoder.receive_data(None)
        chunks: list[bytes] = []
        while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
            if isinstance(event, Field | File):
                chunks = []
                opened = (event.name.lower(), event.filename if isinstance(event, File) else None)
            elif isinstance(event, Data):
                chunks.append(event.data)
                if not event.more_data:
                    parts.append((*opened, b"".join(chunks)))
    except ValueError:
        said = "The body of your POST request is not well-formed multipart/form-data."
        raise ObjectError("400 Bad Request", "MalformedPOSTRequest", said) from None
    return parts
