"""What lies in somebody's bucket: where it cannot be listed, that bucket is named and no other."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ragctl.bucket_sources import bucket_objects
from ragctl.failure import Failure


class Refusing:
    """S3 that answers with an HTTP status."""

    def __init__(self, status: int) -> None:
        self._status = status

    def head_bucket(self, *, Bucket: str) -> Any:  # noqa: N803 - boto3's
        raise ClientError({"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": self._status}}, "HeadBucket")


@pytest.mark.parametrize(
    ("status", "told"),
    [(404, "There is no bucket theirs"), (403, "s3:ListBucket"), (500, "The bucket theirs cannot be listed")],
)
def test_the_bucket_that_was_given_is_named(status: int, told: str) -> None:
    with pytest.raises(Failure, match=told):
        bucket_objects(Refusing(status), "s3://theirs/reports/")
