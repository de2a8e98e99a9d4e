"""A dataset's corpus into its tenant, through the ingestion that users' documents go through."""

from collections.abc import Callable
from pathlib import Path

from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.ingesting import Ingestion
from ragctl.load_report import LoadReport, complaints
from ragctl.progress import progress_view
from ragctl.sidecars import Description
from ragctl.sources import count_documents, local_files


def load_corpus(deployment: Deployment, tenant: str, corpus: Path, tell: Callable[[str], None]) -> None:
    """Ingest the corpus, as `rag ingest` does: what is unchanged is not embedded again.

    Raises:
        Failure: none of it could be ingested, or something is wrong with the deployment.
        RagError: the registry or the bucket refuses.
    """
    sources = local_files(corpus)
    report = LoadReport(tenant, count_documents(sources))
    with progress_view() as show:
        Ingestion(deployment, report, show).ingest(sources, Description())
    for line in (*report.lines(), *complaints(report.failures)):
        tell(line)
    if not report.count("ready") + report.count("unchanged"):
        raise Failure(f"Nothing of {corpus} could be ingested.")
