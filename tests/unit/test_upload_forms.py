"""Presigned forms and addresses on the local stack: what was signed passes, and nothing else does, as in S3."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config

from rag.adapters.s3_uploads import S3Uploads
from ragctl.local.object_errors import ObjectError
from ragctl.local.presigned import holding_to_signatures
from ragctl.local.upload_forms import read_form

BUCKET, KEY, HOST = "documents", "documents/acme/a b/é.md", "127.0.0.1:4566"
OTHERS = "documents/other/a.md"
SIZE, MINUTES = 10, 15
Fields = dict[str, str]
FILE = ("file", "f.md", b"0123456789")


def s3(secret: str = "local") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://{HOST}",
        region_name="us-east-1",
        aws_access_key_id="rag-UploadRole",
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4"),
    )


@pytest.fixture
def form() -> Fields:
    fields = S3Uploads(BUCKET, client=s3()).form(KEY, SIZE, "text/markdown", MINUTES * 60).fields
    return dict(fields)


def multipart(*parts: tuple[str, str | None, bytes]) -> bytes:
    body = b""
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--b--\r\n"


def of(fields: Fields, *files: tuple[str, str | None, bytes]) -> bytes:
    return multipart(*((name, None, value.encode()) for name, value in fields.items()), *files)


class Sent:
    """The answer to one request, by an endpoint that says yes to all that reaches it."""

    def __init__(self, environ: dict[str, Any], after: timedelta = timedelta()) -> None:
        self.status = ""
        application = holding_to_signatures(self._yes, lambda: datetime.now(UTC) + after)
        whole = {"REQUEST_METHOD": "GET", "HTTP_HOST": HOST, "wsgi.input": BytesIO(), **environ}
        self.body = b"".join(application(whole, self._start))

    def _start(self, status: str, _headers: Any) -> None:
        self.status = status.partition(" ")[0]

    @staticmethod
    def _yes(_environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("204 No Content", [])
        return []

    @property
    def error(self) -> tuple[str, str, str]:
        found = ElementTree.fromstring(self.body)
        return self.status, found.findtext("Code") or "", found.findtext("Message") or ""


def posted(body: bytes, bucket: str = BUCKET, after: timedelta = timedelta()) -> Sent:
    return Sent(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/{bucket}",
            "CONTENT_TYPE": "multipart/form-data; boundary=b",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        },
        after,
    )


def test_what_was_signed_may_be_posted(form: Fields) -> None:
    assert posted(of(form, FILE)).status == "204"
    assert posted(of({**form, "x-ignore-me": "1"}, FILE)).status == "204"
    assert posted(of(form, FILE, ("submit", None, b"Upload"))).status == "204"


@pytest.mark.parametrize(
    ("name", "value"),
    [("key", OTHERS), ("key", f"{KEY}x"), ("Content-Type", "text/html"), ("x-amz-date", "20200101T000000Z")],
)
def test_another_value_of_a_field_fails_its_condition(form: Fields, name: str, value: str) -> None:
    status, code, message = posted(of({**form, name: value}, FILE)).error
    assert (status, code) == ("403", "AccessDenied")
    assert message.startswith(f'Invalid according to Policy: Policy Condition failed: ["eq", "${name}", ')


@pytest.mark.parametrize("name", ["acl", "x-amz-meta-by", "success_action_redirect"])
def test_a_field_that_the_policy_does_not_name_is_refused(form: Fields, name: str) -> None:
    refused = posted(of({**form, name: "x"}, FILE)).error
    assert refused == ("403", "AccessDenied", f"Invalid according to Policy: Extra input fields: {name}")


def test_another_bucket_is_refused(form: Fields) -> None:
    assert posted(of(form, FILE), bucket="secrets").error[:2] == ("403", "AccessDenied")


@pytest.mark.parametrize(("content", "code"), [(b"x" * (SIZE + 1), "EntityTooLarge"), (b"", "EntityTooSmall")])
def test_a_file_of_another_size_is_refused(form: Fields, content: bytes, code: str) -> None:
    assert posted(of(form, ("file", "f", content))).error[:2] == ("400", code)


def test_a_form_expires(form: Fields) -> None:
    late = posted(of(form, FILE), after=timedelta(minutes=MINUTES, seconds=5))
    assert late.error == ("403", "AccessDenied", "Invalid according to Policy: Policy expired.")


def widened(form: Fields) -> Fields:
    policy = json.loads(base64.b64decode(form["policy"]))
    policy["conditions"] = [["starts-with", "$key", ""] if "key" in one else one for one in policy["conditions"]]
    return {**form, "key": OTHERS, "policy": base64.b64encode(json.dumps(policy).encode()).decode()}


@pytest.mark.parametrize(
    "forged",
    [
        lambda form: {**form, "x-amz-signature": "0" * 64},
        lambda form: {**form, "x-amz-signature": "é"},
        lambda form: {name: value for name, value in form.items() if name != "x-amz-signature"},
        lambda form: {**form, "x-amz-credential": form["x-amz-credential"].replace("us-east-1", "eu-west-1")},
        lambda _form: S3Uploads(BUCKET, client=s3("guessed")).form(KEY, SIZE, "text/markdown", 900).fields,
        widened,
    ],
    ids=["zeros", "no hexadecimal", "none", "another scope", "another secret", "another policy"],
)
def test_a_signature_of_something_else_is_refused(form: Fields, forged: Callable[[Fields], Fields]) -> None:
    assert posted(of(forged(form), FILE)).error[:2] == ("403", "SignatureDoesNotMatch")


@pytest.mark.parametrize("left_out", ["policy", "x-amz-credential"])
def test_a_form_that_nobody_signed_is_refused(form: Fields, left_out: str) -> None:
    del form[left_out]
    assert posted(of(form, FILE)).error[:2] == ("403", "AccessDenied")


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([("key", None, b"a")], "IncorrectNumberOfFilesInPostRequest"),
        ([("key", None, b"a"), FILE, FILE], "IncorrectNumberOfFilesInPostRequest"),
        ([("x-ignore-a", "f", b"large"), ("key", None, b"a"), FILE], "IncorrectNumberOfFilesInPostRequest"),
        ([("key", None, b"a"), ("Key", None, b"b"), FILE], "InvalidArgument"),
        ([FILE, ("key", None, b"a")], "InvalidArgument"),
    ],
    ids=["no file", "two files", "a file by another name", "two keys", "the key after the file"],
)
def test_a_form_that_could_be_read_in_two_ways_is_refused(
    parts: list[tuple[str, str | None, bytes]], code: str
) -> None:
    assert posted(multipart(*parts)).error[:2] == ("400", code)


@pytest.mark.parametrize("body", [b"", b"--b", b"--b\r\nnonsense\r\n--b--"])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(ObjectError):
        read_form("multipart/form-data; boundary=b", body)


def test_the_file_s_own_name_may_be_part_of_the_key() -> None:
    named = multipart(("key", None, b"in/${filename}"), ("file", "/home/me/a.md", b"x"))
    assert read_form("multipart/form-data; boundary=b", named).key == "in/a.md"


def presigned(url: str, method: str = "GET", after: timedelta = timedelta()) -> Sent:
    address = urlsplit(url)
    path = unquote(address.path, "latin-1")
    return Sent({"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": address.query}, after)


def test_a_presigned_address_reads_its_object_until_it_expires() -> None:
    url = s3().generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=60)

    assert presigned(url).status == "204"
    assert presigned(url, after=timedelta(minutes=2)).error == ("403", "AccessDenied", "Request has expired")


@pytest.mark.parametrize(
    "changed",
    [
        lambda url: url.replace("acme", "other"),
        lambda url: url.replace("Expires=60", "Expires=6000"),
        lambda url: f"{url}&versionId=1",
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
    ],
    ids=["another key", "another expiry", "another parameter", "another signature"],
)
def test_a_changed_address_reads_nothing(changed: Callable[[str], str]) -> None:
    url = s3().generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=60)
    assert presigned(changed(url)).error[:2] == ("403", "SignatureDoesNotMatch")


def test_an_address_is_for_one_method() -> None:
    url = s3().generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=60)
    assert presigned(url, "DELETE").error[:2] == ("403", "SignatureDoesNotMatch")
