"""What a deletion by hand leaves behind, and the objects that go with it."""

from collections.abc import Iterable

from rag.objects import BULK, SIDECAR_SUFFIX, WATCHED, DocumentKey
from rag.registration import Registration
from ragctl import wiring
from ragctl.deployment import Deployment


def leftovers(entry: Registration) -> str | None:
    """Return what is left of a document that was deleted, or None where nothing is."""
    if entry.status != "deleted":
        return f"It was ingested again meanwhile: it is {entry.status}."
    if entry.versions:
        return f"Readers see nothing of it, but the index may hold {len(entry.versions)} of its versions: rag doctor"
    return None


def delete_objects(deployment: Deployment, entries: Iterable[Registration]) -> None:
    """Delete the objects of documents, and their sidecars; a record's file stays.

    Raises:
        RagError: the bucket refuses.
    """
    objects = wiring.objects(deployment)
    for entry in entries:
        if entry.source not in ("", entry.document_id):
            continue
        places = (DocumentKey(area, entry.tenant, entry.document_id).key for area in (WATCHED, BULK))
        keys = [key for place in places for key in (place, place + SIDECAR_SUFFIX)]
        objects.delete([key for key in keys if objects.info(key) is not None])
