"""What one execution of the read state gathers: documents to go on with, and how each of the others ended."""

from typing import Final

from rag.ingestion.contracts import AfterReading, ReadResponse
from rag.ingestion.results import Outcome, Result, write_results
from rag.ingestion.staging import Claimed, StagedDocument, Staging
from rag.registration import Registration

_PART_BYTES: Final = 8_000_000


class Intake:
    """Stages documents in parts as they come, and tells at the end which state has to go on."""

    def __init__(self, staging: Staging) -> None:
        staging.clear()  # of what an earlier attempt staged, some may be superseded by now
        self._staging = staging
        self._part: list[StagedDocument] = []
        self._part_bytes = self._parts = 0
        self._claims: dict[str, Claimed] = {}
        self._results: list[Result] = []
        self._next: set[AfterReading] = set()
        self.unreadable = 0  # records that could not even be named
        self.refused = 0  # records whose id is another one's

    def stage(self, document: StagedDocument) -> None:
        """Take a document whose text is new."""
        size = len(document.text) * 2  # most text is ASCII; this allows for what is not
        if self._part and self._part_bytes + size > _PART_BYTES:
            self._write_part()
        self._part.append(document)
        self._part_bytes += size
        self._claims[document.document_id] = Claimed(document.document_id, document.turn, document.version)
        self._note("staged", document.document_id, document.source)
        self._next.add("chunk")

    def copy(self, entry: Registration) -> None:
        """Take a document whose live version another collection is to hold as well."""
        self._claims[entry.document_id] = Claimed(entry.document_id, entry.turn, entry.live_version)
        self._note("staged", entry.document_id, entry.source)
        self._next.add("copy")

    def settled(self, entry: Registration, outcome: Outcome) -> None:
        """Take a document that has no new version, but whose index may lag behind the registry."""
        self.lagging(entry)
        self._note(outcome, entry.document_id, entry.source)

    def lagging(self, entry: Registration) -> None:
        """Take a document whose index may lag behind the registry, and of which there is nothing else to tell."""
        if entry.live_version and entry.attributes != entry.indexed_attributes:
            self._follow(entry, "regroup", entry.live_version)
        if entry.unreaped:
            self._follow(entry, "reap", entry.version)

    def superseded(self, document_id: str, source: str) -> None:
        """Take a document that a newer change has the turn for."""
        self._note("superseded", document_id, source)

    def failed(self, document_id: str, reason: str, source: str, told: str = "") -> None:
        """Take a document that cannot be ingested. `told` is what its file says of it, if that is not the reason."""
        self._note("failed", document_id, source, reason, "" if told == reason else told)

    def settled_file(self, file: Registration) -> None:
        """Take a file of records that is not read, because it failed or is deleted."""
        if file.status == "failed":
            self.failed(file.document_id, file.error, file.document_id)
        else:
            self._note("deleted", file.document_id, file.document_id)

    def close(self) -> ReadResponse:
        """Stage and report what is left, and return the state's answer."""
        self._write_part()
        if self._claims:
            self._staging.write_claims(list(self._claims.values()))
        work = self._staging.work
        objects, unreadable, refused = self._staging.objects, self.unreadable, self.refused
        write_results(objects, work, "read", self._results, unreadable=unreadable, refused=refused)
        return ReadResponse(
            work=work,
            next=self._after(),
            documents=len(self._claims),
            unchanged=self._count("unchanged"),
            failed=self._count("failed"),
            superseded=self._count("superseded"),
        )

    def _after(self) -> AfterReading:
        order: tuple[AfterReading, ...] = ("copy", "chunk", "regroup", "reap")  # publishing is followed by reaping
        return next((state for state in order if state in self._next), "done")

    def _follow(self, entry: Registration, state: AfterReading, version: str) -> None:
        self._claims[entry.document_id] = Claimed(entry.document_id, entry.turn, version)
        self._next.add(state)

    def _note(self, outcome: Outcome, document_id: str, source: str, reason: str = "", told: str = "") -> None:
        self._results.append(Result(document_id, outcome, reason, source=source, told=told))

    def _count(self, outcome: Outcome) -> int:
        return sum(result.status == outcome for result in self._results)

    def _write_part(self) -> None:
        if self._part:
            self._staging.write_documents(self._parts, self._part)
            self._parts += 1
            self._part, self._part_bytes = [], 0
