"""The rate of ingestion through the state machine, next to that of embedding alone: same texts, same model server."""

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.samples import EXAMPLES
from rag.chunking import Chunker
from rag.documents.extraction import extract
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.ingesting import Ingestion
from ragctl.load_report import LoadReport
from ragctl.sidecars import Description
from ragctl.sources import local_files
from ragctl.temporary import temporary_stack

COPIES = 40
EMBEDDED_TOGETHER = 250
SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Rate:
    """Chunks in a time."""

    chunks: int
    seconds: float

    @classmethod
    def of(cls, run: Callable[[], int]) -> "Rate":
        """Time what returns how many chunks it has dealt with."""
        started = time.perf_counter()
        chunks = run()
        return cls(chunks, time.perf_counter() - started)

    def __str__(self) -> str:
        return f"{self.chunks:,} | {self.seconds:.1f} | {self.chunks / self.seconds:,.0f}"


def ingestion_rates() -> dict[str, Rate]:
    """Return the rates for the sample documents, copied so often that there are thousands of chunks."""
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as folder:
        documents = Path(folder)
        texts = [text for copy in range(COPIES) for text in write_copy(documents, copy)]
        with temporary_stack(Path(data)) as stack:
            deployment = stack.deployment
            load(deployment, EXAMPLES / "handbook")  # every function has started then
            return {
                "embedding alone": Rate.of(lambda: _embed(deployment, texts)),
                "ingestion, from files to answers": Rate.of(lambda: load(deployment, documents)),
                "the same files again": Rate.of(lambda: load(deployment, documents) or len(texts)),
            }


def write_copy(directory: Path, number: int) -> list[str]:
    """Write the samples with titles of their own, so that no cache knows them, and return what is embedded of them."""
    chunker, texts = Chunker(), []
    for sample in sorted((EXAMPLES / "handbook").iterdir()):
        extracted = extract(sample.name, sample.read_bytes())
        title = f"{extracted.title}, copy {number}"
        text = f"# {title}\n\n{extracted.text}"
        (directory / f"{sample.stem}-{number}.md").write_text(text, encoding="utf-8")
        [pieces] = chunker.pieces([text], [()])
        texts += [f"{title}\n{piece.heading}\n{text[piece.start : piece.end]}" for piece in pieces]
    return texts


def _embed(deployment: Deployment, texts: Sequence[str]) -> int:
    embedder = wiring.embedder(deployment)
    requests = [texts[at : at + EMBEDDED_TOGETHER] for at in range(0, len(texts), EMBEDDED_TOGETHER)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as workers:
        return sum(workers.map(lambda request: len(embedder.embed(request).vectors), requests))


def load(deployment: Deployment, directory: Path) -> int:
    """Ingest the files of a directory, and return how many chunks they came to."""
    report = LoadReport("default", total=0)
    Ingestion(deployment, report, lambda _: None).ingest(local_files(directory), Description())
    assert report.succeeded, report.failures
    return report.chunks
