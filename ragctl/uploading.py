"""Files into the bucket, several side by side, each behind its sidecar."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final

from rag.documents.naming import check_id, printable
from rag.errors import UnreadableDocument
from rag.objects import SIDECAR_SUFFIX, DocumentKey, ObjectInfo
from ragctl.bucket_sources import BucketObject
from ragctl.deployment import Deployment
from ragctl.failure import Failure, Unreachable
from ragctl.sources import Source, Stored

SIDE_BY_SIDE: Final = 16
_MAX_KEY_BYTES: Final = 1_024  # S3's
_MAX_UPLOAD_BYTES: Final = 5_000_000_000  # of one simple upload, whose etag tells whether content is the same


@dataclass(frozen=True)
class Uploaded:
    """A file in the bucket."""

    path: str
    key: str
    size: int
    stored: Stored
    sidecar: ObjectInfo | None


@dataclass(frozen=True)
class Unsent:
    """A file that could not be uploaded, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Uploader:
    """Uploads one tenant's files below one area of a deployment's bucket."""

    deployment: Deployment
    tenant: str
    area: str

    def upload(
        self, sources: Sequence[Source], sidecars: Mapping[str, bytes], present: Mapping[str, ObjectInfo]
    ) -> Iterator[Uploaded | Unsent]:
        """Upload files, and before each its sidecar, given by path; what is `present` with the same content is kept.

        Yields one outcome per file, as they come.

        Raises:
            Failure: the bucket refuses or cannot be reached.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        s3 = self.deployment.client("s3", max_pool_connections=SIDE_BY_SIDE)
        bucket = self.deployment.output("DocumentsBucketName")

        def put(source: Source) -> Uploaded | Unsent:
            same: ObjectInfo | None
            if isinstance(source, BucketObject) and source.lies_in(bucket, self.tenant):
                key, same = source.key, ObjectInfo(source.key, source.size, source.etag)
            else:
                key = DocumentKey(self.area, self.tenant, source.path).key
                same = present.get(key)
            if reason := _refusal(key, source.path, source.size):
                return Unsent(printable(source.path), reason)
            sidecar = self._put_sidecar(s3, bucket, key + SIDECAR_SUFFIX, sidecars.get(source.path), present)
            if same is not None and same.size == source.size and source.equals(same.etag):
                return Uploaded(source.path, key, source.size, Stored.told(same.etag, same.version_id), sidecar)
            try:
                stored = source.put(s3, bucket, key)
            except OSError as error:
                return Unsent(printable(source.path), f"It cannot be read: {error.strerror}.")
            return Uploaded(source.path, key, source.size, stored, sidecar)

        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="upload") as workers:
            try:
                for future in as_completed([workers.submit(put, source) for source in sources]):
                    yield future.result()
            except ClientError as error:
                raise Failure(f"The bucket {bucket} refuses: {error.response['Error']['Message']}") from error
            except BotoCoreError as error:
                raise Unreachable(f"The bucket {bucket} cannot be reached: {error}") from error
            finally:
                workers.shutdown(cancel_futures=True)

    def _put_sidecar(
        self, s3: Any, bucket: str, key: str, content: bytes | None, present: Mapping[str, ObjectInfo]
    ) -> ObjectInfo | None:
        """Store a sidecar unless the same is there; return what is there then."""
        same = present.get(key)
        if content is None:
            return same
        if same is not None and same.etag == hashlib.md5(content, usedforsecurity=False).hexdigest():
            return same
        stored = Stored.told(s3.put_object(Bucket=bucket, Key=key, Body=content)["ETag"], None)
        return ObjectInfo(key, len(content), stored.etag)


def manifest_lines(uploads: Iterable[Uploaded]) -> Iterator[ObjectInfo]:
    """Yield the objects of a run: each file, and the sidecar that it has."""
    for upload in uploads:
        yield ObjectInfo(upload.key, upload.size, upload.stored.etag)
        if upload.sidecar is not None:
            yield upload.sidecar


def _refusal(key: str, path: str, size: int) -> str | None:
    """Return why a file cannot be stored as a document, if so."""
    try:
        if len(key.encode()) > _MAX_KEY_BYTES:
            return f"Its path makes a key of more than {_MAX_KEY_BYTES:,} bytes: shorten it."
        check_id(path)
    except UnicodeEncodeError:
        return "Its name is not valid UTF-8: rename it."
    except UnreadableDocument as error:
        return str(error)
    return "It is larger than 5 GB: split it." if size > _MAX_UPLOAD_BYTES else None
