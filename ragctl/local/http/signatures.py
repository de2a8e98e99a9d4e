"""Signature Version 4, checked against the one credential of the local account: any access key, the secret `local`."""

import hmac
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ragctl.local.account import ACCOUNT_ID, CREDENTIAL
from ragctl.local.http.exchange import Exchange
from ragctl.local.http.gateway_responses import Refusal
from ragctl.local.http.messages import Request

SERVICE = "execute-api"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[\w-]{1,128})/(?P<day>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/"
    r"aws4_request,\s*SignedHeaders=(?P<headers>[\w;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


def authenticate(exchange: Exchange) -> None:
    """Let the request pass as the user that its access key names.

    Raises:
        Refusal: it is not signed, not for this API, at another time, or by another secret.
    """
    request = exchange.request
    told = _AUTHORIZATION.fullmatch(request.headers.get("Authorization") or "")
    if told is None:
        raise Refusal("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    stamp = request.headers.get("X-Amz-Date") or ""
    if told["service"] != SERVICE or not stamp.startswith(told["day"]) or not _is_current(stamp):
        raise Refusal("INVALID_SIGNATURE", _MISMATCH)
    signed = told["headers"].split(";")
    if "host" not in signed or not hmac.compare_digest(_signature(request, told, stamp, signed), told["signature"]):
        raise Refusal("INVALID_SIGNATURE", _MISMATCH)
    key = told["key"]
    exchange.identity.update(
        accessKey=key,
        accountId=ACCOUNT_ID,
        caller=key,
        user=key,
        userArn=f"arn:aws:iam::{ACCOUNT_ID}:user/{key}",
    )


def _signature(request: Request, told: re.Match[str], stamp: str, signed: list[str]) -> str:
    """Sign the request as its sender should have."""
    address = f"http://{request.headers.get('Host')}{request.path}?{_canonical_query(request)}"
    again = AWSRequest(request.method, address, data=request.body)
    for name in signed:
        again.headers[name] = ",".join(" ".join(value.split()) for value in request.headers.all(name))
    digest = request.headers.get("X-Amz-Content-SHA256")
    if digest is not None and digest != sha256(request.body).hexdigest():
        raise Refusal("INVALID_SIGNATURE", _MISMATCH)
    again.context["timestamp"] = stamp
    signer: Any = SigV4Auth(Credentials(told["key"], CREDENTIAL), SERVICE, told["region"])
    text = signer.string_to_sign(again, signer.canonical_request(again))
    return str(signer.signature(text, again))


def _canonical_query(request: Request) -> str:
    """Return the query as AWS reads it before it sorts it: decoded, a plus as a space, and encoded in one way."""
    pairs = (pair.partition("=") for pair in request.target.partition("?")[2].split("&") if pair)
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _is_current(stamp: str) -> bool:
    try:
        when = datetime.strptime(stamp, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(datetime.now(UTC) - when) <= _SKEW
