"""Forms to upload with, as S3 reads them: signed for one key, one type and a size, and for a quarter of an hour."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rag.adapters.s3_uploads import S3Uploads

BUCKET = "documents"


def policy(fields: dict[str, str]) -> Any:
    return json.loads(base64.b64decode(fields["policy"]))


@pytest.mark.parametrize("key", ["documents/acme/a.md", "documents/acme/a b/é+%.md", 'documents/acme/a"b\\c.md'])
def test_a_form_is_for_one_object_alone(mocked_aws: None, key: str) -> None:
    upload = S3Uploads(BUCKET).form(key, 1_234, "text/markdown", 900)
    conditions = policy(upload.fields)["conditions"]
    assert {"bucket": BUCKET} in conditions
    assert {"key": key} in conditions
    assert {"Content-Type": "text/markdown"} in conditions
    assert ["content-length-range", 1, 1_234] in conditions
    assert not [one for one in conditions if isinstance(one, list) and one[0] == "starts-with"]
    assert (upload.fields["key"], upload.fields["Content-Type"]) == (key, "text/markdown")


def test_every_condition_is_a_field_of_the_form(mocked_aws: None) -> None:
    upload = S3Uploads(BUCKET).form("documents/acme/a", 1, "text/plain", 900)
    named = {name for one in policy(upload.fields)["conditions"] if isinstance(one, dict) for name in one}
    assert named - {"bucket"} <= set(upload.fields)


def test_a_form_says_when_it_expires(mocked_aws: None) -> None:
    now = datetime.now(UTC).timestamp()
    upload = S3Uploads(BUCKET, clock=lambda: now).form("documents/acme/a", 1, "text/plain", 900)
    expiry = datetime.strptime(policy(upload.fields)["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert upload.expires_at == int(now) + 900
    assert abs(expiry.timestamp() - upload.expires_at) <= 5


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_form_is_posted_to_the_bucket_s_own_region(
    mocked_aws: None, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    url = S3Uploads(BUCKET).form("documents/acme/a", 1, "text/plain", 900).url
    assert url == f"https://{BUCKET}.s3.{region}.amazonaws.com/" or (
        region == "us-east-1" and url == f"https://{BUCKET}.s3.amazonaws.com/"
    )


def test_at_an_address_of_numbers_the_bucket_is_in_the_path(mocked_aws: None) -> None:
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    client = boto3.client("s3", endpoint_url="http://127.0.0.1:4566", config=config)
    assert S3Uploads(BUCKET, client=client).form("k", 1, "a/b", 900).url == f"http://127.0.0.1:4566/{BUCKET}"
