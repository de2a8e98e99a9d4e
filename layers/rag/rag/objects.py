"""Objects of the bucket, and what their keys mean."""

from dataclasses import dataclass
from typing import Final

from rag.identity import nameable

WATCHED: Final = "documents/"  # an object below starts its ingestion by itself
BULK: Final = "bulk/"  # one below waits for the run that it was uploaded for
STAGING: Final = "staging/"
RUNS: Final = "runs/"
BATCHES: Final = "batches/"
SIDECAR_SUFFIX: Final = ".metadata.json"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the bucket knows of an object. `size` is in bytes; `version_id` is empty in a bucket without versions."""

    key: str
    size: int
    etag: str
    version_id: str = ""


@dataclass(frozen=True, slots=True)
class ObjectContent:
    """An object, or a part of it."""

    info: ObjectInfo
    data: bytes


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """A key of the form `documents/{tenant}/{path}` or `bulk/{tenant}/{path}`.

    `path` can be stored and named. Where the key's own cannot, that is `unnameable`, and there only to be refused.
    """

    area: str
    tenant: str
    path: str
    unnameable: str = ""

    @classmethod
    def parse(cls, key: str) -> "DocumentKey | None":
        """Return the key's parts, or None for a key that is none of a document's."""
        for area in (WATCHED, BULK):
            if key.startswith(area):
                tenant, separator, path = key[len(area) :].partition("/")
                if not (tenant and separator and path):
                    return None
                shown = nameable(path)
                return cls(area, tenant, shown, path if shown != path else "")
        return None

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{self.area}{self.tenant}/{self.unnameable or self.path}"

    @property
    def is_sidecar(self) -> bool:
        """Whether the object says something about another one."""
        return self.path.endswith(SIDECAR_SUFFIX) and not f"/{self.path}".endswith(f"/{SIDECAR_SUFFIX}")

    @property
    def document_path(self) -> str:
        """The path of the document itself, of which this may be the sidecar."""
        return nameable(self.path.removesuffix(SIDECAR_SUFFIX)) if self.is_sidecar else self.path
