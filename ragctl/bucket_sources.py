"""What lies in a bucket as files to ingest: `s3://bucket/prefix`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, cast

from rag.adapters.s3_objects import S3Objects
from rag.errors import RagError
from rag.objects import SIDECAR_SUFFIX, DocumentKey, ObjectInfo
from ragctl.failure import Failure
from ragctl.sources import Stored, is_sidecar

SCHEME: Final = "s3://"
_IN_MEMORY: Final = 8 * 1024 * 1024
_FORBIDDEN: Final = 403
_ABSENT: Final = 404


@dataclass(frozen=True)
class BucketObject:
    """An object of a bucket."""

    path: str
    s3: Any
    bucket: str
    key: str
    size: int
    etag: str
    beside: ObjectInfo | None = None  # its sidecar

    def lies_in(self, bucket: str, tenant: str) -> bool:
        """Tell whether it lies where this tenant's documents are, so that it need not be brought there."""
        place = DocumentKey.parse(self.key)
        return self.bucket == bucket and place is not None and place.tenant == tenant

    def equals(self, etag: str) -> bool:
        """Tell whether an object with this etag holds the same."""
        return self.etag == etag

    def put(self, s3: Any, bucket: str, key: str) -> Stored:
        """Copy it from bucket to bucket; nothing passes through this machine."""
        answer = s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": self.key})
        return Stored.told(answer["CopyObjectResult"]["ETag"], answer.get("VersionId"))

    def open(self) -> IO[bytes]:
        """Fetch it, and open what was fetched for reading."""
        content = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever opens it closes it
        self.s3.download_fileobj(self.bucket, self.key, content)
        content.seek(0)
        return cast("IO[bytes]", content)

    def sidecar(self) -> bytes | None:
        """Return what stands beside it in `<object>.metadata.json`, if there is one."""
        if self.beside is None:
            return None
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=self.beside.key)["Body"].read()
        return content


def bucket_objects(s3: Any, address: str) -> list[BucketObject]:
    """Return the objects below an address such as `s3://bucket/reports/`, or the one that it names.

    An object's path is its key below that prefix. What a directory would pass over is passed over here.

    Raises:
        Failure: the address names no bucket, or the bucket cannot be listed.
    """
    bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise Failure(f"{address} names no bucket: s3://BUCKET/PREFIX")
    listed = _listed(s3, bucket, prefix)
    if prefix in listed:
        name = PurePosixPath(prefix).name
        return [_object(s3, bucket, name, listed[prefix], listed)]
    folder = f"{prefix}/" if prefix and not prefix.endswith("/") else prefix
    return [
        _object(s3, bucket, key[len(folder) :], info, listed)
        for key, info in listed.items()
        if key.startswith(folder) and _is_shown(key[len(folder) :]) and not is_sidecar(key)
    ]


def _object(s3: Any, bucket: str, path: str, info: ObjectInfo, listed: Mapping[str, ObjectInfo]) -> BucketObject:
    beside = listed.get(info.key + SIDECAR_SUFFIX)
    return BucketObject(path, s3, bucket, info.key, info.size, info.etag, beside)


def _is_shown(path: str) -> bool:
    return not path.endswith("/") and not any(
        part.startswith(".") and part not in (".", "..") for part in path.split("/")
    )


def _listed(s3: Any, bucket: str, prefix: str) -> dict[str, ObjectInfo]:
    _check_bucket(s3, bucket)
    try:
        return {info.key: info for info in S3Objects(bucket, client=s3).list(prefix)}
    except RagError as error:
        raise Failure(f"The bucket {bucket} cannot be listed: {error}") from error


def _check_bucket(s3: Any, bucket: str) -> None:
    """Say of this bucket what the port would say of the deployment's own."""
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == _ABSENT:
            raise Failure(f"There is no bucket {bucket}: check its name.") from error
        if status == _FORBIDDEN:
            raise Failure(f"The bucket {bucket} refuses: your credentials need s3:ListBucket on it.") from error
        raise Failure(f"The bucket {bucket} cannot be listed: {error}") from error
