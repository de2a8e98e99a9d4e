"""Uploading: what is there already is kept, each sidecar goes before its file, and what cannot be stored is told."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rag.objects import BULK, ObjectInfo
from ragctl.failure import Failure
from ragctl.sources import local_files
from ragctl.uploading import Unsent, Uploaded, Uploader, manifest_lines


class Bucket:
    """S3 and the deployment that knows it, in one: remembers what is put, in order."""

    def __init__(self, refusal: str = "") -> None:
        self.put: list[str] = []
        self._refusal = refusal

    def client(self, service: str, **settings: Any) -> "Bucket":
        return self

    def output(self, name: str) -> str:
        return "bucket"

    def put_object(self, *, Bucket: str, Key: str, Body: bytes | io.BufferedReader) -> Mapping[str, str]:  # noqa: N803 - boto3's
        if self._refusal:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": self._refusal}}, "PutObject")
        content = Body if isinstance(Body, bytes) else Body.read()
        self.put.append(Key)
        return {"ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"', "VersionId": "v1"}


def upload(
    bucket: Bucket, directory: Path, sidecars: Mapping[str, bytes], present: Sequence[ObjectInfo] = ()
) -> list[Uploaded | Unsent]:
    uploader = Uploader(bucket, "default", BULK)  # type: ignore[arg-type]
    return list(uploader.upload(local_files(directory), sidecars, {info.key: info for info in present}))


def info(key: str, content: bytes) -> ObjectInfo:
    return ObjectInfo(key, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())


def test_a_sidecar_is_uploaded_before_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    bucket = Bucket()

    outcomes = upload(bucket, tmp_path, {"a.md": b"{}"})

    assert bucket.put == ["bulk/default/a.md.metadata.json", "bulk/default/a.md"]
    listed = manifest_lines(outcome for outcome in outcomes if isinstance(outcome, Uploaded))
    assert [line.key for line in listed] == ["bulk/default/a.md", "bulk/default/a.md.metadata.json"]


def test_what_is_there_with_the_same_content_is_not_uploaded_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    (tmp_path / "b.md").write_text("B")
    bucket = Bucket()
    present = [
        info("bulk/default/a.md", b"A"),
        info("bulk/default/b.md", b"C"),
        info("bulk/default/a.md.metadata.json", b"{}"),
    ]

    outcomes = upload(bucket, tmp_path, {"a.md": b"{}"}, present)

    assert bucket.put == ["bulk/default/b.md"]
    assert sorted(outcome.path for outcome in outcomes) == ["a.md", "b.md"]


@pytest.mark.parametrize(
    ("name", "reason"), [(b"line\nend.md", "do not print"), (b"\xff.md", "UTF-8"), (b"a" * 240 + b".md", "bytes")]
)
def test_a_name_that_cannot_be_stored_is_told_and_not_uploaded(tmp_path: Path, name: bytes, reason: str) -> None:
    folder = os.path.join(os.fsencode(tmp_path), *[b"d" * 200] * 4)  # noqa: PTH118 - of bytes
    Path(os.fsdecode(folder)).mkdir(parents=True)
    Path(os.fsdecode(os.path.join(folder, name))).write_text("A")  # noqa: PTH118
    bucket = Bucket()

    [outcome] = upload(bucket, tmp_path, {})

    assert isinstance(outcome, Unsent)
    assert reason in outcome.reason
    assert bucket.put == []


def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    sources = local_files(tmp_path)
    (tmp_path / "a.md").unlink()

    [outcome] = Uploader(Bucket(), "default", BULK).upload(sources, {}, {})  # type: ignore[arg-type]

    assert outcome == Unsent("a.md", "It cannot be read: No such file or directory.")


def test_a_bucket_that_refuses_ends_the_upload(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")

    with pytest.raises(Failure, match="Not for you"):
        upload(Bucket("Not for you"), tmp_path, {})
