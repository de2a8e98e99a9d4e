"""WSGI middleware that holds presigned requests to what was signed: forms that post an object, and addresses."""

import hmac
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ragctl.local.account import CREDENTIAL
from ragctl.local.journaling import Application, Environ, read_body
from ragctl.local.object_errors import MISMATCH, ObjectError, denied
from ragctl.local.upload_forms import is_form, judge, read_form

_SCOPE = re.compile(r"(?P<key>[^/\s]+)/(?P<day>\d{8})/(?P<region>[^/\s]+)/s3/aws4_request")
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_SIGNATURE = "X-Amz-Signature"


def holding_to_signatures(
    application: Application, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Application:
    """Wrap the AWS endpoint. Every access key has the secret `local`; of requests with a header the name is enough."""

    def held(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            if not environ.get("HTTP_AUTHORIZATION"):
                _judge(environ, clock())
        except ObjectError as error:
            return error.answer(environ["REQUEST_METHOD"], start_response)
        return application(environ, start_response)

    return held


def _judge(environ: Environ, now: datetime) -> None:
    content_type = environ.get("CONTENT_TYPE", "")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    path = environ["PATH_INFO"].encode("latin-1")  # as WSGI passes it
    if scope := _SCOPE.fullmatch(query.get("X-Amz-Credential", "")):
        _judge_address(environ, path, query, scope, now)
    elif is_form(environ["REQUEST_METHOD"], environ["PATH_INFO"], content_type):
        judge(read_form(content_type, read_body(environ)), path.decode("utf-8", "replace").strip("/"), now)


def _judge_address(environ: Environ, path: bytes, query: dict[str, str], scope: re.Match[str], now: datetime) -> None:
    stamp = query.get("X-Amz-Date", "")
    try:
        since = datetime.strptime(stamp, _TIME_FORMAT).replace(tzinfo=UTC)
        until = since + timedelta(seconds=int(query["X-Amz-Expires"]))
    except (ValueError, KeyError, OverflowError):
        said = "Query-string authentication version 4 requires the X-Amz-Date and X-Amz-Expires parameters."
        raise ObjectError("400 Bad Request", "AuthorizationQueryParametersError", said) from None
    if now >= until:
        raise denied("Request has expired")
    unsigned = urlencode({k: v for k, v in query.items() if k != _SIGNATURE}, quote_via=quote, safe="-_.~")
    address = f"http://{environ['HTTP_HOST']}{quote(path, safe='/-_.~')}?{unsigned}"
    again = AWSRequest(environ["REQUEST_METHOD"], address)
    for name in query.get("X-Amz-SignedHeaders", "").split(";"):
        field = name.upper().replace("-", "_")
        again.headers[name] = environ.get(f"HTTP_{field}", environ.get(field, ""))
    again.context["timestamp"] = stamp
    signer: Any = S3SigV4QueryAuth(Credentials(scope["key"], CREDENTIAL), "s3", scope["region"])
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    if not hmac.compare_digest(signature.encode(), query.get(_SIGNATURE, "").encode()):
        raise ObjectError("403 Forbidden", "SignatureDoesNotMatch", MISMATCH)
