"""Addresses to download from, as S3 reads them: signed for one key, for reading, and for a quarter of an hour."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from botocore.config import Config

from rag.adapters.s3_downloads import S3Downloads

BUCKET, KEY = "documents", "batches/acme/batch-1/results.json"


@pytest.mark.parametrize("key", [KEY, "batches/acme/a b/é+%?&.json"])
def test_an_address_is_of_one_object_alone(mocked_aws: None, key: str) -> None:
    address = urlsplit(S3Downloads(BUCKET).link(key, 900).url)
    signed = parse_qs(address.query)
    assert unquote(address.path) == f"/{key}"
    assert signed["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert signed["X-Amz-Expires"] == ["900"]
    assert signed["response-content-type"] == ["application/json"]


def test_an_address_says_when_it_expires(mocked_aws: None) -> None:
    now = datetime.now(UTC).timestamp()
    download = S3Downloads(BUCKET, clock=lambda: now).link(KEY, 900)
    (signed,) = parse_qs(urlsplit(download.url).query)["X-Amz-Date"]
    began = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    assert download.expires_at == int(now) + 900
    assert abs(began + 900 - download.expires_at) <= 5


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_an_address_is_in_the_bucket_s_own_region(
    mocked_aws: None, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    host = urlsplit(S3Downloads(BUCKET).link(KEY, 900).url).netloc
    assert host == f"{BUCKET}.s3.{region}.amazonaws.com" or (
        region == "us-east-1" and host == f"{BUCKET}.s3.amazonaws.com"
    )


def test_at_an_address_of_numbers_the_bucket_is_in_the_path(mocked_aws: None) -> None:
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    client: Any = boto3.client("s3", endpoint_url="http://127.0.0.1:4566", config=config)
    assert S3Downloads(BUCKET, client=client).link(KEY, 900).url.startswith(f"http://127.0.0.1:4566/{BUCKET}/{KEY}?")
