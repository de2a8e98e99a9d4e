"""What an ingestion would make and cost, computed on this machine as the functions compute it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

from rag.chunking import DEFAULT_OVERLAP, DEFAULT_SIZE, Chunker
from rag.documents.document import Rejected
from rag.documents.isolation import IsolatedExtractor
from rag.documents.naming import check_id, printable
from rag.documents.records import MAX_RECORD_BYTES, Record, record
from rag.documents.sidecar import parse_sidecar
from rag.errors import InvalidRequest, UnreadableDocument
from rag.ingestion.changes import is_record_file
from rag.ingestion.reading_records import USED_BEFORE
from rag.ingestion.results import Result
from rag.pricing import cost_usd
from rag.tokens import count_tokens
from ragctl.load_report import dollars, failures_as_objects
from ragctl.sidecars import Description
from ragctl.sources import Source

_RECORDS_FORMAT: Final = "jsonl"
_RECORDS_TOGETHER: Final = 250


@dataclass(frozen=True)
class Settings:
    """How a deployment ingests; by default as the template does."""

    chunk_size: int = DEFAULT_SIZE
    chunk_overlap: int = DEFAULT_OVERLAP
    max_document_bytes: int = 100_000_000
    model: str = "text-embedding-3-small"
    base_url: str = "https://api.openai.com/v1"


@dataclass
class Tally:
    """Documents, their chunks, and the tokens that the embedding model would count."""

    documents: int = 0
    chunks: int = 0
    tokens: int = 0


@dataclass
class Estimate:
    """What would be made of files, by format, and what would fail. Nothing is taken to be there already."""

    settings: Settings
    formats: dict[str, Tally] = field(default_factory=dict)
    failures: list[Result] = field(default_factory=list)

    @property
    def total(self) -> Tally:
        """The sum of all formats."""
        tallies = self.formats.values()
        return Tally(sum(t.documents for t in tallies), sum(t.chunks for t in tallies), sum(t.tokens for t in tallies))

    @property
    def cost_usd(self) -> float | None:
        """What embedding would cost, or None where the model's price is not known."""
        return cost_usd(self.settings.model, self.settings.base_url, self.total.tokens)

    def as_object(self) -> dict[str, Any]:
        """Return the estimate as plain objects."""
        return {
            **asdict(self.total),
            "model": self.settings.model,
            "cost_usd": self.cost_usd,
            "formats": {name: asdict(tally) for name, tally in sorted(self.formats.items())},
            "failures": failures_as_objects(self.failures),
        }

    def lines(self) -> Iterator[str]:
        """Yield the estimate as a table."""
        yield f"{'FORMAT':12}{'DOCUMENTS':>10}{'CHUNKS':>10}{'TOKENS':>14}"
        for name, tally in (*sorted(self.formats.items()), ("all", self.total)):
            yield f"{name:12}{tally.documents:10,}{tally.chunks:10,}{tally.tokens:14,}"
        yield f"Embedding with {self.settings.model}: about {dollars(self.cost_usd)}; what is cached costs nothing."
        if self.failures:
            yield f"{len(self.failures):,} would fail."


class Estimator:
    """Reads files and cuts their text, and keeps nothing of it but numbers."""

    def __init__(self, settings: Settings, description: Description) -> None:
        self._description = description
        self._settings = settings
        self._chunker = Chunker(settings.chunk_size, settings.chunk_overlap)
        self._estimate = Estimate(settings)
        self._sources: dict[str, str] = {}  # the file that each id was seen in first

    def estimate(self, sources: Sequence[Source]) -> Estimate:
        """Return what would be made of these files."""
        with IsolatedExtractor() as extract:
            for source in sources:
                try:
                    self._check(source)
                    if is_record_file(source.path):
                        self._add_records(source)
                    else:
                        self._add_file(source, extract)
                except UnreadableDocument as error:
                    self._fail(printable(source.path), str(error))
                except OSError as error:
                    self._fail(printable(source.path), f"It cannot be read: {error.strerror}.")
        return self._estimate

    def _check(self, source: Source) -> None:
        check_id(source.path)
        sidecar = self._description.of(source)
        try:
            if sidecar is not None:
                parse_sidecar(sidecar)
        except InvalidRequest as error:
            raise UnreadableDocument(f"Its sidecar cannot be used: {error}") from error

    def _add_file(self, source: Source, extract: IsolatedExtractor) -> None:
        limit = self._settings.max_document_bytes
        if source.size > limit:
            raise UnreadableDocument(f"It is larger than {limit // 1_000_000} MB: split it.")
        with source.open() as stream:
            extracted = extract(source.path, stream.read())
        if self._claims(source.path, source.path):
            self._add(extracted.format, [(extracted.title, extracted.text, extracted.pages)])

    def _add_records(self, source: Source) -> None:
        found, seen = _records(source), set[str]()
        while some := list(islice(found, _RECORDS_TOGETHER)):
            for one in some:
                if isinstance(one, Rejected):
                    self._fail(one.document_id, one.reason, source.path)
            sound = [one for one in some if isinstance(one, Record) and self._is_first(one.id, source.path, seen)]
            self._add(_RECORDS_FORMAT, [(one.title, one.text, ()) for one in sound])

    def _is_first(self, document_id: str, path: str, seen: set[str]) -> bool:
        """Tell whether a record is the first of its id, in its file and of all files, or say why not."""
        if document_id in seen:
            self._fail(f"{printable(path)}: {document_id}", USED_BEFORE, path)
            return False
        seen.add(document_id)
        return self._claims(document_id, path)

    def _claims(self, document_id: str, path: str) -> bool:
        """Tell whether a file may have this id, or say why not."""
        first = self._sources.setdefault(document_id, path)
        if first != path:
            reason = f"Its id belongs to {printable(first)}, which was there first. Rename one of the two."
            self._fail(document_id, reason, path)
        return first == path

    def _add(self, name: str, texts: Sequence[tuple[str, str, Sequence[int]]]) -> None:
        tally = self._estimate.formats.setdefault(name, Tally())
        cuts = self._chunker.pieces([text for _, text, _ in texts], [pages for _, _, pages in texts])
        for (title, text, _), pieces in zip(texts, cuts, strict=True):
            tally.documents += 1
            tally.chunks += len(pieces)
            for piece in pieces:
                embedded = "\n".join(part for part in (title, piece.heading, text[piece.start : piece.end]) if part)
                tally.tokens += count_tokens(embedded)

    def _fail(self, document_id: str, reason: str, source: str = "") -> None:
        self._estimate.failures.append(Result(document_id, "failed", reason, source=source))


def _records(source: Source) -> Iterator[Record | Rejected]:
    """Yield the records of a file line by line, so that it may be of any size."""
    with source.open() as stream:
        number = 0
        while line := stream.readline(MAX_RECORD_BYTES + 1):
            number += 1
            if len(line) > MAX_RECORD_BYTES:
                while line and not line.endswith(b"\n"):
                    line = stream.readline(MAX_RECORD_BYTES)
                yield Rejected(
                    f"{printable(source.path)}:{number}", f"The line is longer than {MAX_RECORD_BYTES} bytes."
                )
            elif line.strip():
                yield record(f"{printable(source.path)}:{number}", line.removeprefix(b"\xef\xbb\xbf"))
