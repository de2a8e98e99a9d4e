"""S3 adapter for the Uploads port: forms that are signed with the function's own rights."""

import time
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.config import Config

from rag.adapters.aws_errors import aws_errors
from rag.http.changing import Upload


class S3Uploads:
    """Forms to post objects of one bucket with. Nothing is asked of S3 to make one.

    Raises:
        PermanentError: there are no credentials to sign with.
    """

    def __init__(self, bucket: str, *, client: Any = None, clock: Callable[[], float] = time.time) -> None:
        self._bucket = bucket
        self._clock = clock
        # Addressed as a virtual host, since the global endpoint redirects, and no browser posts a form again.
        self._client: Any = client or boto3.client(
            "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        )

    def form(self, key: str, size: int, content_type: str, expiry_seconds: int) -> Upload:
        """Return a form for one object of exactly this key and content type, of 1 to `size` bytes."""
        expires_at = int(self._clock()) + expiry_seconds
        with aws_errors("The documents bucket", forbidden=_ACCESS):
            form = self._client.generate_presigned_post(
                Bucket=self._bucket,
                Key=key,
                Fields={"Content-Type": content_type},
                Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, size]],
                ExpiresIn=expiry_seconds,
            )
            return Upload(form["url"], dict(form["fields"]), expires_at)


_ACCESS: Final = "s3:PutObject on documents/*"
