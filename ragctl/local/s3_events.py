"""What happens to a bucket's objects, told as S3 tells EventBridge.

The form is that of https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html. moto tells of no delete
marker, tells of a multipart upload twice, and gives each event the same sequencer.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from secrets import token_hex
from threading import RLock, local
from typing import Any
from uuid import uuid4

from moto.s3 import notifications
from moto.s3.models import FakeDeleteMarker, S3Backend
from moto.s3.notifications import S3NotificationEvent

from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.mending import replace

Event = dict[str, Any]

_REASONS = {
    S3NotificationEvent.OBJECT_CREATED_PUT_EVENT: "PutObject",
    S3NotificationEvent.OBJECT_CREATED_POST_EVENT: "POST Object",
    S3NotificationEvent.OBJECT_CREATED_COPY_EVENT: "CopyObject",
    S3NotificationEvent.OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD_EVENT: "CompleteMultipartUpload",
}
_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"  # a delete marker's
_CHANGES = ("put_object", "copy_object", "delete_object", "complete_multipart_upload")


class _Told(local):
    """The events of the request that this thread answers; None outside of a request."""

    events: list[Event] | None = None


_told = _Told()
_lock = RLock()
_last_sequencer = 0


def mend() -> None:
    """Put what is below into moto's S3. Other kinds of events than an object's creation and deletion are not told."""
    replace(notifications, "_send_event_bridge_message", _created)
    replace(S3Backend, "delete_object", _delete_object)
    for name in _CHANGES:
        replace(S3Backend, name, _alone(getattr(S3Backend, name)))


@contextmanager
def collected() -> Iterator[list[Event]]:
    """Collect what this thread does to objects of buckets that tell EventBridge; nothing is told outside of this."""
    events: list[Event] = []
    _told.events = events
    try:
        yield events
    finally:
        _told.events = None


def _alone(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Let one change run at a time: of two puts of one key side by side, moto may lose a version."""

    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        with _lock:
            return operation(*arguments, **named)

    return run


def _created(_account_id: str, bucket: Any, event_name: S3NotificationEvent, key: Any) -> None:
    """Tell of a new object."""
    reason = _REASONS.get(event_name)
    if reason is None or (reason == "PutObject" and key.multipart):  # its completion is told next
        return
    etag = key.etag.replace('"', "")
    _tell("Object Created", bucket, {"key": key.name, "size": key.size, "etag": etag}, key, {"reason": reason})


_delete_by_moto: Callable[..., Any] = S3Backend.delete_object


def _delete_object(
    backend: Any, bucket_name: str, key_name: str, version_id: str | None = None, *rest: Any, **named: Any
) -> Any:
    """Delete an object or a version, and tell of it, which moto does of the last version alone."""
    bucket = backend.get_bucket(bucket_name)
    versions = bucket.keys.getlist(key_name, [])
    before = next((version for version in versions if version.version_id == version_id), None) if version_id else None
    before = before or bucket.keys.get(key_name)
    deleted, answer = _delete_by_moto(backend, bucket_name, key_name, version_id, *rest, **named)
    if not deleted or before is None or not _tells(bucket):
        return deleted, answer
    marks = bucket.is_versioned and version_id is None
    gone = bucket.keys[key_name] if marks else before
    etag = _EMPTY_ETAG if isinstance(gone, FakeDeleteMarker) else gone.etag.replace('"', "")
    kind = "Delete Marker Created" if marks else "Permanently Deleted"
    detail = {"reason": "DeleteObject", "deletion-type": kind}
    _tell("Object Deleted", bucket, {"key": key_name, "etag": etag}, gone, detail)
    return deleted, answer


def _tells(bucket: Any) -> bool:
    configuration = bucket.notification_configuration
    return configuration is not None and configuration.event_bridge is not None


def _tell(kind: str, bucket: Any, described: Event, version: Any, detail: Mapping[str, str]) -> None:
    if _told.events is None:
        return
    versioned = {} if version.version_id == "null" else {"version-id": version.version_id}
    _told.events.append(
        {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": kind,
            "source": "aws.s3",
            "account": ACCOUNT_ID,
            "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "region": REGION,
            "resources": [f"arn:aws:s3:::{bucket.name}"],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket.name},
                "object": {**described, **versioned, "sequencer": _sequencer()},
                "request-id": token_hex(8).upper(),
                "requester": ACCOUNT_ID,
                "source-ip-address": "127.0.0.1",
                **detail,
            },
        }
    )


def _sequencer() -> str:
    """Return a number in hex that is greater than all before it, also those of earlier runs."""
    global _last_sequencer  # noqa: PLW0603 - one clock for all buckets
    with _lock:
        _last_sequencer = max(_last_sequencer + 1, time.time_ns())
        return f"{_last_sequencer:016X}"
