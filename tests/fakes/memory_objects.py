"""The ObjectStore port in a dictionary."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock

from rag.objects import ObjectContent, ObjectInfo


class MemoryObjects:
    """Keeps the current objects; each write has a version id of its own, unless the bucket has no `versions`."""

    def __init__(self, *, versions: bool = True) -> None:
        self.versions = versions
        self._objects: dict[str, ObjectContent] = {}
        self._writes = 0
        self._lock = Lock()

    def info(self, key: str) -> ObjectInfo | None:
        found = self._objects.get(key)
        return None if found is None else found.info

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> ObjectContent | None:
        found = self._objects.get(key)
        return None if found is None else ObjectContent(found.info, found.data[start:end])

    def write(self, key: str, content: bytes) -> None:
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        with self._lock:
            self._writes += 1
            version_id = f"version-{self._writes}" if self.versions else ""
            self._objects[key] = ObjectContent(ObjectInfo(key, len(content), etag, version_id), content)

    def put_back(self, content: ObjectContent) -> None:
        """Make a former version the current one again, as S3 does when all newer ones are deleted for good."""
        self._objects[content.info.key] = content

    def delete(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._objects.pop(key, None)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Say no version ids, as S3's listing does."""
        with self._lock:
            listed = [found.info for key, found in sorted(self._objects.items(), key=lambda item: item[0])]
        return (replace(info, version_id="") for info in listed if info.key.startswith(prefix))
