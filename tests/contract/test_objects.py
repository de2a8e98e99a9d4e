"""One contract for the ObjectStore port: the fake, and S3 as moto serves it."""

import hashlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from rag.adapters.s3_objects import S3Objects
from rag.objects import ObjectContent, ObjectInfo
from rag.ports import ObjectStore
from tests.fakes.memory_objects import MemoryObjects

BUCKET = "documents"
STRANGE_KEYS = [
    "documents/acme/a b.md",
    "documents/acme/a+b.md",
    "documents/acme/100%.md",
    "documents/acme/%2e%2e/x",
    "documents/acme/../up.md",
    "documents/acme//x.md",
    "documents/acme/é/日本 & <x>.md",
    "documents/acme/#?=;'\".md",
]
NewBucket = Callable[[bool], ObjectStore]


@pytest.fixture(params=["memory", "s3"])
def new_bucket(request: pytest.FixtureRequest) -> NewBucket:
    """Make an empty bucket, with versions or without."""
    if request.param == "memory":
        return lambda versions: MemoryObjects(versions=versions)
    request.getfixturevalue("mocked_aws")

    def create(versions: bool) -> ObjectStore:
        client: Any = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        if versions:
            client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        return S3Objects(BUCKET, client=client)

    return create


@pytest.fixture
def objects(new_bucket: NewBucket) -> ObjectStore:
    return new_bucket(True)


def content(objects: ObjectStore, key: str, **part: Any) -> bytes | None:
    read = objects.read(key, **part)
    return None if read is None else read.data


def test_what_is_written_is_read(objects: ObjectStore) -> None:
    objects.write("a", b"one")
    objects.write("a", b"two\x00\xff")
    info = objects.info("a")
    assert info is not None
    assert (info.key, info.size) == ("a", 5)
    assert info.etag == hashlib.md5(b"two\x00\xff", usedforsecurity=False).hexdigest()
    assert objects.read("a") == ObjectContent(info, b"two\x00\xff")


def test_what_is_not_there_is_none(objects: ObjectStore) -> None:
    assert objects.info("a") is None
    assert objects.read("a") is None
    assert objects.read("a", start=1, end=1) is None
    assert objects.read("a", start=1, end=2) is None


def test_each_write_is_a_version_of_its_own(objects: ObjectStore) -> None:
    versions = set()
    for data in (b"one", b"two", b"one"):
        objects.write("a", data)
        info = objects.info("a")
        assert info is not None
        versions.add(info.version_id)
    assert len(versions) == 3
    assert "" not in versions


def test_a_bucket_without_versions_tells_none(new_bucket: NewBucket) -> None:
    objects = new_bucket(False)
    objects.write("a", b"one")
    info = objects.info("a")
    assert info == ObjectInfo("a", 3, hashlib.md5(b"one", usedforsecurity=False).hexdigest())
    assert objects.read("a") == ObjectContent(info, b"one")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"start": 2}, b"23456789"),
        ({"end": 4}, b"0123"),
        ({"start": 2, "end": 4}, b"23"),
        ({"start": 9, "end": 10}, b"9"),
        ({"start": 8, "end": 99}, b"89"),
        ({"start": 4, "end": 4}, b""),
        ({"start": 5, "end": 4}, b""),
        ({"start": 10}, b""),
        ({"start": 99, "end": 100}, b""),
        ({"start": 0}, b"0123456789"),
    ],
)
def test_a_part_is_read_with_what_is_known_of_the_whole(
    objects: ObjectStore, part: dict[str, int], expected: bytes
) -> None:
    objects.write("a", b"0123456789")
    info = objects.info("a")
    assert info is not None
    assert objects.read("a", **part) == ObjectContent(info, expected)


def test_an_empty_object_is_there(objects: ObjectStore) -> None:
    objects.write("a", b"")
    assert content(objects, "a") == b""
    assert content(objects, "a", start=0, end=5) == b""
    assert content(objects, "a", start=3) == b""


def test_what_is_deleted_is_gone(objects: ObjectStore) -> None:
    objects.write("a", b"one")
    objects.write("b", b"two")
    objects.delete(["a", "never there"])
    assert objects.info("a") is None
    assert objects.read("a") is None
    assert [info.key for info in objects.list("")] == ["b"]
    objects.delete([])


def test_what_is_deleted_can_be_written_again(objects: ObjectStore) -> None:
    objects.write("a", b"one")
    objects.delete(["a"])
    objects.write("a", b"two")
    assert content(objects, "a") == b"two"


def test_a_listing_is_in_the_order_of_keys_and_below_its_prefix_alone(objects: ObjectStore) -> None:
    for key in ("p/b", "p/a/x", "p/Z", "p/é", "q", "p", "o/x"):
        objects.write(key, b"1")
    assert [info.key for info in objects.list("p/")] == ["p/Z", "p/a/x", "p/b", "p/é"]
    assert list(objects.list("nothing/")) == []


def test_a_listing_tells_size_and_etag(objects: ObjectStore) -> None:
    objects.write("a", b"one")
    assert list(objects.list("")) == [ObjectInfo("a", 3, hashlib.md5(b"one", usedforsecurity=False).hexdigest())]


def test_more_is_listed_and_deleted_than_one_request_may(objects: ObjectStore) -> None:
    keys = [f"many/{number:04}" for number in range(1_100)]
    for key in keys:
        objects.write(key, b"")
    objects.write("other", b"")
    assert [info.key for info in objects.list("many/")] == keys
    objects.delete(keys)
    assert [info.key for info in objects.list("")] == ["other"]


def test_keys_are_kept_verbatim(objects: ObjectStore) -> None:
    for key in STRANGE_KEYS:
        objects.write(key, key.encode())
    assert [content(objects, key) for key in STRANGE_KEYS] == [key.encode() for key in STRANGE_KEYS]
    assert {info.key for info in objects.list("documents/acme/")} == set(STRANGE_KEYS)
    objects.delete(STRANGE_KEYS)
    assert list(objects.list("")) == []
