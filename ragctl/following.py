"""Uploads of a few documents, followed in the registry until each is ready or has failed."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from rag.ingestion.claiming import claimed_elsewhere
from rag.ingestion.contracts import BatchDone
from rag.ingestion.results import Outcome, Result, Spent
from rag.ports import Registry
from rag.registration import Registration
from ragctl.failure import Failure
from ragctl.load_report import LoadReport
from ragctl.machines import complaint
from ragctl.progress import Show
from ragctl.uploading import Uploaded

_STALLED_SECONDS: Final = 10.0  # without any outcome: time to look for executions that failed
_PATIENCE_SECONDS: Final = 1_200.0  # without any outcome: more than a machine may take
_CLOCK_SKEW: Final = timedelta(minutes=2)  # between this machine and AWS


class Executions(Protocol):
    """What is asked of the state machine whose executions the uploads start."""

    @property
    def pause(self) -> float:
        """Seconds between looks."""
        ...

    def since(self, moment: datetime) -> Iterable[Mapping[str, Any]]:
        """Return the descriptions of the executions that started since then."""
        ...

    def output_of(self, execution: str, state: str) -> Any:
        """Return what a state of an execution has put out, or None."""
        ...


@dataclass
class Following:
    """Waits for what becomes of uploads below the watched prefix."""

    registry: Registry
    machine: Executions
    report: LoadReport
    show: Show
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def follow(self, uploads: Iterable[Uploaded]) -> None:
        """Return when each upload's ingestion has ended; the report tells how.

        Raises:
            Failure: nothing happens any more.
        """
        waiting = {upload.path: upload for upload in uploads}
        all_uploads = list(waiting.values())
        looked = heard = time.monotonic()
        while waiting:
            ended = self._ended(waiting)
            for path in ended:
                del waiting[path]
            now = time.monotonic()
            if ended:
                heard = looked = now
            elif now - looked > _STALLED_SECONDS:
                looked = now
                self._take_executions(waiting)
            if now - heard > _PATIENCE_SECONDS:
                raise Failure(f"Nothing has become of {', '.join(sorted(waiting))}: see rag documents show.")
            self.show(self.report)
            if waiting:
                time.sleep(self.machine.pause)
        self._take_spent(all_uploads)

    def _ended(self, waiting: Mapping[str, Uploaded]) -> list[str]:
        """Return the paths of the uploads that have ended, after reporting them."""
        ended = []
        for path, entry in self.registry.load(self.report.tenant, list(waiting)).items():
            if entry.source not in ("", path) and entry.status != "deleted":
                self.report.add(Result(path, "failed", claimed_elsewhere(entry)))
            elif not _has_ended(entry, waiting[path]):
                continue
            else:
                outcome = _outcome(entry)
                self.report.add(Result(path, outcome, entry.error, entry.chunks if outcome == "ready" else 0))
            ended.append(path)
        return ended

    def _take_executions(self, waiting: dict[str, Uploaded]) -> None:
        """Report uploads whose execution has ended without the registry speaking of them."""
        by_key = {upload.key: upload for upload in waiting.values()}
        for described in self.machine.since(self.started - _CLOCK_SKEW):
            upload = by_key.get(_key_of(described))
            if upload is None or described["status"] == "RUNNING" or not _is_of(described, upload):
                continue
            if described["status"] != "SUCCEEDED":
                self.report.add(Result(upload.path, "failed", complaint(described)))
                waiting.pop(upload.path, None)
            elif self._has_passed(upload):
                self.report.add(Result(upload.path, "superseded"))
                waiting.pop(upload.path, None)

    def _has_passed(self, upload: Uploaded) -> bool:
        """Tell whether the registry speaks of another version of the object by now."""
        entries = self.registry.load(self.report.tenant, [upload.path])
        return entries[upload.path].object_version != upload.stored.version

    def _take_spent(self, uploads: Iterable[Uploaded]) -> None:
        """Add up what embedding took, which the executions' histories tell."""
        by_key = {upload.key: upload for upload in uploads}
        for described in self.machine.since(self.started - _CLOCK_SKEW):
            upload = by_key.get(_key_of(described))
            if upload and _is_of(described, upload):
                output = self.machine.output_of(described["executionArn"], "IngestBatches") or {}
                for batch in () if "error" in output else output.get("batches", ()):  # caught: no batch has told
                    told = msgspec.convert(batch, BatchDone).embedded
                    self.report.spent += Spent(told.embedded, told.reused, told.tokens, told.cost_usd)


def _has_ended(entry: Registration, upload: Uploaded) -> bool:
    """Tell whether the entry speaks of this very upload, and the index carries what it says."""
    if entry.object_version != upload.stored.version:
        return False
    if entry.status == "ready":
        return not entry.live_version or entry.indexed_attributes == entry.attributes
    return entry.status in ("failed", "deleted")


def _outcome(entry: Registration) -> Outcome:
    if entry.status == "failed":
        return "failed"
    if entry.status == "deleted":
        return "deleted"
    return "ready" if entry.live_version == entry.version else "unchanged"


def _key_of(described: Mapping[str, Any]) -> str:
    """Return the key of the object whose event an execution is about, or nothing."""
    try:
        return str(json.loads(described["input"])["detail"]["object"]["key"])
    except (ValueError, KeyError, TypeError):
        return ""


def _is_of(described: Mapping[str, Any], upload: Uploaded) -> bool:
    """Tell whether an execution is about this version of the object."""
    told = json.loads(described["input"])["detail"]["object"]
    return upload.stored.version in (told.get("version-id"), told.get("etag"))
