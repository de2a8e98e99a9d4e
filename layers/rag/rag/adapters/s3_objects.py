"""S3 adapter for the ObjectStore port. Keys are passed on verbatim; boto3 encodes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from rag.adapters.aws_errors import aws_errors, error_code, refusal
from rag.deadlines import within
from rag.objects import ObjectContent, ObjectInfo

TIMEOUT_SECONDS: Final = 60.0  # of one call in all: the largest document is about 100 MB

_SOCKET_SECONDS: Final = 10.0
_CONNECTIONS: Final = 16  # as many as the use cases read objects side by side
_DELETE_BATCH: Final = 1_000  # keys of one DeleteObjects
_MISSING: Final = frozenset({"404", "NoSuchKey"})
_OUT_OF_RANGE: Final = frozenset({"416", "InvalidRange"})
_BUCKET: Final = "The documents bucket"
_ACCESS: Final = (
    "s3:GetObject, s3:PutObject and s3:DeleteObject as it uses them, and s3:ListBucket, without which a missing object "
    "counts as a forbidden one"
)

T = TypeVar("T")


class S3Objects:
    """Objects of one bucket. Each request has `timeout_seconds` in all, and one attempt.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        PermanentError: the bucket is missing, or the role may not do this.
    """

    def __init__(self, bucket: str, *, timeout_seconds: float = TIMEOUT_SECONDS, client: Any = None) -> None:
        self._bucket = bucket
        self._timeout = timeout_seconds
        self._client: Any = client or boto3.client(
            "s3",
            config=Config(
                connect_timeout=_SOCKET_SECONDS,
                read_timeout=_SOCKET_SECONDS,
                retries={"total_max_attempts": 1},
                max_pool_connections=_CONNECTIONS,
            ),
        )

    def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the current object without reading it, or None if there is none."""
        return self._asked(partial(self._info, key))

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> ObjectContent | None:
        """Return the current object, or its bytes from `start` up to `end`, or None if there is none."""
        if end is not None and end <= start:
            return self._asked(partial(self._read_nothing, key))  # HTTP has no empty range
        span = "" if end is None else end - 1
        wanted = {"Range": f"bytes={start}-{span}"} if start or end is not None else {}
        return self._asked(partial(self._read, key, wanted))

    def write(self, key: str, content: bytes) -> None:
        """Store an object."""
        self._asked(partial(self._client.put_object, Bucket=self._bucket, Key=key, Body=content))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; unknown keys are passed over. Older versions stay, where the bucket keeps them."""
        for at in range(0, len(keys), _DELETE_BATCH):
            self._asked(partial(self._delete, keys[at : at + _DELETE_BATCH]))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the current objects below a prefix, in the order of their keys; S3 says no version ids here."""
        more: dict[str, str] = {}
        while True:
            page = self._asked(partial(self._client.list_objects_v2, Bucket=self._bucket, Prefix=prefix, **more))
            with _errors():
                found = [_info(listed["Key"], listed["Size"], listed) for listed in page.get("Contents", ())]
                more = {"ContinuationToken": page["NextContinuationToken"]} if page["IsTruncated"] else {}
            yield from found
            if not more:
                return

    def _asked(self, request: Callable[[], T]) -> T:
        with _errors():
            return within(self._timeout, request, service=_BUCKET)

    def _info(self, key: str) -> ObjectInfo | None:
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise
        return _info(key, head["ContentLength"], head)

    def _read(self, key: str, wanted: Mapping[str, str]) -> ObjectContent | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **wanted)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            if error_code(error) in _OUT_OF_RANGE:
                return self._read_nothing(key)
            raise
        with answer["Body"] as body:
            data: bytes = body.read()
        whole = answer["ContentRange"].rpartition("/")[2] if "ContentRange" in answer else len(data)
        return ObjectContent(_info(key, int(whole), answer), data)

    def _read_nothing(self, key: str) -> ObjectContent | None:
        info = self._info(key)
        return None if info is None else ObjectContent(info, b"")

    def _delete(self, keys: Sequence[str]) -> None:
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = self._client.delete_objects(Bucket=self._bucket, Delete=wanted)
        for error in answer.get("Errors", ()):  # the answer's status is 200 all the same
            raise refusal(str(error.get("Code", "")), _BUCKET, forbidden=_ACCESS)


def _errors() -> Any:
    return aws_errors(_BUCKET, forbidden=_ACCESS)


def _info(key: str, size: int, described: Mapping[str, Any]) -> ObjectInfo:
    version_id = described.get("VersionId", "")
    return ObjectInfo(
        key,
        size,
        described["ETag"].strip('"'),
        "" if version_id == "null" else version_id,  # so S3 calls the version of an object that is older than versions
    )
