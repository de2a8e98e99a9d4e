"""S3 adapter for the Downloads port: addresses that are signed with the function's own rights."""

import time
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.config import Config

from rag.adapters.aws_errors import aws_errors
from rag.http.results import Download

_ACCESS: Final = "s3:GetObject on batches/*"


class S3Downloads:
    """Addresses to get JSON objects of one bucket from. Nothing is asked of S3 to make one.

    Raises:
        PermanentError: there are no credentials to sign with.
    """

    def __init__(self, bucket: str, *, client: Any = None, clock: Callable[[], float] = time.time) -> None:
        self._bucket = bucket
        self._clock = clock
        # Addressed as a virtual host, since the global endpoint redirects, and no signature survives that.
        self._client: Any = client or boto3.client(
            "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        )

    def link(self, key: str, expiry_seconds: int) -> Download:
        """Return an address of the object of exactly this key, for reading alone."""
        expires_at = int(self._clock()) + expiry_seconds
        with aws_errors("The documents bucket", forbidden=_ACCESS):
            url = self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": key, "ResponseContentType": "application/json"},
                ExpiresIn=expiry_seconds,
            )
            return Download(url, expires_at)
