"""Upload and follow: a few files through the watched prefix, many through one run of the bulk machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

from rag.ingestion.changes import is_record_file
from rag.objects import BULK, SIDECAR_SUFFIX, WATCHED, ObjectInfo
from ragctl import wiring
from ragctl.bucket_sources import BucketObject
from ragctl.deployment import Deployment
from ragctl.following import Following
from ragctl.load_report import LoadReport
from ragctl.machines import Machine
from ragctl.progress import Show
from ragctl.runs import Run
from ragctl.sidecars import Description
from ragctl.sources import Source
from ragctl.uploading import Unsent, Uploaded, Uploader, manifest_lines

_FEW_FILES: Final = 10
_FEW_BYTES: Final = 20_000_000
_LOST: Final = "Its file is not in the bucket: ingest it again."
_STUCK_AFTER: Final = timedelta(minutes=15)  # longer than an undisturbed ingestion of one item takes


def are_few(sources: Sequence[Source]) -> bool:
    """Tell whether the files go one by one through the watched prefix, rather than together in a run."""
    return (
        len(sources) <= _FEW_FILES
        and sum(source.size for source in sources) <= _FEW_BYTES
        and not any(isinstance(source, BucketObject) for source in sources)
        and not any(is_record_file(source.path) for source in sources)
    )


@dataclass(frozen=True)
class Ingestion:
    """Brings files of one tenant into a deployment, and keeps a report up to date."""

    deployment: Deployment
    report: LoadReport
    show: Show

    def ingest(self, sources: Sequence[Source], description: Description) -> None:
        """Upload the files, each behind its sidecar, and return when every document is ready or has failed.

        Raises:
            Failure: something is wrong with the deployment or the way to it.
            RagError: the registry or the bucket refuses.
        """
        told = ((source.path, description.of(source)) for source in sources)
        sidecars = {path: content for path, content in told if content is not None}
        if are_few(sources):
            machine = Machine(self.deployment, "IngestStateMachineArn")
            following = Following(wiring.registry(self.deployment), machine, self.report, self.show)
            following.follow(list(self._uploaded(WATCHED, sources, sidecars, {})))
        else:
            self.run(self._in_bulk(sources, sidecars))

    def run(self, objects: Iterable[ObjectInfo]) -> None:
        """Ingest objects of the bucket in a run, and return when it has ended."""
        listed = list(objects)
        if listed:
            machine = Machine(self.deployment, "IngestBulkStateMachineArn")
            Run(wiring.objects(self.deployment), machine, self.report, self.show).over(listed)

    def retry(self) -> None:
        """Ingest again what has failed, or has been on its way for longer than it takes."""
        objects = wiring.objects(self.deployment)
        listed: dict[str, ObjectInfo] = {}
        entries = chain(
            wiring.registry(self.deployment).documents(self.report.tenant),
            wiring.registry(self.deployment, "file").documents(self.report.tenant),
        )
        limit = f"{datetime.now(UTC) - _STUCK_AFTER:%Y-%m-%dT%H:%M:%SZ}"
        for entry in entries:
            stuck = entry.status in ("pending", "indexing") and entry.updated_at < limit
            if not entry.key or entry.key in listed or not (entry.status == "failed" or stuck):
                continue  # an entry without an object is that of a sidecar that waits for its document
            file, sidecar = (objects.info(key) for key in (entry.key, entry.key + SIDECAR_SUFFIX))
            if file is None:
                self.report.refuse(entry.document_id, _LOST, entry.source)
                continue
            listed[entry.key] = file
            if sidecar is not None:  # it may be why the document failed, so it must not be left out
                listed[sidecar.key] = sidecar
        self.report.total = len(listed)
        self.run(listed.values())

    def _in_bulk(self, sources: Sequence[Source], sidecars: Mapping[str, bytes]) -> Iterable[ObjectInfo]:
        listed = wiring.objects(self.deployment).list(f"{BULK}{self.report.tenant}/")
        beside = (source.beside for source in sources if isinstance(source, BucketObject) and source.beside)
        present = {info.key: info for info in chain(listed, beside)}
        return manifest_lines(self._uploaded(BULK, sources, sidecars, present))

    def _uploaded(
        self, area: str, sources: Sequence[Source], sidecars: Mapping[str, bytes], present: Mapping[str, ObjectInfo]
    ) -> Iterable[Uploaded]:
        uploader = Uploader(self.deployment, self.report.tenant, area)
        for outcome in uploader.upload(sources, sidecars, present):
            if isinstance(outcome, Unsent):
                self.report.refuse(outcome.path, outcome.reason)
            else:
                self.report.uploaded += 1
                yield outcome
            self.show(self.report)
