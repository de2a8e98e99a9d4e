"""What has not got on: which documents those are, and what of them the bucket holds to be ingested once more."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from rag.objects import SIDECAR_SUFFIX, ObjectInfo
from rag.ports import ObjectStore, Registry
from rag.registration import Registration
from ragctl.rendering import counted

STUCK_AFTER_MINUTES: Final = 15  # longer than an undisturbed ingestion of one item takes
_SIDE_BY_SIDE: Final = 8


def is_on_its_way(entry: Registration) -> bool:
    """Tell whether an attempt has begun and not ended; without an object, only a sidecar waits for its document."""
    return bool(entry.key) and entry.status in ("pending", "indexing")


def stuck_before(now: str, patience_seconds: float) -> str:
    """Return the time before which what is on its way counts as stuck, if nothing has become of it since."""
    return f"{datetime.fromisoformat(now) - timedelta(seconds=patience_seconds):%Y-%m-%dT%H:%M:%SZ}"


def on_their_way(registries: Iterable[Registry], tenants: Iterable[str], limit: str) -> int:
    """Count what is on its way, and not stuck.

    Raises:
        TransientError: as the registry does.
    """
    every = [(registry, tenant) for tenant in tenants for registry in registries]
    return sum(
        is_on_its_way(entry) and entry.updated_at >= limit
        for registry, tenant in every
        for entry in registry.documents(tenant)
    )


def on_their_way_line(number: int, minutes: int) -> str:
    """Say how many documents are on their way, and from when on they would be stuck."""
    verb, each = ("is", "it counts") if number == 1 else ("are", "they count")
    way = "its" if number == 1 else "their"
    wait = counted(minutes, "minute")
    return f"{counted(number, 'document')} {verb} on {way} way; after {wait} without progress {each} as stuck."


def with_sidecars(objects: ObjectStore, keys: Iterable[str]) -> Mapping[str, list[ObjectInfo]]:
    """Return of each key the object and its sidecar, as far as they are there; nothing where the object is gone.

    Raises:
        TransientError: as the bucket does.
    """
    asked = list(keys)

    def found(key: str) -> list[ObjectInfo]:
        file, sidecar = objects.info(key), objects.info(key + SIDECAR_SUFFIX)
        return [] if file is None else [file] if sidecar is None else [file, sidecar]

    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="objects") as workers:
        return dict(zip(asked, workers.map(found, asked), strict=True))
