"""Upload and follow: a few files through the watched prefix, many through one run of the bulk machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from rag.clock import now
from rag.ingestion.changes import is_record_file
from rag.objects import BULK, WATCHED, ObjectInfo
from rag.registration import Registration
from ragctl import wiring
from ragctl.bucket_sources import BucketObject
from ragctl.deployment import Deployment
from ragctl.following import Following
from ragctl.load_report import LoadReport
from ragctl.machines import Machine
from ragctl.progress import Show
from ragctl.retrying import STUCK_AFTER_MINUTES, is_on_its_way, stuck_before, with_sidecars
from ragctl.runs import Run
from ragctl.sidecars import Description
from ragctl.sources import Source
from ragctl.uploading import Unsent, Uploaded, Uploader, manifest_lines

_FEW_FILES: Final = 10
_FEW_BYTES: Final = 20_000_000
_LOST: Final = "Its file is not in the bucket: ingest it again."


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
            self.report.begun = True  # each upload starts its own
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
        entries = chain(
            wiring.registry(self.deployment).documents(self.report.tenant),
            wiring.registry(self.deployment, "file").documents(self.report.tenant),
        )
        limit = stuck_before(now(), STUCK_AFTER_MINUTES * 60)
        wanted: dict[str, Registration] = {}
        self.report.on_their_way = 0
        for entry in entries:
            if entry.key and (entry.status == "failed" or (is_on_its_way(entry) and entry.updated_at < limit)):
                wanted.setdefault(entry.key, entry)
            else:
                self.report.on_their_way += is_on_its_way(entry)
        listed: list[ObjectInfo] = []
        for key, found in with_sidecars(wiring.objects(self.deployment), wanted).items():
            if found:  # a sidecar may be why the document failed, so it goes along
                listed += found
            else:
                self.report.refuse(wanted[key].document_id, _LOST, wanted[key].source)
        self.report.total = len(listed)
        self.run(listed)

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
